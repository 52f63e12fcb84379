-- Grain: one row per line without an account that is beyond the tenth of its address, client and bin: no person tries
-- that often, so each of these counts as an account of its own.
WITH nameless AS (
  SELECT
    l.file_id, l.line, l.time_us, i.ip_id, c.client_id,
    CAST(l.time_us // $bin_us AS INTEGER) AS bin
  FROM logins AS l
  JOIN stuffing_ips AS i ON i.ip = l.ip
  JOIN stuffing_clients AS c
    ON c.client = CASE WHEN l.ja4 IS NULL THEN coalesce(l.user_agent, '')
      ELSE concat(l.ja4, ' ', coalesce(l.user_agent, '')) END
  WHERE l.account IS NULL
),
busy AS (
  SELECT ip_id, client_id, bin FROM nameless GROUP BY ip_id, client_id, bin HAVING count(*) > 10
),
numbered AS (
  SELECT
    n.file_id, n.line,
    row_number() OVER (PARTITION BY n.ip_id, n.client_id, n.bin ORDER BY n.time_us, n.file_id, n.line) AS turn
  FROM nameless AS n
  JOIN busy AS b ON b.ip_id = n.ip_id AND b.client_id = n.client_id AND b.bin = n.bin
)
SELECT DISTINCT file_id, line FROM numbered WHERE turn > 10
