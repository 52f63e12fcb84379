-- Grain: one row per host that made more suspicious refusals than it has accounts that it gets into.
SELECT host_id
FROM stuffing_scored
GROUP BY host_id
HAVING sum(CASE WHEN outcome <> 0 AND log_odds >= 0 THEN 1 ELSE 0 END)
  > count(DISTINCT CASE WHEN outcome = 0 THEN account_id END)
