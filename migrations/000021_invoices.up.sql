BEGIN;

-- What Microsoft billed the partner. It stands beside the costs and is never written into
-- them: two origins for the same key would double.
CREATE TABLE collector.invoices (
    invoice_key        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partner            text        NOT NULL CHECK (partner <> ''),
    invoice_id         text        NOT NULL CHECK (invoice_id <> ''),
    invoice_type       text        CHECK (invoice_type <> ''),
    document_type      text        CHECK (document_type <> ''),
    amends             text        CHECK (amends <> ''),
    invoice_date       date,
    period_start       date,
    period_end         date,
    month              date        CHECK (extract(day FROM month) = 1),
    month_assumed      boolean     NOT NULL,
    currency_code      text        CHECK (currency_code <> ''),
    total              numeric     CHECK (total NOT IN ('NaN', 'Infinity', '-Infinity')),
    paid               numeric     CHECK (paid NOT IN ('NaN', 'Infinity', '-Infinity')),
    body_hash          bytea,
    run_id             uuid        NOT NULL,
    first_collected_at timestamptz NOT NULL,
    last_changed_at    timestamptz NOT NULL,
    revisions          integer     NOT NULL DEFAULT 0,
    UNIQUE (partner, invoice_id)
);
COMMENT ON TABLE collector.invoices IS 'Every invoice that was ever listed, amendments among them, with the newest values.';
COMMENT ON COLUMN collector.invoices.month IS 'First day of the month to which the lines belong: that in which the period ends, an amendment''s parent''s, or else the one before the invoice''s date.';
COMMENT ON COLUMN collector.invoices.month_assumed IS 'Whether the month is that before the invoice''s date, because no period was to be had.';
COMMENT ON COLUMN collector.invoices.paid IS 'As stated. Its sign is not clear: nothing is computed with it.';
COMMENT ON COLUMN collector.invoices.body_hash IS 'The page of the list that last changed the invoice; see invoice_bodies.';

CREATE TABLE collector.invoice_history (
    invoice_key       bigint      NOT NULL REFERENCES collector.invoices,
    revision          integer     NOT NULL,
    invoice           jsonb       NOT NULL,
    valid_from        timestamptz NOT NULL,
    superseded_at     timestamptz NOT NULL,
    superseded_by_run uuid        NOT NULL,
    PRIMARY KEY (invoice_key, revision)
);
COMMENT ON TABLE collector.invoice_history IS 'What an invoice stated before each change, as the columns of invoices.';

CREATE TABLE collector.invoice_line_sets (
    set_id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    invoice_key       bigint      NOT NULL REFERENCES collector.invoices,
    source            text        NOT NULL CHECK (source IN ('v1', 'v2')),
    part              text        NOT NULL,
    revision          integer     NOT NULL,
    content_hash      bytea       NOT NULL,
    line_count        integer     NOT NULL,
    etag              text,
    run_id            uuid        NOT NULL,
    collected_at      timestamptz NOT NULL,
    superseded_at     timestamptz,
    superseded_by_run uuid,
    UNIQUE (invoice_key, source, part, revision),
    CHECK ((superseded_at IS NULL) = (superseded_by_run IS NULL))
);
CREATE UNIQUE INDEX invoice_line_sets_current ON collector.invoice_line_sets (invoice_key, source, part) WHERE superseded_at IS NULL;
COMMENT ON TABLE collector.invoice_line_sets IS 'Lines have no identity: they are one set per invoice and part, replaced as a whole. The current set is the one that is not superseded.';
COMMENT ON COLUMN collector.invoice_line_sets.content_hash IS 'SHA-256 over the lines as a multiset: their order does not count, true duplicates do.';

CREATE TABLE collector.invoice_lines (
    set_id          bigint  NOT NULL REFERENCES collector.invoice_line_sets,
    ordinal         integer NOT NULL,
    class           text    NOT NULL,
    customer_id     uuid,
    customer_name   text,
    own             boolean NOT NULL,
    invoice_number  text,
    charge_type     text,
    charge_start    date,
    charge_end      date,
    subscription_id text,
    order_id        text,
    offer_id        text,
    product_id      text,
    sku_id          text,
    product_name    text,
    quantity        numeric,
    unit_price      numeric,
    pretax_total    numeric,
    tax             numeric,
    after_tax_total numeric,
    currency_code   text,
    PRIMARY KEY (set_id, ordinal)
);
CREATE INDEX invoice_lines_by_customer ON collector.invoice_lines (customer_id);
COMMENT ON TABLE collector.invoice_lines IS 'The lines of every set, current and superseded.';
COMMENT ON COLUMN collector.invoice_lines.customer_name IS 'As the line states it; null when it was erased.';
COMMENT ON COLUMN collector.invoice_lines.own IS 'Whether the customer is the partner itself.';

CREATE TABLE collector.invoice_bodies (
    body_hash     bytea PRIMARY KEY CHECK (octet_length(body_hash) = 32),
    body          bytea       NOT NULL,
    packed        boolean     NOT NULL,
    first_seen_at timestamptz NOT NULL
);
CREATE INDEX invoice_bodies_by_time ON collector.invoice_bodies USING brin (first_seen_at);
ALTER TABLE collector.invoice_bodies ALTER COLUMN body SET STORAGE EXTERNAL;
COMMENT ON TABLE collector.invoice_bodies IS 'The body of every answer about invoices, once per content and without secrets. Holds personal data.';
COMMENT ON COLUMN collector.invoice_bodies.body_hash IS 'SHA-256 of the answer.';
COMMENT ON COLUMN collector.invoice_bodies.packed IS 'Whether the body is the answer compressed with gzip; else it is the answer, which may be compressed by itself.';

CREATE TABLE collector.invoice_set_bodies (
    set_id    bigint  NOT NULL REFERENCES collector.invoice_line_sets,
    ordinal   integer NOT NULL,
    body_hash bytea   NOT NULL,
    PRIMARY KEY (set_id, ordinal)
);
CREATE INDEX invoice_set_bodies_by_hash ON collector.invoice_set_bodies (body_hash);
COMMENT ON TABLE collector.invoice_set_bodies IS 'From which answers a set was read, in their order. The bodies may have been erased or be past their retention.';

CREATE TABLE collector.invoice_loads (
    load_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    invoice_key   bigint      NOT NULL REFERENCES collector.invoices,
    source        text        NOT NULL CHECK (source IN ('v1', 'v2')),
    part          text        NOT NULL,
    provider      text        NOT NULL,
    line_type     text        NOT NULL,
    link          text,
    state         text        NOT NULL CHECK (state IN ('expected', 'loading', 'loaded', 'no_data', 'failed', 'left_out')),
    first_seen_at timestamptz NOT NULL,
    asked_at      timestamptz,
    loaded_at     timestamptz,
    operation     text,
    etag          text,
    asked_total   numeric,
    asked_latest  date,
    error         text,
    code          text,
    request_id    text,
    run_id        uuid        NOT NULL,
    UNIQUE (invoice_key, source, part)
) WITH (fillfactor = 70);
COMMENT ON TABLE collector.invoice_loads IS 'The ledger of what there is to read of each invoice, and how far that is. Rewritten by every run that asks, unlike the lines.';
COMMENT ON COLUMN collector.invoice_loads.state IS 'expected, loading (an export is under way), loaded, no_data (not yet there), failed, or left_out (the usage of every day).';
COMMENT ON COLUMN collector.invoice_loads.operation IS 'Address of the export that is under way; the next process goes on with it.';
COMMENT ON COLUMN collector.invoice_loads.asked_total IS 'The invoice''s total when the lines were last asked for.';
COMMENT ON COLUMN collector.invoice_loads.asked_latest IS 'The day of the newest invoice of its currency and type when the lines were last asked for.';
COMMENT ON COLUMN collector.invoice_loads.error IS 'Why it failed last; null when it did not.';

ALTER TABLE collector.partners ADD COLUMN discovers boolean;
COMMENT ON COLUMN collector.partners.discovers IS 'Whether the customers are those that Partner Center lists; false when the configuration names them, null when no run with invoices said so.';

-- How each invoice stands: the worst of its parts counts. Lines count once all are there.
-- What belongs to no customer is no part of them, so that it shows in the difference.
CREATE VIEW collector.invoice_states AS
SELECT i.invoice_key,
       CASE WHEN bool_or(l.state = 'failed') THEN 'failed'
            WHEN bool_or(l.state IN ('expected', 'loading')) THEN 'loading'
            WHEN bool_or(l.state = 'no_data') THEN 'no_data'
            ELSE 'complete' END AS state
FROM collector.invoices i
LEFT JOIN collector.invoice_loads l USING (invoice_key)
GROUP BY i.invoice_key;
COMMENT ON VIEW collector.invoice_states IS 'The state of each invoice, from those of its parts.';

CREATE VIEW finance.invoices AS
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
COMMENT ON VIEW finance.invoices IS 'The invoices of Microsoft to the partner, with what their lines add up to.';
COMMENT ON COLUMN finance.invoices.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.invoices.invoice_id IS 'Number of the invoice: D... for licences and legacy Azure, G... for new commerce.';
COMMENT ON COLUMN finance.invoices.invoice_type IS 'Recurring (D...) or OneTime (G...), or a type the service added later.';
COMMENT ON COLUMN finance.invoices.document_type IS 'invoice, void_note, adjustment_note, as the service words it.';
COMMENT ON COLUMN finance.invoices.amends IS 'Number of the invoice that this one amends; null when it amends none. Its total is no part of that one''s.';
COMMENT ON COLUMN finance.invoices.invoice_date IS 'Day of the invoice, as written.';
COMMENT ON COLUMN finance.invoices.period_start IS 'First day of the billing period, as written; null when it could not be read.';
COMMENT ON COLUMN finance.invoices.period_end IS 'Last day of the billing period, as written; null when it could not be read.';
COMMENT ON COLUMN finance.invoices.currency_code IS 'Currency of the amounts.';
COMMENT ON COLUMN finance.invoices.total IS 'What Microsoft billed, after tax and with adjustments, exactly as stated.';
COMMENT ON COLUMN finance.invoices.lines_total IS 'Sum of the lines after tax, of those that name a customer; null until all lines are there.';
COMMENT ON COLUMN finance.invoices.difference IS 'total less lines_total: adjustments that no line states, and lines without a customer. Null until all lines are there.';
COMMENT ON COLUMN finance.invoices.state IS 'complete, loading (not all lines are there yet), no_data (the service has none yet) or failed.';
COMMENT ON COLUMN finance.invoices.month IS 'First day of the month to which the lines belong: that in which the period ends; of an amendment, the month of what it amends.';
COMMENT ON COLUMN finance.invoices.first_collected_at IS 'When the invoice was first listed.';
COMMENT ON COLUMN finance.invoices.last_changed_at IS 'When its values last changed.';
COMMENT ON COLUMN finance.invoices.revisions IS 'How often its values changed after it was first listed.';
COMMENT ON COLUMN finance.invoices.lines IS 'Number of lines that are there.';

CREATE VIEW finance.invoice_lines AS
SELECT i.partner,
       i.invoice_id,
       s.source,
       l.customer_id,
       coalesce(p.company_name, l.customer_name) AS company_name,
       i.invoice_type,
       l.charge_type,
       l.charge_start,
       l.charge_end,
       l.subscription_id,
       l.order_id,
       l.offer_id,
       l.product_id,
       l.sku_id,
       l.product_name,
       l.quantity,
       l.unit_price,
       l.pretax_total,
       l.tax,
       l.after_tax_total,
       l.currency_code,
       i.month,
       l.class,
       l.ordinal
FROM collector.invoice_lines l
JOIN collector.invoice_line_sets s USING (set_id)
JOIN collector.invoices i USING (invoice_key)
LEFT JOIN collector.customers c ON c.partner = i.partner AND c.customer_id = l.customer_id
LEFT JOIN collector.billing_profiles p USING (customer_key)
WHERE s.superseded_at IS NULL;
COMMENT ON VIEW finance.invoice_lines IS 'The lines of the invoices, newest set of each. The usage of every day is left out.';
COMMENT ON COLUMN finance.invoice_lines.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.invoice_lines.invoice_id IS 'Number of the invoice.';
COMMENT ON COLUMN finance.invoice_lines.source IS 'v1 (line items of Partner Center) or v2 (an export of Microsoft Graph).';
COMMENT ON COLUMN finance.invoice_lines.customer_id IS 'Tenant id of the customer; null when the line names none.';
COMMENT ON COLUMN finance.invoice_lines.company_name IS 'Company name of the billing profile, or else as the line states it.';
COMMENT ON COLUMN finance.invoice_lines.invoice_type IS 'Type of the invoice: Recurring, OneTime.';
COMMENT ON COLUMN finance.invoice_lines.charge_type IS 'What kind of charge, in the service''s own words, which changed over time: Purchase is New today, Refund is Cancel.';
COMMENT ON COLUMN finance.invoice_lines.charge_start IS 'First day the charge covers, as written.';
COMMENT ON COLUMN finance.invoice_lines.charge_end IS 'Last day the charge covers, as written.';
COMMENT ON COLUMN finance.invoice_lines.subscription_id IS 'Subscription as Partner Center shows it; of licences not the one that is internal to billing.';
COMMENT ON COLUMN finance.invoice_lines.order_id IS 'Order, as written by the service.';
COMMENT ON COLUMN finance.invoice_lines.offer_id IS 'Offer of a licence, as in the price list.';
COMMENT ON COLUMN finance.invoice_lines.product_id IS 'Product.';
COMMENT ON COLUMN finance.invoice_lines.sku_id IS 'SKU of the product; of legacy Azure its sku.';
COMMENT ON COLUMN finance.invoice_lines.product_name IS 'Name of the product, the offer or the service.';
COMMENT ON COLUMN finance.invoice_lines.quantity IS 'Billable quantity, exactly as stated; of legacy Azure the consumed quantity.';
COMMENT ON COLUMN finance.invoice_lines.unit_price IS 'Price of one unit, exactly as stated; of legacy Azure the effective rate before tax.';
COMMENT ON COLUMN finance.invoice_lines.pretax_total IS 'Amount before tax, exactly as stated.';
COMMENT ON COLUMN finance.invoice_lines.tax IS 'Tax, exactly as stated.';
COMMENT ON COLUMN finance.invoice_lines.after_tax_total IS 'Amount after tax, exactly as stated; negative for credits.';
COMMENT ON COLUMN finance.invoice_lines.currency_code IS 'Billing currency of the amounts.';
COMMENT ON COLUMN finance.invoice_lines.month IS 'First day of the month to which the line belongs: that of its invoice.';
COMMENT ON COLUMN finance.invoice_lines.class IS 'Form of the line as the service names it.';
COMMENT ON COLUMN finance.invoice_lines.ordinal IS 'Place of the line in its set; tells true duplicates apart.';

-- The grouping is by the key alone, so that a condition on month or customer narrows what
-- is read on both sides.
CREATE VIEW finance.invoice_reconciliation AS
WITH billed AS (
    SELECT i.partner, i.month, l.customer_id, i.invoice_type, coalesce(l.currency_code, i.currency_code) AS currency_code,
           sum(coalesce(l.after_tax_total, l.pretax_total + coalesce(l.tax, 0), 0)) AS invoiced,
           sum(coalesce(l.after_tax_total, l.pretax_total + coalesce(l.tax, 0), 0)) FILTER (WHERE i.amends IS NOT NULL) AS amended,
           bool_or(l.own) AS own,
           max(l.customer_name) AS customer_name
    FROM collector.invoices i
    JOIN collector.invoice_line_sets s ON s.invoice_key = i.invoice_key AND s.superseded_at IS NULL
    JOIN collector.invoice_lines l USING (set_id)
    WHERE l.customer_id IS NOT NULL AND i.month IS NOT NULL
    GROUP BY i.partner, i.month, l.customer_id, i.invoice_type, coalesce(l.currency_code, i.currency_code)
), costs AS (
    SELECT c.partner, date_trunc('month', d.ends_at AT TIME ZONE 'UTC')::date AS month, c.customer_id, d.invoice_type, d.currency_code,
           sum(coalesce(d.after_tax_total, 0)) AS service_costs
    FROM collector.cost_details d
    JOIN collector.customers c USING (customer_key)
    WHERE d.ends_at IS NOT NULL
    GROUP BY c.partner, date_trunc('month', d.ends_at AT TIME ZONE 'UTC')::date, c.customer_id, d.invoice_type, d.currency_code
), awaited AS (
    SELECT i.partner, i.month, i.invoice_type, i.currency_code, bool_or(s.state <> 'complete') AS late
    FROM collector.invoices i
    JOIN collector.invoice_states s USING (invoice_key)
    WHERE i.month IS NOT NULL
    GROUP BY i.partner, i.month, i.invoice_type, i.currency_code
), sides AS (
    SELECT b.partner, b.month, b.customer_id, b.invoice_type, b.currency_code, b.invoiced, NULL::numeric AS service_costs, b.amended, b.own, b.customer_name
    FROM billed b
    UNION ALL
    SELECT k.partner, k.month, k.customer_id, k.invoice_type, k.currency_code, NULL, k.service_costs, NULL, false, NULL
    FROM costs k
), paired AS (
    SELECT s.partner, s.month, s.customer_id, s.invoice_type, s.currency_code,
           sum(s.invoiced) AS invoiced, sum(s.service_costs) AS service_costs,
           coalesce(sum(s.invoiced), 0) - coalesce(sum(s.service_costs), 0) AS difference,
           coalesce(sum(s.amended), 0) AS amended, bool_or(s.own) AS own, max(s.customer_name) AS customer_name
    FROM sides s
    GROUP BY s.partner, s.month, s.customer_id, s.invoice_type, s.currency_code
)
SELECT p.partner,
       p.month,
       p.customer_id,
       coalesce(bp.company_name, p.customer_name) AS company_name,
       p.invoice_type,
       p.currency_code,
       p.invoiced,
       p.service_costs,
       p.difference,
       CASE WHEN p.difference = 0 THEN 'matched'
            WHEN p.service_costs IS NULL THEN 'invoice_only'
            WHEN p.invoiced IS NULL THEN 'costs_only'
            ELSE 'differs' END AS verdict,
       CASE WHEN p.difference = 0 THEN NULL
            WHEN p.own OR p.customer_id = t.tenant_id THEN 'own subscription'
            WHEN c.customer_key IS NULL OR t.discovers IS FALSE AND NOT c.active
                 OR NOT EXISTS (SELECT 1 FROM collector.cost_details d
                     WHERE d.customer_key = c.customer_key AND d.ends_at >= p.month::timestamp AT TIME ZONE 'UTC'
                         AND d.ends_at < (p.month + interval '1 month') AT TIME ZONE 'UTC')
                 OR p.month < (SELECT date_trunc('month', min(d.ends_at) AT TIME ZONE 'UTC') FROM collector.cost_details d
                     WHERE d.customer_key = c.customer_key AND d.invoice_type IS NOT DISTINCT FROM p.invoice_type) THEN 'not collected'
            WHEN NOT c.active THEN 'customer gone'
            WHEN p.amended <> 0 AND p.difference = p.amended THEN 'adjustment'
            WHEN a.late THEN 'late data'
       END AS reason
FROM paired p
LEFT JOIN awaited a ON a.partner = p.partner AND a.month = p.month AND a.invoice_type IS NOT DISTINCT FROM p.invoice_type
    AND a.currency_code IS NOT DISTINCT FROM p.currency_code
LEFT JOIN collector.customers c ON c.partner = p.partner AND c.customer_id = p.customer_id
LEFT JOIN collector.billing_profiles bp ON bp.customer_key = c.customer_key
LEFT JOIN collector.partners t ON t.partner = p.partner
WHERE p.invoiced IS NOT NULL OR a.partner IS NOT NULL;
COMMENT ON VIEW finance.invoice_reconciliation IS 'What Microsoft billed for each customer against the service costs of the same month. Costs for which there is no invoice yet are not judged. Verdicts are exact.';
COMMENT ON COLUMN finance.invoice_reconciliation.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.invoice_reconciliation.month IS 'First day of the month in which the billing periods end.';
COMMENT ON COLUMN finance.invoice_reconciliation.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.invoice_reconciliation.company_name IS 'Company name of the billing profile, or else as the lines state it.';
COMMENT ON COLUMN finance.invoice_reconciliation.invoice_type IS 'Recurring, OneTime, or a type the service added later.';
COMMENT ON COLUMN finance.invoice_reconciliation.currency_code IS 'Currency of the amounts.';
COMMENT ON COLUMN finance.invoice_reconciliation.invoiced IS 'Sum of the customer''s lines after tax, amendments among them; null when there are none.';
COMMENT ON COLUMN finance.invoice_reconciliation.service_costs IS 'Service costs after tax; null when there are none.';
COMMENT ON COLUMN finance.invoice_reconciliation.difference IS 'invoiced less service_costs; what is null counts as 0.';
COMMENT ON COLUMN finance.invoice_reconciliation.verdict IS 'matched (to the last digit), differs, invoice_only, costs_only.';
COMMENT ON COLUMN finance.invoice_reconciliation.reason IS 'Why there is a difference, where that is known: own subscription, not collected, customer gone, adjustment, late data.';

CREATE VIEW finance.history AS
WITH costs AS (
    SELECT c.partner, date_trunc('month', d.ends_at AT TIME ZONE 'UTC')::date AS month, c.customer_id, d.invoice_type, d.currency_code,
           sum(d.after_tax_total) AS after_tax_total,
           CASE WHEN bool_and(d.origin = 'import') THEN 'import' ELSE 'servicecosts' END AS origin
    FROM collector.cost_details d
    JOIN collector.customers c USING (customer_key)
    WHERE d.ends_at IS NOT NULL
    GROUP BY c.partner, date_trunc('month', d.ends_at AT TIME ZONE 'UTC')::date, c.customer_id, d.invoice_type, d.currency_code
), cells AS (
    SELECT k.partner, k.month, k.customer_id, k.invoice_type, k.currency_code, k.after_tax_total, k.origin, NULL::text AS customer_name
    FROM costs k
    UNION ALL
    SELECT i.partner, i.month, l.customer_id, i.invoice_type, coalesce(l.currency_code, i.currency_code),
           sum(coalesce(l.after_tax_total, l.pretax_total + coalesce(l.tax, 0))), 'invoice', max(l.customer_name)
    FROM collector.invoices i
    JOIN collector.invoice_line_sets s ON s.invoice_key = i.invoice_key AND s.superseded_at IS NULL
    JOIN collector.invoice_lines l USING (set_id)
    WHERE l.customer_id IS NOT NULL AND i.month IS NOT NULL
    GROUP BY i.partner, i.month, l.customer_id, i.invoice_type, coalesce(l.currency_code, i.currency_code)
), ranked AS (
    SELECT h.*, bool_or(h.origin <> 'invoice') OVER (PARTITION BY h.partner, h.month, h.customer_id, h.invoice_type, h.currency_code) AS collected
    FROM cells h
)
SELECT h.partner,
       h.month,
       h.customer_id,
       coalesce(p.company_name, h.customer_name) AS company_name,
       h.invoice_type,
       h.currency_code,
       h.after_tax_total,
       h.origin
FROM ranked h
LEFT JOIN collector.customers c ON c.partner = h.partner AND c.customer_id = h.customer_id
LEFT JOIN collector.billing_profiles p USING (customer_key)
WHERE h.origin <> 'invoice' OR NOT h.collected;
COMMENT ON VIEW finance.history IS 'What each customer cost in each month: the service costs where they were collected, and elsewhere what Microsoft billed. The two are never added in one row.';
COMMENT ON COLUMN finance.history.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.history.month IS 'First day of the month in which the billing period ends.';
COMMENT ON COLUMN finance.history.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.history.company_name IS 'Company name of the billing profile, or else as the lines of the invoice state it.';
COMMENT ON COLUMN finance.history.invoice_type IS 'Recurring, OneTime, or a type the service added later.';
COMMENT ON COLUMN finance.history.currency_code IS 'Currency of the amount.';
COMMENT ON COLUMN finance.history.after_tax_total IS 'Amount after tax.';
COMMENT ON COLUMN finance.history.origin IS 'servicecosts (collected from the service), import (from saved answers) or invoice (what Microsoft billed).';

COMMIT;
