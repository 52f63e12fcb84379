-- Grain: one row per source and order: first and last time, union of the fields seen, weight.
-- One look of unknown fields leaves them unknown.
WITH looks AS (
  SELECT source, "order", time_us, fields, weight FROM exposure_looks
  UNION ALL
  SELECT source, "order", time_us, fields, weight FROM exposure_reach
  UNION ALL
  SELECT source, "order", time_us, fields, weight FROM exposure_histories
  UNION ALL
  SELECT source, "order", time_us, fields, weight FROM exposure_units
),
merged AS (
  SELECT
    source, "order",
    min(time_us) AS first_us,
    max(time_us) AS last_us,
    max(weight) AS weight,
    max(CASE WHEN fields IS NULL THEN 1 ELSE 0 END) AS unknown,
    max(CASE WHEN fields LIKE '%|name|%' THEN 'name' ELSE NULL END) AS f1,
    max(CASE WHEN fields LIKE '%|phone|%' THEN 'phone' ELSE NULL END) AS f2,
    max(CASE WHEN fields LIKE '%|address|%' THEN 'address' ELSE NULL END) AS f3,
    max(CASE WHEN fields LIKE '%|items|%' THEN 'items' ELSE NULL END) AS f4,
    max(CASE WHEN fields LIKE '%|price|%' THEN 'price' ELSE NULL END) AS f5,
    max(CASE WHEN fields LIKE '%|time|%' THEN 'time' ELSE NULL END) AS f6,
    max(CASE WHEN fields LIKE '%|order_id|%' THEN 'order_id' ELSE NULL END) AS f7,
    max(CASE WHEN fields LIKE '%|payment|%' THEN 'payment' ELSE NULL END) AS f8
  FROM looks
  GROUP BY source, "order"
)
SELECT
  source, "order", first_us, last_us,
  CASE WHEN unknown = 1 THEN NULL ELSE concat_ws('|', f1, f2, f3, f4, f5, f6, f7, f8) END AS fields,
  weight
FROM merged
