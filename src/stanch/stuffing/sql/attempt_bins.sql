-- Grain: one row per bin with attempts. Sums are of whole millionths, so their order is irrelevant.
SELECT
  time_us // $bin_us * $bin_us AS bin_us,
  CAST(count(*) AS DOUBLE) AS attempts,
  sum(CAST(round(p_attack * 1000000) AS BIGINT)) / 1000000.0 AS attack
FROM attempts
GROUP BY 1
