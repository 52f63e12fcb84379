-- Grain: one row per bin and pattern in which accounts of the attackers' own were used. Their logins would pass for those
-- of people and make the attack's clients and addresses look ordinary.
SELECT l.bin, l.pattern, count(*) AS n_owned
FROM stuffing_levels AS l
JOIN stuffing_owned AS o ON o.account_id = l.account_id
GROUP BY l.bin, l.pattern
