-- Grain: one row per account that the shop has and that anything is known of, those that likely fell first.
WITH tried AS (
  SELECT
    account,
    count(*) AS attempts,
    sum(CAST(p_attack AS DOUBLE)) AS attack,
    count(CASE WHEN outcome = 'success' THEN 1 END) AS successes,
    count(CASE WHEN outcome <> 'success' THEN 1 END) AS failures
  FROM kept_attempts
  WHERE account IS NOT NULL
  GROUP BY account
),
placed AS (
  SELECT account, count(*) AS orders FROM known_orders WHERE account IS NOT NULL GROUP BY account
),
fallen AS (
  SELECT account, campaign, first_success_us, ip, p_compromised FROM (
    SELECT *, row_number() OVER (PARTITION BY account ORDER BY p_compromised DESC, first_success_us, campaign) AS nth
    FROM fallen_accounts
  ) AS ranked
  WHERE nth = 1 AND account IS NOT NULL
),
complained AS (
  SELECT coalesce(v.account, k.account) AS account, count(*) AS complaints
  FROM victims AS v LEFT JOIN known_orders AS k ON k."order" = v."order"
  GROUP BY 1
),
named AS (
  SELECT account FROM tried
  UNION SELECT account FROM placed
)
SELECT
  coalesce(f.p_compromised, 0.0) AS p_compromised,
  n.account,
  f.campaign,
  f.first_success_us,
  f.ip,
  coalesce(t.attempts, 0) AS attempts,
  coalesce(t.attack, 0.0) AS attack,
  coalesce(t.failures, 0) AS failures,
  coalesce(t.successes, 0) AS successes,
  coalesce(p.orders, 0) AS orders,
  coalesce(x.orders_exposed, 0) AS orders_exposed,
  coalesce(c.complaints, 0) AS complaints
FROM named AS n
LEFT JOIN tried AS t ON t.account = n.account
LEFT JOIN placed AS p ON p.account = n.account
LEFT JOIN fallen AS f ON f.account = n.account
LEFT JOIN kept_exposed AS x ON x.account = n.account
LEFT JOIN complained AS c ON c.account = n.account
ORDER BY 1 DESC, orders_exposed DESC, n.account
