-- Grain: one row per suspicious attempt with the number of its campaign; `apart` is its log-odds without what
-- more refusals of strangers than expected would raise by themselves.
SELECT s.time_us, s.bin, s.account_id, s.ip_id, s.net_id, s.client_id, s.outcome, s.again, s.habit, l.campaign,
  l.in_core, s.log_odds - w.ev_behaviour - w.ev_standing AS apart
FROM stuffing_scored AS s
JOIN pattern_addends AS w ON w.attack = s.attack AND w.pattern = s.pattern
JOIN stuffing_links AS l ON l.client = s.client AND l.bin = s.bin
WHERE s.log_odds >= 0
