-- Grain: one row per combination of levels and bin. Accounts of the attackers' own, once known, are left out: their
-- logins would pass for those of people and make the attack's clients and addresses look ordinary.
SELECT
  l.bin, l.people, l.behaviour, l.address, l.network, l.standing, l.client, l.place, l.target,
  count(*) AS n
FROM stuffing_levels AS l
LEFT JOIN stuffing_owned AS o ON o.account_id = l.account_id
LEFT JOIN stuffing_found AS f ON f.file_id = l.file_id AND f.line = l.line
WHERE o.account_id IS NULL AND f.line IS NULL
GROUP BY l.bin, l.people, l.behaviour, l.address, l.network, l.standing, l.client, l.place, l.target
