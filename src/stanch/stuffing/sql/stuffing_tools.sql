-- Grain: one row per client and bin among suspicious attempts: hosts at work, and hosts of the client in all.
WITH hosts AS (
  SELECT client, count(DISTINCT host_id) AS n_client_hosts
  FROM stuffing_scored
  WHERE log_odds >= 0
  GROUP BY client
)
SELECT s.client, s.bin, count(*) AS n, count(DISTINCT s.host_id) AS n_hosts, min(h.n_client_hosts) AS n_client_hosts
FROM stuffing_scored AS s
JOIN hosts AS h ON h.client = s.client
WHERE s.log_odds >= 0
GROUP BY s.client, s.bin
