-- Grain: one row per report. `counted`: the first of its victim, which the counts are about.
WITH counted AS (
  SELECT complaint, received_us, min(1) AS is_first FROM victims GROUP BY complaint, received_us
)
SELECT
  c.received_us,
  c.complaint,
  c."order",
  coalesce(c.account, k.account) AS account,
  c.contacted_us,
  c.known_fields,
  c.loss,
  c.currency,
  coalesce(c.region, k.region) AS region,
  c.channel,
  c.text,
  c.scam_phone,
  c.scam_url,
  v.is_first IS NOT NULL AND row_number() OVER (PARTITION BY c.complaint, c.received_us ORDER BY c.file_id, c.line) = 1
    AS counted,
  f.path AS file,
  c.line
FROM complaints AS c
JOIN input_files AS f ON f.file_id = c.file_id
LEFT JOIN counted AS v ON v.complaint = c.complaint AND v.received_us = c.received_us
LEFT JOIN known_orders AS k ON k."order" = c."order"
ORDER BY c.received_us, c.file_id, c.line
