-- Findings about the stored data of many nights. Each run checks all of a partner's
-- customers at its end. StageSuspects reads the costs once, in the order of their key,
-- and leaves out the series that certainly break no rule; the rules then look up the
-- few series that are left. They only fill the stage; the last three queries update the
-- findings from it.

-- name: StageUnseenCustomers :exec
INSERT INTO stage_history_findings (customer_key, kind, severity, subject, detail)
SELECT c.customer_key, 'customer_unseen', 'serious', '',
    CASE WHEN st.last_success_at IS NULL
        THEN format('The customer was first asked for on %s and was never collected in full; what it costs since then may be missing.', (c.first_seen_at AT TIME ZONE 'UTC')::date)
        ELSE format('The customer was last collected in full on %s; what it costs since then may be missing.', (st.last_success_at AT TIME ZONE 'UTC')::date)
    END
FROM collector.customers c
LEFT JOIN collector.customer_states st ON st.customer_key = c.customer_key
WHERE c.partner = @partner::text AND c.active AND coalesce(st.last_success_at, c.first_seen_at) < @unseen_since::timestamptz;

-- name: StageSuspects :exec
-- Series of costs of one customer and invoice type that may break a rule. Every series that does
-- break one is included, for three reasons. Periods are months, so steps of more than 45 days mean
-- a missing month. Periods that overlap in one currency also overlap in all currencies together.
-- Neither the newest amount nor the median lies outside the range of all amounts, which therefore
-- bounds their distance, both absolute and relative.
WITH rules AS (
    SELECT @least_percent::bigint AS least_percent, @least_amount::bigint AS least_amount
), steps AS (
    SELECT d.customer_key, d.invoice_type, d.currency_code, d.ordinal, d.after_tax_total,
        d.period_start - lag(d.period_start) OVER (PARTITION BY d.customer_key, d.invoice_type ORDER BY d.period_start) AS step,
        d.starts_at < max(d.ends_at) OVER (PARTITION BY d.customer_key, d.invoice_type ORDER BY d.period_start
            GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS overlaps
    FROM collector.cost_details d
    JOIN collector.customers c ON c.customer_key = d.customer_key
    WHERE c.partner = @partner::text AND d.period_start IS NOT NULL
), series AS (
    SELECT s.customer_key, s.invoice_type, max(s.step) AS step, max(s.ordinal) AS ordinal,
        min(s.currency_code COLLATE "C") AS first_currency, max(s.currency_code COLLATE "C") AS last_currency,
        min(s.after_tax_total) AS least, max(s.after_tax_total) AS most, bool_or(s.overlaps) AS overlaps
    FROM steps s
    GROUP BY s.customer_key, s.invoice_type
), judged AS (
    SELECT s.customer_key, s.invoice_type,
        coalesce(s.step > 45, false) AS has_gap,
        coalesce(s.overlaps, false) AS has_overlap,
        coalesce(s.first_currency <> s.last_currency, false) AS has_currencies,
        s.ordinal > 1 OR coalesce(s.most - s.least >= r.least_amount AND s.most - s.least >= 0.01 * r.least_percent
            * CASE WHEN s.least > 0 THEN s.least WHEN s.most < 0 THEN -s.most ELSE 0 END, false) AS has_jump
    FROM series s CROSS JOIN rules r
)
INSERT INTO stage_suspects (customer_key, invoice_type, has_gap, has_overlap, has_currencies, has_jump)
SELECT j.customer_key, j.invoice_type, j.has_gap, j.has_overlap, j.has_currencies, j.has_jump
FROM judged j
WHERE j.has_gap OR j.has_overlap OR j.has_currencies OR j.has_jump;

-- name: StagePeriodGaps :exec
-- Months in which no period of an invoice type ends, between two in which one does. A
-- period belongs to the month in which it ends.
WITH periods AS (
    SELECT s.customer_key, s.invoice_type, d.period_start, (max(d.ends_at) AT TIME ZONE 'UTC')::date AS period_end
    FROM stage_suspects s
    CROSS JOIN LATERAL (SELECT k.period_start, k.ends_at FROM collector.cost_details k
        WHERE k.customer_key = s.customer_key AND k.invoice_type IS NOT DISTINCT FROM s.invoice_type AND k.period_start IS NOT NULL OFFSET 0) d
    WHERE s.has_gap
    GROUP BY s.customer_key, s.invoice_type, d.period_start
), steps AS (
    SELECT p.customer_key, coalesce(p.invoice_type, '(no type)') AS invoice_type, p.period_start, p.period_end,
        lag(p.period_start) OVER earlier AS start_before, lag(p.period_end) OVER earlier AS end_before
    FROM periods p
    WINDOW earlier AS (PARTITION BY p.customer_key, p.invoice_type ORDER BY p.period_start)
), gaps AS (
    SELECT t.customer_key, t.invoice_type, t.end_before, t.period_end,
        to_char(date_trunc('month', t.end_before) + interval '1 month', 'YYYY-MM') AS first_month,
        to_char(date_trunc('month', t.period_end) - interval '1 month', 'YYYY-MM') AS last_month
    FROM steps t
    WHERE t.period_start - t.start_before > 45
        AND date_trunc('month', t.period_end) > date_trunc('month', t.end_before) + interval '1 month'
), named AS (
    SELECT g.customer_key, g.invoice_type, g.end_before, g.period_end,
        CASE WHEN g.first_month = g.last_month THEN g.first_month ELSE g.first_month || ' to ' || g.last_month END AS months
    FROM gaps g
)
INSERT INTO stage_history_findings (customer_key, kind, severity, subject, detail)
SELECT n.customer_key, 'period_gap',
    -- A customer need not buy something every month.
    CASE n.invoice_type WHEN 'OneTime' THEN 'info' ELSE 'warning' END,
    n.invoice_type || ' ' || n.months,
    format('No %s period ends in %s, but one ends before, on %s, and one after, on %s.', n.invoice_type, n.months, n.end_before, n.period_end)
FROM named n;

-- name: StagePeriodOverlaps :exec
-- Periods of an invoice type that begin before an earlier one has ended, in whatever
-- currency: the same costs may have been stored under another day and currency. Periods
-- that begin on the same day in two currencies are one period.
WITH periods AS (
    SELECT s.customer_key, s.invoice_type, d.period_start, d.currency_code, min(d.starts_at) AS starts_at, max(d.ends_at) AS ends_at
    FROM stage_suspects s
    CROSS JOIN LATERAL (SELECT k.period_start, k.currency_code, k.starts_at, k.ends_at FROM collector.cost_details k
        WHERE k.customer_key = s.customer_key AND k.invoice_type IS NOT DISTINCT FROM s.invoice_type AND k.period_start IS NOT NULL OFFSET 0) d
    WHERE s.has_overlap
    GROUP BY s.customer_key, s.invoice_type, d.period_start, d.currency_code
), earlier AS (
    SELECT p.customer_key, coalesce(p.invoice_type, '(no type)') AS invoice_type, p.period_start, coalesce(p.currency_code, '(no currency)') AS currency_code,
        p.starts_at, max(p.ends_at) OVER (PARTITION BY p.customer_key, p.invoice_type ORDER BY p.period_start
            GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS end_before
    FROM periods p
)
INSERT INTO stage_history_findings (customer_key, kind, severity, subject, detail)
SELECT e.customer_key, 'period_overlap', 'serious',
    e.invoice_type || ' ' || e.period_start || ' ' || e.currency_code,
    format('The %s period from %s in %s begins before an earlier one ends, on %s: the same costs may be counted twice.',
        e.invoice_type, e.period_start, e.currency_code, (e.end_before AT TIME ZONE 'UTC')::date)
FROM earlier e
WHERE e.starts_at < e.end_before;

-- name: StageMissingCosts :exec
-- Costs that the newest month past its closing day lacks. Customers that came or moved
-- since the summary was made are looked up, and customers that left are not missing.
INSERT INTO stage_history_findings (customer_key, kind, severity, subject, detail)
SELECT m.customer_key, 'costs_missing', 'warning',
    coalesce(m.invoice_type, '(no type)') || ' ' || to_char(m.month, 'YYYY-MM') || ' ' || coalesce(m.currency_code, '(no currency)'),
    format('No %s costs in %s end in %s, whose closing day is past; those of the month before end on %s and are %s %s after tax.',
        coalesce(m.invoice_type, '(no type)'), coalesce(m.currency_code, '(no currency)'), to_char(m.month, 'YYYY-MM'), m.last_period_end,
        coalesce(trim_scale(m.last_after_tax)::text, '(not stated)'), coalesce(m.currency_code, '(no currency)'))
FROM collector.month_missing m
JOIN collector.customers c ON c.customer_key = m.customer_key
LEFT JOIN collector.customer_states st ON st.customer_key = m.customer_key
WHERE m.partner = @partner::text AND NOT m.moved AND c.active
    AND collector.month_closes_at(m.month) <= @now::timestamptz AND collector.month_closes_at((m.month + interval '1 month')::date) > @now::timestamptz
    AND coalesce(st.last_outcome, '') NOT IN ('no_access', 'unknown_customer')
    AND NOT (m.invoice_type = 'OneTime' AND coalesce(st.last_success_at >= collector.month_closes_at(m.month), false))
    AND NOT EXISTS (SELECT 1 FROM collector.cost_details d
        WHERE d.customer_key = m.customer_key AND d.invoice_type IS NOT DISTINCT FROM m.invoice_type
            AND (d.ends_at AT TIME ZONE 'UTC')::date >= m.month);

-- name: StageCurrencyChanges :exec
-- The newest period of an invoice type against the one before. A period without a
-- stated currency is not compared.
WITH aged AS (
    SELECT s.customer_key, s.invoice_type, d.period_start, d.currency_code,
        dense_rank() OVER (PARTITION BY s.customer_key, s.invoice_type ORDER BY d.period_start DESC) AS age
    FROM stage_suspects s
    CROSS JOIN LATERAL (SELECT k.period_start, k.currency_code FROM collector.cost_details k
        WHERE k.customer_key = s.customer_key AND k.invoice_type IS NOT DISTINCT FROM s.invoice_type
            AND k.period_start IS NOT NULL AND k.currency_code IS NOT NULL OFFSET 0) d
    WHERE s.has_currencies
), pairs AS (
    SELECT a.customer_key, coalesce(a.invoice_type, '(no type)') AS invoice_type,
        max(a.period_start) AS newest, min(a.period_start) AS before,
        array_agg(DISTINCT a.currency_code) FILTER (WHERE a.age = 1) AS currencies,
        array_agg(DISTINCT a.currency_code) FILTER (WHERE a.age = 2) AS currencies_before
    FROM aged a
    WHERE a.age <= 2
    GROUP BY a.customer_key, a.invoice_type
)
INSERT INTO stage_history_findings (customer_key, kind, severity, subject, detail)
SELECT p.customer_key, 'currency_changed',
    -- An additional currency beside the usual one is not a change of the contract.
    CASE WHEN p.currencies && p.currencies_before THEN 'info' ELSE 'warning' END,
    p.invoice_type || ' ' || p.newest,
    format('The %s costs of the period from %s are in %s; those of the period before, from %s, are in %s. The two cannot be compared.', p.invoice_type,
        p.newest, array_to_string(p.currencies, ' and '), p.before, array_to_string(p.currencies_before, ' and '))
FROM pairs p
WHERE NOT p.currencies <@ p.currencies_before;

-- name: StageCostJumps :exec
-- The newest period of an invoice type, in each of its currencies, against the median
-- of the earlier ones and their median absolute deviation (MAD). Both are exact: the
-- middle of a sorted array, or half the sum of the two in the middle. 1.4826 makes the
-- MAD comparable with a standard deviation.
WITH rules AS (
    SELECT @least_periods::integer AS least_periods, @factor::bigint AS factor, @least_percent::bigint AS least_percent, @least_amount::bigint AS least_amount
), series AS (
    SELECT s.customer_key, coalesce(s.invoice_type, '(no type)') AS invoice_type, d.currency_code, d.period_start, d.newest, d.earlier
    FROM stage_suspects s
    CROSS JOIN LATERAL (
        SELECT a.currency_code, max(a.period_start) AS period_start, max(a.total) FILTER (WHERE a.age = 1) AS newest,
            array_agg(a.total ORDER BY a.total) FILTER (WHERE a.age > 1 AND a.total IS NOT NULL) AS earlier
        FROM (
            SELECT k.period_start, k.currency_code, CASE WHEN count(*) = count(k.after_tax_total) THEN sum(k.after_tax_total) END AS total,
                dense_rank() OVER (ORDER BY k.period_start DESC) AS age
            FROM collector.cost_details k
            WHERE k.customer_key = s.customer_key AND k.invoice_type IS NOT DISTINCT FROM s.invoice_type
                AND k.period_start IS NOT NULL AND k.currency_code IS NOT NULL
            GROUP BY k.period_start, k.currency_code
        ) a
        WHERE a.age <= 13
        GROUP BY a.currency_code) d
    WHERE s.has_jump
), centred AS (
    SELECT s.customer_key, s.invoice_type, s.currency_code, s.period_start, s.newest, s.earlier, cardinality(s.earlier) AS periods, r.*,
        0.5 * (s.earlier[(cardinality(s.earlier) + 1) / 2] + s.earlier[cardinality(s.earlier) / 2 + 1]) AS median
    FROM series s CROSS JOIN rules r
    WHERE s.newest IS NOT NULL AND cardinality(s.earlier) >= r.least_periods
), far AS MATERIALIZED (
    SELECT c.*, ARRAY(SELECT abs(e.amount - c.median) FROM unnest(c.earlier) AS e(amount) ORDER BY abs(e.amount - c.median)) AS deviations
    FROM centred c
    WHERE abs(c.newest - c.median) >= c.least_amount AND abs(c.newest - c.median) >= 0.01 * c.least_percent * abs(c.median)
), judged AS (
    SELECT f.*, 0.5 * (f.deviations[(f.periods + 1) / 2] + f.deviations[f.periods / 2 + 1]) AS mad
    FROM far f
)
INSERT INTO stage_history_findings (customer_key, kind, severity, subject, detail)
SELECT j.customer_key, 'cost_jump', 'warning',
    j.invoice_type || ' ' || j.period_start || ' ' || j.currency_code,
    format('The %s cost of the period from %s is %s %s after tax; the median of the %s periods before is %s %s, from which half of them differ by no more than %s %s.',
        j.invoice_type, j.period_start, trim_scale(j.newest), j.currency_code, j.periods, trim_scale(j.median), j.currency_code, trim_scale(j.mad), j.currency_code)
FROM judged j
WHERE abs(j.newest - j.median) > j.factor * 1.4826 * j.mad;

-- name: ResolveHistoryFindings :exec
UPDATE collector.findings f
SET resolved_at = @now::timestamptz
WHERE f.partner = @partner::text AND f.kind = ANY (@kinds::text[]) AND f.resolved_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM stage_history_findings t WHERE t.customer_key = f.customer_key AND t.kind = f.kind AND t.subject = f.subject);

-- name: RewordHistoryFindings :exec
WITH reworded AS MATERIALIZED (
    SELECT f.finding_id, t.severity, t.detail
    FROM stage_history_findings t
    CROSS JOIN LATERAL (SELECT o.finding_id, o.severity, o.detail FROM collector.findings o
        WHERE o.customer_key = t.customer_key AND o.kind = t.kind AND o.subject = t.subject AND o.partner = @partner::text AND o.resolved_at IS NULL OFFSET 0) f
    WHERE (f.severity, f.detail) IS DISTINCT FROM (t.severity, t.detail)
)
UPDATE collector.findings f
SET severity = r.severity, detail = r.detail, last_seen_at = @now::timestamptz
FROM reworded r
WHERE f.finding_id = r.finding_id AND f.finding_id = ANY (ARRAY(SELECT k.finding_id FROM reworded k));

-- name: InsertHistoryFindings :exec
INSERT INTO collector.findings (partner, customer_key, kind, severity, subject, detail, first_seen_at, last_seen_at)
SELECT @partner::text, t.customer_key, t.kind, t.severity, t.subject, t.detail, @now::timestamptz, @now::timestamptz
FROM stage_history_findings t
LEFT JOIN LATERAL (SELECT o.finding_id FROM collector.findings o
    WHERE o.customer_key = t.customer_key AND o.kind = t.kind AND o.subject = t.subject AND o.partner = @partner::text AND o.resolved_at IS NULL OFFSET 0) open ON true
WHERE open.finding_id IS NULL
ORDER BY t.customer_key, t.kind, t.subject;
