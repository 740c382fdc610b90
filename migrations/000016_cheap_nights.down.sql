BEGIN;

ALTER TABLE collector.customer_states
    DROP COLUMN costs_rules,
    DROP COLUMN profile_rules,
    DROP COLUMN line_items_digest,
    DROP COLUMN summary_digest,
    DROP COLUMN profile_digest;

CREATE OR REPLACE FUNCTION collector.mark_months() RETURNS trigger
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

COMMIT;
