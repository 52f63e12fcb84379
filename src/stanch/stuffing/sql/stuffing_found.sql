-- Grain: one row per line with an attempt that an attack already found explains; looking for another begins without them.
SELECT DISTINCT file_id, line FROM stuffing_scored WHERE log_odds >= 0
