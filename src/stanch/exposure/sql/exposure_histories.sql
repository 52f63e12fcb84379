-- Grain: one row per order that staff never opened, and look at a later order of the same customer: the
-- customer's page lists it too. Where staff opened the order itself, that look tells more.
WITH looks AS (
  SELECT l.source, k.account, l.time_us, l.fields
  FROM exposure_looks l
  JOIN known_orders k ON k."order" = l."order"
  WHERE l.source LIKE 'staff:%' AND k.account IS NOT NULL
),
listed AS (
  SELECT l.source, k."order", l.time_us, l.fields
  FROM looks l
  JOIN known_orders k ON k.account = l.account
  WHERE k.time_us <= l.time_us AND k.time_us >= l.time_us - $back_us
)
SELECT h.source, h."order", h.time_us, h.fields, CAST($weight AS DOUBLE) AS weight
FROM listed h
LEFT JOIN (SELECT DISTINCT source, "order" FROM exposure_looks) o
  ON o.source = h.source AND o."order" = h."order"
WHERE o."order" IS NULL
