-- Grain: one row per account of the attackers' own, with which they make their failures look fewer. Most of its logins
-- come while the same host makes suspicious refusals on other accounts; three of them from two hosts, or five. Or it
-- gets in eight times, hardly ever twice from one place, mostly in hours in which an attack is suspected (log-odds of
-- at least -3, 1 in 20).
SELECT s.account_id
FROM stuffing_scored AS s
LEFT JOIN stuffing_tainted AS t
  ON t.host_id = s.host_id AND t.bin = s.bin AND (t.one_account <> s.account_id OR t.other_account <> s.account_id)
WHERE s.outcome = 0
GROUP BY s.account_id
HAVING (
    count(t.host_id) >= 3
    AND 2 * count(t.host_id) >= count(*)
    AND (count(DISTINCT t.host_id) >= 2 OR count(t.host_id) >= 5)
  )
  OR (
    count(*) >= 8
    AND 5 * count(DISTINCT s.place_id) >= 4 * count(*)
    AND 5 * sum(CASE WHEN s.ev_level >= -3.0 THEN 1 ELSE 0 END) >= 4 * count(*)
  )
