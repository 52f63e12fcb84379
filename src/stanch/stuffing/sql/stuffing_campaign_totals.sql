-- Grain: one row per campaign.
SELECT
  campaign,
  count(*) AS attempts,
  min(CASE WHEN in_core THEN time_us END) AS start_us,
  max(CASE WHEN in_core THEN time_us END) AS end_us,
  count(DISTINCT account_id) AS accounts,
  count(DISTINCT ip_id) AS addresses,
  count(DISTINCT net_id) AS networks,
  count(DISTINCT client_id) AS clients,
  sum(CASE WHEN outcome = 0 THEN 1 ELSE 0 END) AS successes,
  sum(CASE WHEN outcome = 2 THEN 1 ELSE 0 END) AS unknown_accounts,
  sum(CASE WHEN outcome = 4 THEN 1 ELSE 0 END) AS not_told,
  sum(CASE WHEN outcome <> 0 AND again IN (1, 2) THEN 1 ELSE 0 END) AS retried,
  avg(CASE WHEN outcome <> 0 THEN apart END) AS apart,
  sum(CASE WHEN habit BETWEEN 6 AND 13 THEN 1 ELSE 0 END) AS at_home,
  sum(CASE WHEN habit BETWEEN 1 AND 5 THEN 1 ELSE 0 END) AS away
FROM stuffing_marked
GROUP BY campaign
