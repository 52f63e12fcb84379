-- Grain: one row per possible source, likeliest first.
SELECT posterior, source, exposed, victims, log10_bayes_factor, leak_start_us, leak_end_us, verdict, why_for, why_against
FROM sources
ORDER BY posterior DESC, source
