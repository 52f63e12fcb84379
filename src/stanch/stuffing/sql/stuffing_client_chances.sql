-- Grain: one row per level of clients: its attempts, and the accounts that get in with the same device and with the
-- same family of clients, summed over them.
WITH devices AS (SELECT device_id, count(*) AS n FROM stuffing_holdings GROUP BY device_id),
families AS (SELECT family_id, count(*) AS n FROM stuffing_held_families GROUP BY family_id)
SELECT
  t.client_level AS level,
  count(*) AS n,
  CAST(sum(coalesce(d.n, 0)) AS BIGINT) AS same_device,
  CAST(sum(coalesce(f.n, 0)) AS BIGINT) AS same_family
FROM stuffing_tries AS t
LEFT JOIN devices AS d ON d.device_id = t.device_id
LEFT JOIN families AS f ON f.family_id = t.family_id
GROUP BY t.client_level
