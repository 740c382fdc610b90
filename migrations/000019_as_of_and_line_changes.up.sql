BEGIN;

-- The facts as they stood: every value with the time for which it counted.
CREATE VIEW finance.cost_validity AS
SELECT c.partner, c.customer_id, p.company_name, v.invoice_type, v.period_start,
       (v.ends_at AT TIME ZONE 'UTC')::date AS period_end, v.currency_code, v.pretax_total, v.tax, v.after_tax_total,
       v.origin, v.first_collected_at, v.valid_from, v.valid_until, v.revision, v.ordinal
FROM (
    SELECT d.customer_key, d.invoice_type, d.period_start, d.currency_code, d.ordinal, d.first_collected_at,
           d.ends_at, d.pretax_total, d.tax, d.after_tax_total, d.origin, d.revisions AS revision, d.last_changed_at AS valid_from, NULL::timestamptz AS valid_until
    FROM collector.cost_details d
    UNION ALL
    SELECT d.customer_key, d.invoice_type, d.period_start, d.currency_code, d.ordinal, d.first_collected_at,
           h.ends_at, h.pretax_total, h.tax, h.after_tax_total, h.origin, h.revision, h.valid_from, h.superseded_at
    FROM collector.cost_detail_history h
    JOIN collector.cost_details d USING (detail_id)
    UNION ALL
    SELECT w.customer_key, d.invoice_type, d.period_start, d.currency_code, d.ordinal, d.first_collected_at,
           d.ends_at, d.pretax_total, d.tax, d.after_tax_total, d.origin, d.revisions, d.last_changed_at, w.withdrawn_at
    FROM collector.withdrawn_rows w
    CROSS JOIN LATERAL jsonb_to_record(w.detail) AS d (invoice_type text, period_start date, currency_code text, ordinal integer, first_collected_at timestamptz,
        ends_at timestamptz, pretax_total numeric, tax numeric, after_tax_total numeric, origin text, revisions integer, last_changed_at timestamptz)
    UNION ALL
    SELECT w.customer_key, d.invoice_type, d.period_start, d.currency_code, d.ordinal, d.first_collected_at,
           h.ends_at, h.pretax_total, h.tax, h.after_tax_total, h.origin, h.revision, h.valid_from, h.superseded_at
    FROM collector.withdrawn_rows w
    CROSS JOIN LATERAL jsonb_to_record(w.detail) AS d (invoice_type text, period_start date, currency_code text, ordinal integer, first_collected_at timestamptz)
    CROSS JOIN LATERAL jsonb_to_recordset(w.history) AS h (ends_at timestamptz, pretax_total numeric, tax numeric, after_tax_total numeric, origin text,
        revision integer, valid_from timestamptz, superseded_at timestamptz)
) v
JOIN collector.customers c ON c.customer_key = v.customer_key
LEFT JOIN collector.billing_profiles p ON p.customer_key = v.customer_key;
COMMENT ON VIEW finance.cost_validity IS 'Every value that a cost ever had, with the time for which it counted, those of withdrawn costs included: what costs_as_of selects from.';

CREATE FUNCTION finance.as_of() RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(nullif(current_setting('finance.as_of', true), '')::timestamptz, 'infinity');
COMMENT ON FUNCTION finance.as_of() IS 'The setting finance.as_of, else infinity, which stands for what counts now.';

CREATE FUNCTION finance.costs_as_of(moment timestamptz)
RETURNS TABLE (partner text, customer_id uuid, company_name text, invoice_type text, period_start date, period_end date, currency_code text,
    pretax_total numeric, tax numeric, after_tax_total numeric, origin text, first_collected_at timestamptz, last_changed_at timestamptz, revisions integer, ordinal integer)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT v.partner, v.customer_id, v.company_name, v.invoice_type, v.period_start, v.period_end, v.currency_code,
           v.pretax_total, v.tax, v.after_tax_total, v.origin, v.first_collected_at, v.valid_from, v.revision, v.ordinal
    FROM finance.cost_validity v
    WHERE v.valid_from <= moment AND (v.valid_until IS NULL OR v.valid_until > moment);
END;
COMMENT ON FUNCTION finance.costs_as_of(timestamptz) IS 'finance.costs as it stood at a moment: the values that counted then, under the names that customers have now. What was imported or replayed later was not there then.';

CREATE VIEW finance.line_item_revisions AS
SELECT c.partner, c.customer_id, p.company_name, s.invoice_type, i.invoice_number, i.charge_type,
       (i.start_date AT TIME ZONE 'UTC')::date AS start_date, (i.end_date AT TIME ZONE 'UTC')::date AS end_date,
       i.subscription_id, i.order_id, i.offer_id, i.offer_name, i.product_id, i.product_name, i.sku_id, i.sku_name, i.publisher_name,
       i.quantity, i.unit_price, i.pretax_total, i.tax, i.after_tax_total, i.currency_code,
       s.period_start AS billing_period_start, i.subscription_friendly_name, i.availability_id, i.publisher_id, i.reseller_mpn_id,
       i.term_and_billing_cycle, i.discount_details, i.ordinal, s.revision, s.collected_at, s.superseded_at
FROM collector.line_items i
JOIN collector.line_item_sets s USING (set_id)
JOIN collector.customers c USING (customer_key)
LEFT JOIN collector.billing_profiles p USING (customer_key);
COMMENT ON VIEW finance.line_item_revisions IS 'The line items of every set, the superseded ones included: as finance.line_items, with the number of the set and the time for which it counted.';

CREATE FUNCTION finance.line_items_as_of(moment timestamptz)
RETURNS TABLE (partner text, customer_id uuid, company_name text, invoice_type text, invoice_number text, charge_type text, start_date date, end_date date,
    subscription_id text, order_id text, offer_id text, offer_name text, product_id text, product_name text, sku_id text, sku_name text, publisher_name text,
    quantity numeric, unit_price numeric, pretax_total numeric, tax numeric, after_tax_total numeric, currency_code text, billing_period_start date,
    subscription_friendly_name text, availability_id text, publisher_id text, reseller_mpn_id text, term_and_billing_cycle text, discount_details text, ordinal integer)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT r.partner, r.customer_id, r.company_name, r.invoice_type, r.invoice_number, r.charge_type, r.start_date, r.end_date,
           r.subscription_id, r.order_id, r.offer_id, r.offer_name, r.product_id, r.product_name, r.sku_id, r.sku_name, r.publisher_name,
           r.quantity, r.unit_price, r.pretax_total, r.tax, r.after_tax_total, r.currency_code, r.billing_period_start,
           r.subscription_friendly_name, r.availability_id, r.publisher_id, r.reseller_mpn_id, r.term_and_billing_cycle, r.discount_details, r.ordinal
    FROM finance.line_item_revisions r
    WHERE r.collected_at <= moment AND (r.superseded_at IS NULL OR r.superseded_at > moment);
END;
COMMENT ON FUNCTION finance.line_items_as_of(timestamptz) IS 'finance.line_items as it stood at a moment.';

-- The few sets that took the place of another one.
CREATE INDEX line_item_sets_restated ON collector.line_item_sets (collected_at) WHERE revision > 0;

CREATE VIEW finance.line_item_changes AS
SELECT c.partner, c.customer_id, p.company_name, n.invoice_type, n.period_start, l.currency_code, n.collected_at AS changed_at,
       CASE WHEN l.lines_after = 0 THEN 'went' WHEN l.lines_before = 0 THEN 'came' ELSE 'changed' END AS change,
       l.subscription_id, l.name, l.charge_type, l.pretax_before, l.pretax_after,
       coalesce(l.pretax_after, 0) - coalesce(l.pretax_before, 0) AS difference,
       l.after_tax_before, l.after_tax_after, coalesce(l.after_tax_after, 0) - coalesce(l.after_tax_before, 0) AS after_tax_difference,
       l.quantity_before, l.quantity_after, l.unit_price_before, l.unit_price_after, l.start_date, l.end_date, n.run_id, n.revision
FROM collector.line_item_sets n
JOIN collector.line_item_sets o ON o.customer_key = n.customer_key AND o.invoice_type IS NOT DISTINCT FROM n.invoice_type
    AND o.period_start IS NOT DISTINCT FROM n.period_start AND o.revision = n.revision - 1
JOIN collector.customers c ON c.customer_key = n.customer_key
LEFT JOIN collector.billing_profiles p ON p.customer_key = n.customer_key
CROSS JOIN LATERAL (
    -- What has the same key in both sets is a pair, true duplicates in the order of their amounts.
    SELECT r.currency_code, r.subscription_id, r.charge_type, r.start_date, r.end_date,
           coalesce(max(r.offer_name), max(r.product_name), max(r.sku_name)) AS name,
           count(*) FILTER (WHERE NOT r.is_new) AS lines_before, count(*) FILTER (WHERE r.is_new) AS lines_after,
           sum(r.pretax_total) FILTER (WHERE NOT r.is_new) AS pretax_before, sum(r.pretax_total) FILTER (WHERE r.is_new) AS pretax_after,
           sum(r.after_tax) FILTER (WHERE NOT r.is_new) AS after_tax_before, sum(r.after_tax) FILTER (WHERE r.is_new) AS after_tax_after,
           sum(r.quantity) FILTER (WHERE NOT r.is_new) AS quantity_before, sum(r.quantity) FILTER (WHERE r.is_new) AS quantity_after,
           sum(r.unit_price) FILTER (WHERE NOT r.is_new) AS unit_price_before, sum(r.unit_price) FILTER (WHERE r.is_new) AS unit_price_after
    FROM (
        SELECT t.*, row_number() OVER (PARTITION BY t.is_new, t.currency_code, t.subscription_id, t.offer, t.product, t.sku, t.charge_type, t.start_date, t.end_date
                   ORDER BY t.pretax_total DESC NULLS LAST, t.ordinal) AS place
        FROM (
            -- Lines that are in both sets with the same amounts have not changed.
            SELECT s.*, count(*) OVER (PARTITION BY s.currency_code, s.subscription_id, s.offer, s.product, s.sku, s.charge_type, s.start_date, s.end_date,
                       s.quantity, s.unit_price, s.pretax_total, s.tax, s.after_tax, s.twin) AS sides
            FROM (
                SELECT k.*, row_number() OVER (PARTITION BY k.is_new, k.currency_code, k.subscription_id, k.offer, k.product, k.sku, k.charge_type, k.start_date, k.end_date,
                           k.quantity, k.unit_price, k.pretax_total, k.tax, k.after_tax ORDER BY k.ordinal) AS twin
                FROM (
                    SELECT i.set_id = n.set_id AS is_new, i.ordinal, i.currency_code, i.subscription_id, i.charge_type,
                           (i.start_date AT TIME ZONE 'UTC')::date AS start_date, (i.end_date AT TIME ZONE 'UTC')::date AS end_date,
                           i.offer_name, i.product_name, i.sku_name,
                           coalesce(i.offer_id, i.offer_name) AS offer, coalesce(i.product_id, i.product_name) AS product, coalesce(i.sku_id, i.sku_name) AS sku,
                           i.quantity, i.unit_price, i.pretax_total, i.tax, coalesce(i.after_tax_total, i.pretax_total + coalesce(i.tax, 0)) AS after_tax
                    FROM collector.line_items i
                    WHERE i.set_id IN (o.set_id, n.set_id)
                ) k
            ) s
        ) t
        WHERE t.sides = 1
    ) r
    GROUP BY r.currency_code, r.subscription_id, r.offer, r.product, r.sku, r.charge_type, r.start_date, r.end_date, r.place
) l
WHERE n.revision > 0;
COMMENT ON VIEW finance.line_item_changes IS 'What went, came and changed with each restatement of a set of line items. Lines are paired by currency, subscription, offer or product and SKU, charge type and dates, of which none has to be unique; what finds no partner went or came. Lines whose quantity, price and amounts are the same have not changed.';

CREATE VIEW finance.cost_change_lines AS
SELECT c.partner, c.customer_id, p.company_name, d.invoice_type, d.period_start, d.currency_code, h.superseded_at AS changed_at,
       x.after - h.after_tax_total AS cost_difference,
       l.change, l.subscription_id, l.name, l.charge_type, l.after_tax_before, l.after_tax_after, l.after_tax_difference,
       CASE WHEN x.after <> h.after_tax_total THEN round(l.after_tax_difference / (x.after - h.after_tax_total) * 100, 1) END AS share_percent,
       l.quantity_before, l.quantity_after, l.unit_price_before, l.unit_price_after, l.start_date, l.end_date,
       h.superseded_by_run AS run_id, h.revision + 1 AS revision, d.ordinal,
       (CASE WHEN n.detail_id IS NULL THEN d.ends_at ELSE n.ends_at END AT TIME ZONE 'UTC')::date AS period_end
FROM collector.cost_detail_history h
JOIN collector.cost_details d ON d.detail_id = h.detail_id
LEFT JOIN collector.cost_detail_history n ON n.detail_id = h.detail_id AND n.revision = h.revision + 1
CROSS JOIN LATERAL (SELECT CASE WHEN n.detail_id IS NULL THEN d.after_tax_total ELSE n.after_tax_total END AS after) x
JOIN collector.customers c ON c.customer_key = d.customer_key
LEFT JOIN collector.billing_profiles p ON p.customer_key = d.customer_key
CROSS JOIN LATERAL (
    SELECT CASE WHEN w.is_rest THEN 'unexplained' ELSE w.change END AS change, w.subscription_id, w.name, w.charge_type, w.after_tax_before, w.after_tax_after,
           w.after_tax_difference, w.quantity_before, w.quantity_after, w.unit_price_before, w.unit_price_after, w.start_date, w.end_date
    FROM (
        SELECT u.is_rest, u.change, u.subscription_id, u.name, u.charge_type, u.after_tax_before, u.after_tax_after,
               CASE WHEN u.is_rest THEN x.after - h.after_tax_total - coalesce(sum(u.after_tax_difference) OVER (), 0) ELSE u.after_tax_difference END AS after_tax_difference,
               u.quantity_before, u.quantity_after, u.unit_price_before, u.unit_price_after, u.start_date, u.end_date
        FROM (
            -- Line items that a night could not read come with a later one.
            SELECT false AS is_rest, i.change, i.subscription_id, i.name, i.charge_type, i.after_tax_before, i.after_tax_after, i.after_tax_difference,
                   i.quantity_before, i.quantity_after, i.unit_price_before, i.unit_price_after, i.start_date, i.end_date
            FROM finance.line_item_changes i
            WHERE i.partner = c.partner AND i.customer_id = c.customer_id AND i.invoice_type IS NOT DISTINCT FROM d.invoice_type
              AND i.period_start IS NOT DISTINCT FROM d.period_start AND i.currency_code IS NOT DISTINCT FROM d.currency_code AND d.ordinal = 1
              AND i.changed_at >= h.superseded_at AND (n.superseded_at IS NULL OR i.changed_at < n.superseded_at)
            UNION ALL
            SELECT true, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        ) u
    ) w
    WHERE NOT w.is_rest OR w.after_tax_difference <> 0
) l;
COMMENT ON VIEW finance.cost_change_lines IS 'Why a cost was restated: the rows of line_item_changes that came with the restatement or before the next one, and what they leave unexplained. The after_tax_difference of all rows of a restatement add up to cost_difference.';
COMMENT ON COLUMN finance.cost_validity.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.cost_validity.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.cost_validity.company_name IS 'Company name of the billing profile.';
COMMENT ON COLUMN finance.cost_validity.invoice_type IS 'Recurring, OneTime, or a type the service added later; null when it names none.';
COMMENT ON COLUMN finance.cost_validity.period_start IS 'First day of the billing period.';
COMMENT ON COLUMN finance.cost_validity.currency_code IS 'ISO 4217 code; null when the service states none.';
COMMENT ON COLUMN finance.cost_validity.period_end IS 'Last day of the billing period, as stated then.';
COMMENT ON COLUMN finance.cost_validity.pretax_total IS 'Amount before tax, as stated then.';
COMMENT ON COLUMN finance.cost_validity.tax IS 'Tax, as stated then.';
COMMENT ON COLUMN finance.cost_validity.after_tax_total IS 'Amount after tax, as stated then.';
COMMENT ON COLUMN finance.cost_validity.origin IS 'servicecosts (collected from the service) or import (from saved answers).';
COMMENT ON COLUMN finance.cost_validity.first_collected_at IS 'When the cost was first stored.';
COMMENT ON COLUMN finance.cost_validity.valid_from IS 'When this value was stored.';
COMMENT ON COLUMN finance.cost_validity.valid_until IS 'When the next value took its place, or the cost was withdrawn; null for what counts now.';
COMMENT ON COLUMN finance.cost_validity.revision IS '0 for the value first collected, then one more for each restatement.';
COMMENT ON COLUMN finance.cost_validity.ordinal IS 'As in finance.costs.';
COMMENT ON COLUMN finance.line_item_revisions.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.line_item_revisions.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.line_item_revisions.company_name IS 'Company name of the billing profile.';
COMMENT ON COLUMN finance.line_item_revisions.invoice_type IS 'Invoice type of the item; null when the service names none.';
COMMENT ON COLUMN finance.line_item_revisions.invoice_number IS 'Number of Microsoft''s invoice to the partner.';
COMMENT ON COLUMN finance.line_item_revisions.charge_type IS 'Free text such as CYCLE FEE or PURCHASE_FEE.';
COMMENT ON COLUMN finance.line_item_revisions.start_date IS 'First day the charge covers; may lie outside the billing period.';
COMMENT ON COLUMN finance.line_item_revisions.end_date IS 'Last day the charge covers; may lie outside the billing period.';
COMMENT ON COLUMN finance.line_item_revisions.subscription_id IS 'Subscription, as written by the service.';
COMMENT ON COLUMN finance.line_item_revisions.order_id IS 'Order, as written by the service.';
COMMENT ON COLUMN finance.line_item_revisions.offer_id IS 'Offer, as written by the service.';
COMMENT ON COLUMN finance.line_item_revisions.offer_name IS 'Name of the offer.';
COMMENT ON COLUMN finance.line_item_revisions.product_id IS 'Product; documented for one-time items, but also seen on recurring ones.';
COMMENT ON COLUMN finance.line_item_revisions.product_name IS 'Name of the product.';
COMMENT ON COLUMN finance.line_item_revisions.sku_id IS 'SKU of the product.';
COMMENT ON COLUMN finance.line_item_revisions.sku_name IS 'Name of the SKU.';
COMMENT ON COLUMN finance.line_item_revisions.publisher_name IS 'Publisher of the product.';
COMMENT ON COLUMN finance.line_item_revisions.quantity IS 'Quantity, exactly as stated.';
COMMENT ON COLUMN finance.line_item_revisions.unit_price IS 'Price of one unit, exactly as stated.';
COMMENT ON COLUMN finance.line_item_revisions.pretax_total IS 'Amount before tax, exactly as stated.';
COMMENT ON COLUMN finance.line_item_revisions.tax IS 'Tax, exactly as stated.';
COMMENT ON COLUMN finance.line_item_revisions.after_tax_total IS 'Amount after tax, exactly as stated; negative for credits and refunds.';
COMMENT ON COLUMN finance.line_item_revisions.currency_code IS 'ISO 4217 code; null when the service states none.';
COMMENT ON COLUMN finance.line_item_revisions.billing_period_start IS 'First day of the billing period the item belongs to: period_start of its detail in finance.costs.';
COMMENT ON COLUMN finance.line_item_revisions.subscription_friendly_name IS 'The partner''s name for the subscription.';
COMMENT ON COLUMN finance.line_item_revisions.availability_id IS 'Availability of the SKU.';
COMMENT ON COLUMN finance.line_item_revisions.publisher_id IS 'Publisher id.';
COMMENT ON COLUMN finance.line_item_revisions.reseller_mpn_id IS 'Partner id of the indirect reseller; -1 when there is none.';
COMMENT ON COLUMN finance.line_item_revisions.term_and_billing_cycle IS 'Term and billing cycle, free text.';
COMMENT ON COLUMN finance.line_item_revisions.discount_details IS 'Discount, free text such as 20% or N/A.';
COMMENT ON COLUMN finance.line_item_revisions.ordinal IS 'Place of the item in its set; tells true duplicates apart.';
COMMENT ON COLUMN finance.line_item_revisions.revision IS '0 for the set first collected, then one more for each that took its place.';
COMMENT ON COLUMN finance.line_item_revisions.collected_at IS 'When the set was stored.';
COMMENT ON COLUMN finance.line_item_revisions.superseded_at IS 'When the next set took its place; null for the newest.';
COMMENT ON COLUMN finance.line_item_changes.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.line_item_changes.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.line_item_changes.company_name IS 'Company name of the billing profile.';
COMMENT ON COLUMN finance.line_item_changes.invoice_type IS 'Recurring, OneTime, or a type the service added later; null when it names none.';
COMMENT ON COLUMN finance.line_item_changes.period_start IS 'First day of the billing period.';
COMMENT ON COLUMN finance.line_item_changes.currency_code IS 'ISO 4217 code; null when the service states none.';
COMMENT ON COLUMN finance.line_item_changes.changed_at IS 'When the set that took the place of the one before was stored.';
COMMENT ON COLUMN finance.line_item_changes.change IS 'went (only in the set before), came (only in the new one) or changed (in both, with other amounts).';
COMMENT ON COLUMN finance.line_item_changes.subscription_id IS 'Subscription, as written by the service.';
COMMENT ON COLUMN finance.line_item_changes.name IS 'Name of the offer, else of the product, else of the SKU.';
COMMENT ON COLUMN finance.line_item_changes.charge_type IS 'Free text such as CYCLE FEE or PURCHASE_FEE.';
COMMENT ON COLUMN finance.line_item_changes.pretax_before IS 'Amount before tax in the set before; null for a line that came.';
COMMENT ON COLUMN finance.line_item_changes.pretax_after IS 'Amount before tax in the new set; null for a line that went.';
COMMENT ON COLUMN finance.line_item_changes.difference IS 'pretax_after less pretax_before, where null counts as 0.';
COMMENT ON COLUMN finance.line_item_changes.after_tax_before IS 'Amount after tax in the set before: as stated, else before tax plus tax.';
COMMENT ON COLUMN finance.line_item_changes.after_tax_after IS 'Amount after tax in the new set.';
COMMENT ON COLUMN finance.line_item_changes.after_tax_difference IS 'after_tax_after less after_tax_before, where null counts as 0.';
COMMENT ON COLUMN finance.line_item_changes.quantity_before IS 'Quantity in the set before.';
COMMENT ON COLUMN finance.line_item_changes.quantity_after IS 'Quantity in the new set.';
COMMENT ON COLUMN finance.line_item_changes.unit_price_before IS 'Price of one unit in the set before.';
COMMENT ON COLUMN finance.line_item_changes.unit_price_after IS 'Price of one unit in the new set.';
COMMENT ON COLUMN finance.line_item_changes.start_date IS 'First day the charge covers.';
COMMENT ON COLUMN finance.line_item_changes.end_date IS 'Last day the charge covers.';
COMMENT ON COLUMN finance.line_item_changes.run_id IS 'The run that stored the new set.';
COMMENT ON COLUMN finance.line_item_changes.revision IS 'Number of the new set, as in finance.line_item_sets.';
COMMENT ON COLUMN finance.cost_change_lines.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.cost_change_lines.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.cost_change_lines.company_name IS 'Company name of the billing profile.';
COMMENT ON COLUMN finance.cost_change_lines.invoice_type IS 'Recurring, OneTime, or a type the service added later; null when it names none.';
COMMENT ON COLUMN finance.cost_change_lines.period_start IS 'First day of the billing period.';
COMMENT ON COLUMN finance.cost_change_lines.currency_code IS 'ISO 4217 code; null when the service states none.';
COMMENT ON COLUMN finance.cost_change_lines.changed_at IS 'When the restatement was collected.';
COMMENT ON COLUMN finance.cost_change_lines.change IS 'went, came or changed, as in finance.line_item_changes; unexplained for the part of cost_difference that no line explains.';
COMMENT ON COLUMN finance.cost_change_lines.subscription_id IS 'Subscription, as written by the service.';
COMMENT ON COLUMN finance.cost_change_lines.name IS 'Name of the offer, else of the product, else of the SKU.';
COMMENT ON COLUMN finance.cost_change_lines.charge_type IS 'Free text such as CYCLE FEE or PURCHASE_FEE.';
COMMENT ON COLUMN finance.cost_change_lines.after_tax_before IS 'Amount after tax in the set before: as stated, else before tax plus tax.';
COMMENT ON COLUMN finance.cost_change_lines.after_tax_after IS 'Amount after tax in the new set.';
COMMENT ON COLUMN finance.cost_change_lines.after_tax_difference IS 'after_tax_after less after_tax_before, where null counts as 0; for unexplained what is left.';
COMMENT ON COLUMN finance.cost_change_lines.quantity_before IS 'Quantity in the set before.';
COMMENT ON COLUMN finance.cost_change_lines.quantity_after IS 'Quantity in the new set.';
COMMENT ON COLUMN finance.cost_change_lines.unit_price_before IS 'Price of one unit in the set before.';
COMMENT ON COLUMN finance.cost_change_lines.unit_price_after IS 'Price of one unit in the new set.';
COMMENT ON COLUMN finance.cost_change_lines.start_date IS 'First day the charge covers.';
COMMENT ON COLUMN finance.cost_change_lines.end_date IS 'Last day the charge covers.';
COMMENT ON COLUMN finance.cost_change_lines.run_id IS 'The run that collected the restatement.';
COMMENT ON COLUMN finance.cost_change_lines.revision IS 'Number of the restatement of this cost, from 1, as in finance.cost_changes.';
COMMENT ON COLUMN finance.cost_change_lines.period_end IS 'Last day of the billing period, as in finance.cost_changes.';
COMMENT ON COLUMN finance.cost_change_lines.cost_difference IS 'Amount after tax of the cost after the restatement less the one before, as difference in finance.cost_changes.';
COMMENT ON COLUMN finance.cost_change_lines.share_percent IS 'after_tax_difference in percent of cost_difference; null when that is 0.';
COMMENT ON COLUMN finance.cost_change_lines.ordinal IS 'As in finance.costs.';

COMMIT;
