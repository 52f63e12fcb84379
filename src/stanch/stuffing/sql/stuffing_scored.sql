-- Grain: one row per attempt with its log-odds; `prior` is the part that its stratum adds, `origin` what that stratum is,
-- `attack` which of the fitted attacks it resembles most (see scoring.py).
SELECT l.*, s.log_odds, s.prior, s.origin, s.attack
FROM stuffing_levels AS l
JOIN stuffing_scores AS s ON s.bin = l.bin AND s.pattern = l.pattern
