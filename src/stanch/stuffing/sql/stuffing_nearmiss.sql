-- Grain: one row per account that is never let in but is within one edit of one that is.
SELECT m.account_id, min(g.account_id) AS meant_id
FROM account_spellings AS sm
JOIN account_spellings AS sg ON sm.variant = sg.variant
JOIN stuffing_accounts AS m ON m.account = sm.account
JOIN stuffing_accounts AS g ON g.account = sg.account
JOIN stuffing_holders AS hm ON hm.account_id = m.account_id
JOIN stuffing_holders AS hg ON hg.account_id = g.account_id
WHERE hm.first_us IS NULL AND hg.first_us IS NOT NULL
GROUP BY m.account_id
