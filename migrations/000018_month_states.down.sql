BEGIN;

DROP FUNCTION finance.reporting_month();
DROP VIEW finance.missing_costs;
DROP VIEW finance.month_states;
DROP FUNCTION finance.moment();
DROP FUNCTION collector.settle_missing(text);

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

    DELETE FROM collector.stale_months WHERE partner = of_partner AND month IS NOT DISTINCT FROM stale;
    RETURN true;
END
$refresh$;

DROP FUNCTION collector.refresh_month_progress(text, date);
DROP FUNCTION collector.month_closes_at(date);
DROP TABLE collector.month_missing;
DROP TABLE collector.month_progress;

COMMIT;
