-- Grain: one row per attempt: what else happened to this account, here and elsewhere.
-- habit: 0 no other success at all; 1 + 3 x place + device where place is 0 if the account gets in elsewhere only,
-- 1 if from this place (operator and country, or /16) but not from this network, 2 if from this network only later, or
-- with this device from this place only later (so that intruders who come back do not vouch for themselves), 3 if from
-- this network earlier, and device is 2 if it gets in with this device, 1 with another version of this client, else 0;
-- 13 a misspelling of an account let in from this network, 14 of one let in elsewhere.
-- Successes within `near_us` of the attempt do not make a habit; they are seen by `again`:
-- 0 nobody tried this account soon before or after, 1 from here, 2 from here and one of the two got in, 3 from
-- elsewhere only. Here is the same network, or the same place with the same device: phones change networks. A name one
-- edit away counts as the same account.
WITH neighbours AS (
  SELECT
    *,
    lag(time_us) OVER (PARTITION BY account_id ORDER BY time_us, file_id, line) AS before_us,
    lag(net_id) OVER (PARTITION BY account_id ORDER BY time_us, file_id, line) AS before_net,
    lag(place_id) OVER (PARTITION BY account_id ORDER BY time_us, file_id, line) AS before_place,
    lag(device_id) OVER (PARTITION BY account_id ORDER BY time_us, file_id, line) AS before_device,
    lag(outcome) OVER (PARTITION BY account_id ORDER BY time_us, file_id, line) AS before_outcome,
    lead(time_us) OVER (PARTITION BY account_id ORDER BY time_us, file_id, line) AS after_us,
    lead(net_id) OVER (PARTITION BY account_id ORDER BY time_us, file_id, line) AS after_net,
    lead(place_id) OVER (PARTITION BY account_id ORDER BY time_us, file_id, line) AS after_place,
    lead(device_id) OVER (PARTITION BY account_id ORDER BY time_us, file_id, line) AS after_device,
    lead(outcome) OVER (PARTITION BY account_id ORDER BY time_us, file_id, line) AS after_outcome
  FROM stuffing_tries
),
seen AS (
  SELECT
    file_id, line, time_us, bin, account_id, ip_id, host_id, net_id, place_id, device_id, family_id,
    client_id, client_level, place_level, outcome, before_outcome, after_outcome,
    coalesce(before_us >= time_us - $near_us, FALSE) AS tried_before,
    coalesce(after_us <= time_us + $near_us, FALSE) AS tried_after,
    before_net = net_id OR (before_place = place_id AND before_device = device_id) AS here_before,
    after_net = net_id OR (after_place = place_id AND after_device = device_id) AS here_after
  FROM neighbours
),
meant AS (
  SELECT m.account_id, p.net_id
  FROM stuffing_nearmiss AS m
  JOIN stuffing_pairs AS p ON p.account_id = m.meant_id
  WHERE p.first_us IS NOT NULL
)
SELECT
  t.file_id, t.line, t.time_us, t.bin, t.account_id, t.ip_id, t.host_id, t.net_id,
  t.place_id, t.client_id, t.device_id, t.client_level, t.place_level, t.outcome,
  p.bad,
  p.regular,
  p.n AS n_pair,
  h.n_bad_nets - p.bad AS n_bad_elsewhere,
  CASE
    WHEN h.first_us < t.time_us - $near_us OR h.last_us > t.time_us + $near_us THEN
      1 + 3 * CASE
          WHEN p.first_us < t.time_us - $near_us THEN 3
          WHEN p.last_us > t.time_us + $near_us THEN 2
          WHEN a.first_us < t.time_us - $near_us THEN 1
          WHEN a.last_us > t.time_us + $near_us THEN
            CASE WHEN d.first_us < t.time_us - $near_us OR d.last_us > t.time_us + $near_us THEN 2 ELSE 1 END
          ELSE 0
        END
        + CASE
          WHEN d.first_us < t.time_us - $near_us OR d.last_us > t.time_us + $near_us THEN 2
          WHEN f.first_us < t.time_us - $near_us OR f.last_us > t.time_us + $near_us THEN 1
          ELSE 0
        END
    WHEN mp.account_id IS NOT NULL THEN 13
    WHEN m.account_id IS NOT NULL THEN 14
    ELSE 0
  END AS habit,
  CASE
    WHEN t.tried_before AND t.here_before AND (t.before_outcome = 0 OR t.outcome = 0) THEN 2
    WHEN t.tried_after AND t.here_after AND (t.after_outcome = 0 OR t.outcome = 0) THEN 2
    WHEN s.got_in THEN 2
    WHEN (t.tried_before AND t.here_before) OR (t.tried_after AND t.here_after) OR s.line IS NOT NULL THEN 1
    WHEN t.tried_before OR t.tried_after THEN 3
    ELSE 0
  END AS again
FROM seen AS t
JOIN stuffing_pairs AS p ON p.account_id = t.account_id AND p.net_id = t.net_id
JOIN stuffing_holders AS h ON h.account_id = t.account_id
LEFT JOIN stuffing_holdings AS d ON d.account_id = t.account_id AND d.device_id = t.device_id
LEFT JOIN stuffing_held_families AS f ON f.account_id = t.account_id AND f.family_id = t.family_id
LEFT JOIN stuffing_held_places AS a ON a.account_id = t.account_id AND a.place_id = t.place_id
LEFT JOIN stuffing_slips AS s ON s.file_id = t.file_id AND s.line = t.line
LEFT JOIN stuffing_nearmiss AS m ON m.account_id = t.account_id
LEFT JOIN meant AS mp ON mp.account_id = t.account_id AND mp.net_id = t.net_id
