BEGIN;

-- What the lines of a set add up to, so that a list of invoices reads no lines.
CREATE TABLE collector.invoice_set_totals (
    set_id        bigint  NOT NULL REFERENCES collector.invoice_line_sets,
    currency_code text,
    lines_total   numeric NOT NULL,
    UNIQUE NULLS NOT DISTINCT (set_id, currency_code)
);
COMMENT ON TABLE collector.invoice_set_totals IS 'The sum of the lines of every set that name a customer, by currency. Written with the lines, which never change.';
COMMENT ON COLUMN collector.invoice_set_totals.currency_code IS 'Currency of the lines; null for lines that state none, which are in that of the invoice.';
COMMENT ON COLUMN collector.invoice_set_totals.lines_total IS 'Sum after tax; of a line that states no total, the amount before tax and the tax.';

INSERT INTO collector.invoice_set_totals (set_id, currency_code, lines_total)
SELECT l.set_id, l.currency_code, coalesce(sum(coalesce(l.after_tax_total, l.pretax_total + coalesce(l.tax, 0))), 0)
FROM collector.invoice_lines l
WHERE l.customer_id IS NOT NULL
GROUP BY l.set_id, l.currency_code;

CREATE OR REPLACE VIEW finance.invoices AS
SELECT i.partner,
       i.invoice_id,
       i.invoice_type,
       i.document_type,
       i.amends,
       i.invoice_date,
       i.period_start,
       i.period_end,
       i.currency_code,
       i.total,
       CASE WHEN s.state = 'complete' THEN t.lines_total END AS lines_total,
       CASE WHEN s.state = 'complete' THEN i.total - t.lines_total END AS difference,
       s.state,
       i.month,
       i.first_collected_at,
       i.last_changed_at,
       i.revisions,
       n.lines
FROM collector.invoices i
JOIN collector.invoice_states s USING (invoice_key)
CROSS JOIN LATERAL (
    SELECT coalesce(sum(t.lines_total), 0) AS lines_total
    FROM collector.invoice_line_sets ls
    JOIN collector.invoice_set_totals t USING (set_id)
    WHERE ls.invoice_key = i.invoice_key AND ls.superseded_at IS NULL AND coalesce(t.currency_code, i.currency_code) IS NOT DISTINCT FROM i.currency_code
) t
CROSS JOIN LATERAL (
    SELECT coalesce(sum(ls.line_count), 0) AS lines
    FROM collector.invoice_line_sets ls
    WHERE ls.invoice_key = i.invoice_key AND ls.superseded_at IS NULL
) n;

COMMIT;
