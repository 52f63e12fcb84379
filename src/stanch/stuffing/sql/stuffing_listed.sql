-- Grain: one row per campaign and account that it tried. found: 1 if the shop is seen to have it, 0 if it was said not
-- to, null where the log does not tell.
SELECT
  a.campaign,
  a.account,
  CASE
    WHEN max(CASE WHEN a.outcome = 'success' THEN 1 ELSE 0 END) = 1 OR max(coalesce(l.alive, 0)) = 1 THEN 1
    WHEN max(CASE WHEN a.outcome = 'unknown_account' THEN 1 ELSE 0 END) = 1 THEN 0
    WHEN $told AND max(CASE WHEN a.outcome = 'failure' THEN 1 ELSE 0 END) = 1 THEN 1
  END AS found
FROM attempts AS a
LEFT JOIN stuffing_lives AS l ON l.account = a.account
LEFT JOIN stuffing_owned AS o ON o.account_id = a.account_id
WHERE a.campaign IS NOT NULL AND a.account IS NOT NULL AND a.log_odds >= 0 AND o.account_id IS NULL
GROUP BY a.campaign, a.account
