BEGIN;

-- The FOCUS views by the specification's own rules; docs/focus.md has every column and
-- rule. The views of 000005 go, and come back below.

DROP VIEW finance.focus_left_out;
DROP VIEW finance.focus_billing_period;
DROP VIEW finance.focus_1_4;
DROP VIEW finance.focus_1_2;
DROP VIEW collector.focus_rows;
DROP VIEW collector.focus_charges;
DROP VIEW collector.focus_corrections;
DROP VIEW collector.focus_remainders;
DROP VIEW collector.focus_items;
DROP VIEW collector.focus_statements;
DROP VIEW collector.focus_totals;
DROP VIEW collector.focus_details;

INSERT INTO collector.focus_services (known_name, service_name, service_category) VALUES
    -- An offer that is called like a service is of its category too.
    ('microsoft security', 'Microsoft Security', 'Security'),
    ('developer tools', 'Developer Tools', 'Developer Tools');

CREATE TABLE collector.focus_currencies (
    currency_code text PRIMARY KEY
);
COMMENT ON TABLE collector.focus_currencies IS 'The national currencies of ISO 4217, without metals, funds and codes for testing.';
INSERT INTO collector.focus_currencies (currency_code) VALUES
    ('AED'), ('AFN'), ('ALL'), ('AMD'), ('ANG'), ('AOA'), ('ARS'), ('AUD'), ('AWG'), ('AZN'), ('BAM'), ('BBD'), ('BDT'), ('BGN'),
    ('BHD'), ('BIF'), ('BMD'), ('BND'), ('BOB'), ('BRL'), ('BSD'), ('BTN'), ('BWP'), ('BYN'), ('BZD'), ('CAD'), ('CDF'), ('CHF'),
    ('CLP'), ('CNY'), ('COP'), ('CRC'), ('CUC'), ('CUP'), ('CVE'), ('CZK'), ('DJF'), ('DKK'), ('DOP'), ('DZD'), ('EGP'), ('ERN'),
    ('ETB'), ('EUR'), ('FJD'), ('FKP'), ('GBP'), ('GEL'), ('GHS'), ('GIP'), ('GMD'), ('GNF'), ('GTQ'), ('GYD'), ('HKD'), ('HNL'),
    ('HTG'), ('HUF'), ('IDR'), ('ILS'), ('INR'), ('IQD'), ('IRR'), ('ISK'), ('JMD'), ('JOD'), ('JPY'), ('KES'), ('KGS'), ('KHR'),
    ('KMF'), ('KPW'), ('KRW'), ('KWD'), ('KYD'), ('KZT'), ('LAK'), ('LBP'), ('LKR'), ('LRD'), ('LSL'), ('LYD'), ('MAD'), ('MDL'),
    ('MGA'), ('MKD'), ('MMK'), ('MNT'), ('MOP'), ('MRU'), ('MUR'), ('MVR'), ('MWK'), ('MXN'), ('MYR'), ('MZN'), ('NAD'), ('NGN'),
    ('NIO'), ('NOK'), ('NPR'), ('NZD'), ('OMR'), ('PAB'), ('PEN'), ('PGK'), ('PHP'), ('PKR'), ('PLN'), ('PYG'), ('QAR'), ('RON'),
    ('RSD'), ('RUB'), ('RWF'), ('SAR'), ('SBD'), ('SCR'), ('SDG'), ('SEK'), ('SGD'), ('SHP'), ('SLE'), ('SLL'), ('SOS'), ('SRD'),
    ('SSP'), ('STN'), ('SVC'), ('SYP'), ('SZL'), ('THB'), ('TJS'), ('TMT'), ('TND'), ('TOP'), ('TRY'), ('TTD'), ('TWD'), ('TZS'),
    ('UAH'), ('UGX'), ('USD'), ('UYU'), ('UZS'), ('VED'), ('VES'), ('VND'), ('VUV'), ('WST'), ('XAF'), ('XCD'), ('XCG'), ('XOF'),
    ('XPF'), ('YER'), ('ZAR'), ('ZMW'), ('ZWG'), ('ZWL');

-- FOCUS names a customer as it was called when the period closed. Of earlier profiles
-- only these two fields are for finance.
ALTER TABLE collector.billing_profile_history
    ADD COLUMN company_name text GENERATED ALWAYS AS (profile ->> 'company_name') STORED,
    ADD COLUMN country text GENERATED ALWAYS AS (profile ->> 'country') STORED;
COMMENT ON COLUMN collector.billing_profile_history.company_name IS 'Company name of the profile, for the views of finance.';
COMMENT ON COLUMN collector.billing_profile_history.country IS 'Country of the profile, for the views of finance.';

CREATE TABLE collector.customer_names (
    customer_key bigint      NOT NULL REFERENCES collector.customers,
    since        timestamptz NOT NULL,
    name         text        NOT NULL CHECK (name <> ''),
    PRIMARY KEY (customer_key, since)
);
COMMENT ON TABLE collector.customer_names IS 'What line items call a customer whose billing profile has no company name or was never read: a row whenever that changes.';

CREATE FUNCTION collector.stated(value text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN value NOT IN ('N/A', 'n/a', '-1') THEN value END;
COMMENT ON FUNCTION collector.stated IS 'The text, or null for what the service writes where it has nothing to say.';

CREATE VIEW collector.focus_closings AS
SELECT DISTINCT ON (h.detail_id) h.detail_id, h.revision, h.ends_at, h.pretax_total, h.tax, h.after_tax_total, h.valid_from
FROM collector.cost_detail_history h
-- An end before the start is a mistake, which closes nothing.
WHERE h.superseded_at >= collector.focus_closes_at(h.ends_at)
    AND (h.ends_at AT TIME ZONE 'UTC')::date >= (h.starts_at AT TIME ZONE 'UTC')::date
ORDER BY h.detail_id, h.revision;
COMMENT ON VIEW collector.focus_closings IS 'The values of the cost details when their billing periods closed, where they changed afterwards.';

CREATE VIEW collector.focus_details AS
SELECT v.*,
       CASE
           WHEN v.currency_code IS NULL THEN 'no currency is stated'
           WHEN v.currency_code NOT IN (SELECT k.currency_code FROM collector.focus_currencies k) THEN 'the currency is no ISO 4217 code'
           WHEN v.period_start IS NULL THEN 'no start of the period is stated'
           WHEN v.ends_at IS NULL THEN 'no end of the period is stated'
           WHEN (v.ends_at AT TIME ZONE 'UTC')::date < v.period_start THEN 'the period ends before it starts'
           WHEN NOT v.closed AND num_nonnulls(v.pretax_total, v.tax, v.after_tax_total) = 0 THEN 'no amount is stated'
       END AS left_out
FROM (
    SELECT d.detail_id, d.customer_key, d.invoice_type, d.period_start, d.currency_code, d.ordinal, d.first_collected_at,
           c.detail_id IS NOT NULL AS closed,
           CASE WHEN c.detail_id IS NULL THEN d.ends_at ELSE c.ends_at END AS ends_at,
           CASE WHEN c.detail_id IS NULL THEN d.pretax_total ELSE c.pretax_total END AS pretax_total,
           CASE WHEN c.detail_id IS NULL THEN d.tax ELSE c.tax END AS tax,
           CASE WHEN c.detail_id IS NULL THEN d.after_tax_total ELSE c.after_tax_total END AS after_tax_total,
           CASE WHEN c.detail_id IS NULL THEN d.last_changed_at ELSE c.valid_from END AS valid_from
    FROM collector.cost_details d
    LEFT JOIN collector.focus_closings c ON c.detail_id = d.detail_id
) v;
COMMENT ON VIEW collector.focus_details IS 'Every cost detail as it stood when its billing period closed; the newest value while it is open, or when nothing changed since. left_out says why FOCUS cannot state the detail.';

CREATE VIEW collector.focus_totals AS
SELECT d.customer_key, d.invoice_type, d.period_start, d.currency_code,
       (d.ends_at AT TIME ZONE 'UTC')::date + 1 AS period_end,
       greatest(collector.focus_closes_at(d.ends_at), d.valid_from + interval '1 microsecond') AS settled_at,
       min(d.ordinal) AS ordinal,
       sum(d.pretax_total) AS pretax_total,
       sum(d.tax) AS tax,
       sum(coalesce(d.after_tax_total, coalesce(d.pretax_total, 0) + coalesce(d.tax, 0))) AS payable,
       min(d.first_collected_at) AS first_collected_at,
       max(d.valid_from) AS collected_at
FROM collector.focus_details d
WHERE d.left_out IS NULL AND num_nonnulls(d.pretax_total, d.tax, d.after_tax_total) > 0
GROUP BY 1, 2, 3, 4, 5, 6;
COMMENT ON VIEW collector.focus_totals IS 'The details of one customer, invoice type, period and currency added up, because items cannot be told apart between two of them. period_end is exclusive; settled_at is the moment whose line items count: the closing or, when later, the first collection.';

CREATE VIEW collector.focus_statements AS
SELECT g.*, s.set_id
FROM collector.focus_totals g
LEFT JOIN collector.line_item_sets s ON g.ordinal = 1 AND s.customer_key = g.customer_key AND s.period_start = g.period_start
    AND s.invoice_type IS NOT DISTINCT FROM g.invoice_type
    AND s.collected_at < g.settled_at AND coalesce(s.superseded_at, 'infinity') >= g.settled_at;
COMMENT ON VIEW collector.focus_statements IS 'The totals, and the set of line items that was current when the period closed.';

-- What is computed of an item is used many times over, so each stands behind OFFSET 0:
-- the planner would else write the expression out wherever its name is used.
CREATE VIEW collector.focus_items AS
SELECT g.customer_key, g.invoice_type, g.period_start, g.period_end, g.currency_code, g.collected_at,
       i.ordinal, i.invoice_number, i.charge_type, i.start_date, i.end_date, i.quantity, i.unit_price, i.pretax_total, i.tax,
       s.*, p.priced, f.service_name, f.service_category
FROM collector.focus_statements g
JOIN collector.line_items i ON i.set_id = g.set_id AND i.currency_code = g.currency_code
CROSS JOIN LATERAL (
    SELECT collector.stated(i.subscription_id) AS subscription_id, collector.stated(i.order_id) AS order_id,
           collector.stated(i.offer_id) AS offer_id, collector.stated(i.offer_name) AS offer_name,
           collector.stated(i.product_id) AS product_id, collector.stated(i.product_name) AS product_name,
           collector.stated(i.sku_id) AS sku_id, collector.stated(i.sku_name) AS sku_name,
           collector.stated(i.product_id) || ':' || collector.stated(i.sku_id) AS product_sku,
           collector.stated(i.availability_id) AS availability_id,
           collector.stated(i.publisher_id) AS publisher_id, collector.stated(i.publisher_name) AS publisher_name,
           collector.stated(i.reseller_mpn_id) AS reseller_mpn_id, collector.stated(i.term_and_billing_cycle) AS term_and_billing_cycle,
           collector.stated(i.discount_details) AS discount_details,
           CASE
               WHEN c.charge LIKE '%TAX%' AND c.charge NOT LIKE '%CREDIT%' THEN 'Tax'
               WHEN c.charge LIKE '%REFUND%' THEN 'Purchase'
               WHEN c.charge LIKE '%CREDIT%' THEN 'Credit'
               WHEN c.charge LIKE ANY ('{%DISCOUNT%,%OFFSET%}') THEN 'Adjustment'
               WHEN c.charge LIKE '%USAGE%' THEN 'Usage'
               WHEN c.charge LIKE ANY ('{%PURCHASE%,%CYCLE%,%PRORATE%}') THEN 'Purchase'
               ELSE 'Adjustment'
           END AS kind,
           substring(c.names FROM '\m(reserved|reservation|savings plan)s?\M') AS commitment
    FROM (SELECT upper(i.charge_type) AS charge, lower(concat_ws(' ', i.offer_name, i.product_name, i.sku_name)) AS names OFFSET 0) c
    OFFSET 0
) s
CROSS JOIN LATERAL (
    -- Whether quantity and unit price are the price of a SKU. A product of more
    -- decimals than an export holds is not, nor is one that a credit contradicts.
    SELECT coalesce(s.kind <> 'Tax' AND coalesce(s.product_sku, s.offer_id, s.product_id) IS NOT NULL AND scale(trim_scale(i.quantity * i.unit_price)) <= 22
        AND (s.kind <> 'Credit' OR i.quantity * i.unit_price = coalesce(i.pretax_total, 0)), false) AS priced
    OFFSET 0
) p
-- One regular expression of all known names, rather than one each for every item.
LEFT JOIN collector.focus_services f ON f.known_name = substring(lower(concat_ws(' ', i.offer_name, i.product_name))
    FROM (SELECT '\m(?:' || string_agg(k.known_name, '|') || ')\M' FROM collector.focus_services k));
COMMENT ON VIEW collector.focus_items IS 'The line items that stand for a statement: those of its set in its currency, without placeholders. kind is the charge category of the amount before tax, commitment the word that tells what covers future charges.';

CREATE VIEW collector.focus_remainders AS
SELECT g.customer_key, g.invoice_type, g.period_start, g.period_end, g.currency_code, g.ordinal, g.collected_at,
       count(i.set_id) AS items,
       CASE WHEN count(i.set_id) = count(i.invoice_number) AND min(i.invoice_number) = max(i.invoice_number) THEN min(i.invoice_number) END AS invoice_number,
       g.pretax_total - coalesce(sum(i.pretax_total), 0) AS pretax_total,
       g.tax - coalesce(sum(i.tax), 0) AS tax,
       g.payable - coalesce(g.pretax_total, sum(i.pretax_total), 0) - coalesce(g.tax, sum(i.tax), 0) AS unexplained
FROM collector.focus_statements g
LEFT JOIN collector.line_items i ON i.set_id = g.set_id AND i.currency_code = g.currency_code
GROUP BY g.customer_key, g.invoice_type, g.period_start, g.period_end, g.currency_code, g.ordinal, g.collected_at, g.pretax_total, g.tax, g.payable;
COMMENT ON VIEW collector.focus_remainders IS 'What of a statement its line items do not explain: all of it where it has none. unexplained is what after tax holds beyond pretax and tax.';

-- The day of a month's cycle that begins on the given day, so many months later.
CREATE FUNCTION collector.focus_cycle(begins date, later integer) RETURNS date
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (begins + make_interval(months => later))::date;
COMMENT ON FUNCTION collector.focus_cycle IS 'The first day of a monthly cycle, so many months later.';

CREATE VIEW collector.focus_corrections AS
SELECT k.customer_key, k.invoice_type, k.period_start, k.period_end, k.currency_code, k.ordinal, k.revision, k.collected_at,
       -- A period that was longer than its cycle is corrected in the cycle after its end.
       collector.focus_cycle(k.period_start, k.reached + k.overlaps::integer) AS billing_start,
       collector.focus_cycle(k.period_start, k.reached + k.overlaps::integer + 1) AS billing_end,
       k.pretax_after - k.pretax_before AS pretax_total,
       k.tax_after - k.tax_before AS tax,
       coalesce(k.after_tax_after - k.pretax_after - k.tax_after, 0) - coalesce(k.after_tax_before - k.pretax_before - k.tax_before, 0) AS unexplained
FROM (
    SELECT r.*, collector.focus_cycle(r.period_start, r.reached) < r.period_end AS overlaps
    FROM (
        -- The period of the customer's own cycle in which it was collected: the restated
        -- one, moved on by whole months, one less where that is not reached yet.
        SELECT m.*, m.months - CASE WHEN collector.focus_cycle(m.period_start, m.months) > m.collected_on THEN 1 ELSE 0 END AS reached
        FROM (
            SELECT d.customer_key, d.invoice_type, d.period_start, d.currency_code, d.ordinal, h.revision + 1 AS revision,
                   (c.ends_at AT TIME ZONE 'UTC')::date + 1 AS period_end,
                   h.superseded_at AS collected_at,
                   (h.superseded_at AT TIME ZONE 'UTC')::date AS collected_on,
                   (12 * (extract(year FROM h.superseded_at AT TIME ZONE 'UTC') - extract(year FROM d.period_start))
                       + extract(month FROM h.superseded_at AT TIME ZONE 'UTC') - extract(month FROM d.period_start))::integer AS months,
                   coalesce(CASE WHEN n.detail_id IS NULL THEN d.pretax_total ELSE n.pretax_total END, 0) AS pretax_after,
                   coalesce(CASE WHEN n.detail_id IS NULL THEN d.tax ELSE n.tax END, 0) AS tax_after,
                   CASE WHEN n.detail_id IS NULL THEN d.after_tax_total ELSE n.after_tax_total END AS after_tax_after,
                   coalesce(h.pretax_total, 0) AS pretax_before,
                   coalesce(h.tax, 0) AS tax_before,
                   h.after_tax_total AS after_tax_before
            FROM collector.focus_closings c
            JOIN collector.cost_detail_history h ON h.detail_id = c.detail_id AND h.revision >= c.revision
            JOIN collector.cost_details d ON d.detail_id = c.detail_id
            LEFT JOIN collector.cost_detail_history n ON n.detail_id = h.detail_id AND n.revision = h.revision + 1
            WHERE d.currency_code IN (SELECT k.currency_code FROM collector.focus_currencies k)
        ) m
    ) r
) k;
COMMENT ON VIEW collector.focus_corrections IS 'What each restatement changed that came after the closing of its billing period, and the billing period that it goes into.';

CREATE VIEW collector.focus_charges AS
SELECT i.customer_key, i.invoice_type, i.period_start, i.currency_code, 'line item' AS source, 'item ' || i.ordinal AS charge, p.part,
       i.period_start AS billing_start, i.period_end AS billing_end,
       coalesce((i.start_date AT TIME ZONE 'UTC')::date, i.period_start) AS charge_start,
       greatest(coalesce((i.end_date AT TIME ZONE 'UTC')::date + 1, i.period_end), coalesce((i.start_date AT TIME ZONE 'UTC')::date, i.period_start) + 1) AS charge_end,
       CASE p.part WHEN 'pretax' THEN i.pretax_total ELSE i.tax END AS amount,
       CASE
           WHEN NOT i.priced OR coalesce(i.pretax_total, 0) = i.quantity * i.unit_price THEN CASE p.part WHEN 'pretax' THEN i.pretax_total ELSE i.tax END
           WHEN p.part = 'pretax' THEN i.quantity * i.unit_price
           WHEN i.pretax_total = 0 THEN i.tax
           ELSE round(i.tax * (i.quantity * i.unit_price) / i.pretax_total, 10)
       END AS contracted,
       CASE WHEN p.part = 'pretax' THEN
           CASE WHEN i.priced THEN CASE WHEN i.kind = 'Usage' THEN 'Units' ELSE 'Licenses' END WHEN i.kind IN ('Purchase', 'Usage') THEN 'Charges' END
       END AS unit,
       -- What is charged for a commitment covers the future; a credit for one is paid back now.
       i.kind, i.kind IN ('Purchase', 'Adjustment') AND i.commitment IS NOT NULL AS prepaid,
       CASE WHEN i.priced AND i.kind IN ('Purchase', 'Adjustment') THEN CASE WHEN i.commitment LIKE 'savings%' THEN 'Savings Plan' WHEN i.commitment IS NOT NULL THEN 'Reservation' END END AS commitment,
       i.collected_at, i.invoice_number, i.charge_type,
       i.subscription_id, i.order_id, i.offer_id, i.offer_name, i.product_id, i.product_name, i.product_sku, i.sku_id, i.sku_name, i.availability_id,
       i.publisher_id, i.publisher_name, i.reseller_mpn_id, i.term_and_billing_cycle, i.discount_details, i.quantity, i.unit_price,
       i.service_name, i.service_category
FROM collector.focus_items i
CROSS JOIN (SELECT 'pretax' AS part UNION ALL SELECT 'tax') p
WHERE CASE p.part WHEN 'pretax' THEN i.pretax_total ELSE i.tax END IS NOT NULL
UNION ALL
SELECT r.customer_key, r.invoice_type, r.period_start, r.currency_code,
       CASE WHEN r.items = 0 THEN 'summary' ELSE 'reconciliation' END, CASE WHEN r.items = 0 THEN 'summary ' ELSE 'reconciliation ' END || r.ordinal, p.part,
       r.period_start, r.period_end, r.period_start, r.period_end,
       CASE p.part WHEN 'pretax' THEN r.pretax_total WHEN 'tax' THEN r.tax ELSE r.unexplained END,
       CASE p.part WHEN 'pretax' THEN r.pretax_total WHEN 'tax' THEN r.tax ELSE r.unexplained END,
       CASE WHEN r.items = 0 AND p.part = 'pretax' THEN 'Billing Periods' END,
       CASE WHEN r.items = 0 THEN 'Purchase' ELSE 'Adjustment' END, false, NULL, r.collected_at, r.invoice_number, NULL,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       NULL, NULL
FROM collector.focus_remainders r
CROSS JOIN (SELECT 'pretax' AS part UNION ALL SELECT 'tax' UNION ALL SELECT 'unexplained') p
WHERE CASE
    WHEN p.part = 'unexplained' THEN r.unexplained <> 0 OR r.items = 0 AND num_nonnulls(r.pretax_total, r.tax) = 0
    WHEN r.items = 0 THEN CASE p.part WHEN 'pretax' THEN r.pretax_total ELSE r.tax END IS NOT NULL
    ELSE CASE p.part WHEN 'pretax' THEN r.pretax_total ELSE r.tax END <> 0 END
UNION ALL
SELECT k.customer_key, k.invoice_type, k.period_start, k.currency_code, 'correction', format('correction %s.%s', k.ordinal, k.revision), p.part,
       k.billing_start, k.billing_end, k.period_start, k.period_end,
       CASE p.part WHEN 'pretax' THEN k.pretax_total WHEN 'tax' THEN k.tax ELSE k.unexplained END,
       CASE p.part WHEN 'pretax' THEN k.pretax_total WHEN 'tax' THEN k.tax ELSE k.unexplained END,
       NULL, 'Purchase', false, NULL, k.collected_at, NULL, NULL,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       NULL, NULL
FROM collector.focus_corrections k
CROSS JOIN (SELECT 'pretax' AS part UNION ALL SELECT 'tax' UNION ALL SELECT 'unexplained') p
WHERE CASE p.part WHEN 'pretax' THEN k.pretax_total WHEN 'tax' THEN k.tax ELSE k.unexplained END <> 0;
COMMENT ON VIEW collector.focus_charges IS 'A row per amount that FOCUS is to state: pretax, tax and what they leave unexplained, of line items, of what these leave over, and of corrections.';

CREATE VIEW collector.focus_profiles AS
SELECT customer_key, company_name, country, valid_from, superseded_at AS valid_until
FROM collector.billing_profile_history
UNION ALL
SELECT customer_key, company_name, country, last_changed_at, 'infinity'
FROM collector.billing_profiles;
COMMENT ON VIEW collector.focus_profiles IS 'Company name and country of each customer, and since and until when they were known.';

CREATE VIEW collector.focus_names AS
SELECT customer_key, name, since AS valid_from,
       coalesce(lead(since) OVER (PARTITION BY customer_key ORDER BY since), 'infinity') AS valid_until
FROM collector.customer_names;
COMMENT ON VIEW collector.focus_names IS 'What line items call each customer, and since and until when they did.';

CREATE VIEW collector.focus_rows AS
SELECT h.amount AS "BilledCost",
       CASE WHEN h.prepaid THEN 0 ELSE h.amount END AS "EffectiveCost",
       h.contracted AS "ContractedCost",
       h.amount AS "ListCost",
       h.currency_code AS "BillingCurrency",
       coalesce(t.tenant_id::text, c.partner) AS "BillingAccountId",
       c.partner AS "BillingAccountName",
       'Partner' AS "BillingAccountType",
       c.customer_id::text AS "SubAccountId",
       coalesce(b.company_name, n.name, c.customer_id::text) AS "SubAccountName",
       'CSP customer' AS "SubAccountType",
       'Microsoft' AS "InvoiceIssuerName",
       coalesce(h.publisher_name, 'Microsoft') AS "PublisherName",
       h.billing_start::timestamp AT TIME ZONE 'UTC' AS "BillingPeriodStart",
       h.billing_end::timestamp AT TIME ZONE 'UTC' AS "BillingPeriodEnd",
       h.charge_start::timestamp AT TIME ZONE 'UTC' AS "ChargePeriodStart",
       h.charge_end::timestamp AT TIME ZONE 'UTC' AS "ChargePeriodEnd",
       CASE h.part WHEN 'pretax' THEN h.kind WHEN 'tax' THEN 'Tax' ELSE 'Adjustment' END AS "ChargeCategory",
       CASE WHEN h.source = 'correction' THEN 'Correction' END AS "ChargeClass",
       CASE WHEN h.part = 'tax' THEN 'Tax on ' ELSE '' END || CASE
           WHEN h.source = 'line item' THEN coalesce(nullif(concat_ws(' ', coalesce(h.offer_name, h.product_name), h.sku_name, h.charge_type), ''), 'unnamed charge')
           ELSE concat(
               CASE WHEN h.source = 'correction' THEN 'correction of ' END,
               CASE WHEN h.source = 'reconciliation' THEN 'difference between the line items and the ' END,
               CASE WHEN h.part = 'unexplained' THEN 'difference between after tax and pretax plus tax of the ' END,
               concat_ws(' ', h.invoice_type, 'service costs'), ' ', h.charge_start, '..', to_char(h.charge_end - 1, 'MM-DD'))
       END AS "ChargeDescription",
       CASE WHEN h.kind = 'Usage' THEN 'Usage-Based' WHEN h.invoice_type = 'Recurring' THEN 'Recurring' ELSE 'One-Time' END AS "ChargeFrequency",
       CASE WHEN h.kind IN ('Purchase', 'Usage') THEN CASE WHEN h.unit = 'Billing Periods' THEN 'Other' WHEN h.unit IS NOT NULL THEN 'Standard' END END AS "PricingCategory",
       CASE WHEN h.unit IN ('Licenses', 'Units') THEN h.signed_quantity WHEN h.unit IS NOT NULL THEN h.signed_charge END AS "PricingQuantity",
       h.unit AS "PricingUnit",
       CASE WHEN h.unit IN ('Licenses', 'Units') THEN abs(h.unit_price) WHEN h.unit IS NOT NULL THEN abs(h.amount) END AS "ContractedUnitPrice",
       CASE WHEN h.kind = 'Usage' AND h.unit IS NOT NULL THEN coalesce(h.signed_quantity, h.signed_charge) END AS "ConsumedQuantity",
       CASE WHEN h.kind = 'Usage' AND h.unit IS NOT NULL THEN CASE WHEN h.quantity IS NULL THEN 'Charges' ELSE 'Units' END END AS "ConsumedUnit",
       coalesce(h.service_name, h.offer_name, h.product_name, 'Microsoft CSP') AS "ServiceName",
       coalesce(h.service_category, 'Other') AS "ServiceCategory",
       h.focus_sku AS "SkuId",
       CASE WHEN h.focus_sku IS NOT NULL THEN coalesce(CASE WHEN h.product_sku IS NOT NULL THEN h.sku_name END, h.offer_name, h.product_name) END AS "SkuMeter",
       CASE WHEN h.unit IS NOT NULL THEN CASE WHEN h.product_sku IS NULL THEN h.focus_sku ELSE concat_ws(':', h.product_sku, coalesce(h.availability_id, h.offer_id)) END END AS "SkuPriceId",
       NULL::text AS "SkuPriceDetails",
       h.commitment_id AS "CommitmentDiscountId",
       CASE WHEN h.commitment_id IS NOT NULL THEN CASE h.commitment WHEN 'Savings Plan' THEN 'Spend' ELSE 'Usage' END END AS "CommitmentDiscountCategory",
       NULL::text AS "CommitmentDiscountName",
       CASE WHEN h.commitment_id IS NOT NULL AND h.unit IS NOT NULL AND h.kind = 'Purchase' THEN
           CASE h.commitment WHEN 'Savings Plan' THEN h.amount ELSE h.signed_quantity * 24 * (h.charge_end - h.charge_start) END END AS "CommitmentDiscountQuantity",
       NULL::text AS "CommitmentDiscountStatus",
       CASE WHEN h.commitment_id IS NOT NULL THEN h.commitment END AS "CommitmentDiscountType",
       CASE WHEN h.commitment_id IS NOT NULL AND h.unit IS NOT NULL AND h.kind = 'Purchase' THEN
           CASE h.commitment WHEN 'Savings Plan' THEN h.currency_code ELSE 'Hours' END END AS "CommitmentDiscountUnit",
       h.invoice_number AS "InvoiceId",
       CASE WHEN h.invoice_number IS NOT NULL THEN concat_ws('/', c.partner, c.customer_id, coalesce(h.invoice_type, '-'), h.period_start, h.currency_code, h.charge) END AS "InvoiceDetailId",
       NULL::text AS "Tags",
       NULL::text AS "ResourceId",
       NULL::text AS "ResourceName",
       NULL::text AS "ResourceType",
       NULL::text AS "RegionId",
       NULL::text AS "RegionName",
       c.partner AS "x_Partner",
       b.country AS "x_CustomerCountry",
       h.invoice_type AS "x_InvoiceType",
       h.period_start AS "x_PeriodStart",
       concat_ws('/', c.partner, c.customer_id, coalesce(h.invoice_type, '-'), h.period_start, h.currency_code, h.charge) AS "x_ChargeId",
       h.part AS "x_CostPart",
       CASE WHEN h.source = 'line item' THEN 'line item' ELSE 'summary' END AS "x_Granularity",
       h.source = 'reconciliation' OR h.part = 'unexplained' AS "x_Reconciliation",
       CASE WHEN h.prepaid THEN 'prepaid' ELSE 'billed' END AS "x_EffectiveCostBasis",
       h.contracted - h.amount AS "x_ContractedCostDifference",
       h.quantity AS "x_Quantity",
       h.unit_price AS "x_UnitPrice",
       h.charge_type AS "x_ChargeType",
       h.subscription_id AS "x_SubscriptionId",
       h.order_id AS "x_OrderId",
       h.offer_id AS "x_OfferId",
       h.offer_name AS "x_OfferName",
       h.product_id AS "x_ProductId",
       h.product_name AS "x_ProductName",
       h.sku_id AS "x_SkuId",
       h.sku_name AS "x_SkuName",
       h.availability_id AS "x_AvailabilityId",
       h.publisher_id AS "x_PublisherId",
       h.publisher_name AS "x_PublisherName",
       h.term_and_billing_cycle AS "x_TermAndBillingCycle",
       h.discount_details AS "x_DiscountDetails",
       h.reseller_mpn_id AS "x_ResellerMpnId",
       h.collected_at AS "x_CollectedAt"
FROM (
    SELECT f.*,
           -- A price is never negative in FOCUS: what is paid back is a negative quantity.
           CASE WHEN f.unit_price < 0 THEN -f.quantity ELSE f.quantity END AS signed_quantity,
           CASE WHEN f.amount < 0 THEN -1 ELSE 1 END AS signed_charge,
           CASE WHEN f.part = 'pretax' AND f.kind <> 'Tax' THEN coalesce(f.product_sku, f.offer_id, f.product_id) END AS focus_sku,
           CASE WHEN f.commitment IS NOT NULL THEN f.order_id END AS commitment_id,
           -- The moment whose name counts: the closing or, when later, the collection.
           greatest(collector.focus_closes_at((f.billing_end - 1)::timestamp AT TIME ZONE 'UTC'), f.collected_at + interval '1 microsecond') AS named_at
    FROM collector.focus_charges f
) h
JOIN collector.customers c ON c.customer_key = h.customer_key
LEFT JOIN collector.partners t ON t.partner = c.partner
LEFT JOIN collector.focus_profiles b ON b.customer_key = h.customer_key AND b.valid_from < h.named_at AND b.valid_until >= h.named_at
LEFT JOIN collector.focus_names n ON n.customer_key = h.customer_key AND n.valid_from < h.named_at AND n.valid_until >= h.named_at;
COMMENT ON VIEW collector.focus_rows IS 'The charges in the columns of every version of FOCUS that finance has a view of.';

CREATE VIEW finance.focus_1_2 AS
SELECT "BilledCost", "EffectiveCost", "ContractedCost", "ListCost", "BillingCurrency", "BillingAccountId", "BillingAccountName",
       "BillingAccountType", "SubAccountId", "SubAccountName", "SubAccountType", "InvoiceIssuerName", 'Microsoft' AS "ProviderName",
       "PublisherName", "BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory", "ChargeClass",
       "ChargeDescription", "ChargeFrequency", "PricingCategory", "PricingQuantity", "PricingUnit", "ContractedUnitPrice", "ConsumedQuantity",
       "ConsumedUnit", "ServiceName", "ServiceCategory", "SkuId", "SkuMeter", "SkuPriceId", "SkuPriceDetails", "CommitmentDiscountCategory",
       "CommitmentDiscountId", "CommitmentDiscountName", "CommitmentDiscountQuantity", "CommitmentDiscountStatus", "CommitmentDiscountType",
       "CommitmentDiscountUnit", "InvoiceId", "Tags", "ResourceId", "ResourceName", "ResourceType", "RegionId", "RegionName",
       "x_Partner", "x_CustomerCountry", "x_InvoiceType", "x_PeriodStart", "x_ChargeId", "x_CostPart", "x_Granularity", "x_Reconciliation",
       "x_EffectiveCostBasis", "x_ContractedCostDifference", "x_Quantity", "x_UnitPrice", "x_ChargeType", "x_SubscriptionId", "x_OrderId",
       "x_OfferId", "x_OfferName", "x_ProductId", "x_ProductName", "x_SkuId", "x_SkuName", "x_AvailabilityId", "x_PublisherId",
       "x_TermAndBillingCycle", "x_DiscountDetails", "x_ResellerMpnId", "x_CollectedAt"
FROM collector.focus_rows;

-- In 1.4 tax has the effective cost that it has been billed, and what has no price of a
-- SKU has no quantity either.
CREATE VIEW finance.focus_1_4 AS
SELECT "BilledCost",
       CASE WHEN "ChargeCategory" = 'Tax' THEN "BilledCost" ELSE "EffectiveCost" END AS "EffectiveCost",
       "ContractedCost", "ListCost", "BillingCurrency", "BillingAccountId", "BillingAccountName",
       "BillingAccountType", "SubAccountId", "SubAccountName", "SubAccountType", "InvoiceIssuerName", "PublisherName" AS "ServiceProviderName",
       "PublisherName" AS "HostProviderName", "BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory", "ChargeClass",
       "ChargeDescription", "ChargeFrequency",
       CASE WHEN "SkuPriceId" IS NOT NULL THEN "PricingCategory" END AS "PricingCategory",
       CASE WHEN "SkuPriceId" IS NOT NULL THEN "PricingQuantity" END AS "PricingQuantity",
       CASE WHEN "SkuPriceId" IS NOT NULL THEN "PricingUnit" END AS "PricingUnit",
       CASE WHEN "SkuPriceId" IS NOT NULL THEN "ContractedUnitPrice" END AS "ContractedUnitPrice",
       CASE WHEN "SkuPriceId" IS NOT NULL THEN "ConsumedQuantity" END AS "ConsumedQuantity",
       CASE WHEN "SkuPriceId" IS NOT NULL THEN "ConsumedUnit" END AS "ConsumedUnit",
       "ServiceName", "ServiceCategory", "SkuId", "SkuMeter", "SkuPriceId", "SkuPriceDetails", "CommitmentDiscountCategory",
       "CommitmentDiscountId", "CommitmentDiscountName", "CommitmentDiscountQuantity", "CommitmentDiscountStatus", "CommitmentDiscountType",
       "CommitmentDiscountUnit", "InvoiceId", "InvoiceDetailId", "Tags", "ResourceId", "ResourceName", "ResourceType", "RegionId", "RegionName",
       "x_Partner", "x_CustomerCountry", "x_InvoiceType", "x_PeriodStart", "x_ChargeId", "x_CostPart", "x_Granularity", "x_Reconciliation",
       CASE WHEN "ChargeCategory" = 'Tax' THEN 'billed' ELSE "x_EffectiveCostBasis" END AS "x_EffectiveCostBasis",
       "x_ContractedCostDifference", "x_Quantity", "x_UnitPrice", "x_ChargeType", "x_SubscriptionId", "x_OrderId",
       "x_OfferId", "x_OfferName", "x_ProductId", "x_ProductName", "x_SkuId", "x_SkuName", "x_AvailabilityId", "x_PublisherId",
       "x_TermAndBillingCycle", "x_DiscountDetails", "x_ResellerMpnId", "x_CollectedAt", "x_PublisherName"
FROM collector.focus_rows;

CREATE VIEW finance.focus_billing_period AS
SELECT p.period_start::timestamp AT TIME ZONE 'UTC' AS "BillingPeriodStart",
       p.period_end::timestamp AT TIME ZONE 'UTC' AS "BillingPeriodEnd",
       min(p.first_collected_at) AS "BillingPeriodCreated",
       CASE WHEN collector.focus_closes_at((p.period_end - 1)::timestamp AT TIME ZONE 'UTC') <= now()
           THEN greatest(max(p.collected_at), collector.focus_closes_at((p.period_end - 1)::timestamp AT TIME ZONE 'UTC'))
           ELSE max(p.collected_at) END AS "BillingPeriodLastUpdated",
       CASE WHEN collector.focus_closes_at((p.period_end - 1)::timestamp AT TIME ZONE 'UTC') <= now() THEN 'Closed' ELSE 'Open' END AS "BillingPeriodStatus",
       'Microsoft' AS "InvoiceIssuerName"
FROM (
    SELECT period_start, period_end, first_collected_at, collected_at FROM collector.focus_totals
    UNION ALL
    SELECT billing_start, billing_end, collected_at, collected_at FROM collector.focus_corrections WHERE pretax_total <> 0 OR tax <> 0 OR unexplained <> 0
) p
GROUP BY p.period_start, p.period_end;

CREATE VIEW finance.focus_left_out AS
SELECT c.partner, c.customer_id, b.company_name, d.invoice_type, d.period_start, (d.ends_at AT TIME ZONE 'UTC')::date AS period_end,
       d.currency_code, d.pretax_total, d.tax, d.after_tax_total, d.ordinal, d.left_out AS reason
FROM collector.focus_details d
JOIN collector.customers c USING (customer_key)
LEFT JOIN collector.billing_profiles b USING (customer_key)
WHERE d.left_out IS NOT NULL;

COMMENT ON VIEW finance.focus_1_2 IS 'The costs in the columns of FOCUS 1.2: a row for what each charge is before tax and one for its tax. Line items where the period has them, else the totals. Adds up to finance.costs; what it cannot state stands in focus_left_out.';
COMMENT ON COLUMN finance.focus_1_2."BilledCost" IS 'The amount to pay: pretax on one row, tax on another; negative for a credit.';
COMMENT ON COLUMN finance.focus_1_2."EffectiveCost" IS 'As BilledCost; 0 for what is charged for a reservation or a savings plan, which covers future charges, and for its tax.';
COMMENT ON COLUMN finance.focus_1_2."ContractedCost" IS 'Unit price times quantity of a line item, else as BilledCost. On a tax row the tax in the same proportion.';
COMMENT ON COLUMN finance.focus_1_2."ListCost" IS 'As BilledCost: the service states no list price.';
COMMENT ON COLUMN finance.focus_1_2."BillingCurrency" IS 'Code of a national currency in ISO 4217. Never add amounts of different currencies.';
COMMENT ON COLUMN finance.focus_1_2."BillingAccountId" IS 'The partner''s tenant id; its name where the configuration names no tenant.';
COMMENT ON COLUMN finance.focus_1_2."BillingAccountName" IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.focus_1_2."BillingAccountType" IS 'Always Partner.';
COMMENT ON COLUMN finance.focus_1_2."SubAccountId" IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.focus_1_2."SubAccountName" IS 'Company name of the customer''s billing profile as it was when the billing period closed; else what the line items call the customer; else its id.';
COMMENT ON COLUMN finance.focus_1_2."SubAccountType" IS 'Always CSP customer.';
COMMENT ON COLUMN finance.focus_1_2."InvoiceIssuerName" IS 'Always Microsoft, who bills the partner.';
COMMENT ON COLUMN finance.focus_1_2."ProviderName" IS 'Always Microsoft.';
COMMENT ON COLUMN finance.focus_1_2."PublisherName" IS 'Publisher of the product; Microsoft where none is stated.';
COMMENT ON COLUMN finance.focus_1_2."BillingPeriodStart" IS 'First instant of the billing period, UTC.';
COMMENT ON COLUMN finance.focus_1_2."BillingPeriodEnd" IS 'First instant after the billing period, UTC. A period counts in the month of its last day, which is the day before.';
COMMENT ON COLUMN finance.focus_1_2."ChargePeriodStart" IS 'First instant that the charge covers, UTC; may lie outside the billing period.';
COMMENT ON COLUMN finance.focus_1_2."ChargePeriodEnd" IS 'First instant after what the charge covers, UTC.';
COMMENT ON COLUMN finance.focus_1_2."ChargeCategory" IS 'Purchase, Usage, Credit, Adjustment or Tax.';
COMMENT ON COLUMN finance.focus_1_2."ChargeClass" IS 'Correction for the change of a value after its billing period had closed, else null.';
COMMENT ON COLUMN finance.focus_1_2."ChargeDescription" IS 'What is charged: the offer, SKU and charge type of a line item, else invoice type and period.';
COMMENT ON COLUMN finance.focus_1_2."ChargeFrequency" IS 'Recurring, One-Time or Usage-Based; One-Time also for invoice types other than Recurring.';
COMMENT ON COLUMN finance.focus_1_2."PricingCategory" IS 'Standard for purchases and usage; Other where only the summary is known; null on tax rows and corrections.';
COMMENT ON COLUMN finance.focus_1_2."PricingQuantity" IS 'Quantity of the line item, negative where its unit price is; 1 or -1 where the charge or the billing period as a whole is what has a price; null on tax rows, corrections and rows without a price.';
COMMENT ON COLUMN finance.focus_1_2."PricingUnit" IS 'Licenses for purchases, Units for usage, Charges for a line item without SKU, quantity or unit price, Billing Periods where only the summary is known; null where PricingQuantity is.';
COMMENT ON COLUMN finance.focus_1_2."ServiceName" IS 'Service that the offer belongs to, else the name of the offer or product; Microsoft CSP where only the summary is known.';
COMMENT ON COLUMN finance.focus_1_2."ServiceCategory" IS 'Category of the service in the list of FOCUS; Other where it is not known.';
COMMENT ON COLUMN finance.focus_1_2."SkuId" IS 'Product and SKU, joined by a colon, else the offer, else the product; null on tax rows and where only the summary is known.';
COMMENT ON COLUMN finance.focus_1_2."SkuMeter" IS 'Name of the SKU, else of the offer or the product: the service states no meter. Null where SkuId is.';
COMMENT ON COLUMN finance.focus_1_2."SkuPriceId" IS 'SkuId and the availability, else the offer; null on tax rows and where there is no price of a SKU.';
COMMENT ON COLUMN finance.focus_1_2."SkuPriceDetails" IS 'Always null: the service states no properties of a price.';
COMMENT ON COLUMN finance.focus_1_2."ContractedUnitPrice" IS 'Price of one PricingUnit, never negative; null where PricingQuantity is. x_UnitPrice has what was stated.';
COMMENT ON COLUMN finance.focus_1_2."ConsumedQuantity" IS 'Quantity of a usage charge, negative where its unit price is; null for all others.';
COMMENT ON COLUMN finance.focus_1_2."ConsumedUnit" IS 'Units for usage, Charges where no quantity is stated; null where ConsumedQuantity is.';
COMMENT ON COLUMN finance.focus_1_2."CommitmentDiscountCategory" IS 'Usage for a reservation, Spend for a savings plan; null where CommitmentDiscountId is.';
COMMENT ON COLUMN finance.focus_1_2."CommitmentDiscountId" IS 'Order of the reservation or savings plan that is charged; null for all other charges, and where the line names no order, SKU, quantity or unit price.';
COMMENT ON COLUMN finance.focus_1_2."CommitmentDiscountName" IS 'Always null: the service states no name.';
COMMENT ON COLUMN finance.focus_1_2."CommitmentDiscountQuantity" IS 'What a purchase lets be used in its charge period: PricingQuantity times the hours of a reservation, the amount of a savings plan.';
COMMENT ON COLUMN finance.focus_1_2."CommitmentDiscountStatus" IS 'Always null: usage that a reservation covers is not stated.';
COMMENT ON COLUMN finance.focus_1_2."CommitmentDiscountType" IS 'Reservation or Savings Plan; null where CommitmentDiscountId is.';
COMMENT ON COLUMN finance.focus_1_2."CommitmentDiscountUnit" IS 'Hours for a reservation, the currency for a savings plan; null where CommitmentDiscountQuantity is.';
COMMENT ON COLUMN finance.focus_1_2."InvoiceId" IS 'Number of Microsoft''s invoice; null where no line items are known.';
COMMENT ON COLUMN finance.focus_1_2."Tags" IS 'Always null: the service states none.';
COMMENT ON COLUMN finance.focus_1_2."ResourceId" IS 'Always null: charges cannot be related to resources.';
COMMENT ON COLUMN finance.focus_1_2."ResourceName" IS 'Always null, as ResourceId.';
COMMENT ON COLUMN finance.focus_1_2."ResourceType" IS 'Always null, as ResourceId.';
COMMENT ON COLUMN finance.focus_1_2."RegionId" IS 'Always null: the service states none.';
COMMENT ON COLUMN finance.focus_1_2."RegionName" IS 'Always null, as RegionId.';
COMMENT ON COLUMN finance.focus_1_2."x_Partner" IS 'Name of the partner in the configuration, as in the other views.';
COMMENT ON COLUMN finance.focus_1_2."x_CustomerCountry" IS 'Country of the customer''s billing profile as it was when the billing period closed, ISO 3166 alpha-2.';
COMMENT ON COLUMN finance.focus_1_2."x_InvoiceType" IS 'Recurring, OneTime, or a type the service added later; null when it names none.';
COMMENT ON COLUMN finance.focus_1_2."x_PeriodStart" IS 'period_start of the cost in finance.costs that the charge belongs to, also for a correction.';
COMMENT ON COLUMN finance.focus_1_2."x_ChargeId" IS 'Key of the charge; its rows are told apart by x_CostPart.';
COMMENT ON COLUMN finance.focus_1_2."x_CostPart" IS 'pretax, tax, or unexplained: what after_tax_total holds beyond pretax plus tax.';
COMMENT ON COLUMN finance.focus_1_2."x_Granularity" IS 'line item, or summary: the total of a billing period, which is less than FOCUS asks for.';
COMMENT ON COLUMN finance.focus_1_2."x_Reconciliation" IS 'True for a row that makes the charges add up to finance.costs.';
COMMENT ON COLUMN finance.focus_1_2."x_EffectiveCostBasis" IS 'billed: as BilledCost; prepaid: 0, because the purchase covers future charges.';
COMMENT ON COLUMN finance.focus_1_2."x_ContractedCostDifference" IS 'ContractedCost less BilledCost: not 0 for promotions and prorated charges.';
COMMENT ON COLUMN finance.focus_1_2."x_Quantity" IS 'Quantity of the line item, exactly as stated.';
COMMENT ON COLUMN finance.focus_1_2."x_UnitPrice" IS 'Unit price of the line item, exactly as stated.';
COMMENT ON COLUMN finance.focus_1_2."x_ChargeType" IS 'Charge type of the line item, as written by the service.';
COMMENT ON COLUMN finance.focus_1_2."x_SubscriptionId" IS 'Subscription, as written by the service.';
COMMENT ON COLUMN finance.focus_1_2."x_OrderId" IS 'Order, as written by the service.';
COMMENT ON COLUMN finance.focus_1_2."x_OfferId" IS 'Offer, as written by the service.';
COMMENT ON COLUMN finance.focus_1_2."x_OfferName" IS 'Name of the offer.';
COMMENT ON COLUMN finance.focus_1_2."x_ProductId" IS 'Product, as written by the service.';
COMMENT ON COLUMN finance.focus_1_2."x_ProductName" IS 'Name of the product.';
COMMENT ON COLUMN finance.focus_1_2."x_SkuId" IS 'SKU of the product, as written by the service.';
COMMENT ON COLUMN finance.focus_1_2."x_SkuName" IS 'Name of the SKU.';
COMMENT ON COLUMN finance.focus_1_2."x_AvailabilityId" IS 'Availability of the SKU, as written by the service.';
COMMENT ON COLUMN finance.focus_1_2."x_PublisherId" IS 'Publisher of the product, as written by the service.';
COMMENT ON COLUMN finance.focus_1_2."x_TermAndBillingCycle" IS 'Term and billing cycle, free text.';
COMMENT ON COLUMN finance.focus_1_2."x_DiscountDetails" IS 'Discount, free text such as 20%; null when there is none.';
COMMENT ON COLUMN finance.focus_1_2."x_ResellerMpnId" IS 'Partner id of the indirect reseller; null when there is none.';
COMMENT ON COLUMN finance.focus_1_2."x_CollectedAt" IS 'When the amount was collected.';

COMMENT ON VIEW finance.focus_1_4 IS 'As focus_1_2, in the columns of FOCUS 1.4.';
DO $comments$
DECLARE same record;
BEGIN
    FOR same IN
        SELECT n.attname, col_description(o.attrelid, o.attnum) AS meaning
        FROM pg_attribute n JOIN pg_attribute o ON o.attrelid = 'finance.focus_1_2'::regclass AND o.attname = n.attname
        WHERE n.attrelid = 'finance.focus_1_4'::regclass AND n.attnum > 0
    LOOP
        EXECUTE format('COMMENT ON COLUMN finance.focus_1_4.%I IS %L', same.attname, same.meaning);
    END LOOP;
END
$comments$;
COMMENT ON COLUMN finance.focus_1_4."EffectiveCost" IS 'As BilledCost; 0 for what is charged for a reservation or a savings plan, which covers future charges. Of tax as BilledCost.';
COMMENT ON COLUMN finance.focus_1_4."PricingCategory" IS 'Standard for purchases and usage with a SkuPriceId, else null.';
COMMENT ON COLUMN finance.focus_1_4."PricingQuantity" IS 'Quantity of the line item, negative where its unit price is; 1 or -1 where the charge as a whole is what has a price; null where SkuPriceId is.';
COMMENT ON COLUMN finance.focus_1_4."PricingUnit" IS 'Licenses for purchases, Units for usage, Charges for a line item without quantity or unit price; null where SkuPriceId is.';
COMMENT ON COLUMN finance.focus_1_4."x_EffectiveCostBasis" IS 'billed: as BilledCost; prepaid: 0, because the charge covers future charges. Of tax always billed.';
COMMENT ON COLUMN finance.focus_1_4."ServiceProviderName" IS 'Publisher of the product, who sells it; Microsoft where none is stated.';
COMMENT ON COLUMN finance.focus_1_4."HostProviderName" IS 'As ServiceProviderName: the service does not say where a product runs.';
COMMENT ON COLUMN finance.focus_1_4."InvoiceDetailId" IS 'Key of the line within the invoice; null where InvoiceId is.';
COMMENT ON COLUMN finance.focus_1_4."x_PublisherName" IS 'Publisher of the product, as written by the service; null where none is stated.';

COMMENT ON VIEW finance.focus_billing_period IS 'The billing periods of the FOCUS views, as the Billing Period dataset of FOCUS 1.4.';
COMMENT ON COLUMN finance.focus_billing_period."BillingPeriodStart" IS 'First instant of the billing period, UTC.';
COMMENT ON COLUMN finance.focus_billing_period."BillingPeriodEnd" IS 'First instant after the billing period, UTC.';
COMMENT ON COLUMN finance.focus_billing_period."BillingPeriodCreated" IS 'When the first cost of the period was collected.';
COMMENT ON COLUMN finance.focus_billing_period."BillingPeriodLastUpdated" IS 'When a cost of the period was last collected, or the period closed.';
COMMENT ON COLUMN finance.focus_billing_period."BillingPeriodStatus" IS 'Open, or Closed from 15 days after the last day on: later changes are corrections in a later period.';
COMMENT ON COLUMN finance.focus_billing_period."InvoiceIssuerName" IS 'Always Microsoft.';

COMMENT ON VIEW finance.focus_left_out IS 'The costs that the FOCUS views do not hold, because a value that FOCUS demands is not stated, or not so.';
COMMENT ON COLUMN finance.focus_left_out.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.focus_left_out.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.focus_left_out.company_name IS 'Company name of the billing profile.';
COMMENT ON COLUMN finance.focus_left_out.invoice_type IS 'Invoice type of the cost.';
COMMENT ON COLUMN finance.focus_left_out.period_start IS 'First day of the billing period.';
COMMENT ON COLUMN finance.focus_left_out.period_end IS 'Last day of the billing period.';
COMMENT ON COLUMN finance.focus_left_out.currency_code IS 'Currency of the amounts.';
COMMENT ON COLUMN finance.focus_left_out.pretax_total IS 'Amount before tax.';
COMMENT ON COLUMN finance.focus_left_out.tax IS 'Tax.';
COMMENT ON COLUMN finance.focus_left_out.after_tax_total IS 'Amount after tax.';
COMMENT ON COLUMN finance.focus_left_out.ordinal IS 'As in finance.costs.';
COMMENT ON COLUMN finance.focus_left_out.reason IS 'What is not stated, or not as FOCUS demands.';

COMMIT;
