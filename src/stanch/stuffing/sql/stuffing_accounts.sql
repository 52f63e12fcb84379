-- Grain: one row per account name.
SELECT account, row_number() OVER (ORDER BY account) AS account_id
FROM (SELECT DISTINCT account FROM logins WHERE account IS NOT NULL) AS names
