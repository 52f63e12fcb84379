-- Grain: one row per address that took part in a campaign: attempts expected from attack and people.
SELECT
  ip,
  count(*) AS attempts,
  sum(CAST(round(p_attack * 1000000) AS BIGINT)) / 1000000.0 AS attack,
  sum(CAST(round((1 - p_attack) * 1000000) AS BIGINT)) / 1000000.0 AS genuine,
  count(DISTINCT account) AS accounts
FROM attempts
WHERE ip IN (SELECT ip FROM attempts WHERE campaign IS NOT NULL)
GROUP BY ip
