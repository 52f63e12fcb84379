-- Grain: one row per host: accounts that touched it, those of them that its network
-- never let in, and those it lets in regularly.
SELECT host_id, max(net_id) AS net_id, count(*) AS n_accounts, sum(bad) AS n_bad, sum(regular) AS n_regular
FROM (SELECT DISTINCT host_id, net_id, account_id, bad, regular FROM stuffing_context) AS touched
GROUP BY host_id
