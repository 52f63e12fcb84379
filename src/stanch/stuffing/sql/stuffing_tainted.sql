-- Grain: one row per host and bin in which it made suspicious refusals. An address that let several accounts in before it
-- did anything suspicious is shared with customers, and is left out.
WITH suspicious AS (
  SELECT host_id, min(time_us) AS first_us
  FROM stuffing_scored
  WHERE outcome <> 0 AND log_odds >= 0
  GROUP BY host_id
),
shared AS (
  SELECT a.host_id
  FROM stuffing_scored AS a
  JOIN suspicious AS s ON s.host_id = a.host_id
  WHERE a.outcome = 0 AND a.time_us < s.first_us - $lead_us
  GROUP BY a.host_id
  HAVING count(DISTINCT a.account_id) >= 3
)
SELECT r.host_id, r.bin, min(r.account_id) AS one_account, max(r.account_id) AS other_account
FROM stuffing_scored AS r
LEFT JOIN shared AS h ON h.host_id = r.host_id
WHERE r.outcome <> 0 AND r.log_odds >= 0 AND h.host_id IS NULL
GROUP BY r.host_id, r.bin
