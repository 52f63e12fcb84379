-- Grain: one row per order that any table knows, by its number. `exposed_us`: first seen by a source that is accused.
WITH seen AS (
  SELECT "order", count(*) AS accesses FROM accesses GROUP BY "order"
),
known_to AS (
  SELECT
    e."order",
    count(DISTINCT e.source) AS sources,
    min(CASE WHEN s.source IS NOT NULL THEN e.first_us END) AS exposed_us
  FROM exposures AS e
  LEFT JOIN kept_accused AS s ON s.source = e.source
  GROUP BY e."order"
),
complained AS (
  SELECT "order", count(*) AS complaints FROM complaints WHERE "order" IS NOT NULL GROUP BY "order"
),
paid AS (
  SELECT "order", max(amount) AS amount, min(currency) AS currency FROM orders GROUP BY "order"
)
SELECT
  k."order",
  k.account,
  k.time_us,
  p.amount,
  p.currency,
  k.region,
  coalesce(s.accesses, 0) AS accesses,
  coalesce(e.sources, 0) AS sources,
  coalesce(c.complaints, 0) AS complaints,
  e.exposed_us
FROM known_orders AS k
LEFT JOIN paid AS p ON p."order" = k."order"
LEFT JOIN seen AS s ON s."order" = k."order"
LEFT JOIN known_to AS e ON e."order" = k."order"
LEFT JOIN complained AS c ON c."order" = k."order"
ORDER BY k."order"
