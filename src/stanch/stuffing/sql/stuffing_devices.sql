-- Grain: one row per device that the shop knows.
SELECT device, row_number() OVER (ORDER BY device) AS device_id
FROM (SELECT DISTINCT device FROM logins WHERE device IS NOT NULL) AS devices
