-- Grain: one row per attempt before or after which, within `near_us` and from the same network, a name one edit away
-- was tried: people try spellings, lists do not. got_in: one of the two was let in.
WITH named AS (
  SELECT s.variant, t.file_id, t.line, t.time_us, t.account_id, t.net_id, t.outcome
  FROM account_spellings AS s
  JOIN stuffing_accounts AS a ON a.account = s.account
  JOIN stuffing_tries AS t ON t.account_id = a.account_id
),
neighbours AS (
  SELECT
    *,
    lag(time_us) OVER (PARTITION BY variant, net_id ORDER BY time_us, file_id, line) AS before_us,
    lag(account_id) OVER (PARTITION BY variant, net_id ORDER BY time_us, file_id, line) AS before_account,
    lag(outcome) OVER (PARTITION BY variant, net_id ORDER BY time_us, file_id, line) AS before_outcome,
    lead(time_us) OVER (PARTITION BY variant, net_id ORDER BY time_us, file_id, line) AS after_us,
    lead(account_id) OVER (PARTITION BY variant, net_id ORDER BY time_us, file_id, line) AS after_account,
    lead(outcome) OVER (PARTITION BY variant, net_id ORDER BY time_us, file_id, line) AS after_outcome
  FROM named
),
slips AS (
  SELECT
    file_id, line, outcome,
    CASE WHEN before_account <> account_id AND before_us >= time_us - $near_us THEN before_outcome END AS before,
    CASE WHEN after_account <> account_id AND after_us <= time_us + $near_us THEN after_outcome END AS after
  FROM neighbours
)
SELECT
  file_id,
  line,
  bool_or(coalesce(before = 0, FALSE) OR coalesce(after = 0, FALSE) OR outcome = 0) AS got_in
FROM slips
WHERE before IS NOT NULL OR after IS NOT NULL
GROUP BY file_id, line
