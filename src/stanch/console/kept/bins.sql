-- Grain: one row per bin of time in which anything happened.
WITH counts AS (
  SELECT time_us // $bin_us * $bin_us AS bin_us, count(*) AS attempts, sum(CAST(p_attack AS DOUBLE)) AS attack,
    0 AS accesses, 0 AS orders, 0 AS complaints
  FROM kept_attempts GROUP BY 1
  UNION ALL
  SELECT time_us // $bin_us * $bin_us, 0, 0.0, count(*), 0, 0 FROM accesses GROUP BY 1
  UNION ALL
  SELECT time_us // $bin_us * $bin_us, 0, 0.0, 0, count(*), 0 FROM orders GROUP BY 1
  UNION ALL
  SELECT received_us // $bin_us * $bin_us, 0, 0.0, 0, 0, count(*) FROM victims GROUP BY 1
)
SELECT
  bin_us,
  CAST(sum(attempts) AS BIGINT) AS attempts,
  sum(attack) AS attack,
  CAST(sum(accesses) AS BIGINT) AS accesses,
  CAST(sum(orders) AS BIGINT) AS orders,
  CAST(sum(complaints) AS BIGINT) AS complaints
FROM counts
GROUP BY bin_us
ORDER BY bin_us
