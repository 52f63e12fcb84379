-- Grain: one row per campaign: accounts that it failed on, and those of them with a life of their own.
SELECT t.campaign, count(*) AS n, CAST(sum(coalesce(l.alive, 0)) AS BIGINT) AS alive
FROM (
  SELECT DISTINCT campaign, account
  FROM attempts
  WHERE campaign IS NOT NULL AND outcome = 'failure' AND account IS NOT NULL
) AS t
LEFT JOIN stuffing_lives AS l ON l.account = t.account
GROUP BY t.campaign
