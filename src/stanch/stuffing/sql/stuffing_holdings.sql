-- Grain: one row per account and device that let it in at least once.
SELECT account_id, device_id, min(first_us) AS first_us, max(last_us) AS last_us
FROM stuffing_triples
WHERE n_success > 0 AND device_id IS NOT NULL
GROUP BY account_id, device_id
