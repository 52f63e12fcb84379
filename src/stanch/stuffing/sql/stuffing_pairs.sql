-- Grain: one row per account and network. `bad`: it was refused there and never let in.
-- `regular`: it was let in there at two times further apart than `near_us`.
SELECT
  account_id,
  net_id,
  CAST(sum(n) AS BIGINT) AS n,
  min(first_us) AS first_us,
  max(last_us) AS last_us,
  CASE WHEN max(last_us) - min(first_us) > $near_us THEN 1 ELSE 0 END AS regular,
  CASE WHEN sum(n_success) = 0 AND sum(n_failure) > 0 THEN 1 ELSE 0 END AS bad
FROM stuffing_triples
GROUP BY account_id, net_id
