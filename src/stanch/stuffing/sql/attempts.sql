-- Grain: one row per attempt. Its log-odds are the sum of `prior`, of the addends of its `pattern` in `attack`
-- (table `pattern_addends`) and of `ev_sequel`, what other attempts made of it: a return to an account
-- that fell raises it, so does a login to an account of the attackers' own, and what looks like an
-- attack but belongs to no campaign is held back (`lv_sequel`: 0 nothing, 1 own account, 2 return,
-- 3 held back, 4 return from elsewhere, 5 with the intruder's device). `p_attack` keeps a doubt about the
-- evidence as a whole: it is never below `missed` nor above 1 - `mistaken`.
WITH at_work AS (
  SELECT l.bin, min(k.id) AS id
  FROM stuffing_links AS l
  JOIN stuffing_kept AS k ON k.campaign = l.campaign
  GROUP BY l.bin
),
judged AS (
  SELECT
    s.*,
    CASE WHEN o.account_id IS NOT NULL THEN coalesce(k.id, b.id) WHEN s.log_odds >= 0 THEN k.id END AS own_campaign,
    CASE WHEN s.log_odds < $owned AND o.account_id IS NOT NULL AND coalesce(k.id, b.id) IS NOT NULL THEN $owned WHEN s.outcome = 0 AND s.time_us > e.seed_us AND e.log_odds > s.log_odds THEN e.log_odds
      WHEN r.log_odds > s.log_odds THEN r.log_odds END AS seed_odds,
    e.id AS seed_id,
    r.same,
    coalesce(e.id, r.id) AS seed_campaign
  FROM stuffing_scored AS s
  LEFT JOIN stuffing_links AS l ON l.client = s.client AND l.bin = s.bin
  LEFT JOIN stuffing_kept AS k ON k.campaign = l.campaign
  LEFT JOIN stuffing_owned AS o ON o.account_id = s.account_id
  LEFT JOIN at_work AS b ON b.bin = s.bin
  LEFT JOIN stuffing_seeds AS e ON e.account_id = s.account_id AND e.net_id = s.net_id AND e.client_id = s.client_id
  LEFT JOIN stuffing_returns AS r ON r.file_id = s.file_id AND r.line = s.line
),
summed AS (
  SELECT
    *,
    CASE
      WHEN seed_odds IS NOT NULL THEN seed_odds - log_odds
      WHEN own_campaign IS NULL AND log_odds >= $most THEN $held_back - log_odds
      ELSE 0.0
    END AS ev_sequel
  FROM judged
)
SELECT
  s.file_id,
  s.line,
  s.time_us,
  i.ip,
  a.account,
  CASE s.outcome WHEN 0 THEN 'success' WHEN 1 THEN 'failure' WHEN 2 THEN 'unknown_account'
    WHEN 3 THEN 'challenged' WHEN 5 THEN 'denied' ELSE 'unknown' END AS outcome,
  s.log_odds + s.ev_sequel AS log_odds,
  $missed + (1.0 - $missed - $mistaken) / (1.0 + exp(-(s.log_odds + s.ev_sequel))) AS p_attack,
  CASE WHEN s.seed_odds IS NOT NULL THEN coalesce(s.own_campaign, s.seed_campaign)
    ELSE s.own_campaign END AS campaign,
  s.account_id, s.habit, s.pattern, s.attack, s.prior, s.origin, s.ev_sequel,
  CAST(CASE WHEN s.seed_odds = $owned THEN 1 WHEN s.seed_id IS NOT NULL AND s.seed_odds IS NOT NULL THEN 2
    WHEN s.seed_odds IS NOT NULL THEN 4 + s.same WHEN s.ev_sequel <> 0.0 THEN 3
    ELSE 0 END AS TINYINT) AS lv_sequel
FROM summed AS s
JOIN stuffing_ips AS i ON i.ip_id = s.ip_id
LEFT JOIN stuffing_accounts AS a ON a.account_id = s.account_id
