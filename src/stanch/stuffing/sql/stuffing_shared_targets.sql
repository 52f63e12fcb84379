-- Grain: one row per campaign and other campaign: accounts that both tried.
SELECT a.campaign, b.campaign AS other, count(*) AS n
FROM stuffing_listed AS a
JOIN stuffing_listed AS b ON b.account = a.account AND b.campaign <> a.campaign
GROUP BY a.campaign, b.campaign
