BEGIN;

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
       t.lines
FROM collector.invoices i
JOIN collector.invoice_states s USING (invoice_key)
CROSS JOIN LATERAL (
    SELECT coalesce(sum(coalesce(l.after_tax_total, l.pretax_total + coalesce(l.tax, 0)))
               FILTER (WHERE l.customer_id IS NOT NULL AND coalesce(l.currency_code, i.currency_code) IS NOT DISTINCT FROM i.currency_code), 0) AS lines_total,
           count(*) AS lines
    FROM collector.invoice_line_sets ls
    JOIN collector.invoice_lines l USING (set_id)
    WHERE ls.invoice_key = i.invoice_key AND ls.superseded_at IS NULL
) t;

DROP TABLE collector.invoice_set_totals;

COMMIT;
