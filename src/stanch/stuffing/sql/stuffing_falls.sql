-- Grain: one row per account that a campaign got into: when first, how surely, and by which.
SELECT account_id, min(seed_us) AS fell_us, max(log_odds) AS log_odds, min(id) AS id
FROM stuffing_seeds
GROUP BY account_id
