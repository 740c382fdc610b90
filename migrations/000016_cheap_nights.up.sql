BEGIN;

-- The trigger of cost_details looks its customers up by index: planned once, in a first
-- batch, it would read all customers for every later one.
CREATE OR REPLACE FUNCTION collector.mark_months() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $mark$
BEGIN
    -- The update changes nothing, but it locks the mark until this transaction ends, so
    -- that no refresh removes it without having seen what is written here.
    INSERT INTO collector.stale_months AS s (partner, month, since)
    SELECT DISTINCT c.partner, date_trunc('month', t.ends_at AT TIME ZONE 'UTC')::date AS month, now()
    FROM touched t
    CROSS JOIN LATERAL (SELECT k.partner FROM collector.customers k WHERE k.customer_key = t.customer_key OFFSET 0) c
    ORDER BY partner, month
    ON CONFLICT (partner, month) DO UPDATE SET since = s.since;
    RETURN NULL;
END
$mark$;

-- What is known needs no second look.
ALTER TABLE collector.customer_states
    ADD COLUMN profile_digest    bytea,
    ADD COLUMN summary_digest    bytea,
    ADD COLUMN line_items_digest bytea,
    ADD COLUMN profile_rules     integer,
    ADD COLUMN costs_rules       integer;
COMMENT ON COLUMN collector.customer_states.profile_digest IS 'SHA-256 of what the newest profile says: of its body without what is volatile, or of the part of it that may be stored.';
COMMENT ON COLUMN collector.customer_states.summary_digest IS 'SHA-256 of what the newest cost summary says: of its body without what is volatile.';
COMMENT ON COLUMN collector.customer_states.line_items_digest IS 'SHA-256 of what the newest line items say: of their body without what is volatile.';
COMMENT ON COLUMN collector.customer_states.profile_rules IS 'Version of the rules by which the stored profile was derived from that body; null when it is to be derived anew.';
COMMENT ON COLUMN collector.customer_states.costs_rules IS 'Version of the rules by which costs, line items and findings were derived from these bodies; null or 0 when they are to be derived anew.';

COMMIT;
