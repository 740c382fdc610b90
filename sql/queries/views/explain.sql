-- The origin of a customer's numbers. A missing text is empty here; the tables hold
-- NULL, never an empty text.

-- name: ExplainedMonths :many
-- A row for each partner that has the customer, with the months in which costs end.
SELECT c.partner,
    ARRAY(SELECT DISTINCT to_char(k.period_end, 'YYYY-MM') AS month FROM finance.costs k
        WHERE k.partner = c.partner AND k.customer_id = c.customer_id AND k.period_end IS NOT NULL ORDER BY month)::text[] AS months
FROM finance.customers c
WHERE c.customer_id = @customer_id::uuid AND c.partner = coalesce(sqlc.narg(partner)::text, c.partner)
ORDER BY c.partner;

-- name: ExplainedCosts :many
SELECT partner, coalesce(company_name, '')::text AS company_name, coalesce(invoice_type, '')::text AS invoice_type,
    coalesce(period_start::text, '')::text AS period_start, period_end::text AS period_end, coalesce(currency_code, '')::text AS currency_code,
    ordinal, pretax_total, tax, after_tax_total, origin, first_collected_at, last_changed_at
FROM finance.costs
WHERE customer_id = @customer_id::uuid AND partner = coalesce(sqlc.narg(partner)::text, partner) AND to_char(period_end, 'YYYY-MM') = @month::text
ORDER BY partner, invoice_type, period_start, currency_code, ordinal;

-- name: ExplainedRevisions :many
SELECT partner, coalesce(invoice_type, '')::text AS invoice_type, coalesce(period_start::text, '')::text AS period_start,
    coalesce(currency_code, '')::text AS currency_code, ordinal, revision, coalesce(period_end::text, '')::text AS period_end,
    pretax_total, tax, after_tax_total, origin, run_id, valid_from, superseded_at, coalesce(superseded_by_run::text, '')::text AS superseded_by_run,
    coalesce(summary_hash, '')::text AS summary_hash, coalesce(line_items_hash, '')::text AS line_items_hash
FROM finance.cost_revisions
WHERE customer_id = @customer_id::uuid AND partner = coalesce(sqlc.narg(partner)::text, partner)
ORDER BY partner, invoice_type, period_start, currency_code, ordinal, revision;

-- name: ExplainedSets :many
SELECT partner, coalesce(invoice_type, '')::text AS invoice_type, coalesce(period_start::text, '')::text AS period_start,
    revision, item_count, origin, run_id, collected_at, superseded_at, coalesce(superseded_by_run::text, '')::text AS superseded_by_run,
    coalesce(line_items_hash, '')::text AS line_items_hash
FROM finance.line_item_sets
WHERE customer_id = @customer_id::uuid AND partner = coalesce(sqlc.narg(partner)::text, partner)
ORDER BY partner, invoice_type, period_start, revision;

-- name: ExplainedItems :many
SELECT partner, coalesce(invoice_type, '')::text AS invoice_type, coalesce(billing_period_start::text, '')::text AS period_start, ordinal,
    coalesce(invoice_number, '')::text AS invoice_number, coalesce(charge_type, '')::text AS charge_type,
    coalesce(start_date::text, '')::text AS start_date, coalesce(end_date::text, '')::text AS end_date,
    coalesce(subscription_id, '')::text AS subscription_id, coalesce(offer_name, '')::text AS offer_name,
    coalesce(product_name, '')::text AS product_name, coalesce(sku_name, '')::text AS sku_name,
    quantity, unit_price, pretax_total, tax, after_tax_total, coalesce(currency_code, '')::text AS currency_code
FROM finance.line_items
WHERE customer_id = @customer_id::uuid AND partner = coalesce(sqlc.narg(partner)::text, partner)
    AND coalesce(billing_period_start::text, '') = ANY (@period_starts::text[])
ORDER BY partner, invoice_type, billing_period_start, ordinal;

-- name: ExplainedFindings :many
SELECT partner, kind, severity, coalesce(subject, '')::text AS subject, detail, first_seen_at, last_seen_at::timestamptz AS last_seen_at, resolved_at
FROM finance.findings
WHERE customer_id = @customer_id::uuid AND partner = coalesce(sqlc.narg(partner)::text, partner)
ORDER BY partner, first_seen_at, kind, subject;

-- name: ExplainedRuns :many
SELECT run_id, kind, status, started_at, finished_at, version
FROM finance.runs
WHERE run_id = ANY (@run_ids::uuid[])
ORDER BY run_id;
