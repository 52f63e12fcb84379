-- Grain: one row per account and family of clients that let it in at least once.
SELECT account_id, family_id, min(first_us) AS first_us, max(last_us) AS last_us
FROM stuffing_triples
WHERE n_success > 0 AND family_id IS NOT NULL
GROUP BY account_id, family_id
