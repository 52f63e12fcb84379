-- Grain: one row per login row read, in order of time; `id` numbers them. Names that the shop does not have are left out.
SELECT
  a.time_us,
  row_number() OVER (ORDER BY a.time_us, a.file_id, a.line) AS id,
  f.path AS file,
  a.line,
  a.ip,
  s.network,
  CASE WHEN n.stranger IS NULL THEN a.account END AS account,
  n.stranger,
  a.outcome,
  a.campaign,
  CAST(a.p_attack AS REAL) AS p_attack,
  CAST(a.log_odds AS REAL) AS log_odds,
  CAST(a.prior AS REAL) AS ev_level,
  CAST(w.ev_behaviour AS REAL) AS ev_behaviour,
  CAST(w.ev_address AS REAL) AS ev_address,
  CAST(w.ev_network AS REAL) AS ev_network,
  CAST(w.ev_standing AS REAL) AS ev_standing,
  CAST(w.ev_client AS REAL) AS ev_client,
  CAST(w.ev_place AS REAL) AS ev_place,
  CAST(w.ev_target AS REAL) AS ev_target,
  CAST(a.ev_sequel AS REAL) AS ev_sequel,
  a.origin AS lv_level, w.lv_behaviour, w.lv_address, w.lv_network, w.lv_standing, w.lv_client, w.lv_place,
  w.lv_target, a.lv_sequel,
  c.name AS client,
  p.name AS place,
  l.user_agent
FROM attempts AS a
JOIN logins AS l ON l.file_id = a.file_id AND l.line = a.line
JOIN input_files AS f ON f.file_id = a.file_id
JOIN pattern_addends AS w ON w.attack = a.attack AND w.pattern = a.pattern
LEFT JOIN kept_networks AS s ON s.ip = a.ip
LEFT JOIN account_labels AS n ON n.account_id = a.account_id
LEFT JOIN level_names AS c ON c.block = 'client' AND c.level = w.lv_client
LEFT JOIN level_names AS p ON p.block = 'place' AND p.level = w.lv_place
ORDER BY 1, 2
