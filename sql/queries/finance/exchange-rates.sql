-- Exchange rates: the newest of each pair of currencies. finance.period: all of that month (YYYY-MM).
SELECT rate_date, from_currency, to_currency, rate, source, imported_at
FROM (SELECT r.*, row_number() OVER (PARTITION BY from_currency, to_currency ORDER BY rate_date DESC) AS age FROM finance.exchange_rates r) r
WHERE CASE WHEN nullif(current_setting('finance.period', true), '') IS NULL THEN age = 1
    ELSE date_trunc('month', rate_date) = to_date(current_setting('finance.period', true), 'YYYY-MM') END
ORDER BY from_currency, to_currency, rate_date DESC;
