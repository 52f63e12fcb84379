-- Grain: one row per campaign: how its attempts fall on accounts and addresses.
-- gap: minutes between tries of an account; shared: tried more than one account.
WITH targets AS (
  SELECT
    campaign, account_id, count(*) AS n,
    CASE WHEN count(*) > 1 THEN (max(time_us) - min(time_us)) / 60000000 / (count(*) - 1) END AS gap
  FROM stuffing_marked
  GROUP BY campaign, account_id
),
sources AS (
  SELECT campaign, ip_id, count(*) AS n, count(DISTINCT account_id) AS n_accounts
  FROM stuffing_marked
  GROUP BY campaign, ip_id
),
tools AS (
  SELECT campaign, client_id, count(DISTINCT account_id) AS n_accounts
  FROM stuffing_marked
  GROUP BY campaign, client_id
),
by_tool AS (
  SELECT campaign, sum(CASE WHEN n_accounts > 1 THEN 1 ELSE 0 END) AS shared_clients
  FROM tools
  GROUP BY campaign
),
hours AS (
  SELECT campaign, bin, count(*) AS n FROM stuffing_marked GROUP BY campaign, bin
),
rhythm AS (
  SELECT campaign, count(*) AS n_bins, sum(n * n) AS sum_of_squares FROM hours GROUP BY campaign
),
by_target AS (
  SELECT
    campaign,
    sum(CASE WHEN n >= 10 THEN n ELSE 0 END) AS hammered,
    sum(CASE WHEN n >= 10 THEN 1 ELSE 0 END) AS hammered_accounts,
    count(gap) AS revisited,
    coalesce(sum(CAST(gap AS BIGINT)), 0) AS sum_of_gaps,
    coalesce(sum(CAST(gap AS BIGINT) * CAST(gap AS BIGINT)), 0) AS sum_of_squared_gaps,
    max(n) AS most_per_account
  FROM targets
  GROUP BY campaign
),
by_source AS (
  SELECT
    campaign,
    max(n) AS most_per_address,
    sum(CASE WHEN n = 1 THEN 1 ELSE 0 END) AS one_try_addresses,
    sum(CASE WHEN n_accounts > 1 THEN 1 ELSE 0 END) AS shared_addresses
  FROM sources
  GROUP BY campaign
),
levels AS (
  SELECT h.campaign, h.n, a.n AS n_all,
    row_number() OVER (PARTITION BY h.campaign ORDER BY h.n DESC, h.bin) AS place
  FROM hours AS h
  JOIN (SELECT bin, sum(n) AS n FROM stuffing_patterns GROUP BY bin) AS a ON a.bin = h.bin
),
by_hour AS (
  SELECT campaign, n AS busiest_bin, n_all AS busiest_bin_all FROM levels WHERE place = 1
)
SELECT
  t.campaign, t.hammered, t.hammered_accounts, t.revisited, t.sum_of_gaps, t.sum_of_squared_gaps, t.most_per_account,
  s.most_per_address, s.one_try_addresses, s.shared_addresses, c.shared_clients, h.busiest_bin, h.busiest_bin_all, r.n_bins, r.sum_of_squares
FROM by_target AS t
JOIN by_source AS s ON s.campaign = t.campaign
JOIN by_tool AS c ON c.campaign = t.campaign
JOIN by_hour AS h ON h.campaign = t.campaign
JOIN rhythm AS r ON r.campaign = t.campaign
