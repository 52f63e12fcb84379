-- Grain: one row per campaign and client software.
WITH used AS (
  SELECT campaign, client_id, count(*) AS n
  FROM stuffing_marked
  GROUP BY campaign, client_id
),
whole AS (
  SELECT campaign, sum(n) AS n_campaign FROM used GROUP BY campaign
),
everything AS (
  SELECT sum(n) AS n_log FROM stuffing_clients
)
SELECT
  u.campaign, u.n, w.n_campaign, c.n AS n_all, e.n_log,
  c.client AS client_name
FROM used AS u
JOIN whole AS w ON w.campaign = u.campaign
JOIN stuffing_clients AS c ON c.client_id = u.client_id
CROSS JOIN everything AS e
WHERE u.n * 20 >= w.n_campaign
