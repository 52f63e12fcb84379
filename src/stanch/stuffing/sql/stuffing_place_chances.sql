-- Grain: one row per level of places: its attempts, and the accounts that get in from the same place, summed over them.
WITH places AS (SELECT place_id, count(*) AS n FROM stuffing_held_places GROUP BY place_id)
SELECT
  t.place_level AS level,
  count(*) AS n,
  CAST(sum(coalesce(p.n, 0)) AS BIGINT) AS same_place
FROM stuffing_tries AS t
LEFT JOIN places AS p ON p.place_id = t.place_id
GROUP BY t.place_level
