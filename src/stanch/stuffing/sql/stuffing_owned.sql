-- Grain: one row per account of the attackers' own, with which they make their failures look fewer. Most of its logins
-- come while the same host makes suspicious refusals on other accounts; three of them from two hosts, or five. Or
-- half of them come from eight such hosts and more, at whatever time. Or it gets in eight times, hardly ever twice from one place, mostly in hours in which an attack is suspected (prior log-odds
-- of at least -3, 1 in 20).
WITH successes AS (
  SELECT
    s.account_id,
    s.place_id,
    s.prior,
    CASE WHEN t.one_account <> s.account_id OR t.other_account <> s.account_id THEN s.host_id END AS beside,
    CASE WHEN h.one_account <> s.account_id OR h.other_account <> s.account_id THEN s.host_id END AS foul
  FROM (SELECT account_id, host_id, bin, place_id, prior FROM stuffing_scored WHERE outcome = 0) AS s
  LEFT JOIN stuffing_tainted AS t ON t.host_id = s.host_id AND t.bin = s.bin
  LEFT JOIN (
    SELECT host_id, min(one_account) AS one_account, max(other_account) AS other_account
    FROM stuffing_tainted
    GROUP BY host_id
  ) AS h ON h.host_id = s.host_id
)
SELECT account_id
FROM successes
GROUP BY account_id
HAVING (
    count(beside) >= 3
    AND 2 * count(beside) >= count(*)
    AND (count(DISTINCT beside) >= 2 OR count(beside) >= 5)
  )
  OR (count(DISTINCT foul) >= 8 AND 2 * count(foul) >= count(*))
  OR (
    count(*) >= 8
    AND 5 * count(DISTINCT place_id) >= 4 * count(*)
    AND 5 * sum(CASE WHEN prior >= -3.0 THEN 1 ELSE 0 END) >= 4 * count(*)
  )
