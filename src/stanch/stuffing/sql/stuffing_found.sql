-- Grain: one row per attempt that an attack already found explains; looking for another begins without them.
SELECT file_id, line FROM stuffing_scored WHERE log_odds >= 0
