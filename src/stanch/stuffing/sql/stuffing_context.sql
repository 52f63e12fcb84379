-- Grain: one row per attempt: what else happened to this account, here and elsewhere.
-- habit: 0 no other success at all, 1 successes elsewhere only, 2 this device is known,
-- 3 this network is known only from later, 4 from earlier, 5 network and device from earlier,
-- 6 a misspelling of an account let in from this network, 7 of one let in elsewhere.
-- Successes within `near_us` of the attempt do not make a habit; they are seen by `again`:
-- 0 nobody tried this account soon before or after, 1 from the same network, 2 from the same
-- network and one of the two got in, 3 from another network only.
WITH neighbours AS (
  SELECT
    *,
    lag(time_us) OVER (PARTITION BY account_id ORDER BY time_us, file_id, line) AS before_us,
    lag(net_id) OVER (PARTITION BY account_id ORDER BY time_us, file_id, line) AS before_net,
    lag(outcome) OVER (PARTITION BY account_id ORDER BY time_us, file_id, line) AS before_outcome,
    lead(time_us) OVER (PARTITION BY account_id ORDER BY time_us, file_id, line) AS after_us,
    lead(net_id) OVER (PARTITION BY account_id ORDER BY time_us, file_id, line) AS after_net,
    lead(outcome) OVER (PARTITION BY account_id ORDER BY time_us, file_id, line) AS after_outcome
  FROM stuffing_tries
),
meant AS (
  SELECT m.account_id, p.net_id
  FROM stuffing_nearmiss AS m
  JOIN stuffing_pairs AS p ON p.account_id = m.meant_id
  WHERE p.first_us IS NOT NULL
)
SELECT
  t.file_id, t.line, t.time_us, t.bin, t.account_id, t.ip_id, t.host_id, t.net_id,
  t.client_id, t.client_level, t.place_level, t.outcome,
  p.bad,
  p.regular,
  p.n AS n_pair,
  h.n_bad_nets - p.bad AS n_bad_elsewhere,
  CASE
    WHEN p.first_us < t.time_us - $near_us AND d.first_us < t.time_us - $near_us THEN 5
    WHEN p.first_us < t.time_us - $near_us THEN 4
    WHEN p.last_us > t.time_us + $near_us THEN 3
    WHEN d.first_us < t.time_us - $near_us OR d.last_us > t.time_us + $near_us THEN 2
    WHEN h.first_us < t.time_us - $near_us OR h.last_us > t.time_us + $near_us THEN 1
    WHEN mp.account_id IS NOT NULL THEN 6
    WHEN m.account_id IS NOT NULL THEN 7
    ELSE 0
  END AS habit,
  CASE
    WHEN t.before_us >= t.time_us - $near_us AND t.before_net = t.net_id
      AND (t.before_outcome = 0 OR t.outcome = 0) THEN 2
    WHEN t.after_us <= t.time_us + $near_us AND t.after_net = t.net_id
      AND (t.after_outcome = 0 OR t.outcome = 0) THEN 2
    WHEN t.before_us >= t.time_us - $near_us AND t.before_net = t.net_id THEN 1
    WHEN t.after_us <= t.time_us + $near_us AND t.after_net = t.net_id THEN 1
    WHEN t.before_us >= t.time_us - $near_us OR t.after_us <= t.time_us + $near_us THEN 3
    ELSE 0
  END AS again
FROM neighbours AS t
JOIN stuffing_pairs AS p ON p.account_id = t.account_id AND p.net_id = t.net_id
JOIN stuffing_holders AS h ON h.account_id = t.account_id
LEFT JOIN stuffing_holdings AS d ON d.account_id = t.account_id AND d.device_id = t.device_id
LEFT JOIN stuffing_nearmiss AS m ON m.account_id = t.account_id
LEFT JOIN meant AS mp ON mp.account_id = t.account_id AND mp.net_id = t.net_id
