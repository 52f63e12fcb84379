-- Grain: one row per look by staff, a partner or a service, and unit that they looked from or belong to.
-- A unit most of whose orders one of its members saw is that member, and no source of its own.
WITH given AS (
  SELECT 'team' AS word, team AS name, actor_kind, actor, "order", time_us, fields FROM accesses
  UNION ALL
  SELECT 'branch', branch, actor_kind, actor, "order", time_us, fields FROM accesses
  UNION ALL
  SELECT 'vendor', vendor, actor_kind, actor, "order", time_us, fields FROM accesses
  UNION ALL
  SELECT 'device', device, actor_kind, actor, "order", time_us, fields FROM accesses
  UNION ALL
  SELECT 'address', ip, actor_kind, actor, "order", time_us, fields FROM accesses
  UNION ALL
  SELECT m.word, m.name, a.actor_kind, a.actor, a."order", a.time_us, a.fields
  FROM exposure_members m
  JOIN accesses a ON a.actor = m.actor AND (m.actor_kind IS NULL OR m.actor_kind = a.actor_kind)
),
looks AS (
  SELECT
    'unit:' || word || '=' || name AS source,
    actor_kind || ':' || actor AS member,
    "order", time_us, fields
  FROM given
  WHERE name IS NOT NULL AND "order" IS NOT NULL AND actor_kind IN ('staff', 'partner', 'service')
),
shares AS (
  SELECT source, member, count(DISTINCT "order") AS n FROM looks GROUP BY source, member
),
largest AS (
  SELECT source, max(n) AS n FROM shares GROUP BY source HAVING count(*) > 1
),
units AS (
  SELECT l.source
  FROM largest l
  JOIN (SELECT source, count(DISTINCT "order") AS n FROM looks GROUP BY source) w ON w.source = l.source
  WHERE l.n < $most_of_one * w.n
)
SELECT
  k.source, k."order", k.time_us, '|' || k.fields || '|' AS fields, CAST(1.0 AS DOUBLE) AS weight
FROM looks k
JOIN units u ON u.source = k.source
