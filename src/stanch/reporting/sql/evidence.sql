-- Grain: one row per login row read, in input order: the addends (`ev_`) of its log-odds in nats, the levels
-- (`lv_`) behind them, and what the levels of client and place stand for where they have one of their own.
SELECT
  f.path AS file,
  a.line,
  a.time_us,
  a.ip,
  n.label AS account,
  n.stranger,
  a.outcome,
  a.campaign,
  CAST(a.log_odds AS REAL) AS log_odds,
  CAST(a.ev_level AS REAL) AS ev_level,
  CAST(a.ev_behaviour AS REAL) AS ev_behaviour,
  CAST(a.ev_address AS REAL) AS ev_address,
  CAST(a.ev_network AS REAL) AS ev_network,
  CAST(a.ev_standing AS REAL) AS ev_standing,
  CAST(a.ev_client AS REAL) AS ev_client,
  CAST(a.ev_place AS REAL) AS ev_place,
  CAST(a.ev_target AS REAL) AS ev_target,
  CAST(a.ev_sequel AS REAL) AS ev_sequel,
  a.lv_level, a.lv_behaviour, a.lv_address, a.lv_network, a.lv_standing, a.lv_client, a.lv_place, a.lv_target,
  a.lv_sequel,
  c.name AS client,
  p.name AS place
FROM attempts AS a
JOIN input_files AS f ON f.file_id = a.file_id
LEFT JOIN account_labels AS n ON n.account_id = a.account_id
LEFT JOIN level_names AS c ON c.block = 'client' AND c.level = a.lv_client
LEFT JOIN level_names AS p ON p.block = 'place' AND p.level = a.lv_place
ORDER BY a.file_id, a.line
