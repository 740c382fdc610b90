-- name: MarkEndedMonth :exec
-- Marks a month that has ended without any costs. No change marks it, but its missing
-- customers must be summarised too.
INSERT INTO collector.stale_months (partner, month, since)
SELECT @partner::text, n.month, now()
FROM (SELECT (max(t.month) + interval '1 month')::date AS month FROM collector.month_totals t WHERE t.partner = @partner::text) n
WHERE n.month < date_trunc('month', now() AT TIME ZONE 'UTC')
    AND NOT EXISTS (SELECT 1 FROM collector.month_progress p WHERE p.partner = @partner::text AND p.month = n.month)
ON CONFLICT DO NOTHING;

-- name: RefreshStaleMonth :one
-- Summarises one month whose details changed; false when none is left.
SELECT collector.refresh_stale_month(@partner::text)::boolean AS refreshed;

-- name: SettleMissing :exec
SELECT collector.settle_missing(@partner::text);
