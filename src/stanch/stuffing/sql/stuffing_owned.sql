-- Grain: one row per account of the attackers' own, with which they make their failures look fewer. Either it gets
-- in mostly from tainted hosts, from three of them at least and at least five times; or at least eight times, hardly
-- ever twice from one network and mostly in hours in which an attack is suspected (log-odds of at least -3, 1 in 20).
SELECT s.account_id
FROM stuffing_scored AS s
LEFT JOIN stuffing_tainted AS t ON t.host_id = s.host_id
WHERE s.outcome = 0
GROUP BY s.account_id
HAVING (count(*) >= 5 AND count(*) <= 2 * count(t.host_id) AND count(DISTINCT t.host_id) >= 3)
  OR (
    count(*) >= 8
    AND 5 * count(DISTINCT s.net_id) >= 4 * count(*)
    AND 5 * sum(CASE WHEN s.ev_level >= -3.0 THEN 1 ELSE 0 END) >= 4 * count(*)
  )
