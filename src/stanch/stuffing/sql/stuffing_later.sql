-- Grain: one row per later success on a fallen account that may be the intruder's. same: the device is the one that came
-- when it fell, wherever it comes from now. Else the account gets in with this device and from this place only since it
-- fell; moved: place and device were new at the same moment.
SELECT
  s.file_id, s.line, s.account_id, s.place_id, f.log_odds, f.id,
  (d.first_us IS NULL OR d.first_us = p.first_us) AND p.first_us > f.fell_us AS moved,
  coalesce(d.first_us = f.fell_us, FALSE) AS same
FROM stuffing_scored AS s
JOIN stuffing_falls AS f ON f.account_id = s.account_id
JOIN stuffing_held_places AS p ON p.account_id = s.account_id AND p.place_id = s.place_id
LEFT JOIN stuffing_holdings AS d ON d.account_id = s.account_id AND d.device_id = s.device_id
WHERE s.outcome = 0 AND s.log_odds < 0 AND s.time_us > f.fell_us
  AND (
    (p.first_us > f.fell_us AND coalesce(d.first_us, p.first_us) > f.fell_us)
    OR d.first_us = f.fell_us
  )
