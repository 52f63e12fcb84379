-- Grain: one row per account, network, place, device and family of clients seen together. An account that a network
-- failed on 30 times and more before it first let it in, 20 times for each success, was guessed from there: these
-- successes are no habit of anybody's and do not count.
WITH seen AS (
  SELECT
    account_id,
    net_id,
    place_id,
    device_id,
    family_id,
    count(*) AS n,
    sum(CASE WHEN outcome = 0 THEN 1 ELSE 0 END) AS n_success,
    sum(CASE WHEN outcome IN (1, 2, 3, 5) THEN 1 ELSE 0 END) AS n_failure,
    min(CASE WHEN outcome = 0 THEN time_us END) AS first_us,
    max(CASE WHEN outcome = 0 THEN time_us END) AS last_us,
    min(CASE WHEN outcome IN (1, 2, 3, 5) THEN time_us END) AS failed_us
  FROM stuffing_tries
  GROUP BY account_id, net_id, place_id, device_id, family_id
),
guessed AS (
  SELECT account_id, net_id
  FROM seen
  GROUP BY account_id, net_id
  HAVING sum(n_failure) >= 30 AND sum(n_failure) >= 20 * sum(n_success) AND min(failed_us) < min(first_us)
)
SELECT
  s.account_id,
  s.net_id,
  s.place_id,
  s.device_id,
  s.family_id,
  s.n,
  CASE WHEN g.account_id IS NULL THEN s.n_success ELSE 0 END AS n_success,
  s.n_failure,
  CASE WHEN g.account_id IS NULL THEN s.first_us END AS first_us,
  CASE WHEN g.account_id IS NULL THEN s.last_us END AS last_us
FROM seen AS s
LEFT JOIN guessed AS g ON g.account_id = s.account_id AND g.net_id = s.net_id
