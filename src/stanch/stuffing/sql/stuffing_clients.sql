-- Grain: one row per client software (TLS fingerprint and User-Agent) with its attempts. `family_id` is the same for
-- versions of one software, which differ in digits only.
-- The most used each get a level of their own; the others share one per order of magnitude.
WITH clients AS (
  SELECT
    CASE WHEN ja4 IS NULL THEN coalesce(user_agent, '') ELSE concat(ja4, ' ', coalesce(user_agent, '')) END AS client,
    count(*) AS n
  FROM logins
  GROUP BY 1
),
ranked AS (
  SELECT
    *,
    CAST(row_number() OVER (ORDER BY n DESC, client) AS INTEGER) AS client_id,
    CAST(dense_rank() OVER (ORDER BY translate(client, '0123456789', '')) AS INTEGER) AS family_id
  FROM clients
)
SELECT
  client, client_id, family_id, n,
  CASE
    WHEN client_id <= $n_top AND n >= $n_enough THEN client_id + 7
    WHEN n = 1 THEN 0 WHEN n <= 3 THEN 1 WHEN n <= 9 THEN 2 WHEN n <= 29 THEN 3
    WHEN n <= 99 THEN 4 WHEN n <= 299 THEN 5 WHEN n <= 999 THEN 6 ELSE 7
  END AS client_level
FROM ranked
