-- Grain: one row per attempt: its score against the attack that it resembles most.
SELECT a.*
FROM stuffing_first AS a
JOIN stuffing_scored AS b ON b.file_id = a.file_id AND b.line = a.line
WHERE a.log_odds >= b.log_odds
UNION ALL
SELECT b.*
FROM stuffing_scored AS b
JOIN stuffing_first AS a ON a.file_id = b.file_id AND a.line = b.line
WHERE b.log_odds > a.log_odds
