-- Grain: one row per success from where the account is not at home, within a day after a campaign failed on it 30 times:
-- the guess may have been right and the guesser gone elsewhere. gap_us: since the last of these failures.
WITH failed AS (
  SELECT account_id, time_us, campaign
  FROM attempts
  WHERE campaign IS NOT NULL AND outcome <> 'success' AND log_odds >= 0
),
targets AS (
  SELECT account_id FROM failed GROUP BY account_id HAVING count(*) >= 30
),
strange AS (
  SELECT a.file_id, a.line, a.account_id, a.time_us
  FROM attempts AS a
  JOIN targets AS t ON t.account_id = a.account_id
  WHERE a.outcome = 'success' AND a.habit IN (0, 1, 2, 3, 4, 5, 7, 8, 9)
)
SELECT s.file_id, s.line, max(f.campaign) AS campaign, min(s.time_us - f.time_us) AS gap_us
FROM strange AS s
JOIN failed AS f ON f.account_id = s.account_id
WHERE f.time_us < s.time_us AND f.time_us >= s.time_us - $day_us
GROUP BY s.file_id, s.line
HAVING count(*) >= 30
