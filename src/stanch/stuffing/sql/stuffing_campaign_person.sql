-- Grain: one row per campaign: attempts on one name of the log and on names one edit away from it (`one_person`), and
-- those of them on the latter (`misspelt`), for the name with the most of these. It is alike, or is itself, what the
-- campaign tried most; the campaign need not hold it.
WITH tried AS (
  SELECT campaign, account_id, count(*) AS n FROM stuffing_marked GROUP BY campaign, account_id
),
ranked AS (
  SELECT campaign, account_id, row_number() OVER (PARTITION BY campaign ORDER BY n DESC, account_id) AS place
  FROM tried
),
meant AS (
  SELECT DISTINCT r.campaign, t.account
  FROM ranked AS r
  JOIN stuffing_accounts AS a ON a.account_id = r.account_id
  JOIN account_spellings AS s ON s.account = a.account
  JOIN account_spellings AS t ON t.variant = s.variant
  WHERE r.place = 1
),
alike AS (
  SELECT DISTINCT m.campaign, m.account AS meant, a.account_id, a.account = m.account AS right_name
  FROM meant AS m
  JOIN account_spellings AS s ON s.account = m.account
  JOIN account_spellings AS t ON t.variant = s.variant
  JOIN stuffing_accounts AS a ON a.account = t.account
),
counted AS (
  SELECT a.campaign, a.meant, sum(t.n) AS one_person, sum(CASE WHEN a.right_name THEN 0 ELSE t.n END) AS misspelt
  FROM alike AS a
  JOIN tried AS t ON t.campaign = a.campaign AND t.account_id = a.account_id
  GROUP BY a.campaign, a.meant
),
chosen AS (
  SELECT
    campaign, one_person, misspelt,
    row_number() OVER (PARTITION BY campaign ORDER BY one_person DESC, misspelt, meant) AS place
  FROM counted
)
SELECT r.campaign, CAST(coalesce(c.one_person, 0) AS BIGINT) AS one_person, CAST(coalesce(c.misspelt, 0) AS BIGINT) AS misspelt
FROM ranked AS r
LEFT JOIN chosen AS c ON c.campaign = r.campaign AND c.place = 1
WHERE r.place = 1
