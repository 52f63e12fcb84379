-- Grain: one row per order that any table knows.
SELECT "order", account, time_us, region FROM order_owners
UNION ALL
SELECT "order", account, time_us, region FROM order_finds
