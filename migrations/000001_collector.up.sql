BEGIN;

-- What the program keeps. Everything finance reads stands in schema finance
-- (000002); nothing outside this program should depend on a table here.
CREATE SCHEMA collector;
COMMENT ON SCHEMA collector IS 'Private to the collector. Holds personal data. Query the schema finance instead.';

CREATE TABLE collector.runs (
    run_id              uuid PRIMARY KEY,
    partner             text        NOT NULL CHECK (partner <> ''),
    kind                text        NOT NULL CHECK (kind IN ('daily', 'once', 'missing', 'replay', 'import')),
    status              text        NOT NULL CHECK (status IN ('running', 'succeeded', 'partial', 'failed', 'interrupted')),
    started_at          timestamptz NOT NULL,
    finished_at         timestamptz,
    customers_total     integer     NOT NULL DEFAULT 0,
    customers_ok        integer     NOT NULL DEFAULT 0,
    customers_unchanged integer     NOT NULL DEFAULT 0,
    customers_no_costs  integer     NOT NULL DEFAULT 0,
    customers_failed    integer     NOT NULL DEFAULT 0,
    rows_changed        bigint      NOT NULL DEFAULT 0,
    version             text        NOT NULL,
    error               text,
    CHECK ((status = 'running') = (finished_at IS NULL))
);
CREATE INDEX runs_by_partner ON collector.runs (partner, started_at DESC);
COMMENT ON TABLE collector.runs IS 'The run ledger: one row for each collection of one partner.';
COMMENT ON COLUMN collector.runs.error IS 'Why the run did not succeed; null when it did.';

CREATE TABLE collector.customers (
    customer_key  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partner       text        NOT NULL CHECK (partner <> ''),
    customer_id   uuid        NOT NULL,
    first_seen_at timestamptz NOT NULL,
    active        boolean     NOT NULL DEFAULT true,
    UNIQUE (partner, customer_id)
);
COMMENT ON TABLE collector.customers IS 'Every customer that was ever asked for.';
COMMENT ON COLUMN collector.customers.active IS 'False when the last complete run did not list the customer any more. Its rows stay.';

CREATE TABLE collector.payloads (
    payload_hash  bytea PRIMARY KEY CHECK (octet_length(payload_hash) = 32),
    body          bytea       NOT NULL,
    first_seen_at timestamptz NOT NULL
);
COMMENT ON TABLE collector.payloads IS 'The body of every answer, byte for byte, once per content. Holds personal data.';
COMMENT ON COLUMN collector.payloads.payload_hash IS 'SHA-256 of the body.';

CREATE TABLE collector.statements (
    statement_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_key     bigint      NOT NULL REFERENCES collector.customers,
    run_id           uuid        NOT NULL,
    collected_at     timestamptz NOT NULL,
    profile_hash     bytea,
    summary_hash     bytea,
    line_items_hash  bytea,
    summary_status   smallint,
    root_starts_at   timestamptz,
    root_ends_at     timestamptz,
    root_currency    text,
    root_pretax      numeric,
    root_tax         numeric,
    root_after_tax   numeric,
    body_customer_id text
);
CREATE INDEX statements_by_customer ON collector.statements (customer_key, statement_id);
COMMENT ON TABLE collector.statements IS 'The log of answers: a row whenever a customer''s answers differ from the ones before. Facts point to the statement they were derived from, the statement points to the bodies.';
COMMENT ON COLUMN collector.statements.summary_status IS 'HTTP status of the summary''s answer; not 200 for some of the ways to say "no costs".';
COMMENT ON COLUMN collector.statements.root_pretax IS 'Root totals repeat the Recurring detail. They are kept for audit and never added to anything.';
COMMENT ON COLUMN collector.statements.body_customer_id IS 'The customer id that the body names, as written; the row is keyed by the id that was asked for.';

CREATE TABLE collector.customer_states (
    customer_key        bigint PRIMARY KEY REFERENCES collector.customers,
    statement_id        bigint REFERENCES collector.statements,
    last_run_id         uuid        NOT NULL,
    last_attempt_at     timestamptz NOT NULL,
    last_outcome        text        NOT NULL CHECK (last_outcome IN ('ok', 'unchanged', 'no_costs', 'no_access', 'unknown_customer', 'failed')),
    last_error          text,
    last_success_at     timestamptz,
    last_success_run_id uuid,
    failures_in_a_row   integer     NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
COMMENT ON TABLE collector.customer_states IS 'Where each customer stands; rewritten by every run, unlike the facts.';
COMMENT ON COLUMN collector.customer_states.statement_id IS 'The newest statement.';

CREATE TABLE collector.failures (
    failure_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id         uuid        NOT NULL,
    customer_key   bigint      NOT NULL REFERENCES collector.customers,
    failed_at      timestamptz NOT NULL,
    class          text        NOT NULL,
    resource       text        NOT NULL,
    http_status    integer,
    code           text,
    message        text        NOT NULL,
    request_id     text,
    correlation_id text,
    attempts       integer     NOT NULL
);
CREATE INDEX failures_by_run ON collector.failures (run_id);
CREATE INDEX failures_by_customer ON collector.failures (customer_key, failed_at DESC);
COMMENT ON TABLE collector.failures IS 'Every customer that a run could not collect, with what a support case at Microsoft asks for.';

CREATE TABLE collector.billing_profiles (
    customer_key       bigint PRIMARY KEY REFERENCES collector.customers,
    content_hash       bytea       NOT NULL,
    profile_id         text,
    first_name         text,
    last_name          text,
    email              text,
    culture            text,
    language           text,
    company_name       text,
    organization_registration_id text,
    address_id         text,
    country            text,
    region             text,
    city               text,
    state              text,
    district           text,
    address_line1      text,
    address_line2      text,
    address_line3      text,
    postal_code        text,
    address_first_name  text,
    address_middle_name text,
    address_last_name   text,
    phone_number       text,
    address_email      text,
    statement_id       bigint      NOT NULL REFERENCES collector.statements,
    run_id             uuid        NOT NULL,
    first_collected_at timestamptz NOT NULL,
    last_changed_at    timestamptz NOT NULL,
    revisions          integer     NOT NULL DEFAULT 0
);
COMMENT ON TABLE collector.billing_profiles IS 'The current billing profile of each customer. Personal data.';
COMMENT ON COLUMN collector.billing_profiles.content_hash IS 'SHA-256 of the fields. The service''s etag is temporary and not part of it.';

CREATE TABLE collector.billing_profile_history (
    customer_key      bigint      NOT NULL REFERENCES collector.customers,
    revision          integer     NOT NULL,
    profile           jsonb       NOT NULL,
    statement_id      bigint      NOT NULL REFERENCES collector.statements,
    valid_from        timestamptz NOT NULL,
    superseded_at     timestamptz NOT NULL,
    superseded_by_run uuid        NOT NULL,
    PRIMARY KEY (customer_key, revision)
);
COMMENT ON TABLE collector.billing_profile_history IS 'Earlier billing profiles, as the columns of billing_profiles. Personal data.';

CREATE TABLE collector.cost_details (
    detail_id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_key       bigint      NOT NULL REFERENCES collector.customers,
    invoice_type       text        CHECK (invoice_type <> ''),
    period_start       date,
    currency_code      text        CHECK (currency_code <> ''),
    ordinal            integer     NOT NULL CHECK (ordinal >= 1),
    starts_at          timestamptz,
    ends_at            timestamptz,
    currency_symbol    text,
    pretax_total       numeric     CHECK (pretax_total NOT IN ('NaN', 'Infinity', '-Infinity')),
    tax                numeric     CHECK (tax NOT IN ('NaN', 'Infinity', '-Infinity')),
    after_tax_total    numeric     CHECK (after_tax_total NOT IN ('NaN', 'Infinity', '-Infinity')),
    origin             text        NOT NULL CHECK (origin IN ('servicecosts', 'import')),
    statement_id       bigint      NOT NULL REFERENCES collector.statements,
    run_id             uuid        NOT NULL,
    first_collected_at timestamptz NOT NULL,
    last_changed_at    timestamptz NOT NULL,
    revisions          integer     NOT NULL DEFAULT 0,
    CONSTRAINT cost_details_key UNIQUE NULLS NOT DISTINCT (customer_key, invoice_type, period_start, currency_code, ordinal)
);
COMMENT ON TABLE collector.cost_details IS 'What a customer costs under one invoice type, in one period and currency: the newest value. Nothing is ever deleted.';
COMMENT ON COLUMN collector.cost_details.period_start IS 'The day (UTC) on which the detail''s own period starts; part of the key. Null when the service states none.';
COMMENT ON COLUMN collector.cost_details.currency_code IS 'Null when the service states none; never guessed.';
COMMENT ON COLUMN collector.cost_details.ordinal IS 'Tells details of one answer apart that have the same key.';
COMMENT ON COLUMN collector.cost_details.ends_at IS 'End of the period as stated: midnight of the last day, or the last microsecond of it. A value, not part of the key.';
COMMENT ON COLUMN collector.cost_details.revisions IS 'How often the values changed after the first collection.';

CREATE TABLE collector.cost_detail_history (
    detail_id         bigint      NOT NULL REFERENCES collector.cost_details,
    revision          integer     NOT NULL,
    starts_at         timestamptz,
    ends_at           timestamptz,
    currency_symbol   text,
    pretax_total      numeric,
    tax               numeric,
    after_tax_total   numeric,
    origin            text        NOT NULL,
    statement_id      bigint      NOT NULL REFERENCES collector.statements,
    run_id            uuid        NOT NULL,
    valid_from        timestamptz NOT NULL,
    superseded_at     timestamptz NOT NULL,
    superseded_by_run uuid        NOT NULL,
    PRIMARY KEY (detail_id, revision)
);
CREATE INDEX cost_detail_history_by_time ON collector.cost_detail_history (superseded_at);
COMMENT ON TABLE collector.cost_detail_history IS 'The values a detail had before each restatement. Revision 0 is the value first collected.';

CREATE TABLE collector.line_item_sets (
    set_id            bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    customer_key      bigint      NOT NULL REFERENCES collector.customers,
    invoice_type      text        CHECK (invoice_type <> ''),
    period_start      date,
    revision          integer     NOT NULL,
    content_hash      bytea       NOT NULL,
    item_count        integer     NOT NULL,
    origin            text        NOT NULL CHECK (origin IN ('servicecosts', 'import')),
    statement_id      bigint      NOT NULL REFERENCES collector.statements,
    run_id            uuid        NOT NULL,
    collected_at      timestamptz NOT NULL,
    superseded_at     timestamptz,
    superseded_by_run uuid,
    CHECK ((superseded_at IS NULL) = (superseded_by_run IS NULL))
);
CREATE UNIQUE INDEX line_item_sets_current ON collector.line_item_sets (customer_key, invoice_type, period_start)
    NULLS NOT DISTINCT WHERE superseded_at IS NULL;
CREATE UNIQUE INDEX line_item_sets_revisions ON collector.line_item_sets (customer_key, invoice_type, period_start, revision) NULLS NOT DISTINCT;
COMMENT ON TABLE collector.line_item_sets IS 'Line items have no identity: they are one set per customer, invoice type and period, replaced as a whole. The current set is the one that is not superseded.';
COMMENT ON COLUMN collector.line_item_sets.content_hash IS 'SHA-256 over the items as a multiset: their order does not count, true duplicates do.';

CREATE TABLE collector.line_items (
    set_id                     bigint  NOT NULL REFERENCES collector.line_item_sets,
    ordinal                    integer NOT NULL,
    invoice_number             text,
    charge_type                text,
    start_date                 timestamptz,
    end_date                   timestamptz,
    subscription_id            text,
    subscription_friendly_name text,
    order_id                   text,
    offer_id                   text,
    offer_name                 text,
    product_id                 text,
    product_name               text,
    sku_id                     text,
    sku_name                   text,
    availability_id            text,
    publisher_id               text,
    publisher_name             text,
    reseller_mpn_id            text,
    term_and_billing_cycle     text,
    discount_details           text,
    quantity                   numeric,
    unit_price                 numeric,
    pretax_total               numeric,
    tax                        numeric,
    after_tax_total            numeric,
    currency_code              text,
    currency_symbol            text,
    PRIMARY KEY (set_id, ordinal)
);
COMMENT ON TABLE collector.line_items IS 'The items of every set, current and superseded.';
COMMENT ON COLUMN collector.line_items.ordinal IS 'Place in the answer that first brought the set, from 1.';

CREATE TABLE collector.findings (
    finding_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partner       text        NOT NULL,
    customer_key  bigint REFERENCES collector.customers,
    kind          text        NOT NULL,
    severity      text        NOT NULL CHECK (severity IN ('info', 'warning', 'serious')),
    subject       text        NOT NULL DEFAULT '',
    detail        text        NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL,
    resolved_at   timestamptz
);
CREATE UNIQUE INDEX findings_open ON collector.findings (customer_key, kind, subject, partner)
    NULLS NOT DISTINCT WHERE resolved_at IS NULL;
COMMENT ON TABLE collector.findings IS 'Oddities that a human may want to look at. An open one was still true at the customer''s last successful collection.';
COMMENT ON COLUMN collector.findings.subject IS 'Tells findings of one kind and customer apart.';

COMMIT;
