BEGIN;

-- Whether a month is complete: judged by invoice type, against who had the type in the
-- month before. The summaries of 000007 are extended by who has not come.
CREATE TABLE collector.month_progress (
    partner           text        NOT NULL,
    month             date        NOT NULL,
    currency_code     text,
    invoice_type      text,
    customers         integer     NOT NULL,
    customers_expected integer    NOT NULL,
    after_tax_total   numeric,
    comparable_before numeric,
    comparable_now    numeric,
    summarised_at     timestamptz NOT NULL,
    CONSTRAINT month_progress_key UNIQUE NULLS NOT DISTINCT (partner, month, currency_code, invoice_type)
);
COMMENT ON TABLE collector.month_progress IS 'Summary of cost_details, written by refresh_stale_month: how many customers have a bill in a month, and how many had one in the month before.';

CREATE TABLE collector.month_missing (
    partner         text    NOT NULL,
    month           date    NOT NULL,
    currency_code   text,
    invoice_type    text,
    customer_key    bigint  NOT NULL REFERENCES collector.customers,
    last_period_end date    NOT NULL,
    last_after_tax  numeric,
    moved           boolean NOT NULL,
    CONSTRAINT month_missing_key UNIQUE NULLS NOT DISTINCT (partner, month, customer_key, invoice_type, currency_code)
);
CREATE INDEX month_missing_by_customer ON collector.month_missing (customer_key);
COMMENT ON TABLE collector.month_missing IS 'Summary of cost_details, written by refresh_stale_month: the customers that had a bill of a type and currency in the month before and have none in the month.';
COMMENT ON COLUMN collector.month_missing.moved IS 'The costs are in another currency, or the type has moved on to a later period without one that ends in the month.';

CREATE FUNCTION collector.month_closes_at(month date) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN collector.focus_closes_at(((month + interval '1 month')::date - 1)::timestamp AT TIME ZONE 'UTC');
COMMENT ON FUNCTION collector.month_closes_at IS 'When the closing day of a month is past: when the last of the billing periods that end in it closes, 15 days after its last day.';

CREATE FUNCTION collector.refresh_month_progress(of_partner text, of_month date) RETURNS void
LANGUAGE plpgsql SET search_path = '' SET work_mem = '64MB' SET plan_cache_mode = force_custom_plan AS $progress$
DECLARE
    newest date;
BEGIN
    IF of_month IS NULL THEN
        RETURN;
    END IF;
    DELETE FROM collector.month_progress WHERE partner = of_partner AND month = of_month;
    DELETE FROM collector.month_missing WHERE partner = of_partner AND month = of_month;
    SELECT max(month) INTO newest FROM collector.month_totals WHERE partner = of_partner;
    -- In a month that has neither costs nor ended nobody is missing.
    IF newest IS NULL OR of_month > newest AND of_month >= date_trunc('month', now() AT TIME ZONE 'UTC') THEN
        RETURN;
    END IF;
    WITH bills AS MATERIALIZED (
        SELECT d.customer_key, d.currency_code, d.invoice_type,
               sum(d.after_tax_total) FILTER (WHERE (d.ends_at AT TIME ZONE 'UTC')::date < of_month) AS before,
               sum(d.after_tax_total) FILTER (WHERE (d.ends_at AT TIME ZONE 'UTC')::date >= of_month) AS now,
               max((d.ends_at AT TIME ZONE 'UTC')::date) FILTER (WHERE (d.ends_at AT TIME ZONE 'UTC')::date < of_month) AS last_period_end,
               bool_or((d.ends_at AT TIME ZONE 'UTC')::date >= of_month) AS has_come
        FROM collector.cost_details d
        JOIN collector.customers c USING (customer_key)
        WHERE c.partner = of_partner
          AND (d.ends_at AT TIME ZONE 'UTC')::date >= (of_month - interval '1 month')::date
          AND (d.ends_at AT TIME ZONE 'UTC')::date < (of_month + interval '1 month')::date
        GROUP BY d.customer_key, d.currency_code, d.invoice_type
    ), progress AS (
        INSERT INTO collector.month_progress (partner, month, currency_code, invoice_type, customers, customers_expected, after_tax_total, comparable_before, comparable_now, summarised_at)
        SELECT of_partner, of_month, b.currency_code, b.invoice_type, count(*) FILTER (WHERE b.has_come), count(b.last_period_end), sum(b.now),
               sum(b.before) FILTER (WHERE b.has_come), sum(b.now) FILTER (WHERE b.last_period_end IS NOT NULL), now()
        FROM bills b
        GROUP BY b.currency_code, b.invoice_type
    )
    INSERT INTO collector.month_missing (partner, month, currency_code, invoice_type, customer_key, last_period_end, last_after_tax, moved)
    SELECT of_partner, of_month, b.currency_code, b.invoice_type, b.customer_key, b.last_period_end, b.before,
           o.customer_key IS NOT NULL OR newest > of_month AND EXISTS (SELECT 1 FROM collector.cost_details l
               WHERE l.customer_key = b.customer_key AND l.invoice_type IS NOT DISTINCT FROM b.invoice_type
                 AND (l.ends_at AT TIME ZONE 'UTC')::date >= (of_month + interval '1 month')::date)
    FROM bills b
    LEFT JOIN (SELECT DISTINCT customer_key, coalesce(invoice_type, '') AS invoice_type FROM bills WHERE has_come) o
        ON o.customer_key = b.customer_key AND o.invoice_type = coalesce(b.invoice_type, '')
    WHERE b.last_period_end IS NOT NULL AND NOT b.has_come;
END
$progress$;
COMMENT ON FUNCTION collector.refresh_month_progress(text, date) IS 'Summarises anew who has a bill in a month of a partner and who is missing; refresh_stale_month calls it.';

CREATE OR REPLACE FUNCTION collector.refresh_stale_month(of_partner text) RETURNS boolean
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

    -- Who has come is a question of a month and of the one before.
    PERFORM collector.refresh_month_progress(of_partner, stale);
    PERFORM collector.refresh_month_progress(of_partner, (stale + interval '1 month')::date);

    DELETE FROM collector.stale_months WHERE partner = of_partner AND month IS NOT DISTINCT FROM stale;
    RETURN true;
END
$refresh$;

-- Who buys something once need not buy something every month: with the answer of a
-- night after the closing day it is known that nothing was bought.
CREATE FUNCTION collector.settle_missing(of_partner text) RETURNS void
LANGUAGE sql SET search_path = '' AS $settle$
    DELETE FROM collector.month_missing m
    USING collector.customer_states s
    WHERE m.partner = of_partner AND m.invoice_type = 'OneTime' AND s.customer_key = m.customer_key
      AND s.last_success_at >= collector.month_closes_at(m.month);
$settle$;
COMMENT ON FUNCTION collector.settle_missing(text) IS 'Removes from the missing one-time costs those of customers that were collected in full after the closing day: they bought nothing. The program calls it at the end of each run.';

DO $existing$
DECLARE
    existing record;
BEGIN
    FOR existing IN SELECT DISTINCT t.partner, m.month
        FROM collector.month_totals t
        CROSS JOIN LATERAL (VALUES (t.month), ((t.month + interval '1 month')::date)) m (month)
        WHERE t.month IS NOT NULL
    LOOP
        PERFORM collector.refresh_month_progress(existing.partner, existing.month);
    END LOOP;
    FOR existing IN SELECT DISTINCT partner FROM collector.month_missing LOOP
        PERFORM collector.settle_missing(existing.partner);
    END LOOP;
END
$existing$;

CREATE FUNCTION finance.moment() RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(nullif(current_setting('finance.as_of', true), '')::timestamptz, now());
COMMENT ON FUNCTION finance.moment() IS 'The moment that is asked for: the setting finance.as_of, else now.';

CREATE VIEW finance.month_states AS
SELECT p.partner, p.month, p.currency_code, p.invoice_type,
       CASE WHEN finance.moment() < p.closes_at THEN 'open'
            WHEN finance.moment() >= collector.month_closes_at((p.month + interval '1 month')::date) THEN 'closed'
            WHEN sum(m.awaited) OVER of_type * 20 > sum(p.customers_expected) OVER of_type THEN 'open'
            ELSE 'closed' END AS state,
       p.customers, p.customers_expected, coalesce(m.missing, 0)::integer AS missing,
       p.closes_at, p.after_tax_total, p.comparable_before, p.comparable_now,
       p.comparable_now - p.comparable_before AS comparable_difference, p.summarised_at
FROM (
    SELECT g.*, collector.month_closes_at(g.month) AS closes_at
    FROM collector.month_progress g
    WHERE g.month < date_trunc('month', finance.moment() AT TIME ZONE 'UTC')
       OR g.month <= (SELECT max(t.month) FROM collector.month_totals t WHERE t.partner = g.partner)
) p
LEFT JOIN (
    SELECT w.partner, w.month, w.currency_code, w.invoice_type, count(*) AS missing,
           count(*) FILTER (WHERE c.active AND NOT w.moved AND coalesce(s.last_outcome, '') NOT IN ('no_access', 'unknown_customer')) AS awaited
    FROM collector.month_missing w
    JOIN collector.customers c ON c.customer_key = w.customer_key
    LEFT JOIN collector.customer_states s ON s.customer_key = w.customer_key
    GROUP BY w.partner, w.month, w.currency_code, w.invoice_type
) m ON m.partner = p.partner AND m.month = p.month
    AND m.currency_code IS NOT DISTINCT FROM p.currency_code AND m.invoice_type IS NOT DISTINCT FROM p.invoice_type
WINDOW of_type AS (PARTITION BY p.partner, p.month, p.invoice_type);
COMMENT ON VIEW finance.month_states IS 'Whether a month is complete, by invoice type and currency. A type is open until the closing day of the month is past and it has come, in all currencies together, for at least 95 percent of the customers that had it in the month before (who left or moved does not count), at the latest until the closing day of the next month: the service gives the most recent period only, so that nothing more can come.';

CREATE VIEW finance.missing_costs AS
SELECT m.partner, c.customer_id, p.company_name, m.month, m.invoice_type, m.currency_code, m.last_period_end, m.last_after_tax,
       CASE WHEN m.moved THEN 'moved'
            WHEN NOT c.active OR s.last_outcome IN ('no_access', 'unknown_customer') THEN 'left'
            WHEN s.last_success_at >= collector.month_closes_at(m.month) OR s.last_outcome = 'no_costs' THEN 'no costs stated'
            WHEN s.last_outcome = 'failed' THEN 'failed'
            WHEN s.last_success_at IS NULL OR s.last_success_at < (m.month + interval '1 month') AT TIME ZONE 'UTC' THEN 'not collected'
       END AS reason,
       finance.moment() >= collector.month_closes_at(m.month) AS overdue
FROM collector.month_missing m
JOIN collector.customers c ON c.customer_key = m.customer_key
LEFT JOIN collector.customer_states s ON s.customer_key = m.customer_key
LEFT JOIN collector.billing_profiles p ON p.customer_key = m.customer_key
WHERE m.month < date_trunc('month', finance.moment() AT TIME ZONE 'UTC')
   OR m.month <= (SELECT max(t.month) FROM collector.month_totals t WHERE t.partner = m.partner);
COMMENT ON VIEW finance.missing_costs IS 'Which costs a month lacks: a row for each customer, invoice type and currency with costs in the month before and none in the month. One-time costs are missing only until the customer was collected in full after the closing day: nobody has to buy something every month.';

CREATE FUNCTION finance.reporting_month() RETURNS date
    LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(
        (SELECT max(c.month) FROM (
            SELECT s.month FROM finance.month_states s WHERE s.month <= finance.moment()::date
            GROUP BY s.month HAVING bool_and(s.state = 'closed') AND sum(s.customers) > 0) c),
        (SELECT max(t.month) FROM finance.month_totals t WHERE t.month <= finance.moment()::date),
        (SELECT max(t.month) FROM finance.month_totals t));
END;
COMMENT ON FUNCTION finance.reporting_month() IS 'The month that reports are about when none is named: the newest of which everything is closed; else the newest with costs.';
COMMENT ON COLUMN finance.month_states.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.month_states.month IS 'First day of the month in which the billing periods end.';
COMMENT ON COLUMN finance.month_states.currency_code IS 'Currency of the amounts; one row per currency.';
COMMENT ON COLUMN finance.month_states.invoice_type IS 'Recurring, OneTime, or a type the service added later.';
COMMENT ON COLUMN finance.month_states.state IS 'open or closed; the same in all currencies of the type.';
COMMENT ON COLUMN finance.month_states.customers IS 'Number of customers with costs of the type and currency that end in the month.';
COMMENT ON COLUMN finance.month_states.customers_expected IS 'Number of customers with costs of the type and currency that end in the month before.';
COMMENT ON COLUMN finance.month_states.missing IS 'How many of them have none in the month: the rows of finance.missing_costs.';
COMMENT ON COLUMN finance.month_states.closes_at IS 'When the closing day is past: 15 days after the last day of the month.';
COMMENT ON COLUMN finance.month_states.after_tax_total IS 'Sum after tax of the month.';
COMMENT ON COLUMN finance.month_states.comparable_before IS 'Sum after tax of the month before, of the customers that have costs in both months: what an open month is to be compared with.';
COMMENT ON COLUMN finance.month_states.comparable_now IS 'Sum after tax of the month, of the customers that have costs in both months.';
COMMENT ON COLUMN finance.month_states.comparable_difference IS 'comparable_now less comparable_before.';
COMMENT ON COLUMN finance.month_states.summarised_at IS 'When the numbers were last computed; the state is judged when it is read.';
COMMENT ON COLUMN finance.missing_costs.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.missing_costs.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.missing_costs.company_name IS 'Company name of the billing profile.';
COMMENT ON COLUMN finance.missing_costs.month IS 'First day of the month that lacks the costs.';
COMMENT ON COLUMN finance.missing_costs.invoice_type IS 'Recurring, OneTime, or a type the service added later.';
COMMENT ON COLUMN finance.missing_costs.currency_code IS 'Currency of the costs in the month before.';
COMMENT ON COLUMN finance.missing_costs.last_period_end IS 'Last day of the last period before.';
COMMENT ON COLUMN finance.missing_costs.last_after_tax IS 'Sum after tax of the month before, in the currency.';
COMMENT ON COLUMN finance.missing_costs.reason IS 'moved (the costs are in another currency, or a later period came without one for this month), left (not listed any more, or no access), no costs stated (the customer was collected after the closing day, or the service says that it has no costs), failed, not collected (since the end of the month); null while nothing is known: the costs may still come.';
COMMENT ON COLUMN finance.missing_costs.overdue IS 'Whether the closing day of the month is past.';

COMMIT;
