-- Grain: one row per suspicious attempt with the number of its campaign.
SELECT s.time_us, s.bin, s.account_id, s.ip_id, s.net_id, s.client_id, s.outcome, s.again, s.habit, l.campaign,
  l.in_core
FROM stuffing_scored AS s
JOIN stuffing_links AS l ON l.client = s.client AND l.bin = s.bin
WHERE s.log_odds >= 0
