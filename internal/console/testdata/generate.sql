-- Invents a partner for the benchmark of the console: bench.customers customers with
-- bench.months months of costs up to this one. Every customer has a recurring detail a
-- month and three in ten a one-time one; one detail in fifty was restated, one in a
-- thousand last night; one customer in 500 is missing, one in 40 has an open finding.
SELECT setseed(0.5);

INSERT INTO collector.customers (partner, customer_id, first_seen_at)
SELECT 'contoso', ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, now() - make_interval(months => current_setting('bench.months')::integer)
FROM generate_series(1, current_setting('bench.customers')::integer) n;

INSERT INTO collector.runs (run_id, partner, kind, status, started_at, finished_at, customers_total, customers_ok, customers_failed, rows_changed, version)
SELECT ('00000000-0000-4000-9000-' || lpad(n::text, 12, '0'))::uuid, 'contoso', 'daily', CASE WHEN n % 30 = 0 THEN 'partial' ELSE 'succeeded' END,
       now() - make_interval(days => n, hours => 6), now() - make_interval(days => n, hours => 2), current_setting('bench.customers')::integer,
       current_setting('bench.customers')::integer - 200, 200, 130000, 'bench'
FROM generate_series(0, 399) n;

INSERT INTO collector.statements (customer_key, run_id, collected_at)
SELECT c.customer_key, '00000000-0000-4000-9000-000000000000', now() - make_interval(months => current_setting('bench.months')::integer - m)
FROM generate_series(1, current_setting('bench.months')::integer) m, collector.customers c
ORDER BY m, c.customer_key;

INSERT INTO collector.billing_profiles (customer_key, content_hash, company_name, country, email, city, address_line1, statement_id, run_id, first_collected_at, last_changed_at)
SELECT c.customer_key, '\x00', (ARRAY['Alder', 'Birch', 'Cedar', 'Dogwood', 'Elm', 'Fir', 'Ginkgo', 'Hazel'])[1 + c.customer_key % 8] || ' ' ||
       (ARRAY['Freight', 'Hotels', 'Foods', 'Mills', 'Media', 'Tools', 'Labs'])[1 + c.customer_key % 7] || ' ' || c.customer_key,
       (ARRAY['US', 'DE', 'FR', 'GB'])[1 + c.customer_key % 4], 'nobody@example.com', 'Sampletown', '1 Example Street', s.statement_id, s.run_id, s.collected_at, s.collected_at
FROM collector.customers c
JOIN (SELECT customer_key, min(statement_id) AS statement_id, (array_agg(run_id))[1] AS run_id, min(collected_at) AS collected_at FROM collector.statements GROUP BY 1) s USING (customer_key);

INSERT INTO collector.customer_states (customer_key, statement_id, last_run_id, last_attempt_at, last_outcome, last_error, last_success_at)
SELECT s.customer_key, max(s.statement_id), '00000000-0000-4000-9000-000000000000', now() - interval '3 hours',
       CASE WHEN s.customer_key % 500 = 0 THEN 'no_access' ELSE 'unchanged' END,
       CASE WHEN s.customer_key % 500 = 0 THEN 'servicecosts/mostrecent: HTTP 403, code 20002: No relationship between caller and account.' END,
       CASE WHEN s.customer_key % 500 = 0 THEN now() - interval '40 days' ELSE now() - interval '3 hours' END
FROM collector.statements s
GROUP BY s.customer_key;

INSERT INTO collector.partners (partner, refresh) VALUES ('contoso', '7 days');
INSERT INTO collector.customer_reads (customer_key, costs_at, profile_at, line_items_at)
SELECT customer_key, now() - interval '3 hours', now() - interval '3 days', now() - interval '2 days' FROM collector.customers;

-- A month after the other, as they would have been collected.
INSERT INTO collector.cost_details (customer_key, invoice_type, period_start, currency_code, ordinal, starts_at, ends_at, pretax_total, tax, after_tax_total,
    origin, statement_id, run_id, first_collected_at, last_changed_at, revisions)
SELECT a.customer_key, a.invoice_type, a.starts_at::date, a.currency, 1, a.starts_at, a.ends_at, a.pretax, round(a.pretax * 0.2, 2), a.pretax + round(a.pretax * 0.2, 2),
       'servicecosts', a.statement_id, a.run_id, a.collected_at, a.collected_at, 0
FROM (
    SELECT s.customer_key, s.statement_id, s.run_id, s.collected_at, t.invoice_type, (ARRAY['USD', 'EUR', 'EUR', 'GBP'])[1 + s.customer_key % 4] AS currency,
           date_trunc('month', s.collected_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS starts_at,
           (date_trunc('month', s.collected_at AT TIME ZONE 'UTC') + interval '1 month' - interval '1 microsecond') AT TIME ZONE 'UTC' AS ends_at,
           round((20 + 40 * (s.customer_key % 100) + 100 * random())::numeric, 2) AS pretax
    FROM collector.statements s
    CROSS JOIN (VALUES ('Recurring'), ('OneTime')) t (invoice_type)
    WHERE t.invoice_type = 'Recurring' OR s.customer_key % 10 < 3
) a
ORDER BY a.statement_id;

INSERT INTO collector.cost_detail_history (detail_id, revision, starts_at, ends_at, pretax_total, tax, after_tax_total, origin, statement_id, run_id, valid_from, superseded_at, superseded_by_run)
SELECT detail_id, 0, starts_at, ends_at, pretax_total - 5, tax - 1, after_tax_total - 6, origin, statement_id, run_id, first_collected_at,
       CASE WHEN detail_id % 1000 = 0 THEN now() - interval '3 hours' ELSE first_collected_at + interval '2 days' END, '00000000-0000-4000-9000-000000000000'
FROM collector.cost_details
WHERE detail_id % 50 = 0;
UPDATE collector.cost_details SET revisions = 1 WHERE detail_id % 50 = 0;

INSERT INTO collector.line_item_sets (customer_key, invoice_type, period_start, revision, content_hash, item_count, origin, statement_id, run_id, collected_at)
SELECT customer_key, invoice_type, period_start, 0, '\x00', 5, origin, statement_id, run_id, first_collected_at
FROM collector.cost_details
WHERE (ends_at AT TIME ZONE 'UTC')::date >= date_trunc('month', now())::date;
INSERT INTO collector.line_items (set_id, ordinal, charge_type, offer_name, quantity, unit_price, pretax_total, tax, after_tax_total, currency_code)
SELECT set_id, n, 'CYCLE FEE', 'Microsoft 365 Business Basic', n, 6, n * 6, n, n * 7, 'EUR'
FROM collector.line_item_sets, generate_series(1, 5) n;

INSERT INTO collector.findings (partner, customer_key, kind, severity, subject, detail, first_seen_at, last_seen_at)
SELECT 'contoso', customer_key, 'line_items_count_mismatch', CASE WHEN customer_key % 400 = 0 THEN 'serious' WHEN customer_key % 80 = 0 THEN 'warning' ELSE 'info' END,
       '', 'An invented finding of the benchmark.', now() - interval '2 days', now() - interval '1 day'
FROM collector.customers
WHERE customer_key % 40 = 0;

-- What was billed for the month: a line for each detail, one in a hundred a cent more.
INSERT INTO collector.invoices (partner, invoice_id, invoice_type, document_type, invoice_date, period_start, period_end, month, month_assumed, currency_code, total, run_id, first_collected_at, last_changed_at)
SELECT 'contoso', left(d.invoice_type, 1) || d.currency_code, d.invoice_type, 'invoice', current_date, date_trunc('month', now())::date, (date_trunc('month', now()) + interval '1 month')::date - 1,
       date_trunc('month', now())::date, false, d.currency_code, sum(d.after_tax_total), '00000000-0000-4000-9000-000000000000', now(), now()
FROM collector.cost_details d
WHERE (d.ends_at AT TIME ZONE 'UTC')::date >= date_trunc('month', now())::date
GROUP BY d.invoice_type, d.currency_code;
INSERT INTO collector.invoice_line_sets (invoice_key, source, part, revision, content_hash, line_count, run_id, collected_at)
SELECT invoice_key, 'v2', 'all', 0, '\x00', 0, run_id, now() FROM collector.invoices;
INSERT INTO collector.invoice_lines (set_id, ordinal, class, customer_id, own, charge_type, product_name, pretax_total, tax, after_tax_total, currency_code)
SELECT s.set_id, row_number() OVER (PARTITION BY s.set_id), 'v2', c.customer_id, false, 'New', 'Microsoft 365 Business Basic', d.pretax_total, d.tax,
       d.after_tax_total + CASE WHEN d.detail_id % 100 = 0 THEN 0.01 ELSE 0 END, d.currency_code
FROM collector.cost_details d
JOIN collector.customers c USING (customer_key)
JOIN collector.invoices i ON i.invoice_type = d.invoice_type AND i.currency_code = d.currency_code
JOIN collector.invoice_line_sets s USING (invoice_key)
WHERE (d.ends_at AT TIME ZONE 'UTC')::date >= date_trunc('month', now())::date;

DO $refresh$
BEGIN
    WHILE collector.refresh_stale_month('contoso') LOOP
        NULL;
    END LOOP;
END
$refresh$;
