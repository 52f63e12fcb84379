-- Grain: one row per look at an order by somebody it does not belong to, or out of a fallen
-- account from its first success on. A look at one's own order is no exposure.
-- `weight` is the chance that the look was the attacker's: a look from the attack's address
-- counts in full, another look by the same account is more likely its customer's.
SELECT
  CASE
    WHEN a.actor_kind = 'anonymous' THEN 'endpoint:' || coalesce(a.channel, a.actor)
    WHEN a.actor_kind = 'customer' AND k.account = a.actor THEN 'campaign:' || f.campaign
    ELSE a.actor_kind || ':' || a.actor
  END AS source,
  a."order",
  a.time_us,
  '|' || a.fields || '|' AS fields,
  CASE
    WHEN a.actor_kind = 'customer' AND k.account = a.actor THEN
      f.p_compromised * CASE
        WHEN a.ip IS NULL OR a.ip = f.ip OR r.ip IS NOT NULL THEN CAST(1.0 AS DOUBLE)
        ELSE $other_place
      END
    ELSE CAST(1.0 AS DOUBLE)
  END AS weight
FROM accesses a
LEFT JOIN known_orders k ON k."order" = a."order"
LEFT JOIN exposure_fallen f ON f.account = a.actor AND a.actor_kind = 'customer'
LEFT JOIN exposure_places r ON r.ip = a.ip
WHERE a."order" IS NOT NULL AND (
  a.actor_kind <> 'customer'
  OR k.account <> a.actor
  OR (k.account = a.actor AND f.campaign IS NOT NULL AND a.time_us >= f.first_success_us)
)
