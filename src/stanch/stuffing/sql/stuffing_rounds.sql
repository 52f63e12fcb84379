-- Grain: one row per campaign, number of rounds in which an account was tried, and, of accounts tried in two, how many
-- tenths of the campaign lie between them. n: accounts. What follows on a try within `again_us` is the same round.
WITH tries AS (
  SELECT
    campaign, account, time_us,
    lag(time_us) OVER (PARTITION BY campaign, account ORDER BY time_us, file_id, line) AS before_us,
    row_number() OVER (PARTITION BY campaign ORDER BY time_us, file_id, line) AS turn
  FROM attempts
  WHERE campaign IS NOT NULL AND account IS NOT NULL AND log_odds >= 0
),
whole AS (
  SELECT campaign, count(*) AS n FROM tries GROUP BY campaign
),
by_account AS (
  SELECT campaign, account, count(*) AS rounds, max(turn) - min(turn) AS apart
  FROM tries
  WHERE before_us IS NULL OR time_us - before_us > $again_us
  GROUP BY campaign, account
)
SELECT
  b.campaign,
  b.rounds,
  CASE WHEN b.rounds = 2 THEN 10 * b.apart // w.n END AS tenth,
  count(*) AS n
FROM by_account AS b
JOIN whole AS w ON w.campaign = b.campaign
GROUP BY b.campaign, b.rounds, CASE WHEN b.rounds = 2 THEN 10 * b.apart // w.n END
