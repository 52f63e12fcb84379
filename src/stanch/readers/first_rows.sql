-- One row per order: the first in the order of files and lines.
SELECT file_id, line, "order", account, time_us, amount, currency, region
FROM (
  SELECT
    file_id, line, "order", account, time_us, amount, currency, region,
    row_number() OVER (PARTITION BY "order" ORDER BY file_id, line) AS place
  FROM orders
) AS placed
WHERE place = 1
