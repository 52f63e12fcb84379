-- Grain: one row per success on an account that is not the attackers' own, as surely an intruder's as it or the guessing
-- before it says. Where an attempt is in no campaign itself, the one that guessed is named, else the one with most
-- suspicious attempts in its bin.
WITH busiest AS (
  SELECT campaign, bin, row_number() OVER (PARTITION BY bin ORDER BY n DESC, campaign) AS place
  FROM (
    SELECT campaign, time_us // $bin_us AS bin, count(*) AS n
    FROM attempts
    WHERE campaign IS NOT NULL
    GROUP BY 1, 2
  ) AS counted
)
SELECT
  a.account, i.net_id, a.ip, a.time_us, a.file_id, a.line,
  CASE WHEN g.log_odds > a.log_odds THEN g.log_odds ELSE a.log_odds END AS log_odds,
  coalesce(a.campaign, g.campaign, b.campaign) AS campaign
FROM attempts AS a
JOIN stuffing_ips AS i ON i.ip = a.ip
LEFT JOIN stuffing_accounts AS n ON n.account = a.account
LEFT JOIN stuffing_owned AS o ON o.account_id = n.account_id
LEFT JOIN stuffing_weighed AS g ON g.file_id = a.file_id AND g.line = a.line
LEFT JOIN busiest AS b ON b.bin = a.time_us // $bin_us AND b.place = 1
WHERE a.outcome = 'success' AND o.account_id IS NULL
