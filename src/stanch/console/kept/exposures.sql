-- Grain: one row per source and order that it could have known.
SELECT "order", source, first_us, last_us, fields, weight FROM exposures ORDER BY "order", first_us, source
