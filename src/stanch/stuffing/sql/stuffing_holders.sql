-- Grain: one row per account.
SELECT account_id, min(first_us) AS first_us, max(last_us) AS last_us, CAST(sum(bad) AS BIGINT) AS n_bad_nets
FROM stuffing_pairs
GROUP BY account_id
