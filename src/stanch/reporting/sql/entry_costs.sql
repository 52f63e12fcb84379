-- Grain: one row per entry of the lists: what it would have stopped and hit over the whole log, each an expected number.
-- Accounts are those that ever got in; without names there are none to count.
WITH let_in AS (
  SELECT DISTINCT account FROM attempts WHERE outcome = 'success'
),
by_account AS (
  SELECT
    e.entry, v.account, sum(v.attempts) AS attempts, sum(e.weight * v.genuine) AS genuine,
    max(e.weight * v.surest) AS surest
  FROM address_entries AS e
  JOIN address_visits AS v ON v.ip = e.ip
  GROUP BY e.entry, v.account
)
SELECT
  b.entry,
  CAST(sum(b.attempts) AS BIGINT) AS attempts,
  sum(CAST(round(b.genuine * 1000000) AS BIGINT)) / 1000000.0 AS genuine_logins,
  sum(CASE WHEN b.account IS NULL THEN NULL WHEN l.account IS NULL THEN 0
      ELSE CAST(round(b.surest * 1000000) AS BIGINT) END) / 1000000.0 AS genuine_accounts
FROM by_account AS b
LEFT JOIN let_in AS l ON l.account = b.account
GROUP BY b.entry
