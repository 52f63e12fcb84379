-- Grain: one row per later success on a fallen account from a place new since then: as surely the intruder's as the
-- account fell, but no surer than such moves since then outnumber what owners make.
SELECT file_id, line, CASE WHEN log_odds > $most THEN $most ELSE log_odds END AS log_odds, id
FROM stuffing_later
