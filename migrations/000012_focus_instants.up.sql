BEGIN;

-- FOCUS writes instants to the second.
CREATE OR REPLACE VIEW finance.focus_billing_period AS
SELECT p.period_start::timestamp AT TIME ZONE 'UTC' AS "BillingPeriodStart",
       p.period_end::timestamp AT TIME ZONE 'UTC' AS "BillingPeriodEnd",
       date_trunc('second', min(p.first_collected_at)) AS "BillingPeriodCreated",
       date_trunc('second', CASE WHEN collector.focus_closes_at((p.period_end - 1)::timestamp AT TIME ZONE 'UTC') <= now()
           THEN greatest(max(p.collected_at), collector.focus_closes_at((p.period_end - 1)::timestamp AT TIME ZONE 'UTC'))
           ELSE max(p.collected_at) END) AS "BillingPeriodLastUpdated",
       CASE WHEN collector.focus_closes_at((p.period_end - 1)::timestamp AT TIME ZONE 'UTC') <= now() THEN 'Closed' ELSE 'Open' END AS "BillingPeriodStatus",
       'Microsoft' AS "InvoiceIssuerName"
FROM (
    SELECT period_start, period_end, first_collected_at, collected_at FROM collector.focus_totals
    UNION ALL
    SELECT billing_start, billing_end, collected_at, collected_at FROM collector.focus_corrections WHERE pretax_total <> 0 OR tax <> 0 OR unexplained <> 0
) p
GROUP BY p.period_start, p.period_end;

COMMIT;
