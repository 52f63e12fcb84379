-- Grain: one row per order that the table of orders lacks. It counts as placed when it was first
-- seen, and as belonging to the first customer who looked at it.
WITH lacking AS (
  SELECT a."order", a.actor, a.actor_kind, a.time_us
  FROM accesses a
  LEFT JOIN order_owners o ON o."order" = a."order"
  WHERE a."order" IS NOT NULL AND o."order" IS NULL
),
ranked AS (
  SELECT
    "order", actor, actor_kind, time_us,
    row_number() OVER (
      PARTITION BY "order" ORDER BY CASE WHEN actor_kind = 'customer' THEN 0 ELSE 1 END, time_us, actor
    ) AS place,
    min(time_us) OVER (PARTITION BY "order") AS first_us
  FROM lacking
)
SELECT
  "order",
  CASE WHEN actor_kind = 'customer' THEN actor ELSE NULL END AS account,
  first_us AS time_us,
  CAST(NULL AS VARCHAR) AS region
FROM ranked
WHERE place = 1
