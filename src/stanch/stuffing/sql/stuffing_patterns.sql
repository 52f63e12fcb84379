-- Grain: one row per bin and pattern of levels.
SELECT bin, pattern, count(*) AS n
FROM stuffing_levels
GROUP BY bin, pattern
