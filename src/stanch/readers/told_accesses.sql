-- accesses, without the kind of the actor in files that never say who looked: one row per access
SELECT
    a.file_id,
    a.line,
    a.time_us,
    a.actor,
    CASE WHEN u.file_id IS NULL THEN a.actor_kind END AS actor_kind,
    a."order",
    a.channel,
    a.fields,
    a.ip,
    a.session,
    a.team,
    a.branch,
    a.vendor,
    a.device
FROM accesses AS a
LEFT JOIN untold_files AS u ON u.file_id = a.file_id
