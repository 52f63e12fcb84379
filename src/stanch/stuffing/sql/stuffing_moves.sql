-- Grain: one row. How often owners turn up in a new place with a new device: of accounts that did not fall, such moves
-- and successes; of accounts that fell, successes and such moves since then.
SELECT
  (SELECT count(*)
    FROM (
      SELECT DISTINCT p.account_id, p.place_id
      FROM stuffing_held_places AS p
      JOIN stuffing_holders AS h ON h.account_id = p.account_id
      JOIN stuffing_holdings AS d ON d.account_id = p.account_id AND d.first_us = p.first_us
      LEFT JOIN stuffing_falls AS f ON f.account_id = p.account_id
      WHERE f.account_id IS NULL AND p.first_us > h.first_us
    ) AS moved) AS moves,
  (SELECT count(*)
    FROM stuffing_scored AS s
    LEFT JOIN stuffing_falls AS f ON f.account_id = s.account_id
    WHERE f.account_id IS NULL AND s.outcome = 0) AS successes,
  (SELECT count(*)
    FROM stuffing_scored AS s
    JOIN stuffing_falls AS f ON f.account_id = s.account_id
    WHERE s.outcome = 0 AND s.log_odds < 0 AND s.time_us > f.fell_us) AS successes_since,
  (SELECT count(*)
    FROM (SELECT DISTINCT account_id, place_id FROM stuffing_later WHERE moved) AS places) AS moves_since
