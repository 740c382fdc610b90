BEGIN;

-- Costs by the month in which they end, for the summaries below and for finance.
CREATE INDEX cost_details_by_end ON collector.cost_details (((ends_at AT TIME ZONE 'UTC')::date));

CREATE TABLE collector.month_totals (
    partner         text        NOT NULL,
    month           date,
    currency_code   text,
    invoice_type    text,
    customers       integer     NOT NULL,
    pretax_total    numeric,
    tax             numeric,
    after_tax_total numeric,
    summarised_at   timestamptz NOT NULL,
    CONSTRAINT month_totals_key UNIQUE NULLS NOT DISTINCT (partner, month, currency_code, invoice_type)
);
COMMENT ON TABLE collector.month_totals IS 'Summary of cost_details, written by refresh_stale_month: what the console would otherwise add up from millions of rows.';

CREATE TABLE collector.month_movers (
    partner          text        NOT NULL,
    month            date        NOT NULL,
    currency_code    text,
    invoice_type     text,
    place            integer     NOT NULL,
    customer_key     bigint      NOT NULL REFERENCES collector.customers,
    after_tax_before numeric     NOT NULL,
    after_tax_now    numeric     NOT NULL,
    summarised_at    timestamptz NOT NULL,
    CONSTRAINT month_movers_key UNIQUE NULLS NOT DISTINCT (partner, month, currency_code, invoice_type, place)
);
CREATE INDEX month_movers_by_month ON collector.month_movers (month);
COMMENT ON TABLE collector.month_movers IS 'Summary of cost_details, written by refresh_stale_month: the 100 customers whose costs moved most, of each partner, month, currency and invoice type.';

CREATE TABLE collector.stale_months (
    partner text        NOT NULL,
    month   date,
    since   timestamptz NOT NULL,
    CONSTRAINT stale_months_key UNIQUE NULLS NOT DISTINCT (partner, month)
);
COMMENT ON TABLE collector.stale_months IS 'The months whose details changed after they were summarised. Triggers on cost_details write it in the transaction that changes the details.';

CREATE FUNCTION collector.mark_months() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $mark$
BEGIN
    -- The update changes nothing, but it locks the mark until this transaction ends, so
    -- that no refresh removes it without having seen what is written here.
    INSERT INTO collector.stale_months AS s (partner, month, since)
    SELECT DISTINCT c.partner, date_trunc('month', t.ends_at AT TIME ZONE 'UTC')::date AS month, now()
    FROM touched t
    JOIN collector.customers c USING (customer_key)
    ORDER BY partner, month
    ON CONFLICT (partner, month) DO UPDATE SET since = s.since;
    RETURN NULL;
END
$mark$;
COMMENT ON FUNCTION collector.mark_months() IS 'Marks the months of the details that a statement touched as stale.';

CREATE TRIGGER mark_months_of_new AFTER INSERT ON collector.cost_details
    REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION collector.mark_months();
CREATE TRIGGER mark_months_before_change AFTER UPDATE ON collector.cost_details
    REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION collector.mark_months();
CREATE TRIGGER mark_months_after_change AFTER UPDATE ON collector.cost_details
    REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION collector.mark_months();
CREATE TRIGGER mark_months_of_removed AFTER DELETE ON collector.cost_details
    REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION collector.mark_months();

CREATE FUNCTION collector.refresh_stale_month(of_partner text) RETURNS boolean
LANGUAGE plpgsql SET search_path = '' SET work_mem = '64MB' SET plan_cache_mode = force_custom_plan AS $refresh$
DECLARE
    stale        date;
    of_month     date;
    types_before text[];
    types_after  text[];
    earlier      text[];
    later        text[];
BEGIN
    -- A mark that a transaction holds is that of a batch being written: it stays.
    SELECT month INTO stale FROM collector.stale_months
    WHERE partner = of_partner ORDER BY month LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN false;
    END IF;

    SELECT coalesce(array_agg(DISTINCT coalesce(invoice_type, '')), '{}') INTO types_before
    FROM collector.month_totals WHERE partner = of_partner AND month IS NOT DISTINCT FROM stale;
    DELETE FROM collector.month_totals WHERE partner = of_partner AND month IS NOT DISTINCT FROM stale;
    INSERT INTO collector.month_totals (partner, month, currency_code, invoice_type, customers, pretax_total, tax, after_tax_total, summarised_at)
    SELECT of_partner, stale, d.currency_code, d.invoice_type, count(DISTINCT d.customer_key), sum(d.pretax_total), sum(d.tax), sum(d.after_tax_total), now()
    FROM collector.cost_details d
    JOIN collector.customers c USING (customer_key)
    WHERE c.partner = of_partner
      AND (stale IS NULL AND d.ends_at IS NULL
           OR (d.ends_at AT TIME ZONE 'UTC')::date >= stale AND (d.ends_at AT TIME ZONE 'UTC')::date < (stale + interval '1 month')::date)
    GROUP BY d.currency_code, d.invoice_type;

    SELECT coalesce(array_agg(DISTINCT coalesce(invoice_type, '')), '{}') INTO types_after
    FROM collector.month_totals WHERE partner = of_partner AND month IS NOT DISTINCT FROM stale;

    -- A month is compared with the one before, and its successor with it. Of a type that
    -- has its first bills here, the month that was the newest is no longer: who is
    -- missing there was not billed at all.
    FOR of_month IN
        SELECT stale WHERE stale IS NOT NULL
        UNION
        SELECT (stale + interval '1 month')::date WHERE stale IS NOT NULL
        UNION
        SELECT max(month) FROM collector.month_totals
        WHERE partner = of_partner AND month < stale
          AND (coalesce(invoice_type, '') = ANY (types_before)) <> (coalesce(invoice_type, '') = ANY (types_after))
        GROUP BY invoice_type
    LOOP
        SELECT coalesce(array_agg(DISTINCT coalesce(invoice_type, '')) FILTER (WHERE month = (of_month - interval '1 month')::date), '{}'),
               coalesce(array_agg(DISTINCT coalesce(invoice_type, '')) FILTER (WHERE month > of_month), '{}')
        INTO earlier, later
        FROM collector.month_totals WHERE partner = of_partner;

        DELETE FROM collector.month_movers WHERE partner = of_partner AND month = of_month;
        CONTINUE WHEN earlier = '{}'; -- nothing to compare it with
        INSERT INTO collector.month_movers (partner, month, currency_code, invoice_type, place, customer_key, after_tax_before, after_tax_now, summarised_at)
        SELECT of_partner, of_month, r.currency_code, r.invoice_type, r.place, r.customer_key, r.before, r.after, now()
        FROM (
            SELECT m.*, row_number() OVER (PARTITION BY m.currency_code, m.invoice_type ORDER BY abs(m.after - m.before) DESC, m.customer_key) AS place
            FROM (
                SELECT d.customer_key, d.currency_code, d.invoice_type,
                       coalesce(sum(d.after_tax_total) FILTER (WHERE (d.ends_at AT TIME ZONE 'UTC')::date < of_month), 0) AS before,
                       coalesce(sum(d.after_tax_total) FILTER (WHERE (d.ends_at AT TIME ZONE 'UTC')::date >= of_month), 0) AS after,
                       bool_or((d.ends_at AT TIME ZONE 'UTC')::date >= of_month) AS billed
                FROM collector.cost_details d
                JOIN collector.customers c USING (customer_key)
                WHERE c.partner = of_partner
                  AND (d.ends_at AT TIME ZONE 'UTC')::date >= (of_month - interval '1 month')::date
                  AND (d.ends_at AT TIME ZONE 'UTC')::date < (of_month + interval '1 month')::date
                GROUP BY d.customer_key, d.currency_code, d.invoice_type
            ) m
            WHERE m.before <> m.after
              AND coalesce(m.invoice_type, '') = ANY (earlier)
              AND (m.billed OR coalesce(m.invoice_type, '') = ANY (later))
        ) r
        WHERE r.place <= 100;
    END LOOP;

    DELETE FROM collector.stale_months WHERE partner = of_partner AND month IS NOT DISTINCT FROM stale;
    RETURN true;
END
$refresh$;
COMMENT ON FUNCTION collector.refresh_stale_month(text) IS 'Summarises one stale month of a partner anew; false when none is left. The program calls it at the end of each run.';

INSERT INTO collector.stale_months (partner, month, since)
SELECT DISTINCT c.partner, date_trunc('month', d.ends_at AT TIME ZONE 'UTC')::date, now()
FROM collector.cost_details d
JOIN collector.customers c USING (customer_key);
DO $existing$
DECLARE
    existing text;
BEGIN
    FOR existing IN SELECT DISTINCT partner FROM collector.stale_months LOOP
        WHILE collector.refresh_stale_month(existing) LOOP
            NULL;
        END LOOP;
    END LOOP;
END
$existing$;

CREATE VIEW finance.month_totals AS
SELECT partner, month, currency_code, invoice_type, customers, pretax_total, tax, after_tax_total, summarised_at
FROM collector.month_totals;
COMMENT ON VIEW finance.month_totals IS 'finance.monthly_costs kept ready: the same rows as of the end of the last run, found without adding anything up. stale_months tells which have changed since.';
COMMENT ON COLUMN finance.month_totals.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.month_totals.month IS 'First day of the month in which the billing periods end; null for details without a stated end.';
COMMENT ON COLUMN finance.month_totals.currency_code IS 'Currency of the amounts; one row per currency.';
COMMENT ON COLUMN finance.month_totals.invoice_type IS 'Recurring, OneTime, or a type the service added later.';
COMMENT ON COLUMN finance.month_totals.customers IS 'Number of customers with a detail in this row.';
COMMENT ON COLUMN finance.month_totals.pretax_total IS 'Sum before tax.';
COMMENT ON COLUMN finance.month_totals.tax IS 'Sum of tax.';
COMMENT ON COLUMN finance.month_totals.after_tax_total IS 'Sum after tax.';
COMMENT ON COLUMN finance.month_totals.summarised_at IS 'When the row was last computed.';

CREATE VIEW finance.top_movers AS
SELECT m.partner, c.customer_id, p.company_name, m.month, m.currency_code, m.invoice_type,
       m.after_tax_before, m.after_tax_now, m.after_tax_now - m.after_tax_before AS difference,
       CASE WHEN m.after_tax_before <> 0 THEN round((m.after_tax_now - m.after_tax_before) / abs(m.after_tax_before) * 100, 1) END AS percent,
       m.place, m.summarised_at
FROM collector.month_movers m
JOIN collector.customers c USING (customer_key)
LEFT JOIN collector.billing_profiles p USING (customer_key);
COMMENT ON VIEW finance.top_movers IS 'The customers whose costs moved most against the month before: up to 100 of each partner, month, currency and invoice type. Who has no bill yet in the newest month of a type is not among them.';
COMMENT ON COLUMN finance.top_movers.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.top_movers.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.top_movers.company_name IS 'Company name of the billing profile.';
COMMENT ON COLUMN finance.top_movers.month IS 'First day of the month that is compared with the one before.';
COMMENT ON COLUMN finance.top_movers.currency_code IS 'Currency of the amounts.';
COMMENT ON COLUMN finance.top_movers.invoice_type IS 'Recurring, OneTime, or a type the service added later.';
COMMENT ON COLUMN finance.top_movers.after_tax_before IS 'Amount after tax of the month before; 0 when there was none.';
COMMENT ON COLUMN finance.top_movers.after_tax_now IS 'Amount after tax of the month; 0 when there is none.';
COMMENT ON COLUMN finance.top_movers.difference IS 'after_tax_now less after_tax_before.';
COMMENT ON COLUMN finance.top_movers.percent IS 'The difference in percent of after_tax_before; null when that is 0.';
COMMENT ON COLUMN finance.top_movers.place IS '1 for the largest difference, whichever its sign.';
COMMENT ON COLUMN finance.top_movers.summarised_at IS 'When the row was last computed.';

CREATE VIEW finance.stale_months AS
SELECT partner, month, since FROM collector.stale_months;
COMMENT ON VIEW finance.stale_months IS 'The months in which costs have changed since month_totals and top_movers were last computed: while a run writes, or after one that did not reach its end.';
COMMENT ON COLUMN finance.stale_months.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.stale_months.month IS 'First day of the month; null for details without a stated end.';
COMMENT ON COLUMN finance.stale_months.since IS 'When the first change since then was written.';

COMMIT;
