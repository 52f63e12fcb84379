-- Grain: one row per order that the table of orders lacks. It counts as placed when it was first
-- seen, and as belonging to the first customer who looked at it.
WITH ranked AS (
  SELECT
    "order", actor, actor_kind, time_us,
    row_number() OVER (
      PARTITION BY "order" ORDER BY CASE WHEN actor_kind = 'customer' THEN 0 ELSE 1 END, time_us, actor
    ) AS place,
    min(time_us) OVER (PARTITION BY "order") AS first_us
  FROM accesses
  WHERE "order" IS NOT NULL
)
SELECT
  r."order",
  CASE WHEN r.actor_kind = 'customer' THEN r.actor ELSE NULL END AS account,
  r.first_us AS time_us,
  CAST(NULL AS VARCHAR) AS region
FROM ranked r
LEFT JOIN order_owners o ON o."order" = r."order"
WHERE r.place = 1 AND o."order" IS NULL
