-- Grain: one row per attempt: its score against the attack that it resembles most. A line of a log may stand for several
-- attempts; they go together.
WITH firsts AS (
  SELECT file_id, line, max(log_odds) AS log_odds FROM stuffing_first GROUP BY file_id, line
),
others AS (
  SELECT file_id, line, max(log_odds) AS log_odds FROM stuffing_scored GROUP BY file_id, line
),
better AS (
  SELECT a.file_id, a.line, b.log_odds > a.log_odds AS other
  FROM firsts AS a
  JOIN others AS b ON b.file_id = a.file_id AND b.line = a.line
)
SELECT a.*
FROM stuffing_first AS a
JOIN better AS w ON w.file_id = a.file_id AND w.line = a.line
WHERE NOT w.other
UNION ALL
SELECT b.*
FROM stuffing_scored AS b
JOIN better AS w ON w.file_id = b.file_id AND w.line = b.line
WHERE w.other
