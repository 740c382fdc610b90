BEGIN;

CREATE TABLE collector.exchange_rates (
    from_currency text    NOT NULL CHECK (from_currency ~ '^[A-Z]{3}$'),
    to_currency   text    NOT NULL CHECK (to_currency ~ '^[A-Z]{3}$'),
    rate_date     date    NOT NULL,
    rate          numeric NOT NULL CHECK (rate > 0 AND rate NOT IN ('NaN', 'Infinity')),
    source        text    CHECK (source <> ''),
    imported_at   timestamptz NOT NULL,
    PRIMARY KEY (from_currency, to_currency, rate_date),
    CHECK (from_currency <> to_currency)
);
COMMENT ON TABLE collector.exchange_rates IS 'Exchange rates that finance imported. The service states none.';
COMMENT ON COLUMN collector.exchange_rates.rate IS 'How much of to_currency one unit of from_currency is.';
COMMENT ON COLUMN collector.exchange_rates.imported_at IS 'When the rate, or its last change, was imported.';

CREATE VIEW finance.exchange_rates AS
SELECT rate_date, from_currency, to_currency, rate, source, imported_at
FROM collector.exchange_rates;
COMMENT ON VIEW finance.exchange_rates IS 'Exchange rates, as imported with "collector rates import".';
COMMENT ON COLUMN finance.exchange_rates.rate_date IS 'Day of the rate.';
COMMENT ON COLUMN finance.exchange_rates.from_currency IS 'ISO 4217 code of what is converted.';
COMMENT ON COLUMN finance.exchange_rates.to_currency IS 'ISO 4217 code of what it is converted to.';
COMMENT ON COLUMN finance.exchange_rates.rate IS 'How much of to_currency one unit of from_currency is.';
COMMENT ON COLUMN finance.exchange_rates.source IS 'Where the rate is from, as the imported file says; null when it does not.';
COMMENT ON COLUMN finance.exchange_rates.imported_at IS 'When the rate, or its last change, was imported.';

CREATE VIEW finance.monthly_costs_converted AS
SELECT m.partner, m.month, m.currency_code, m.invoice_type, m.customers, m.pretax_total, m.tax, m.after_tax_total,
       t.target_currency,
       CASE WHEN m.currency_code = t.target_currency THEN 1 ELSE r.rate END AS rate,
       r.rate_date,
       m.pretax_total * CASE WHEN m.currency_code = t.target_currency THEN 1 ELSE r.rate END AS pretax_converted,
       m.tax * CASE WHEN m.currency_code = t.target_currency THEN 1 ELSE r.rate END AS tax_converted,
       m.after_tax_total * CASE WHEN m.currency_code = t.target_currency THEN 1 ELSE r.rate END AS after_tax_converted
FROM finance.monthly_costs m
LEFT JOIN (SELECT DISTINCT to_currency AS target_currency FROM collector.exchange_rates) t ON true
LEFT JOIN collector.exchange_rates r ON r.from_currency = m.currency_code AND r.to_currency = t.target_currency
    AND r.rate_date = (SELECT max(x.rate_date) FROM collector.exchange_rates x
        WHERE x.from_currency = m.currency_code AND x.to_currency = t.target_currency AND x.rate_date < m.month + interval '1 month');
COMMENT ON VIEW finance.monthly_costs_converted IS 'monthly_costs once for each currency that rates lead to. Without a rate the converted amounts are null: the row stays. Take one target_currency; only then may rows be added.';
COMMENT ON COLUMN finance.monthly_costs_converted.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.monthly_costs_converted.month IS 'As in monthly_costs.';
COMMENT ON COLUMN finance.monthly_costs_converted.currency_code IS 'Currency of the original amounts.';
COMMENT ON COLUMN finance.monthly_costs_converted.invoice_type IS 'As in monthly_costs.';
COMMENT ON COLUMN finance.monthly_costs_converted.customers IS 'Number of customers with a detail in this row.';
COMMENT ON COLUMN finance.monthly_costs_converted.pretax_total IS 'Sum before tax, in currency_code.';
COMMENT ON COLUMN finance.monthly_costs_converted.tax IS 'Sum of tax, in currency_code.';
COMMENT ON COLUMN finance.monthly_costs_converted.after_tax_total IS 'Sum after tax, in currency_code.';
COMMENT ON COLUMN finance.monthly_costs_converted.target_currency IS 'Currency of the converted amounts; null while no rates are imported.';
COMMENT ON COLUMN finance.monthly_costs_converted.rate IS 'The latest rate on or before the last day of the month; 1 where both currencies are the same; null without a rate.';
COMMENT ON COLUMN finance.monthly_costs_converted.rate_date IS 'Day of the rate; null without one, and where both currencies are the same.';
COMMENT ON COLUMN finance.monthly_costs_converted.pretax_converted IS 'pretax_total times rate, not rounded; null without a rate.';
COMMENT ON COLUMN finance.monthly_costs_converted.tax_converted IS 'tax times rate, not rounded; null without a rate.';
COMMENT ON COLUMN finance.monthly_costs_converted.after_tax_converted IS 'after_tax_total times rate, not rounded; null without a rate.';

COMMIT;
