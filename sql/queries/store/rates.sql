-- name: SaveRates :many
-- Stores the rates that are new or different, and returns them with what they replace.
WITH given AS (
    SELECT unnest(@rate_dates::date[]) AS rate_date, unnest(@from_currencies::text[]) AS from_currency, unnest(@to_currencies::text[]) AS to_currency,
        unnest(@rates::numeric[]) AS rate, nullif(unnest(@sources::text[]), '') AS source
), different AS (
    SELECT g.rate_date, g.from_currency, g.to_currency, g.rate, g.source, r.rate AS rate_before, r.source AS source_before
    FROM given g
    LEFT JOIN collector.exchange_rates r ON r.from_currency = g.from_currency AND r.to_currency = g.to_currency AND r.rate_date = g.rate_date
    WHERE (r.rate, r.source) IS DISTINCT FROM (g.rate, g.source)
), saved AS (
    INSERT INTO collector.exchange_rates (from_currency, to_currency, rate_date, rate, source, imported_at)
    SELECT d.from_currency, d.to_currency, d.rate_date, d.rate, d.source, @now::timestamptz
    FROM different d
    ON CONFLICT (from_currency, to_currency, rate_date) DO UPDATE
    SET rate = excluded.rate, source = excluded.source, imported_at = excluded.imported_at
)
SELECT d.rate_date::date AS rate_date, d.from_currency::text AS from_currency, d.to_currency::text AS to_currency, d.rate::numeric AS rate,
    coalesce(d.source, '')::text AS source, d.rate_before, coalesce(d.source_before, '')::text AS source_before
FROM different d
ORDER BY d.rate_date, d.from_currency, d.to_currency;
