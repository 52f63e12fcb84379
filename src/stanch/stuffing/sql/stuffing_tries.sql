-- Grain: one row per attempt, every name replaced by its number. `device_id` is what a person logs in with: the
-- device the shop knows, else (negative) the client; without either, nothing is known of it.
-- Where a row names no account, the address with its client stands in, as a negative number; those in `stuffing_turns`
-- count as an account of their own each.
-- outcome: 0 success, 1 failure, 2 unknown account, 3 challenged, 4 not told, 5 denied.
WITH keyed AS (
  SELECT
    l.file_id,
    l.line,
    l.time_us,
    l.outcome,
    l.device,
    l.account,
    i.ip_id,
    i.host_id,
    i.net_id,
    CASE WHEN l.ja4 IS NULL THEN coalesce(l.user_agent, '')
      ELSE concat(l.ja4, ' ', coalesce(l.user_agent, '')) END AS client,
    CASE WHEN l.asn IS NULL AND l.country IS NULL THEN i.region
      ELSE concat(coalesce(l.asn, ''), ' ', coalesce(l.country, '')) END AS place
  FROM logins AS l
  JOIN stuffing_ips AS i ON l.ip = i.ip
)
SELECT
  k.file_id,
  k.line,
  k.time_us,
  CAST(k.time_us // $bin_us AS INTEGER) AS bin,
  coalesce(a.account_id, CASE
      WHEN t.line IS NULL THEN -(4294967296 * c.client_id + k.ip_id)
      ELSE -(4611686018427387904 + 1099511627776 * k.file_id + k.line)
    END) AS account_id,
  k.ip_id,
  k.host_id,
  k.net_id,
  c.client_id,
  c.client_level,
  p.place_id,
  p.place_level,
  coalesce(d.device_id, CASE WHEN c.client <> '' THEN -c.client_id END) AS device_id,
  CASE WHEN c.client <> '' THEN c.family_id END AS family_id,
  CASE k.outcome
    WHEN 'success' THEN 0 WHEN 'failure' THEN 1 WHEN 'unknown_account' THEN 2
    WHEN 'challenged' THEN 3 WHEN 'denied' THEN 5 ELSE 4
  END AS outcome
FROM keyed AS k
JOIN stuffing_clients AS c ON c.client = k.client
JOIN stuffing_places AS p ON p.place = k.place
LEFT JOIN stuffing_accounts AS a ON a.account = k.account
LEFT JOIN stuffing_devices AS d ON d.device = k.device
LEFT JOIN stuffing_turns AS t ON t.file_id = k.file_id AND t.line = k.line
