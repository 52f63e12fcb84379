-- Grain: one row per attempt: its level in each block of evidence. The attempt's own account is
-- left out of what its address is judged by.
-- standing: 0 no other account was ever at the address; else how many others use it regularly: none, 1-4, 5-19, more.
-- people: which ordinary people it is compared with: 0 those at home (habit 6, 10 to 13); newcomers, who get in nowhere
-- else, let in (1) or refused (2); those away from any place of their account's (3, 4); those in a place of its but
-- not at home (5, 6); those on a network known only from later (7); the same plus 8 where others were at the address,
-- plus 16 where five others use it regularly.
-- network: how rare the place is (8: it has a level of its own) x other accounts beside and how they fared.
-- pattern: people and the levels of all blocks in one number, flattened as PATTERN_AXES in blocks.py says.
WITH counted AS (
  SELECT
    c.*,
    b.n_accounts - 1 AS n_now,
    b.n_bad - c.bad AS bad_now,
    h.n_accounts - 1 AS n_ever,
    h.n_bad - c.bad AS bad_ever,
    h.n_regular - c.regular AS n_regular,
    CASE WHEN n.n_accounts > h.n_accounts THEN n.n_accounts - h.n_accounts ELSE 0 END AS n_beside,
    CASE WHEN n.n_bad > h.n_bad THEN n.n_bad - h.n_bad ELSE 0 END AS bad_beside
  FROM stuffing_context AS c
  JOIN stuffing_host_bins AS b ON b.host_id = c.host_id AND b.bin = c.bin
  JOIN stuffing_hosts AS h ON h.host_id = c.host_id
  JOIN stuffing_nets AS n ON n.net_id = c.net_id
),
levelled AS (
  SELECT
    file_id, line, time_us, bin, account_id, ip_id, host_id, net_id, place_id, client_id, device_id, outcome, habit,
    again,
    CASE
        WHEN habit BETWEEN 7 AND 9 THEN 7
        WHEN habit BETWEEN 6 AND 13 THEN 0
        ELSE CASE WHEN habit IN (0, 14) THEN 1 WHEN habit <= 3 THEN 3 ELSE 5 END + CASE WHEN outcome = 0 THEN 0 ELSE 1 END
      END
      + CASE WHEN n_regular >= 5 THEN 16 WHEN n_ever > 0 THEN 8 ELSE 0 END AS people,
    60 * CASE WHEN outcome = 5 THEN 3 ELSE outcome END + habit * 4 + again AS behaviour,
    17 * CASE
        WHEN n_now = 0 THEN 0
        ELSE 1
          + 4 * CASE WHEN n_now <= 2 THEN 0 WHEN n_now <= 9 THEN 1 ELSE 2 END
          + CASE WHEN 100 * bad_now < 15 * n_now THEN 0 WHEN 100 * bad_now < 40 * n_now THEN 1
              WHEN 100 * bad_now < 80 * n_now THEN 2 ELSE 3 END
      END
      + CASE
        WHEN n_ever = 0 THEN 0
        ELSE 1
          + 4 * CASE WHEN n_ever = 1 THEN 0 WHEN n_ever <= 5 THEN 1 WHEN n_ever <= 30 THEN 2 ELSE 3 END
          + CASE WHEN 100 * bad_ever < 10 * n_ever THEN 0 WHEN 100 * bad_ever < 30 * n_ever THEN 1
              WHEN 100 * bad_ever < 80 * n_ever THEN 2 ELSE 3 END
      END AS address,
    13 * CASE WHEN place_level <= 7 THEN place_level ELSE 8 END
      + CASE
        WHEN n_beside = 0 THEN 0
        ELSE 1
          + 4 * CASE WHEN n_beside <= 3 THEN 0 WHEN n_beside <= 20 THEN 1 ELSE 2 END
          + CASE WHEN 100 * bad_beside < 10 * n_beside THEN 0 WHEN 100 * bad_beside < 30 * n_beside THEN 1
              WHEN 100 * bad_beside < 80 * n_beside THEN 2 ELSE 3 END
      END AS network,
    CASE WHEN n_ever = 0 THEN 0 WHEN n_regular <= 0 THEN 1 WHEN n_regular <= 4 THEN 2 WHEN n_regular <= 19 THEN 3 ELSE 4 END
      AS standing,
    client_level AS client,
    place_level AS place,
    4 * CASE WHEN n_bad_elsewhere = 0 THEN 0 WHEN n_bad_elsewhere = 1 THEN 1 WHEN n_bad_elsewhere <= 4 THEN 2
          WHEN n_bad_elsewhere <= 19 THEN 3 ELSE 4 END
      + CASE WHEN bad = 0 OR n_pair <= 3 THEN 0 WHEN n_pair <= 9 THEN 1 WHEN n_pair <= 29 THEN 2 ELSE 3 END
      AS target
  FROM counted
)
SELECT
  file_id, line, time_us, bin, account_id, ip_id, host_id, net_id, place_id, client_id, device_id, outcome, habit,
  again, client,
  ((((((CAST(people AS BIGINT) * 300 + behaviour) * 221 + address) * 117 + network) * 5 + standing) * 8192 + client)
    * 8192 + place) * 20 + target AS pattern
FROM levelled
