-- Grain: one row per success on an account that is not the attackers' own. Where an attempt is in no campaign itself, the one with most suspicious attempts
-- in its bin is named.
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
  a.account, i.net_id, a.ip, a.time_us, a.file_id, a.line, a.log_odds,
  coalesce(a.campaign, b.campaign) AS campaign
FROM attempts AS a
JOIN stuffing_ips AS i ON i.ip = a.ip
LEFT JOIN stuffing_accounts AS n ON n.account = a.account
LEFT JOIN stuffing_owned AS o ON o.account_id = n.account_id
LEFT JOIN busiest AS b ON b.bin = a.time_us // $bin_us AND b.place = 1
WHERE a.outcome = 'success' AND o.account_id IS NULL
