-- Grain: one row per client or place that has a level of its own: what the level stands for.
SELECT 'client' AS block, client_level AS level, client AS name
FROM stuffing_clients
WHERE client_level >= 8
UNION ALL
SELECT 'place' AS block, place_level AS level, place AS name
FROM stuffing_places
WHERE place_level >= 8
