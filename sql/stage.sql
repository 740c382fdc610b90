-- Session temporary tables through which a batch is staged before it is merged.
-- This file is never migrated: internal/persist creates the tables in each
-- session, and sqlc reads their shape from here. Rows vanish at each commit.
CREATE TEMPORARY TABLE IF NOT EXISTS stage_statements (
    seq              integer     NOT NULL,
    customer_id      uuid        NOT NULL,
    fetched_at       timestamptz NOT NULL,
    has_profile      boolean     NOT NULL,
    has_costs        boolean     NOT NULL,
    has_line_items   boolean     NOT NULL,
    no_costs         boolean     NOT NULL, -- such a summary has no line items either
    profile_hash     bytea,
    summary_hash     bytea,
    line_items_hash  bytea,
    profile_digest    bytea,
    summary_digest    bytea,
    line_items_digest bytea,
    summary_status   smallint,
    root_starts_at   timestamptz,
    root_ends_at     timestamptz,
    root_currency    text,
    root_pretax      numeric,
    root_tax         numeric,
    root_after_tax   numeric,
    body_customer_id text,
    customer_name    text,
    failure_class    text,
    resource         text,
    http_status      integer,
    code             text,
    message          text,
    said             text,
    request_id       text,
    correlation_id   text,
    attempts         integer,
    -- filled while merging
    customer_key     bigint,
    statement_id     bigint,
    origin           text,
    added            boolean,
    -- all bodies from which the entry's costs derive were read
    whole            boolean
) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE IF NOT EXISTS stage_profiles (
    seq                 integer NOT NULL,
    content_hash        bytea   NOT NULL,
    profile_id          text,
    first_name          text,
    last_name           text,
    email               text,
    culture             text,
    language            text,
    company_name        text,
    organization_registration_id text,
    address_id          text,
    country             text,
    region              text,
    city                text,
    state               text,
    district            text,
    address_line1       text,
    address_line2       text,
    address_line3       text,
    postal_code         text,
    address_first_name  text,
    address_middle_name text,
    address_last_name   text,
    phone_number        text,
    address_email       text,
    -- filled while merging: new, changed, same, agreed (same as imported) or kept
    action              text
) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE IF NOT EXISTS stage_details (
    row_no          integer NOT NULL,
    seq             integer NOT NULL,
    invoice_type    text,
    period_start    date,
    currency_code   text,
    starts_at       timestamptz,
    ends_at         timestamptz,
    currency_symbol text,
    pretax_total    numeric,
    tax             numeric,
    after_tax_total numeric,
    -- filled while merging: new, restated, same, agreed (the same as an import said) or
    -- kept; the stored row if there is one
    action          text,
    ordinal         integer,
    detail_id       bigint
) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE IF NOT EXISTS stage_sets (
    set_no       integer NOT NULL,
    seq          integer NOT NULL,
    invoice_type text,
    period_start date,
    content_hash bytea   NOT NULL,
    item_count   integer NOT NULL,
    -- The answer has items of this type but no detail of it, and when the first begins.
    stray        boolean NOT NULL,
    earliest     timestamptz,
    -- filled while merging: new, replaced, same, agreed (same as imported), read (empty
    -- from its first reading on) or kept
    action       text,
    revision     integer,
    old_set_id   bigint,
    set_id       bigint
) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE IF NOT EXISTS stage_findings (
    seq      integer NOT NULL,
    kind     text    NOT NULL,
    severity text    NOT NULL,
    subject  text    NOT NULL,
    detail   text    NOT NULL
) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE IF NOT EXISTS stage_suspects (
    customer_key   bigint  NOT NULL,
    invoice_type   text,
    has_gap        boolean NOT NULL,
    has_overlap    boolean NOT NULL,
    has_currencies boolean NOT NULL,
    has_jump       boolean NOT NULL
) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE IF NOT EXISTS stage_history_findings (
    customer_key bigint NOT NULL,
    kind         text   NOT NULL,
    severity     text   NOT NULL,
    subject      text   NOT NULL,
    detail       text   NOT NULL
) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE IF NOT EXISTS stage_invoice_findings (
    kind     text NOT NULL,
    severity text NOT NULL,
    subject  text NOT NULL,
    detail   text NOT NULL
) ON COMMIT DELETE ROWS;
