-- Grain: one row per address that an attempt came from, those of the attack first.
SELECT
  sum(CAST(p_attack AS DOUBLE)) AS attack,
  ip,
  min(network) AS network,
  count(*) AS attempts,
  count(DISTINCT coalesce(account, CAST(stranger AS VARCHAR))) AS accounts,
  count(CASE WHEN outcome <> 'success' THEN 1 END) AS failures,
  count(CASE WHEN outcome = 'success' THEN 1 END) AS successes,
  min(time_us) AS first_us,
  max(time_us) AS last_us
FROM kept_attempts
GROUP BY ip
ORDER BY 1 DESC, ip
