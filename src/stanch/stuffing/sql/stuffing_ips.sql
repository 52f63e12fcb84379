-- Grain: one row per address in `logins`.
-- `host` is what one operator holds: an IPv4 address, or the /64 that a single IPv6 line is given
-- (RFC 6177); `net` is its /24 or /48. In canonical IPv6 text the zeros hidden by `::` stay empty.
WITH addresses AS (
  SELECT DISTINCT
    ip,
    split_part(ip, '::', 1) AS head,
    strpos(ip, ':') > 0 AS is_v6
  FROM logins
),
named AS (
  SELECT
    ip,
    CASE WHEN is_v6
      THEN concat(split_part(head, ':', 1), ':', split_part(head, ':', 2), ':',
                  split_part(head, ':', 3), ':', split_part(head, ':', 4))
      ELSE ip END AS host,
    CASE WHEN is_v6
      THEN concat(split_part(head, ':', 1), ':', split_part(head, ':', 2), ':', split_part(head, ':', 3))
      ELSE concat(split_part(ip, '.', 1), '.', split_part(ip, '.', 2), '.', split_part(ip, '.', 3)) END AS net,
    CASE WHEN is_v6
      THEN concat(split_part(head, ':', 1), ':', split_part(head, ':', 2))
      ELSE concat(split_part(ip, '.', 1), '.', split_part(ip, '.', 2)) END AS region
  FROM addresses
)
SELECT
  ip,
  region,
  CAST(row_number() OVER (ORDER BY ip) AS INTEGER) AS ip_id,
  CAST(dense_rank() OVER (ORDER BY host) AS INTEGER) AS host_id,
  CAST(dense_rank() OVER (ORDER BY net) AS INTEGER) AS net_id
FROM named
