-- Grain: one row per account name. shape: 0 mail address, 1 digits only, 2 other; 3 what injects code and is no name.
SELECT
  account,
  row_number() OVER (ORDER BY account) AS account_id,
  CASE
    WHEN translate(account, '''"<>{}()$;/\', '') <> account THEN 3
    WHEN strpos(account, '@') > 0 THEN 0
    WHEN translate(account, '+0123456789', '') = '' THEN 1
    ELSE 2
  END AS shape
FROM (SELECT DISTINCT account FROM logins WHERE account IS NOT NULL) AS names
