-- accesses, the account of the session's latest login in place of the endpoint where nobody else is
-- named: one row per access
WITH signed_in AS (
    SELECT session, time_us, min(account) AS account
    FROM logins
    WHERE session IS NOT NULL AND account IS NOT NULL AND outcome IN ('success', 'unknown')
    GROUP BY session, time_us
),
latest AS (
    SELECT a.file_id, a.line, a.session, max(s.time_us) AS login_us
    FROM accesses AS a
    JOIN signed_in AS s ON s.session = a.session AND s.time_us <= a.time_us
    WHERE a.actor_kind = 'anonymous' AND a.actor = a.channel
    GROUP BY a.file_id, a.line, a.session
),
owners AS (
    SELECT l.file_id, l.line, s.account
    FROM latest AS l
    JOIN signed_in AS s ON s.session = l.session AND s.time_us = l.login_us
)
SELECT
    a.file_id,
    a.line,
    a.time_us,
    coalesce(o.account, a.actor) AS actor,
    CASE WHEN o.account IS NULL THEN a.actor_kind ELSE 'customer' END AS actor_kind,
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
LEFT JOIN owners AS o ON o.file_id = a.file_id AND o.line = a.line
