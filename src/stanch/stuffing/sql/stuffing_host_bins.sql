-- Grain: one row per host and bin, counted as in `stuffing_hosts`.
SELECT host_id, bin, count(*) AS n_accounts, sum(bad) AS n_bad
FROM (SELECT DISTINCT host_id, bin, account_id, bad FROM stuffing_context) AS touched
GROUP BY host_id, bin
