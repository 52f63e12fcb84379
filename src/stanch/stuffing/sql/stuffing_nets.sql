-- Grain: one row per network.
SELECT net_id, count(*) AS n_accounts, sum(bad) AS n_bad
FROM stuffing_pairs
GROUP BY net_id
