BEGIN;

-- The lines of the invoices as the dataset Invoice Detail of FOCUS 1.4. An invoice whose
-- lines are not all there is left out, because its rows would not add up to it.
CREATE VIEW finance.focus_invoice_detail AS
WITH whole AS (
    SELECT i.invoice_key, i.partner, i.invoice_id, i.invoice_type, i.document_type, i.amends, i.invoice_date, i.currency_code, i.total, i.month,
           coalesce(i.period_start, i.month)::timestamp AT TIME ZONE 'UTC' AS starts_at,
           coalesce(i.period_end + 1, (i.month + interval '1 month')::date)::timestamp AT TIME ZONE 'UTC' AS ends_at,
           i.first_collected_at, i.last_changed_at
    FROM collector.invoices i
    JOIN collector.invoice_states t USING (invoice_key)
    WHERE t.state = 'complete' AND i.month IS NOT NULL AND i.currency_code IS NOT NULL AND i.total IS NOT NULL
), lines AS (
    SELECT w.invoice_key, s.source || ' ' || s.part || ' ' || l.ordinal AS detail, coalesce(l.currency_code, w.currency_code) AS currency_code,
           coalesce(l.after_tax_total, l.pretax_total + coalesce(l.tax, 0), 0) AS payable, coalesce(l.tax, 0) AS tax,
           upper(coalesce(l.charge_type, '')) AS charge, l.class, l.product_name, l.charge_type,
           nullif(jsonb_strip_nulls(jsonb_build_object('SubAccountId', l.customer_id, 'SkuId', coalesce(nullif(concat_ws(':', l.product_id, l.sku_id), ''), l.offer_id),
               'x_ChargeType', l.charge_type, 'x_ChargeStart', l.charge_start, 'x_ChargeEnd', l.charge_end, 'x_SubscriptionId', l.subscription_id,
               'x_OrderId', l.order_id)), '{}'::jsonb) AS grain,
           (SELECT min(o.collected_at) FROM collector.invoice_line_sets o WHERE o.invoice_key = s.invoice_key AND o.source = s.source AND o.part = s.part) AS created_at,
           s.collected_at
    FROM whole w
    JOIN collector.invoice_line_sets s ON s.invoice_key = w.invoice_key AND s.superseded_at IS NULL
    JOIN collector.invoice_lines l USING (set_id)
), details AS (
    SELECT l.invoice_key, l.detail, l.currency_code, l.payable - l.tax AS cost, l.grain, l.created_at, l.collected_at,
           CASE WHEN l.charge LIKE '%TAX%' AND l.charge NOT LIKE '%CREDIT%' THEN 'Tax'
                WHEN l.charge LIKE '%REFUND%' THEN 'Purchase'
                WHEN l.charge LIKE '%CREDIT%' THEN 'Credit'
                WHEN l.charge LIKE ANY ('{%DISCOUNT%,%OFFSET%}') THEN 'Adjustment'
                WHEN l.charge LIKE '%USAGE%' OR l.charge = '' AND l.class LIKE '%Usage%' THEN 'Usage'
                WHEN l.charge LIKE ANY ('{%PURCHASE%,%CYCLE%,%PRORATE%,NEW,RENEW,CONVERT,%QUANTITY,CANCEL%}') THEN 'Purchase'
                ELSE 'Adjustment' END AS category,
           nullif(concat_ws(', ', l.product_name, l.charge_type), '') AS description
    FROM lines l
    UNION ALL
    SELECT l.invoice_key, l.detail || ' tax', l.currency_code, l.tax, l.grain, l.created_at, l.collected_at, 'Tax', nullif(concat_ws(', ', l.product_name, 'tax'), '')
    FROM lines l
    WHERE l.tax <> 0
    UNION ALL
    SELECT w.invoice_key, 'adjustment', w.currency_code, w.total - coalesce(b.payable, 0), NULL, w.first_collected_at, w.last_changed_at, 'Adjustment', 'Part of the total that no line states'
    FROM whole w
    LEFT JOIN (SELECT o.invoice_key, o.currency_code, sum(o.payable) AS payable FROM lines o GROUP BY o.invoice_key, o.currency_code) b
        ON b.invoice_key = w.invoice_key AND b.currency_code = w.currency_code
    WHERE w.total <> coalesce(b.payable, 0)
)
SELECT w.invoice_id AS "InvoiceId",
       d.detail AS "InvoiceDetailId",
       coalesce(w.amends, w.invoice_id) AS "ReferenceInvoiceId",
       d.cost AS "BilledCost",
       d.currency_code AS "BillingCurrency",
       coalesce(t.tenant_id::text, w.partner) AS "BillingAccountId",
       w.starts_at AS "BillingPeriodStart",
       w.ends_at AS "BillingPeriodEnd",
       d.category AS "ChargeCategory",
       d.description AS "InvoiceDetailDescription",
       d.grain AS "InvoiceDetailGrain",
       date_trunc('second', d.created_at) AS "InvoiceDetailCreated",
       date_trunc('second', greatest(d.created_at, d.collected_at)) AS "InvoiceDetailLastUpdated",
       w.invoice_date::timestamp AT TIME ZONE 'UTC' AS "InvoiceIssueDate",
       CASE WHEN EXISTS (SELECT 1 FROM collector.invoices v WHERE v.partner = w.partner AND v.amends = w.invoice_id AND v.document_type = 'void_note')
           THEN 'Voided' ELSE 'Issued' END AS "InvoiceIssueStatus",
       'Microsoft' AS "InvoiceIssuerName",
       NULL::timestamptz AS "PaymentDueDate",
       'Not stated' AS "PaymentTerms",
       w.partner AS "x_Partner",
       w.month AS "x_Month",
       w.invoice_type AS "x_InvoiceType",
       w.document_type AS "x_DocumentType"
FROM details d
JOIN whole w USING (invoice_key)
LEFT JOIN collector.partners t ON t.partner = w.partner;
COMMENT ON VIEW finance.focus_invoice_detail IS 'The lines of Microsoft''s invoices, as the Invoice Detail dataset of FOCUS 1.4: the rows of an invoice in its currency add up to its total. An invoice whose lines are not complete is left out.';
COMMENT ON COLUMN finance.focus_invoice_detail."InvoiceId" IS 'Number of Microsoft''s invoice.';
COMMENT ON COLUMN finance.focus_invoice_detail."InvoiceDetailId" IS 'Key of the line and its part (charge or tax) within the invoice. It is a key of this database: the service numbers no lines.';
COMMENT ON COLUMN finance.focus_invoice_detail."ReferenceInvoiceId" IS 'Invoice that an amendment amends; else InvoiceId.';
COMMENT ON COLUMN finance.focus_invoice_detail."BilledCost" IS 'The amount to pay: a line before tax on one row, its tax on another.';
COMMENT ON COLUMN finance.focus_invoice_detail."BillingCurrency" IS 'Currency of the line, else of the invoice. Never add amounts of different currencies.';
COMMENT ON COLUMN finance.focus_invoice_detail."BillingAccountId" IS 'The partner''s tenant id; its name if the configuration sets no tenant.';
COMMENT ON COLUMN finance.focus_invoice_detail."BillingPeriodStart" IS 'First instant of the invoice''s billing period, UTC; of its month if the period is not known.';
COMMENT ON COLUMN finance.focus_invoice_detail."BillingPeriodEnd" IS 'First instant after the invoice''s billing period, UTC; after its month if the period is not known.';
COMMENT ON COLUMN finance.focus_invoice_detail."ChargeCategory" IS 'Purchase, Usage, Credit, Adjustment or Tax. Adjustment also for the part of the total that no line states.';
COMMENT ON COLUMN finance.focus_invoice_detail."InvoiceDetailDescription" IS 'Product and charge type of the line.';
COMMENT ON COLUMN finance.focus_invoice_detail."InvoiceDetailGrain" IS 'What the line is about: customer (SubAccountId), SKU, charge type, dates, subscription and order; null for the part of the total that no line states.';
COMMENT ON COLUMN finance.focus_invoice_detail."InvoiceDetailCreated" IS 'When lines of this part of the invoice were first collected.';
COMMENT ON COLUMN finance.focus_invoice_detail."InvoiceDetailLastUpdated" IS 'When the lines of this part of the invoice last changed.';
COMMENT ON COLUMN finance.focus_invoice_detail."InvoiceIssueDate" IS 'Day of the invoice.';
COMMENT ON COLUMN finance.focus_invoice_detail."InvoiceIssueStatus" IS 'Issued, or Voided if a void note amends the invoice.';
COMMENT ON COLUMN finance.focus_invoice_detail."InvoiceIssuerName" IS 'Always Microsoft, which bills the partner.';
COMMENT ON COLUMN finance.focus_invoice_detail."PaymentDueDate" IS 'Always null: no due date is collected.';
COMMENT ON COLUMN finance.focus_invoice_detail."PaymentTerms" IS 'Always Not stated: the service states no terms, and FOCUS allows no null.';
COMMENT ON COLUMN finance.focus_invoice_detail."x_Partner" IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.focus_invoice_detail."x_Month" IS 'First day of the month to which the lines belong.';
COMMENT ON COLUMN finance.focus_invoice_detail."x_InvoiceType" IS 'Recurring or OneTime, or a type that the service added later.';
COMMENT ON COLUMN finance.focus_invoice_detail."x_DocumentType" IS 'invoice, void_note, adjustment_note, as the service words it.';

COMMIT;
