-- Invoices and their lines. The caller of these queries holds the partner's lock.

-- name: StoredInvoices :many
SELECT invoice_key, invoice_id, invoice_type, document_type, amends, invoice_date, period_start, period_end, month, month_assumed, currency_code, total, paid
FROM collector.invoices
WHERE partner = @partner
ORDER BY invoice_id;

-- name: InsertInvoice :one
INSERT INTO collector.invoices (partner, invoice_id, invoice_type, document_type, amends, invoice_date, period_start, period_end, month, month_assumed,
    currency_code, total, paid, body_hash, run_id, first_collected_at, last_changed_at)
VALUES (@partner, @invoice_id, @invoice_type, @document_type, @amends, @invoice_date, @period_start, @period_end, @month, @month_assumed,
    @currency_code, @total, @paid, @body_hash, @run_id, @now, @now)
RETURNING invoice_key;

-- name: KeepInvoiceHistory :exec
INSERT INTO collector.invoice_history (invoice_key, revision, invoice, valid_from, superseded_at, superseded_by_run)
SELECT i.invoice_key, i.revisions, to_jsonb(i), i.last_changed_at, @now, @run_id
FROM collector.invoices i
WHERE i.invoice_key = @invoice_key;

-- name: ChangeInvoice :exec
UPDATE collector.invoices
SET invoice_type = @invoice_type, document_type = @document_type, amends = @amends, invoice_date = @invoice_date, period_start = @period_start, period_end = @period_end,
    month = @month, month_assumed = @month_assumed, currency_code = @currency_code, total = @total, paid = @paid, body_hash = @body_hash,
    run_id = @run_id, last_changed_at = @now, revisions = revisions + 1
WHERE invoice_key = @invoice_key;

-- name: KnownInvoiceBodies :many
SELECT body_hash FROM collector.invoice_bodies WHERE body_hash = ANY (@hashes::bytea[]) ORDER BY body_hash FOR SHARE;

-- name: InsertInvoiceBody :exec
INSERT INTO collector.invoice_bodies (body_hash, body, packed, first_seen_at)
VALUES (@body_hash, @body, @packed, @now)
ON CONFLICT (body_hash) DO NOTHING;

-- name: InvoiceLoads :many
SELECT l.load_id, i.invoice_key, i.invoice_id, i.invoice_type, i.month, i.invoice_date, i.currency_code, i.total, l.source, l.part, l.provider, l.line_type, l.link,
    l.state, l.first_seen_at, l.asked_at, l.operation, l.etag, l.asked_total, l.asked_latest
FROM collector.invoice_loads l
JOIN collector.invoices i USING (invoice_key)
WHERE i.partner = @partner
ORDER BY i.month DESC NULLS LAST, i.invoice_id, l.source, l.part;

-- name: InsertInvoiceLoad :exec
INSERT INTO collector.invoice_loads (invoice_key, source, part, provider, line_type, link, state, first_seen_at, run_id)
VALUES (@invoice_key, @source, @part, @provider, @line_type, @link, @state, @now, @run_id)
ON CONFLICT (invoice_key, source, part) DO NOTHING;

-- name: RelinkInvoiceLoad :exec
UPDATE collector.invoice_loads SET link = @link WHERE load_id = @load_id;

-- name: DeleteInvoiceLoad :exec
-- Parts that are now read through another interface, and were never read through this
-- one.
DELETE FROM collector.invoice_loads WHERE load_id = @load_id AND state NOT IN ('loaded', 'left_out');

-- name: NoteInvoiceLoad :exec
UPDATE collector.invoice_loads
SET state = @state, operation = @operation, error = @error, code = @code, request_id = @request_id, asked_at = @asked_at,
    asked_total = @asked_total, asked_latest = @asked_latest, run_id = @run_id
WHERE load_id = @load_id;

-- name: CompleteInvoiceLoad :exec
UPDATE collector.invoice_loads
SET state = 'loaded', operation = NULL, error = NULL, code = NULL, request_id = NULL, etag = @etag, asked_at = @now, loaded_at = @now,
    asked_total = @asked_total, asked_latest = @asked_latest, run_id = @run_id
WHERE load_id = @load_id;

-- name: CurrentInvoiceSet :one
SELECT set_id, revision, content_hash, line_count FROM collector.invoice_line_sets
WHERE invoice_key = @invoice_key AND source = @source AND part = @part AND superseded_at IS NULL
FOR UPDATE;

-- name: SupersedeInvoiceSet :exec
UPDATE collector.invoice_line_sets SET superseded_at = @now::timestamptz, superseded_by_run = @run_id::uuid WHERE set_id = @set_id;

-- name: InsertInvoiceSet :one
INSERT INTO collector.invoice_line_sets (invoice_key, source, part, revision, content_hash, line_count, etag, run_id, collected_at)
VALUES (@invoice_key, @source, @part, @revision, @content_hash, @line_count, @etag, @run_id, @now)
RETURNING set_id;

-- name: InsertInvoiceSetTotals :exec
INSERT INTO collector.invoice_set_totals (set_id, currency_code, lines_total)
SELECT l.set_id, l.currency_code, coalesce(sum(coalesce(l.after_tax_total, l.pretax_total + coalesce(l.tax, 0))), 0)
FROM collector.invoice_lines l
WHERE l.set_id = @set_id AND l.customer_id IS NOT NULL
GROUP BY l.set_id, l.currency_code;

-- name: InsertInvoiceSetBody :exec
INSERT INTO collector.invoice_set_bodies (set_id, ordinal, body_hash) VALUES (@set_id, @ordinal, @body_hash);

-- name: ArchivedInvoices :many
SELECT i.invoice_id, i.body_hash
FROM collector.invoices i
JOIN collector.invoice_bodies b USING (body_hash)
WHERE i.partner = @partner
ORDER BY i.invoice_id;

-- name: InvoiceBodies :many
SELECT body_hash, body, packed FROM collector.invoice_bodies WHERE body_hash = ANY (@hashes::bytea[])
ORDER BY body_hash;

-- name: ArchivedInvoiceSets :many
-- The current sets that were read from answers.
SELECT s.set_id, i.invoice_key, i.invoice_id, i.month, s.source, s.part, s.etag,
    (NOT bool_and(EXISTS (SELECT 1 FROM collector.invoice_bodies b WHERE b.body_hash = sb.body_hash)))::boolean AS pruned
FROM collector.invoice_line_sets s
JOIN collector.invoices i USING (invoice_key)
JOIN collector.invoice_set_bodies sb USING (set_id)
WHERE i.partner = @partner AND s.superseded_at IS NULL
GROUP BY s.set_id, i.invoice_key
ORDER BY i.month DESC NULLS LAST, i.invoice_id, s.source, s.part;

-- name: InvoiceSetBodies :many
SELECT b.body_hash, b.body, b.packed
FROM collector.invoice_set_bodies sb
JOIN collector.invoice_bodies b USING (body_hash)
WHERE sb.set_id = @set_id
ORDER BY sb.ordinal;

-- name: SavePartnerScope :exec
INSERT INTO collector.partners AS p (partner, discovers) VALUES (@partner, @discovers::boolean)
ON CONFLICT (partner) DO UPDATE SET discovers = excluded.discovers
WHERE p.discovers IS DISTINCT FROM excluded.discovers;

-- name: DeleteInvoiceBodies :execrows
-- Old bodies from which no current row was read.
DELETE FROM collector.invoice_bodies b
WHERE b.body_hash IN (
    SELECT o.body_hash FROM collector.invoice_bodies o
    WHERE o.first_seen_at < @before::timestamptz
        AND NOT EXISTS (SELECT 1 FROM collector.invoices i WHERE i.body_hash = o.body_hash)
        AND NOT EXISTS (SELECT 1 FROM collector.invoice_set_bodies sb JOIN collector.invoice_line_sets s USING (set_id)
            WHERE sb.body_hash = o.body_hash AND s.superseded_at IS NULL)
    ORDER BY o.body_hash LIMIT @at_most::integer);

-- name: EraseInvoiceBodies :execrows
-- The answers with lines of these customers: they name the customer and its domain.
DELETE FROM collector.invoice_bodies b
WHERE b.body_hash IN (
    SELECT sb.body_hash FROM collector.invoice_set_bodies sb
    JOIN collector.invoice_line_sets s USING (set_id)
    JOIN collector.invoices i USING (invoice_key)
    WHERE i.partner = @partner::text AND EXISTS (SELECT 1 FROM collector.invoice_lines l WHERE l.set_id = sb.set_id AND l.customer_id = ANY (@customer_ids::uuid[])));

-- name: EraseAllInvoiceBodies :execrows
-- The answers with lines of any customer. The lists of invoices name no customers.
DELETE FROM collector.invoice_bodies b
WHERE b.body_hash IN (
    SELECT sb.body_hash FROM collector.invoice_set_bodies sb
    JOIN collector.invoice_line_sets s USING (set_id)
    JOIN collector.invoices i USING (invoice_key)
    WHERE i.partner = @partner::text);

-- name: ForgetInvoiceNames :execrows
UPDATE collector.invoice_lines l SET customer_name = NULL
FROM collector.invoice_line_sets s
JOIN collector.invoices i USING (invoice_key)
WHERE s.set_id = l.set_id AND i.partner = @partner::text AND l.customer_id = ANY (@customer_ids::uuid[]) AND l.customer_name IS NOT NULL;

-- name: StageMissingInvoices :exec
-- The successor of the newest invoice of each type and currency is missing from when it
-- is late, for two months. After that the type or the currency has ended.
WITH rules AS (
    SELECT @today::date AS today
), newest AS (
    SELECT DISTINCT ON (i.invoice_type, i.currency_code) i.invoice_type, i.currency_code, i.invoice_id, i.month, i.period_end
    FROM collector.invoices i
    WHERE i.partner = @partner::text AND i.amends IS NULL AND i.month IS NOT NULL AND i.invoice_type IS NOT NULL AND i.currency_code IS NOT NULL
    ORDER BY i.invoice_type, i.currency_code, i.month DESC, i.invoice_id DESC
), due AS (
    SELECT n.invoice_type, n.currency_code, n.invoice_id, n.month, (n.month + interval '1 month')::date AS next_month,
        CASE WHEN n.invoice_type = 'OneTime' THEN (n.month + interval '2 months 8 days')::date
             ELSE ((coalesce(n.period_end, (n.month + interval '1 month - 1 day')::date) + interval '1 month')::date + 4) END AS due_on
    FROM newest n
)
INSERT INTO stage_invoice_findings (kind, severity, subject, detail)
SELECT 'invoice_missing', 'serious', d.invoice_type || ' ' || to_char(d.next_month, 'YYYY-MM') || ' ' || d.currency_code,
    format('The %s invoice in %s for %s should be there since %s; the last one is %s for %s.', d.invoice_type, d.currency_code, to_char(d.next_month, 'YYYY-MM'),
        d.due_on, d.invoice_id, to_char(d.month, 'YYYY-MM'))
FROM due d CROSS JOIN rules r
WHERE d.due_on <= r.today AND d.due_on > r.today - 60;

-- name: StageInvoiceStates :exec
INSERT INTO stage_invoice_findings (kind, severity, subject, detail)
SELECT CASE s.state WHEN 'no_data' THEN 'invoice_no_data' ELSE 'invoice_failed' END,
    CASE s.state WHEN 'no_data' THEN 'info' ELSE 'warning' END, i.invoice_id,
    CASE s.state WHEN 'no_data' THEN (
            SELECT CASE WHEN max(l.first_seen_at) + interval '60 days' > @now::timestamptz
                THEN format('The service has no lines of invoice %s yet. They are requested every night until %s.', i.invoice_id, to_char(max(l.first_seen_at) + interval '60 days', 'YYYY-MM-DD'))
                ELSE format('The service has no lines of invoice %s. They are not requested any more, except by collector backfill --invoices.', i.invoice_id) END
            FROM collector.invoice_loads l WHERE l.invoice_key = i.invoice_key AND l.state = 'no_data')
        ELSE format('The lines of invoice %s could not be read: %s', i.invoice_id, (SELECT min(l.error) FROM collector.invoice_loads l WHERE l.invoice_key = i.invoice_key AND l.state = 'failed')) END
FROM collector.invoices i
JOIN collector.invoice_states s USING (invoice_key)
WHERE i.partner = @partner::text AND s.state IN ('no_data', 'failed')
UNION ALL
SELECT 'invoice_failed', 'info', i.invoice_id, format('The lines of invoice %s could not be read again; those that are there stay: %s', i.invoice_id, min(l.error))
FROM collector.invoices i
JOIN collector.invoice_loads l USING (invoice_key)
JOIN collector.invoice_states s USING (invoice_key)
WHERE i.partner = @partner::text AND l.state = 'loaded' AND l.error IS NOT NULL AND s.state NOT IN ('no_data', 'failed')
GROUP BY i.invoice_id
UNION ALL
SELECT 'invoice_period_assumed', 'info', i.invoice_id,
    format('Nobody says which period invoice %s is for; its lines are counted in %s, the month before its date.', i.invoice_id, to_char(i.month, 'YYYY-MM'))
FROM collector.invoices i
WHERE i.partner = @partner::text AND i.month_assumed AND i.month IS NOT NULL
UNION ALL
SELECT 'invoice_lines_left_out', 'info', i.invoice_id, format('The usage of every day of invoice %s is not collected; the invoice''s sums do not need it.', i.invoice_id)
FROM collector.invoices i
JOIN collector.invoice_loads l USING (invoice_key)
WHERE i.partner = @partner::text AND l.state = 'left_out'
GROUP BY i.invoice_id;

-- name: StageInvoiceTotals :exec
-- A legacy invoice may have an adjustment that is in no line.
INSERT INTO stage_invoice_findings (kind, severity, subject, detail)
SELECT 'invoice_total_mismatch', CASE WHEN i.invoice_type = 'Recurring' THEN 'info' ELSE 'warning' END, i.invoice_id,
    format('Invoice %s is over %s %s and its lines add up to %s %s: %s %s belong to no customer.%s', i.invoice_id, trim_scale(i.total), i.currency_code, trim_scale(i.lines_total), i.currency_code,
        trim_scale(i.difference), i.currency_code, CASE WHEN i.invoice_type = 'Recurring' THEN ' Adjustments of a legacy invoice stand in no line.' ELSE '' END)
FROM finance.invoices i
WHERE i.partner = @partner::text AND i.difference <> 0;

-- name: StageInvoiceLineOddities :exec
INSERT INTO stage_invoice_findings (kind, severity, subject, detail)
SELECT 'invoice_line_arithmetic', 'info', o.invoice_id, format('In %s lines of invoice %s the amount before tax and the tax do not add up to the total; the totals count, as stated.', o.wrong, o.invoice_id)
FROM (
    SELECT i.invoice_id, count(*) FILTER (WHERE l.pretax_total + coalesce(l.tax, 0) <> l.after_tax_total) AS wrong
    FROM collector.invoices i
    JOIN collector.invoice_line_sets s ON s.invoice_key = i.invoice_key AND s.superseded_at IS NULL
    JOIN collector.invoice_lines l USING (set_id)
    WHERE i.partner = @partner::text
    GROUP BY i.invoice_id
) o
WHERE o.wrong > 0
UNION ALL
SELECT 'invoice_line_elsewhere', 'info', i.invoice_id, format('%s lines that the service lists for invoice %s state the number of another one, such as %s; they count for %s.', count(*), i.invoice_id, min(l.invoice_number), i.invoice_id)
FROM collector.invoices i
JOIN collector.invoice_line_sets s ON s.invoice_key = i.invoice_key AND s.superseded_at IS NULL
JOIN collector.invoice_lines l USING (set_id)
WHERE i.partner = @partner::text AND lower(l.invoice_number) <> lower(i.invoice_id) AND lower(l.invoice_number) <> lower(coalesce(i.amends, ''))
GROUP BY i.invoice_id
UNION ALL
SELECT 'invoice_line_class_unknown', 'info', i.invoice_id || ' ' || l.class, format('%s lines of invoice %s are of the class %s, which this version does not know; they count with what they state.', count(*), i.invoice_id, l.class)
FROM collector.invoices i
JOIN collector.invoice_line_sets s ON s.invoice_key = i.invoice_key AND s.superseded_at IS NULL
JOIN collector.invoice_lines l USING (set_id)
WHERE i.partner = @partner::text AND NOT (l.class = ANY (@known::text[]))
GROUP BY i.invoice_id, l.class;

-- name: StageInvoiceDifferences :exec
-- A finding for each month, type and currency; finance.invoice_reconciliation names the
-- customers. A difference of a cent is not reported.
INSERT INTO stage_invoice_findings (kind, severity, subject, detail)
SELECT 'invoice_difference', 'warning', r.invoice_type || ' ' || to_char(r.month, 'YYYY-MM') || ' ' || r.currency_code,
    format('Of %s customers the %s invoices of %s and the service costs differ without a known reason, by %s %s in all.', count(*), r.invoice_type, to_char(r.month, 'YYYY-MM'),
        trim_scale(sum(r.difference)), r.currency_code)
FROM finance.invoice_reconciliation r
WHERE r.partner = @partner::text AND r.verdict <> 'matched' AND r.reason IS NULL AND abs(r.difference) > 0.01
GROUP BY r.invoice_type, r.month, r.currency_code;

-- name: ResolveInvoiceFindings :exec
UPDATE collector.findings f
SET resolved_at = @now::timestamptz
WHERE f.partner = @partner::text AND f.kind = ANY (@kinds::text[]) AND f.resolved_at IS NULL
    AND NOT (f.customer_key IS NULL AND EXISTS (SELECT 1 FROM stage_invoice_findings t WHERE t.kind = f.kind AND t.subject = f.subject));

-- name: RewordInvoiceFindings :exec
UPDATE collector.findings f
SET severity = t.severity, detail = t.detail, last_seen_at = @now::timestamptz
FROM stage_invoice_findings t
WHERE f.partner = @partner::text AND f.customer_key IS NULL AND f.kind = t.kind AND f.subject = t.subject AND f.resolved_at IS NULL
    AND (f.severity, f.detail) IS DISTINCT FROM (t.severity, t.detail);

-- name: InsertInvoiceFindings :exec
INSERT INTO collector.findings (partner, customer_key, kind, severity, subject, detail, first_seen_at, last_seen_at)
SELECT @partner::text, NULL, t.kind, t.severity, t.subject, t.detail, @now::timestamptz, @now::timestamptz
FROM stage_invoice_findings t
WHERE NOT EXISTS (SELECT 1 FROM collector.findings f
    WHERE f.partner = @partner::text AND f.customer_key IS NULL AND f.kind = t.kind AND f.subject = t.subject AND f.resolved_at IS NULL)
ORDER BY t.kind, t.subject;
