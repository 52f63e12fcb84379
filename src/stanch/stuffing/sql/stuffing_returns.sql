-- Grain: one row per line with a later success on a fallen account from a place new since then: as surely the intruder's
-- as the account fell, but no surer than `most`.
SELECT file_id, line, max(CASE WHEN log_odds > $most THEN $most ELSE log_odds END) AS log_odds, min(id) AS id
FROM stuffing_later
GROUP BY file_id, line
