-- Grain: one row per attempt, every name replaced by its number. `device_id` is what a person logs in with: the
-- device the shop knows, else (negative) the client; without either, nothing is known of it.
-- Where a row names no account, the address with its client stands in, as a negative number; from the eleventh such
-- attempt of an hour on each counts as an account of its own, for no person tries that often.
-- outcome: 0 success, 1 failure, 2 unknown account, 3 challenged, 4 not told, 5 denied.
WITH keyed AS (
  SELECT
    l.file_id,
    l.line,
    l.time_us,
    l.outcome,
    l.device,
    i.ip_id,
    i.host_id,
    i.net_id,
    l.account,
    CASE WHEN l.ja4 IS NULL THEN coalesce(l.user_agent, '')
      ELSE concat(l.ja4, ' ', coalesce(l.user_agent, '')) END AS client,
    CASE WHEN l.asn IS NULL AND l.country IS NULL THEN i.region
      ELSE concat(coalesce(l.asn, ''), ' ', coalesce(l.country, '')) END AS place
  FROM logins AS l
  JOIN stuffing_ips AS i ON l.ip = i.ip
),
joined AS (
  SELECT
    k.*,
    CAST(k.time_us // $bin_us AS INTEGER) AS bin,
    a.account_id,
    c.client_id, c.client_level, c.family_id,
    p.place_id, p.place_level,
    d.device_id
  FROM keyed AS k
  LEFT JOIN stuffing_accounts AS a ON a.account = k.account
  JOIN stuffing_clients AS c ON c.client = k.client
  JOIN stuffing_places AS p ON p.place = k.place
  LEFT JOIN stuffing_devices AS d ON d.device = k.device
),
numbered AS (
  SELECT *, 1 AS turn FROM joined WHERE account_id IS NOT NULL
  UNION ALL
  SELECT *, row_number() OVER (PARTITION BY ip_id, client_id, bin ORDER BY time_us, file_id, line) AS turn
  FROM joined
  WHERE account_id IS NULL
)
SELECT
  file_id,
  line,
  time_us,
  bin,
  coalesce(account_id, CASE
      WHEN turn <= 10 THEN -(4294967296 * client_id + ip_id)
      ELSE -(4611686018427387904 + 1099511627776 * file_id + line)
    END) AS account_id,
  ip_id,
  host_id,
  net_id,
  client_id,
  client_level,
  place_id,
  place_level,
  coalesce(device_id, CASE WHEN client <> '' THEN -client_id END) AS device_id,
  CASE WHEN client <> '' THEN family_id END AS family_id,
  CASE outcome
    WHEN 'success' THEN 0 WHEN 'failure' THEN 1 WHEN 'unknown_account' THEN 2
    WHEN 'challenged' THEN 3 WHEN 'denied' THEN 5 ELSE 4
  END AS outcome
FROM numbered
