-- Grain: one row per order of the table of orders: whose it is and when it was placed.
SELECT "order", min(account) AS account, min(time_us) AS time_us, min(region) AS region
FROM orders
WHERE "order" IS NOT NULL
GROUP BY "order"
