-- Grain: one row per account, network and client that first let it in during a campaign: whoever comes
-- back from there is the one who came then.
SELECT s.account_id, s.net_id, s.client_id, min(s.time_us) AS seed_us, max(s.log_odds) AS log_odds, min(k.id) AS id
FROM stuffing_scored AS s
JOIN stuffing_pairs AS p ON p.account_id = s.account_id AND p.net_id = s.net_id
JOIN stuffing_links AS l ON l.client = s.client AND l.bin = s.bin
JOIN stuffing_kept AS k ON k.campaign = l.campaign
WHERE s.outcome = 0 AND s.log_odds >= 0 AND s.time_us = p.first_us
GROUP BY s.account_id, s.net_id, s.client_id
