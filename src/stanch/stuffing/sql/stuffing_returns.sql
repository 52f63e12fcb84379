-- Grain: one row per line with a later success on a fallen account, with the intruder's device or from a place new since
-- then: as surely the intruder's as the account fell, but no surer than `most_same` or `most`.
SELECT
  file_id,
  line,
  max(CASE
      WHEN same THEN CASE WHEN log_odds > $most_same THEN $most_same ELSE log_odds END
      WHEN log_odds > $most THEN $most
      ELSE log_odds
    END) AS log_odds,
  max(CASE WHEN same THEN 1 ELSE 0 END) AS same,
  min(id) AS id
FROM stuffing_later
GROUP BY file_id, line
