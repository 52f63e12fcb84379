-- Grain: one row per campaign: attempts that a machine makes which is no attacker.
-- timed: on one account with one client at equal intervals, twenty or more of them 10 s or more apart, four in five
-- within 30 % of the mean: checks and stale stored passwords. odd: refused names of a shape that hardly any account
-- of the shop has, which no stolen list would hold: scanners; coded: those that inject code. let_in: successes on accounts not the attackers' own.
WITH often AS (
  SELECT campaign, account_id, client_id
  FROM stuffing_marked
  GROUP BY campaign, account_id, client_id
  HAVING count(*) >= 20
),
gaps AS (
  SELECT
    m.campaign, m.account_id, m.client_id,
    (m.time_us - lag(m.time_us) OVER (PARTITION BY m.campaign, m.account_id, m.client_id ORDER BY m.time_us))
      // 1000000 AS gap_s
  FROM stuffing_marked AS m
  JOIN often AS o ON o.campaign = m.campaign AND o.account_id = m.account_id AND o.client_id = m.client_id
),
pairs AS (
  SELECT campaign, account_id, client_id, count(*) AS n, CAST(sum(gap_s) AS BIGINT) AS total_s, count(gap_s) AS n_gaps
  FROM gaps
  GROUP BY campaign, account_id, client_id
),
regular AS (
  SELECT g.campaign, g.account_id, g.client_id, min(p.n) AS n
  FROM gaps AS g
  JOIN pairs AS p ON p.campaign = g.campaign AND p.account_id = g.account_id AND p.client_id = g.client_id
  WHERE 10 * g.gap_s * p.n_gaps BETWEEN 7 * p.total_s AND 13 * p.total_s AND p.total_s >= 10 * p.n_gaps
  GROUP BY g.campaign, g.account_id, g.client_id
  HAVING 5 * count(*) >= 4 * min(p.n_gaps)
),
timed AS (
  SELECT campaign, CAST(sum(n) AS BIGINT) AS timed FROM regular GROUP BY campaign
),
good AS (
  SELECT a.shape, count(*) AS n
  FROM stuffing_accounts AS a
  JOIN stuffing_holders AS h ON h.account_id = a.account_id
  WHERE h.first_us IS NOT NULL
  GROUP BY a.shape
),
usual AS (
  SELECT g.shape FROM good AS g CROSS JOIN (SELECT sum(n) AS n FROM good) AS t WHERE 100 * g.n >= t.n AND g.shape <> 3
),
others AS (
  SELECT
    m.campaign,
    CAST(sum(CASE WHEN m.outcome = 0 AND o.account_id IS NULL THEN 1 ELSE 0 END) AS BIGINT) AS let_in,
    CAST(sum(CASE
        WHEN m.outcome <> 0 AND h.first_us IS NULL AND a.shape IS NOT NULL AND u.shape IS NULL
          AND (a.shape = 3 OR EXISTS (SELECT 1 FROM usual)) THEN 1
        ELSE 0
      END) AS BIGINT) AS odd,
    CAST(sum(CASE WHEN m.outcome <> 0 AND a.shape = 3 THEN 1 ELSE 0 END) AS BIGINT) AS coded
  FROM stuffing_marked AS m
  LEFT JOIN stuffing_accounts AS a ON a.account_id = m.account_id
  LEFT JOIN stuffing_holders AS h ON h.account_id = m.account_id
  LEFT JOIN usual AS u ON u.shape = a.shape
  LEFT JOIN stuffing_owned AS o ON o.account_id = m.account_id
  GROUP BY m.campaign
)
SELECT o.campaign, coalesce(t.timed, 0) AS timed, o.odd, o.coded, o.let_in
FROM others AS o
LEFT JOIN timed AS t ON t.campaign = o.campaign
