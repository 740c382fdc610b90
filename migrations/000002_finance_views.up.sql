BEGIN;

CREATE SCHEMA finance;
COMMENT ON SCHEMA finance IS 'The public face of the collector: what every customer costs, how complete that is and what changed. Views only, stable names, no personal data. Never add amounts of different currencies.';

CREATE VIEW finance.customers AS
SELECT c.partner,
       c.customer_id,
       p.company_name,
       p.country,
       c.first_seen_at,
       s.last_success_at AS last_collected_at,
       s.last_outcome,
       c.active
FROM collector.customers c
LEFT JOIN collector.billing_profiles p USING (customer_key)
LEFT JOIN collector.customer_states s USING (customer_key);
COMMENT ON VIEW finance.customers IS 'Every customer that was ever asked for.';
COMMENT ON COLUMN finance.customers.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.customers.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.customers.company_name IS 'Company name of the billing profile; null until the profile was read once.';
COMMENT ON COLUMN finance.customers.country IS 'Country of the billing profile''s default address, ISO 3166 alpha-2.';
COMMENT ON COLUMN finance.customers.first_seen_at IS 'When the customer was first asked for.';
COMMENT ON COLUMN finance.customers.last_collected_at IS 'When everything about the customer was last collected; null if never.';
COMMENT ON COLUMN finance.customers.last_outcome IS 'Result of the last attempt: ok (something was stored), unchanged, no_costs, no_access (the customer left or revoked access), unknown_customer, failed.';
COMMENT ON COLUMN finance.customers.active IS 'False when the last complete run did not list the customer any more.';

CREATE VIEW finance.costs AS
SELECT c.partner,
       c.customer_id,
       p.company_name,
       d.invoice_type,
       d.period_start,
       (d.ends_at AT TIME ZONE 'UTC')::date AS period_end,
       d.currency_code,
       d.pretax_total,
       d.tax,
       d.after_tax_total,
       d.origin,
       d.first_collected_at,
       d.last_changed_at,
       d.revisions,
       d.ordinal
FROM collector.cost_details d
JOIN collector.customers c USING (customer_key)
LEFT JOIN collector.billing_profiles p USING (customer_key);
COMMENT ON VIEW finance.costs IS 'What each customer costs: one row per invoice type, billing period and currency, with the newest amounts.';
COMMENT ON COLUMN finance.costs.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.costs.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.costs.company_name IS 'Company name of the billing profile.';
COMMENT ON COLUMN finance.costs.invoice_type IS 'Recurring, OneTime, or a type the service added later; null when it names none.';
COMMENT ON COLUMN finance.costs.period_start IS 'First day of the billing period. Each invoice type has its own: OneTime a calendar month, Recurring not.';
COMMENT ON COLUMN finance.costs.period_end IS 'Last day of the billing period, inclusive, as the service states it.';
COMMENT ON COLUMN finance.costs.currency_code IS 'ISO 4217 code; null when the service states none, which is also a finding.';
COMMENT ON COLUMN finance.costs.pretax_total IS 'Amount before tax, exactly as stated; null when the service states none.';
COMMENT ON COLUMN finance.costs.tax IS 'Tax, exactly as stated.';
COMMENT ON COLUMN finance.costs.after_tax_total IS 'Amount after tax, exactly as stated; negative for a credit.';
COMMENT ON COLUMN finance.costs.origin IS 'servicecosts (collected from the service) or import (from saved answers).';
COMMENT ON COLUMN finance.costs.first_collected_at IS 'When the row was first stored.';
COMMENT ON COLUMN finance.costs.last_changed_at IS 'When its values last changed.';
COMMENT ON COLUMN finance.costs.revisions IS 'How often the values changed; see cost_changes.';
COMMENT ON COLUMN finance.costs.ordinal IS '1, or higher for further details that one answer gave for the same type, period and currency (also a finding).';

CREATE VIEW finance.line_items AS
SELECT c.partner,
       c.customer_id,
       p.company_name,
       s.invoice_type,
       i.invoice_number,
       i.charge_type,
       (i.start_date AT TIME ZONE 'UTC')::date AS start_date,
       (i.end_date AT TIME ZONE 'UTC')::date AS end_date,
       i.subscription_id,
       i.order_id,
       i.offer_id,
       i.offer_name,
       i.product_id,
       i.product_name,
       i.sku_id,
       i.sku_name,
       i.publisher_name,
       i.quantity,
       i.unit_price,
       i.pretax_total,
       i.tax,
       i.after_tax_total,
       i.currency_code,
       s.period_start AS billing_period_start,
       i.subscription_friendly_name,
       i.availability_id,
       i.publisher_id,
       i.reseller_mpn_id,
       i.term_and_billing_cycle,
       i.discount_details,
       i.ordinal
FROM collector.line_items i
JOIN collector.line_item_sets s USING (set_id)
JOIN collector.customers c USING (customer_key)
LEFT JOIN collector.billing_profiles p USING (customer_key)
WHERE s.superseded_at IS NULL;
COMMENT ON VIEW finance.line_items IS 'The lines behind the costs, newest set of each customer, invoice type and period. They need not add up to the cent with finance.costs.';
COMMENT ON COLUMN finance.line_items.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.line_items.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.line_items.company_name IS 'Company name of the billing profile.';
COMMENT ON COLUMN finance.line_items.invoice_type IS 'Invoice type of the item; null when the service names none.';
COMMENT ON COLUMN finance.line_items.invoice_number IS 'Number of Microsoft''s invoice to the partner.';
COMMENT ON COLUMN finance.line_items.charge_type IS 'Free text such as CYCLE FEE or PURCHASE_FEE.';
COMMENT ON COLUMN finance.line_items.start_date IS 'First day the charge covers; may lie outside the billing period.';
COMMENT ON COLUMN finance.line_items.end_date IS 'Last day the charge covers; may lie outside the billing period.';
COMMENT ON COLUMN finance.line_items.subscription_id IS 'Subscription, as written by the service.';
COMMENT ON COLUMN finance.line_items.order_id IS 'Order, as written by the service.';
COMMENT ON COLUMN finance.line_items.offer_id IS 'Offer, as written by the service.';
COMMENT ON COLUMN finance.line_items.offer_name IS 'Name of the offer.';
COMMENT ON COLUMN finance.line_items.product_id IS 'Product; documented for one-time items, but also seen on recurring ones.';
COMMENT ON COLUMN finance.line_items.product_name IS 'Name of the product.';
COMMENT ON COLUMN finance.line_items.sku_id IS 'SKU of the product.';
COMMENT ON COLUMN finance.line_items.sku_name IS 'Name of the SKU.';
COMMENT ON COLUMN finance.line_items.publisher_name IS 'Publisher of the product.';
COMMENT ON COLUMN finance.line_items.quantity IS 'Quantity, exactly as stated.';
COMMENT ON COLUMN finance.line_items.unit_price IS 'Price of one unit, exactly as stated.';
COMMENT ON COLUMN finance.line_items.pretax_total IS 'Amount before tax, exactly as stated.';
COMMENT ON COLUMN finance.line_items.tax IS 'Tax, exactly as stated.';
COMMENT ON COLUMN finance.line_items.after_tax_total IS 'Amount after tax, exactly as stated; negative for credits and refunds.';
COMMENT ON COLUMN finance.line_items.currency_code IS 'ISO 4217 code; null when the service states none.';
COMMENT ON COLUMN finance.line_items.billing_period_start IS 'First day of the billing period the item belongs to: period_start of its detail in finance.costs.';
COMMENT ON COLUMN finance.line_items.subscription_friendly_name IS 'The partner''s name for the subscription.';
COMMENT ON COLUMN finance.line_items.availability_id IS 'Availability of the SKU.';
COMMENT ON COLUMN finance.line_items.publisher_id IS 'Publisher id.';
COMMENT ON COLUMN finance.line_items.reseller_mpn_id IS 'Partner id of the indirect reseller; -1 when there is none.';
COMMENT ON COLUMN finance.line_items.term_and_billing_cycle IS 'Term and billing cycle, free text.';
COMMENT ON COLUMN finance.line_items.discount_details IS 'Discount, free text such as 20% or N/A.';
COMMENT ON COLUMN finance.line_items.ordinal IS 'Place of the item in its set; tells true duplicates apart.';

CREATE VIEW finance.cost_changes AS
SELECT c.partner,
       c.customer_id,
       p.company_name,
       d.invoice_type,
       d.period_start,
       (CASE WHEN n.detail_id IS NULL THEN d.ends_at ELSE n.ends_at END AT TIME ZONE 'UTC')::date AS period_end,
       d.currency_code,
       h.after_tax_total AS after_tax_before,
       CASE WHEN n.detail_id IS NULL THEN d.after_tax_total ELSE n.after_tax_total END AS after_tax_after,
       CASE WHEN n.detail_id IS NULL THEN d.after_tax_total ELSE n.after_tax_total END - h.after_tax_total AS difference,
       h.superseded_at AS changed_at,
       h.superseded_by_run AS run_id,
       h.revision + 1 AS revision,
       (h.ends_at AT TIME ZONE 'UTC')::date AS period_end_before,
       h.pretax_total AS pretax_before,
       CASE WHEN n.detail_id IS NULL THEN d.pretax_total ELSE n.pretax_total END AS pretax_after,
       h.tax AS tax_before,
       CASE WHEN n.detail_id IS NULL THEN d.tax ELSE n.tax END AS tax_after
FROM collector.cost_detail_history h
JOIN collector.cost_details d USING (detail_id)
LEFT JOIN collector.cost_detail_history n ON n.detail_id = h.detail_id AND n.revision = h.revision + 1
JOIN collector.customers c ON c.customer_key = d.customer_key
LEFT JOIN collector.billing_profiles p ON p.customer_key = d.customer_key;
COMMENT ON VIEW finance.cost_changes IS 'Every restatement: a row for each time the service changed a value it had stated before.';
COMMENT ON COLUMN finance.cost_changes.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.cost_changes.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.cost_changes.company_name IS 'Company name of the billing profile.';
COMMENT ON COLUMN finance.cost_changes.invoice_type IS 'Invoice type of the restated detail.';
COMMENT ON COLUMN finance.cost_changes.period_start IS 'First day of the restated period.';
COMMENT ON COLUMN finance.cost_changes.period_end IS 'Last day of the period after the restatement.';
COMMENT ON COLUMN finance.cost_changes.currency_code IS 'Currency of the amounts.';
COMMENT ON COLUMN finance.cost_changes.after_tax_before IS 'Amount after tax before the restatement.';
COMMENT ON COLUMN finance.cost_changes.after_tax_after IS 'Amount after tax after the restatement.';
COMMENT ON COLUMN finance.cost_changes.difference IS 'after_tax_after less after_tax_before; 0 when only tax, pretax or the end of the period moved.';
COMMENT ON COLUMN finance.cost_changes.changed_at IS 'When the restatement was collected.';
COMMENT ON COLUMN finance.cost_changes.run_id IS 'The run that collected it.';
COMMENT ON COLUMN finance.cost_changes.revision IS 'Number of the restatement of this detail, from 1.';
COMMENT ON COLUMN finance.cost_changes.period_end_before IS 'Last day of the period before the restatement.';
COMMENT ON COLUMN finance.cost_changes.pretax_before IS 'Amount before tax, before the restatement.';
COMMENT ON COLUMN finance.cost_changes.pretax_after IS 'Amount before tax, after the restatement.';
COMMENT ON COLUMN finance.cost_changes.tax_before IS 'Tax before the restatement.';
COMMENT ON COLUMN finance.cost_changes.tax_after IS 'Tax after the restatement.';

CREATE VIEW finance.monthly_costs AS
SELECT c.partner,
       date_trunc('month', d.ends_at AT TIME ZONE 'UTC')::date AS month,
       d.currency_code,
       d.invoice_type,
       count(DISTINCT d.customer_key) AS customers,
       sum(d.pretax_total) AS pretax_total,
       sum(d.tax) AS tax,
       sum(d.after_tax_total) AS after_tax_total
FROM collector.cost_details d
JOIN collector.customers c USING (customer_key)
GROUP BY 1, 2, 3, 4;
COMMENT ON VIEW finance.monthly_costs IS 'Totals by month, currency and invoice type. A period counts in the month in which it ends.';
COMMENT ON COLUMN finance.monthly_costs.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.monthly_costs.month IS 'First day of the month in which the billing periods end; null for details without a stated end.';
COMMENT ON COLUMN finance.monthly_costs.currency_code IS 'Currency of the amounts; one row per currency.';
COMMENT ON COLUMN finance.monthly_costs.invoice_type IS 'Recurring, OneTime, or a type the service added later.';
COMMENT ON COLUMN finance.monthly_costs.customers IS 'Number of customers with a detail in this row.';
COMMENT ON COLUMN finance.monthly_costs.pretax_total IS 'Sum before tax.';
COMMENT ON COLUMN finance.monthly_costs.tax IS 'Sum of tax.';
COMMENT ON COLUMN finance.monthly_costs.after_tax_total IS 'Sum after tax.';

CREATE VIEW finance.coverage AS
SELECT c.partner,
       c.customer_id,
       p.company_name,
       s.last_success_at,
       s.last_outcome,
       s.last_error,
       (SELECT max((d.ends_at AT TIME ZONE 'UTC')::date) FROM collector.cost_details d WHERE d.customer_key = c.customer_key) AS latest_period_end,
       round(extract(epoch FROM now() - s.last_success_at) / 3600, 1) AS hours_since_success
FROM collector.customers c
LEFT JOIN collector.customer_states s USING (customer_key)
LEFT JOIN collector.billing_profiles p USING (customer_key)
WHERE c.active;
COMMENT ON VIEW finance.coverage IS 'How complete the data is: every active customer, when it was last collected in full, and what stands in the way.';
COMMENT ON COLUMN finance.coverage.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.coverage.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.coverage.company_name IS 'Company name of the billing profile.';
COMMENT ON COLUMN finance.coverage.last_success_at IS 'When everything about the customer was last collected; null if never.';
COMMENT ON COLUMN finance.coverage.last_outcome IS 'Result of the last attempt: ok, unchanged, no_costs, no_access, unknown_customer, failed.';
COMMENT ON COLUMN finance.coverage.last_error IS 'Why the last attempt failed; null when it did not.';
COMMENT ON COLUMN finance.coverage.latest_period_end IS 'Last day of the newest period stored.';
COMMENT ON COLUMN finance.coverage.hours_since_success IS 'Hours since last_success_at; null if never.';

CREATE VIEW finance.findings AS
SELECT f.partner,
       c.customer_id,
       f.kind,
       f.severity,
       f.detail,
       f.first_seen_at,
       CASE WHEN f.resolved_at IS NULL THEN greatest(f.last_seen_at, s.last_success_at) ELSE f.last_seen_at END AS last_seen_at,
       f.resolved_at,
       nullif(f.subject, '') AS subject
FROM collector.findings f
LEFT JOIN collector.customers c USING (customer_key)
LEFT JOIN collector.customer_states s USING (customer_key);
COMMENT ON VIEW finance.findings IS 'Oddities in the data. They resolve themselves when the cause is gone.';
COMMENT ON COLUMN finance.findings.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.findings.customer_id IS 'Tenant id of the customer; null for a finding about the whole partner.';
COMMENT ON COLUMN finance.findings.kind IS 'What kind of oddity, such as currency_missing or detail_vanished.';
COMMENT ON COLUMN finance.findings.severity IS 'info, warning or serious.';
COMMENT ON COLUMN finance.findings.detail IS 'What was found, in a plain sentence.';
COMMENT ON COLUMN finance.findings.first_seen_at IS 'When it was first seen.';
COMMENT ON COLUMN finance.findings.last_seen_at IS 'When it was last seen: for an open finding, the customer''s last successful collection.';
COMMENT ON COLUMN finance.findings.resolved_at IS 'When a collection no longer showed it; null while it is open.';
COMMENT ON COLUMN finance.findings.subject IS 'What the finding is about, such as a type, period and currency; null when it is about the customer.';

CREATE VIEW finance.runs AS
SELECT run_id, partner, kind, started_at, finished_at, status,
       customers_total, customers_ok, customers_unchanged, customers_no_costs, customers_failed,
       rows_changed, version, error
FROM collector.runs;
COMMENT ON VIEW finance.runs IS 'The run ledger: one row for each collection of one partner.';
COMMENT ON COLUMN finance.runs.run_id IS 'Id of the run, as in cost_changes and in the logs.';
COMMENT ON COLUMN finance.runs.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.runs.kind IS 'daily (by the daemon), once, missing (backfill of failed customers), replay (re-derived from the archive), import.';
COMMENT ON COLUMN finance.runs.started_at IS 'When it started.';
COMMENT ON COLUMN finance.runs.finished_at IS 'When it ended; null while it runs.';
COMMENT ON COLUMN finance.runs.status IS 'running, succeeded, partial (some customers failed), failed, interrupted.';
COMMENT ON COLUMN finance.runs.customers_total IS 'Customers that were to be collected.';
COMMENT ON COLUMN finance.runs.customers_ok IS 'Customers for which something new or restated was stored.';
COMMENT ON COLUMN finance.runs.customers_unchanged IS 'Customers whose answers were the same as before.';
COMMENT ON COLUMN finance.runs.customers_no_costs IS 'Customers that have no costs, according to the service.';
COMMENT ON COLUMN finance.runs.customers_failed IS 'Customers that could not be collected.';
COMMENT ON COLUMN finance.runs.rows_changed IS 'Fact rows written: profiles, details and line-item sets.';
COMMENT ON COLUMN finance.runs.version IS 'Version of the collector.';
COMMENT ON COLUMN finance.runs.error IS 'Why the run did not succeed; null when it did.';

COMMIT;
