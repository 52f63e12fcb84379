-- Grain: one row per attempt: the addends of its log-odds in nats. `ev_level` is the prior log-odds
-- of its stratum, the first that applies of bin, client, place, address, network and target.
-- Cells of the addend tables are 24 x level + people; the three small blocks share one table.
-- The level behind each addend stands beside it as `lv_`; `lv_level` says which stratum applied, 0 being peace.
SELECT
  l.file_id, l.line, l.time_us, l.bin, l.account_id, l.ip_id, l.host_id, l.net_id, l.place_id, l.device_id, l.outcome,
  l.client, l.client_id, l.again, l.habit,
  coalesce(bins.prior, client.prior, place.prior, address.prior, around.prior, $peace) AS ev_level,
  behaviour.addend AS ev_behaviour,
  address.addend AS ev_address,
  around.network AS ev_network,
  around.standing AS ev_standing,
  client.addend AS ev_client,
  place.addend AS ev_place,
  around.target AS ev_target,
  coalesce(bins.prior, client.prior, place.prior, address.prior, around.prior, $peace)
    + behaviour.addend + address.addend + around.network + around.standing
    + client.addend + place.addend + around.target
    AS log_odds,
  CAST(CASE WHEN bins.prior IS NOT NULL THEN 1 WHEN client.prior IS NOT NULL THEN 2 WHEN place.prior IS NOT NULL THEN 3
    WHEN address.prior IS NOT NULL THEN 4 WHEN around.prior IS NOT NULL THEN 5 ELSE 0 END AS TINYINT) AS lv_level,
  CAST(l.behaviour AS SMALLINT) AS lv_behaviour, CAST(l.address AS SMALLINT) AS lv_address,
  CAST(l.network AS SMALLINT) AS lv_network, CAST(l.standing AS TINYINT) AS lv_standing,
  CAST(l.client AS SMALLINT) AS lv_client, CAST(l.place AS SMALLINT) AS lv_place, CAST(l.target AS TINYINT) AS lv_target
FROM stuffing_levels AS l
LEFT JOIN stuffing_bin_priors AS bins ON bins.bin = l.bin
JOIN stuffing_addends_behaviour AS behaviour ON behaviour.cell = 24 * l.behaviour + l.people
JOIN stuffing_addends_address AS address ON address.cell = 24 * l.address + l.people
JOIN stuffing_addends_client AS client ON client.cell = 24 * l.client + l.people
JOIN stuffing_addends_place AS place ON place.cell = 24 * l.place + l.people
JOIN stuffing_addends_around AS around
  ON around.cell = 24 * (20 * (5 * l.network + l.standing) + l.target) + l.people
