-- Grain: one row per account tried: how it may be written down. The shop has an account that ever logged in
-- or placed an order; any other name may be a password typed into the wrong field, and is masked as
-- `mask_name` of cells.py does. `stranger` numbers these in the order in which they came.
WITH tried AS (
  SELECT
    account_id,
    account,
    max(CASE WHEN outcome = 'success' THEN 1 ELSE 0 END) AS let_in,
    min(time_us) AS first_us
  FROM attempts
  WHERE account IS NOT NULL
  GROUP BY account_id, account
),
told AS (
  SELECT
    t.account_id,
    t.account,
    t.first_us,
    CASE WHEN t.let_in = 1 OR o.account IS NOT NULL THEN 1 ELSE 0 END AS known
  FROM tried AS t
  LEFT JOIN order_accounts AS o ON o.account = t.account
)
SELECT
  account_id,
  CASE WHEN known = 1 THEN account WHEN length(account) > 1 THEN concat(substr(account, 1, 1), '***')
    ELSE '***' END AS label,
  CASE WHEN known = 0 THEN CAST(row_number() OVER (PARTITION BY known ORDER BY first_us, account) AS INTEGER)
    END AS stranger
FROM told
