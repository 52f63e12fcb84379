-- Grain: one row per account, network, place, device and family of clients seen together.
SELECT
  account_id,
  net_id,
  place_id,
  device_id,
  family_id,
  count(*) AS n,
  sum(CASE WHEN outcome = 0 THEN 1 ELSE 0 END) AS n_success,
  sum(CASE WHEN outcome IN (1, 2, 3, 5) THEN 1 ELSE 0 END) AS n_failure,
  min(CASE WHEN outcome = 0 THEN time_us END) AS first_us,
  max(CASE WHEN outcome = 0 THEN time_us END) AS last_us
FROM stuffing_tries
GROUP BY account_id, net_id, place_id, device_id, family_id
