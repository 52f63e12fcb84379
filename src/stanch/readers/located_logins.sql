-- Grain: one row per login, its network number and country filled in where they were empty.
SELECT
  l.file_id, l.line, l.time_us, l.ip, l.account, l.outcome, l.user_agent, l.ja4, l.device, l.session,
  coalesce(l.country, g.country) AS country,
  coalesce(l.asn, g.asn) AS asn,
  l.path
FROM logins AS l
LEFT JOIN located AS g ON g.ip = l.ip
