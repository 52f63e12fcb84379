-- Grain: one row per order seen by someone, in order of time.
SELECT
  a.time_us,
  CASE WHEN a.actor_kind = 'anonymous' THEN concat('endpoint:', coalesce(a.channel, a.actor))
    ELSE concat(a.actor_kind, ':', a.actor) END AS source,
  a.actor,
  a.actor_kind,
  a."order",
  k.account,
  a.channel,
  a.fields,
  a.ip,
  f.path AS file,
  a.line
FROM accesses AS a
JOIN input_files AS f ON f.file_id = a.file_id
LEFT JOIN known_orders AS k ON k."order" = a."order"
ORDER BY a.time_us, a.file_id, a.line
