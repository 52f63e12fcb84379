-- Grain: one row per account that was let in or placed an order. uses: successes that are rather an attacker's, or at
-- an address where an attack was refused; alive: whether it has a life beside these.
WITH hostile AS (
  SELECT DISTINCT ip FROM attempts WHERE campaign IS NOT NULL AND outcome <> 'success' AND log_odds >= 0
),
counted AS (
  SELECT
    a.account,
    sum(CASE WHEN a.log_odds >= 0 OR h.ip IS NOT NULL THEN 1 ELSE 0 END) AS uses,
    sum(CASE WHEN a.log_odds >= 0 OR h.ip IS NOT NULL THEN 0 ELSE 1 END) AS others
  FROM attempts AS a
  LEFT JOIN hostile AS h ON h.ip = a.ip
  WHERE a.outcome = 'success' AND a.account IS NOT NULL
  GROUP BY a.account
  UNION ALL
  SELECT account, 0 AS uses, 1 AS others FROM stuffing_customers WHERE account IS NOT NULL
)
SELECT account, CAST(sum(uses) AS BIGINT) AS uses, max(CASE WHEN others > 0 THEN 1 ELSE 0 END) AS alive
FROM counted
GROUP BY account
