-- Grain: one row per place an address belongs to: its autonomous system and country where given,
-- its /16 or /32 otherwise. Levels as for clients.
WITH places AS (
  SELECT
    CASE WHEN l.asn IS NULL AND l.country IS NULL THEN i.region
      ELSE concat(coalesce(l.asn, ''), ' ', coalesce(l.country, '')) END AS place,
    count(*) AS n
  FROM logins AS l
  JOIN stuffing_ips AS i ON l.ip = i.ip
  GROUP BY 1
),
ranked AS (
  SELECT *, CAST(row_number() OVER (ORDER BY n DESC, place) AS INTEGER) AS place_id
  FROM places
)
SELECT
  place,
  place_id,
  CASE
    WHEN place_id <= $n_top AND n >= $n_enough THEN place_id + 7
    WHEN n = 1 THEN 0 WHEN n <= 3 THEN 1 WHEN n <= 9 THEN 2 WHEN n <= 29 THEN 3
    WHEN n <= 99 THEN 4 WHEN n <= 299 THEN 5 WHEN n <= 999 THEN 6 ELSE 7
  END AS place_level
FROM ranked
