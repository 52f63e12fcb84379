-- Grain: one row per order of a fallen account that was placed before the fall or shortly after
-- it: open to the attacker from the first success on, whether or not a log shows that it was read.
SELECT
  'campaign:' || f.campaign AS source,
  k."order",
  CASE WHEN k.time_us > f.first_success_us THEN k.time_us ELSE f.first_success_us END AS time_us,
  CAST(NULL AS VARCHAR) AS fields,
  f.p_compromised * $unseen AS weight
FROM exposure_fallen f
JOIN known_orders k ON k.account = f.account
WHERE f.campaign IS NOT NULL AND k.time_us <= f.first_success_us + $after_us
  AND k.time_us >= f.first_success_us - $before_us
