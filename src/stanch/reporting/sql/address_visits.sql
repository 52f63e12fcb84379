-- Grain: one row per address and account tried there, of addresses that took part in a campaign and, because a /64 may
-- hold both, of other IPv6 addresses if `with_sites`. genuine: attempts expected from people; surest: the likeliest of them. Who returns
-- to an account that fell earlier, at an address where the attack was refused, is the intruder as surely as the account
-- fell: counted as a genuine customer, it would shield every address that reads what it opened.
WITH hostile AS (
  SELECT DISTINCT ip FROM attempts WHERE campaign IS NOT NULL AND outcome <> 'success' AND p_attack >= 0.5
),
fallen AS (
  SELECT account, max(p_compromised) AS p_compromised, min(first_success_us) AS since_us
  FROM fallen_accounts
  GROUP BY account
),
judged AS (
  SELECT
    a.ip, a.account, a.time_us, a.campaign, h.ip AS hostile_ip,
    CASE WHEN h.ip IS NULL OR f.account IS NULL THEN 1 - a.p_attack
      ELSE (1 - a.p_attack) * (1 - f.p_compromised) END AS genuine
  FROM attempts AS a
  LEFT JOIN hostile AS h ON h.ip = a.ip
  LEFT JOIN fallen AS f ON f.account = a.account AND a.time_us >= f.since_us
  WHERE a.ip IN (SELECT ip FROM address_risk) OR ($with_sites AND strpos(a.ip, ':') > 0)
)
SELECT
  ip,
  account,
  count(*) AS attempts,
  sum(CAST(round(genuine * 1000000) AS BIGINT)) / 1000000.0 AS genuine,
  max(genuine) AS surest,
  min(time_us) AS first_us,
  min(CASE WHEN campaign IS NOT NULL THEN time_us END) AS first_attack_us,
  count(hostile_ip) AS hostile
FROM judged
GROUP BY ip, account
