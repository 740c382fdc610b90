-- The schema after all migrations, printed from the catalogue by the tests of
-- internal/persist; go test ./internal/persist -run Schema -update rewrites it.
CREATE SCHEMA collector;
COMMENT ON SCHEMA collector IS 'Private to the collector. Holds personal data. Query the schema finance instead.';
CREATE SCHEMA finance;
COMMENT ON SCHEMA finance IS 'The public views of the collector: the costs of every customer, how complete they are and what changed. Views only, stable names, no personal data. Never add amounts of different currencies.';
CREATE SCHEMA river;
COMMENT ON SCHEMA river IS 'The queue that distributes the nights of partners over the machines. It belongs to the library River; what was collected stands in the ledger, collector.runs.';

CREATE TABLE collector.billing_profile_history (
    customer_key bigint NOT NULL,
    revision integer NOT NULL,
    profile jsonb NOT NULL,
    statement_id bigint NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    superseded_at timestamp with time zone NOT NULL,
    superseded_by_run uuid NOT NULL,
    company_name text DEFAULT (profile ->> 'company_name'::text),
    country text DEFAULT (profile ->> 'country'::text)
);
ALTER TABLE collector.billing_profile_history ADD CONSTRAINT billing_profile_history_customer_key_fkey FOREIGN KEY (customer_key) REFERENCES collector.customers(customer_key);
ALTER TABLE collector.billing_profile_history ADD CONSTRAINT billing_profile_history_pkey PRIMARY KEY (customer_key, revision);
ALTER TABLE collector.billing_profile_history ADD CONSTRAINT billing_profile_history_statement_id_fkey FOREIGN KEY (statement_id) REFERENCES collector.statements(statement_id);
COMMENT ON TABLE collector.billing_profile_history IS 'Earlier billing profiles, with the columns of billing_profiles. Personal data.';
COMMENT ON COLUMN collector.billing_profile_history.company_name IS 'Company name of the profile, for the views of finance.';
COMMENT ON COLUMN collector.billing_profile_history.country IS 'Country of the profile, for the views of finance.';

CREATE TABLE collector.billing_profiles (
    customer_key bigint NOT NULL,
    content_hash bytea NOT NULL,
    profile_id text,
    first_name text,
    last_name text,
    email text,
    culture text,
    language text,
    company_name text,
    organization_registration_id text,
    address_id text,
    country text,
    region text,
    city text,
    state text,
    district text,
    address_line1 text,
    address_line2 text,
    address_line3 text,
    postal_code text,
    address_first_name text,
    address_middle_name text,
    address_last_name text,
    phone_number text,
    address_email text,
    statement_id bigint NOT NULL,
    run_id uuid NOT NULL,
    first_collected_at timestamp with time zone NOT NULL,
    last_changed_at timestamp with time zone NOT NULL,
    revisions integer NOT NULL DEFAULT 0
);
ALTER TABLE collector.billing_profiles ADD CONSTRAINT billing_profiles_customer_key_fkey FOREIGN KEY (customer_key) REFERENCES collector.customers(customer_key);
ALTER TABLE collector.billing_profiles ADD CONSTRAINT billing_profiles_pkey PRIMARY KEY (customer_key);
ALTER TABLE collector.billing_profiles ADD CONSTRAINT billing_profiles_statement_id_fkey FOREIGN KEY (statement_id) REFERENCES collector.statements(statement_id);
COMMENT ON TABLE collector.billing_profiles IS 'The current billing profile of each customer. Personal data.';
COMMENT ON COLUMN collector.billing_profiles.content_hash IS 'SHA-256 of the fields. The service''s etag is temporary and not part of it.';

CREATE TABLE collector.cost_detail_history (
    detail_id bigint NOT NULL,
    revision integer NOT NULL,
    starts_at timestamp with time zone,
    ends_at timestamp with time zone,
    currency_symbol text,
    pretax_total numeric,
    tax numeric,
    after_tax_total numeric,
    origin text NOT NULL,
    statement_id bigint NOT NULL,
    run_id uuid NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    superseded_at timestamp with time zone NOT NULL,
    superseded_by_run uuid NOT NULL
);
ALTER TABLE collector.cost_detail_history ADD CONSTRAINT cost_detail_history_detail_id_fkey FOREIGN KEY (detail_id) REFERENCES collector.cost_details(detail_id);
ALTER TABLE collector.cost_detail_history ADD CONSTRAINT cost_detail_history_pkey PRIMARY KEY (detail_id, revision);
ALTER TABLE collector.cost_detail_history ADD CONSTRAINT cost_detail_history_statement_id_fkey FOREIGN KEY (statement_id) REFERENCES collector.statements(statement_id);
CREATE INDEX cost_detail_history_by_time ON collector.cost_detail_history USING btree (superseded_at);
COMMENT ON TABLE collector.cost_detail_history IS 'The values a detail had before each restatement. Revision 0 is the value first collected.';

CREATE TABLE collector.cost_details (
    detail_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    customer_key bigint NOT NULL,
    invoice_type text,
    period_start date,
    currency_code text,
    ordinal integer NOT NULL,
    starts_at timestamp with time zone,
    ends_at timestamp with time zone,
    currency_symbol text,
    pretax_total numeric,
    tax numeric,
    after_tax_total numeric,
    origin text NOT NULL,
    statement_id bigint NOT NULL,
    run_id uuid NOT NULL,
    first_collected_at timestamp with time zone NOT NULL,
    last_changed_at timestamp with time zone NOT NULL,
    revisions integer NOT NULL DEFAULT 0
);
ALTER TABLE collector.cost_details ADD CONSTRAINT cost_details_after_tax_total_check CHECK ((after_tax_total <> ALL (ARRAY['NaN'::numeric, 'Infinity'::numeric, '-Infinity'::numeric])));
ALTER TABLE collector.cost_details ADD CONSTRAINT cost_details_currency_code_check CHECK ((currency_code <> ''::text));
ALTER TABLE collector.cost_details ADD CONSTRAINT cost_details_customer_key_fkey FOREIGN KEY (customer_key) REFERENCES collector.customers(customer_key);
ALTER TABLE collector.cost_details ADD CONSTRAINT cost_details_invoice_type_check CHECK ((invoice_type <> ''::text));
ALTER TABLE collector.cost_details ADD CONSTRAINT cost_details_key UNIQUE NULLS NOT DISTINCT (customer_key, invoice_type, period_start, currency_code, ordinal);
ALTER TABLE collector.cost_details ADD CONSTRAINT cost_details_ordinal_check CHECK ((ordinal >= 1));
ALTER TABLE collector.cost_details ADD CONSTRAINT cost_details_origin_check CHECK ((origin = ANY (ARRAY['servicecosts'::text, 'import'::text])));
ALTER TABLE collector.cost_details ADD CONSTRAINT cost_details_pkey PRIMARY KEY (detail_id);
ALTER TABLE collector.cost_details ADD CONSTRAINT cost_details_pretax_total_check CHECK ((pretax_total <> ALL (ARRAY['NaN'::numeric, 'Infinity'::numeric, '-Infinity'::numeric])));
ALTER TABLE collector.cost_details ADD CONSTRAINT cost_details_statement_id_fkey FOREIGN KEY (statement_id) REFERENCES collector.statements(statement_id);
ALTER TABLE collector.cost_details ADD CONSTRAINT cost_details_tax_check CHECK ((tax <> ALL (ARRAY['NaN'::numeric, 'Infinity'::numeric, '-Infinity'::numeric])));
CREATE INDEX cost_details_by_end ON collector.cost_details USING btree ((((ends_at AT TIME ZONE 'UTC'::text))::date));
CREATE TRIGGER mark_months_after_change AFTER UPDATE ON collector.cost_details REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION collector.mark_months();
CREATE TRIGGER mark_months_before_change AFTER UPDATE ON collector.cost_details REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION collector.mark_months();
CREATE TRIGGER mark_months_of_new AFTER INSERT ON collector.cost_details REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION collector.mark_months();
CREATE TRIGGER mark_months_of_removed AFTER DELETE ON collector.cost_details REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION collector.mark_months();
COMMENT ON TABLE collector.cost_details IS 'The newest value of each cost of a customer, by invoice type, period and currency. No row is ever deleted.';
COMMENT ON COLUMN collector.cost_details.period_start IS 'The day (UTC) on which the detail''s own period starts; part of the key. Null when the service states none.';
COMMENT ON COLUMN collector.cost_details.currency_code IS 'Null when the service states none; never guessed.';
COMMENT ON COLUMN collector.cost_details.ordinal IS 'Distinguishes details of one answer that have the same key.';
COMMENT ON COLUMN collector.cost_details.ends_at IS 'End of the period as stated: midnight of the last day, or the last microsecond of it. A value, not part of the key.';
COMMENT ON COLUMN collector.cost_details.revisions IS 'How often the values changed after the first collection.';

CREATE TABLE collector.customer_names (
    customer_key bigint NOT NULL,
    since timestamp with time zone NOT NULL,
    name text NOT NULL
);
ALTER TABLE collector.customer_names ADD CONSTRAINT customer_names_customer_key_fkey FOREIGN KEY (customer_key) REFERENCES collector.customers(customer_key);
ALTER TABLE collector.customer_names ADD CONSTRAINT customer_names_name_check CHECK ((name <> ''::text));
ALTER TABLE collector.customer_names ADD CONSTRAINT customer_names_pkey PRIMARY KEY (customer_key, since);
COMMENT ON TABLE collector.customer_names IS 'The customer names in line items, for customers whose billing profile has no company name or was never read. One row per change.';

CREATE TABLE collector.customer_reads (
    customer_key bigint NOT NULL,
    costs_at timestamp with time zone,
    costs_hash bytea,
    next_end_at timestamp with time zone,
    profile_at timestamp with time zone,
    line_items_at timestamp with time zone,
    refused boolean NOT NULL DEFAULT false
);
ALTER TABLE collector.customer_reads ADD CONSTRAINT customer_reads_customer_key_fkey FOREIGN KEY (customer_key) REFERENCES collector.customers(customer_key);
ALTER TABLE collector.customer_reads ADD CONSTRAINT customer_reads_pkey PRIMARY KEY (customer_key);
COMMENT ON TABLE collector.customer_reads IS 'When each part of a customer was last read; rewritten by every run, unlike the facts.';
COMMENT ON COLUMN collector.customer_reads.costs_hash IS 'SHA-256 of what the newest cost summary says. One that says the same needs no line items.';
COMMENT ON COLUMN collector.customer_reads.next_end_at IS 'When the first of the periods ends whose final amounts have not been read yet; null without costs. Whoever has the earliest is read first.';
COMMENT ON COLUMN collector.customer_reads.line_items_at IS 'Null also when the line items of the newest costs have not been read yet.';
COMMENT ON COLUMN collector.customer_reads.refused IS 'The service refused the customer when it was last asked for it.';

CREATE TABLE collector.customer_states (
    customer_key bigint NOT NULL,
    statement_id bigint,
    last_run_id uuid NOT NULL,
    last_attempt_at timestamp with time zone NOT NULL,
    last_outcome text NOT NULL,
    last_error text,
    last_success_at timestamp with time zone,
    last_success_run_id uuid,
    failures_in_a_row integer NOT NULL DEFAULT 0,
    profile_digest bytea,
    summary_digest bytea,
    line_items_digest bytea,
    profile_rules integer,
    costs_rules integer
);
ALTER TABLE collector.customer_states ADD CONSTRAINT customer_states_customer_key_fkey FOREIGN KEY (customer_key) REFERENCES collector.customers(customer_key);
ALTER TABLE collector.customer_states ADD CONSTRAINT customer_states_last_outcome_check CHECK ((last_outcome = ANY (ARRAY['ok'::text, 'unchanged'::text, 'no_costs'::text, 'no_access'::text, 'unknown_customer'::text, 'failed'::text])));
ALTER TABLE collector.customer_states ADD CONSTRAINT customer_states_pkey PRIMARY KEY (customer_key);
ALTER TABLE collector.customer_states ADD CONSTRAINT customer_states_statement_id_fkey FOREIGN KEY (statement_id) REFERENCES collector.statements(statement_id);
COMMENT ON TABLE collector.customer_states IS 'The newest state of each customer. Every run rewrites it, unlike the facts.';
COMMENT ON COLUMN collector.customer_states.statement_id IS 'The newest statement.';
COMMENT ON COLUMN collector.customer_states.profile_digest IS 'SHA-256 of what the newest profile says: of its body without what is volatile, or of the part of it that may be stored.';
COMMENT ON COLUMN collector.customer_states.summary_digest IS 'SHA-256 of what the newest cost summary says: of its body without what is volatile.';
COMMENT ON COLUMN collector.customer_states.line_items_digest IS 'SHA-256 of what the newest line items say: of their body without what is volatile.';
COMMENT ON COLUMN collector.customer_states.profile_rules IS 'Version of the rules by which the stored profile was derived from that body; null when it is to be derived anew.';
COMMENT ON COLUMN collector.customer_states.costs_rules IS 'Version of the rules by which costs, line items and findings were derived from these bodies; null or 0 when they are to be derived anew.';

CREATE TABLE collector.customers (
    customer_key bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    partner text NOT NULL,
    customer_id uuid NOT NULL,
    first_seen_at timestamp with time zone NOT NULL,
    active boolean NOT NULL DEFAULT true
);
ALTER TABLE collector.customers ADD CONSTRAINT customers_partner_check CHECK ((partner <> ''::text));
ALTER TABLE collector.customers ADD CONSTRAINT customers_partner_customer_id_key UNIQUE (partner, customer_id);
ALTER TABLE collector.customers ADD CONSTRAINT customers_pkey PRIMARY KEY (customer_key);
COMMENT ON TABLE collector.customers IS 'Every customer that was ever requested.';
COMMENT ON COLUMN collector.customers.active IS 'False if the last complete run did not list the customer. Its rows stay.';

CREATE TABLE collector.erasures (
    erasure_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    customer_key bigint NOT NULL,
    erased_at timestamp with time zone NOT NULL,
    erased_by text NOT NULL,
    version text NOT NULL,
    company_name boolean NOT NULL,
    profiles integer NOT NULL,
    earlier_profiles integer NOT NULL,
    bodies integer NOT NULL
);
ALTER TABLE collector.erasures ADD CONSTRAINT erasures_customer_key_fkey FOREIGN KEY (customer_key) REFERENCES collector.customers(customer_key);
ALTER TABLE collector.erasures ADD CONSTRAINT erasures_pkey PRIMARY KEY (erasure_id);
CREATE INDEX erasures_by_customer ON collector.erasures USING btree (customer_key);
COMMENT ON TABLE collector.erasures IS 'Customers whose personal data was erased, and when. No personal data of these customers is stored again.';
COMMENT ON COLUMN collector.erasures.erased_by IS 'The database role that erased the data.';
COMMENT ON COLUMN collector.erasures.company_name IS 'Whether the company name was erased too.';
COMMENT ON COLUMN collector.erasures.bodies IS 'Raw bodies that were removed from the archive.';

CREATE TABLE collector.exchange_rates (
    from_currency text NOT NULL,
    to_currency text NOT NULL,
    rate_date date NOT NULL,
    rate numeric NOT NULL,
    source text,
    imported_at timestamp with time zone NOT NULL
);
ALTER TABLE collector.exchange_rates ADD CONSTRAINT exchange_rates_check CHECK ((from_currency <> to_currency));
ALTER TABLE collector.exchange_rates ADD CONSTRAINT exchange_rates_from_currency_check CHECK ((from_currency ~ '^[A-Z]{3}$'::text));
ALTER TABLE collector.exchange_rates ADD CONSTRAINT exchange_rates_pkey PRIMARY KEY (from_currency, to_currency, rate_date);
ALTER TABLE collector.exchange_rates ADD CONSTRAINT exchange_rates_rate_check CHECK (((rate > (0)::numeric) AND (rate <> ALL (ARRAY['NaN'::numeric, 'Infinity'::numeric]))));
ALTER TABLE collector.exchange_rates ADD CONSTRAINT exchange_rates_source_check CHECK ((source <> ''::text));
ALTER TABLE collector.exchange_rates ADD CONSTRAINT exchange_rates_to_currency_check CHECK ((to_currency ~ '^[A-Z]{3}$'::text));
COMMENT ON TABLE collector.exchange_rates IS 'Exchange rates that finance imported. The service states none.';
COMMENT ON COLUMN collector.exchange_rates.rate IS 'Price of one unit of from_currency in to_currency.';
COMMENT ON COLUMN collector.exchange_rates.imported_at IS 'When the rate, or its last change, was imported.';

CREATE TABLE collector.failures (
    failure_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    run_id uuid NOT NULL,
    customer_key bigint NOT NULL,
    failed_at timestamp with time zone NOT NULL,
    class text NOT NULL,
    resource text NOT NULL,
    http_status integer,
    code text,
    message text NOT NULL,
    request_id text,
    correlation_id text,
    attempts integer NOT NULL
);
ALTER TABLE collector.failures ADD CONSTRAINT failures_customer_key_fkey FOREIGN KEY (customer_key) REFERENCES collector.customers(customer_key);
ALTER TABLE collector.failures ADD CONSTRAINT failures_pkey PRIMARY KEY (failure_id);
CREATE INDEX failures_by_customer ON collector.failures USING btree (customer_key, failed_at DESC);
CREATE INDEX failures_by_run ON collector.failures USING btree (run_id);
CREATE INDEX failures_by_time ON collector.failures USING brin (failed_at);
COMMENT ON TABLE collector.failures IS 'Every customer that a run could not collect, with the details that a support case at Microsoft needs.';

CREATE TABLE collector.findings (
    finding_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    partner text NOT NULL,
    customer_key bigint,
    kind text NOT NULL,
    severity text NOT NULL,
    subject text NOT NULL DEFAULT ''::text,
    detail text NOT NULL,
    first_seen_at timestamp with time zone NOT NULL,
    last_seen_at timestamp with time zone NOT NULL,
    resolved_at timestamp with time zone
);
ALTER TABLE collector.findings ADD CONSTRAINT findings_customer_key_fkey FOREIGN KEY (customer_key) REFERENCES collector.customers(customer_key);
ALTER TABLE collector.findings ADD CONSTRAINT findings_pkey PRIMARY KEY (finding_id);
ALTER TABLE collector.findings ADD CONSTRAINT findings_severity_check CHECK ((severity = ANY (ARRAY['info'::text, 'warning'::text, 'serious'::text])));
CREATE INDEX findings_by_customer ON collector.findings USING btree (customer_key);
CREATE UNIQUE INDEX findings_open ON collector.findings USING btree (customer_key, kind, subject, partner) NULLS NOT DISTINCT WHERE (resolved_at IS NULL);
COMMENT ON TABLE collector.findings IS 'Oddities that a human may want to check. An open finding was still true at the customer''s last successful collection or, if it needs a comparison of many nights, at the partner''s last run.';
COMMENT ON COLUMN collector.findings.subject IS 'Distinguishes findings of one kind about one customer.';

CREATE TABLE collector.focus_currencies (
    currency_code text NOT NULL
);
ALTER TABLE collector.focus_currencies ADD CONSTRAINT focus_currencies_pkey PRIMARY KEY (currency_code);
COMMENT ON TABLE collector.focus_currencies IS 'The national currencies of ISO 4217, without metals, funds and codes for testing.';

CREATE TABLE collector.focus_services (
    known_name text NOT NULL,
    service_name text NOT NULL,
    service_category text NOT NULL
);
ALTER TABLE collector.focus_services ADD CONSTRAINT focus_services_known_name_check CHECK ((known_name ~ '^[a-z0-9]([a-z0-9 ]*[a-z0-9])?$'::text));
ALTER TABLE collector.focus_services ADD CONSTRAINT focus_services_pkey PRIMARY KEY (known_name);
ALTER TABLE collector.focus_services ADD CONSTRAINT focus_services_service_category_check CHECK ((service_category = ANY (ARRAY['AI and Machine Learning'::text, 'Analytics'::text, 'Business Applications'::text, 'Compute'::text, 'Databases'::text, 'Developer Tools'::text, 'Identity'::text, 'Integration'::text, 'Internet of Things'::text, 'Management and Governance'::text, 'Media'::text, 'Migration'::text, 'Mobile'::text, 'Multicloud'::text, 'Networking'::text, 'Security'::text, 'Storage'::text, 'Web'::text, 'Other'::text])));
COMMENT ON TABLE collector.focus_services IS 'The FOCUS service of each offer. The first known name in the names of the offer and the product decides; of several known names that begin at the same place, the longest decides.';

CREATE TABLE collector.invoice_bodies (
    body_hash bytea NOT NULL,
    body bytea NOT NULL,
    packed boolean NOT NULL,
    first_seen_at timestamp with time zone NOT NULL
);
ALTER TABLE collector.invoice_bodies ADD CONSTRAINT invoice_bodies_body_hash_check CHECK ((octet_length(body_hash) = 32));
ALTER TABLE collector.invoice_bodies ADD CONSTRAINT invoice_bodies_pkey PRIMARY KEY (body_hash);
CREATE INDEX invoice_bodies_by_time ON collector.invoice_bodies USING brin (first_seen_at);
COMMENT ON TABLE collector.invoice_bodies IS 'The body of every answer about invoices, once per content and without secrets. Holds personal data.';
COMMENT ON COLUMN collector.invoice_bodies.body_hash IS 'SHA-256 of the answer.';
COMMENT ON COLUMN collector.invoice_bodies.packed IS 'Whether the body is the answer compressed with gzip; else it is the answer, which may be compressed by itself.';

CREATE TABLE collector.invoice_history (
    invoice_key bigint NOT NULL,
    revision integer NOT NULL,
    invoice jsonb NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    superseded_at timestamp with time zone NOT NULL,
    superseded_by_run uuid NOT NULL
);
ALTER TABLE collector.invoice_history ADD CONSTRAINT invoice_history_invoice_key_fkey FOREIGN KEY (invoice_key) REFERENCES collector.invoices(invoice_key);
ALTER TABLE collector.invoice_history ADD CONSTRAINT invoice_history_pkey PRIMARY KEY (invoice_key, revision);
COMMENT ON TABLE collector.invoice_history IS 'What an invoice stated before each change, as the columns of invoices.';

CREATE TABLE collector.invoice_line_sets (
    set_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    invoice_key bigint NOT NULL,
    source text NOT NULL,
    part text NOT NULL,
    revision integer NOT NULL,
    content_hash bytea NOT NULL,
    line_count integer NOT NULL,
    etag text,
    run_id uuid NOT NULL,
    collected_at timestamp with time zone NOT NULL,
    superseded_at timestamp with time zone,
    superseded_by_run uuid
);
ALTER TABLE collector.invoice_line_sets ADD CONSTRAINT invoice_line_sets_check CHECK (((superseded_at IS NULL) = (superseded_by_run IS NULL)));
ALTER TABLE collector.invoice_line_sets ADD CONSTRAINT invoice_line_sets_invoice_key_fkey FOREIGN KEY (invoice_key) REFERENCES collector.invoices(invoice_key);
ALTER TABLE collector.invoice_line_sets ADD CONSTRAINT invoice_line_sets_invoice_key_source_part_revision_key UNIQUE (invoice_key, source, part, revision);
ALTER TABLE collector.invoice_line_sets ADD CONSTRAINT invoice_line_sets_pkey PRIMARY KEY (set_id);
ALTER TABLE collector.invoice_line_sets ADD CONSTRAINT invoice_line_sets_source_check CHECK ((source = ANY (ARRAY['v1'::text, 'v2'::text])));
CREATE UNIQUE INDEX invoice_line_sets_current ON collector.invoice_line_sets USING btree (invoice_key, source, part) WHERE (superseded_at IS NULL);
COMMENT ON TABLE collector.invoice_line_sets IS 'Lines have no identity: they are one set per invoice and part, replaced as a whole. The current set is the one that is not superseded.';
COMMENT ON COLUMN collector.invoice_line_sets.content_hash IS 'SHA-256 over the lines as a multiset: their order does not count, true duplicates do.';

CREATE TABLE collector.invoice_lines (
    set_id bigint NOT NULL,
    ordinal integer NOT NULL,
    class text NOT NULL,
    customer_id uuid,
    customer_name text,
    own boolean NOT NULL,
    invoice_number text,
    charge_type text,
    charge_start date,
    charge_end date,
    subscription_id text,
    order_id text,
    offer_id text,
    product_id text,
    sku_id text,
    product_name text,
    quantity numeric,
    unit_price numeric,
    pretax_total numeric,
    tax numeric,
    after_tax_total numeric,
    currency_code text
);
ALTER TABLE collector.invoice_lines ADD CONSTRAINT invoice_lines_pkey PRIMARY KEY (set_id, ordinal);
ALTER TABLE collector.invoice_lines ADD CONSTRAINT invoice_lines_set_id_fkey FOREIGN KEY (set_id) REFERENCES collector.invoice_line_sets(set_id);
CREATE INDEX invoice_lines_by_customer ON collector.invoice_lines USING btree (customer_id);
COMMENT ON TABLE collector.invoice_lines IS 'The lines of every set, current and superseded.';
COMMENT ON COLUMN collector.invoice_lines.customer_name IS 'As the line states it; null when it was erased.';
COMMENT ON COLUMN collector.invoice_lines.own IS 'Whether the customer is the partner itself.';

CREATE TABLE collector.invoice_loads (
    load_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    invoice_key bigint NOT NULL,
    source text NOT NULL,
    part text NOT NULL,
    provider text NOT NULL,
    line_type text NOT NULL,
    link text,
    state text NOT NULL,
    first_seen_at timestamp with time zone NOT NULL,
    asked_at timestamp with time zone,
    loaded_at timestamp with time zone,
    operation text,
    etag text,
    asked_total numeric,
    asked_latest date,
    error text,
    code text,
    request_id text,
    run_id uuid NOT NULL
);
ALTER TABLE collector.invoice_loads ADD CONSTRAINT invoice_loads_invoice_key_fkey FOREIGN KEY (invoice_key) REFERENCES collector.invoices(invoice_key);
ALTER TABLE collector.invoice_loads ADD CONSTRAINT invoice_loads_invoice_key_source_part_key UNIQUE (invoice_key, source, part);
ALTER TABLE collector.invoice_loads ADD CONSTRAINT invoice_loads_pkey PRIMARY KEY (load_id);
ALTER TABLE collector.invoice_loads ADD CONSTRAINT invoice_loads_source_check CHECK ((source = ANY (ARRAY['v1'::text, 'v2'::text])));
ALTER TABLE collector.invoice_loads ADD CONSTRAINT invoice_loads_state_check CHECK ((state = ANY (ARRAY['expected'::text, 'loading'::text, 'loaded'::text, 'no_data'::text, 'failed'::text, 'left_out'::text])));
COMMENT ON TABLE collector.invoice_loads IS 'The ledger of what there is to read of each invoice, and how far that is. Rewritten by every run that asks, unlike the lines.';
COMMENT ON COLUMN collector.invoice_loads.state IS 'expected, loading (an export is under way), loaded, no_data (not yet there), failed, or left_out (the usage of every day).';
COMMENT ON COLUMN collector.invoice_loads.operation IS 'Address of the export that is under way; the next process goes on with it.';
COMMENT ON COLUMN collector.invoice_loads.asked_total IS 'The invoice''s total when the lines were last asked for.';
COMMENT ON COLUMN collector.invoice_loads.asked_latest IS 'The day of the newest invoice of its currency and type when the lines were last asked for.';
COMMENT ON COLUMN collector.invoice_loads.error IS 'Why it failed last; null when it did not.';

CREATE TABLE collector.invoice_set_bodies (
    set_id bigint NOT NULL,
    ordinal integer NOT NULL,
    body_hash bytea NOT NULL
);
ALTER TABLE collector.invoice_set_bodies ADD CONSTRAINT invoice_set_bodies_pkey PRIMARY KEY (set_id, ordinal);
ALTER TABLE collector.invoice_set_bodies ADD CONSTRAINT invoice_set_bodies_set_id_fkey FOREIGN KEY (set_id) REFERENCES collector.invoice_line_sets(set_id);
CREATE INDEX invoice_set_bodies_by_hash ON collector.invoice_set_bodies USING btree (body_hash);
COMMENT ON TABLE collector.invoice_set_bodies IS 'From which answers a set was read, in their order. The bodies may have been erased or be past their retention.';

CREATE TABLE collector.invoice_set_totals (
    set_id bigint NOT NULL,
    currency_code text,
    lines_total numeric NOT NULL
);
ALTER TABLE collector.invoice_set_totals ADD CONSTRAINT invoice_set_totals_set_id_currency_code_key UNIQUE NULLS NOT DISTINCT (set_id, currency_code);
ALTER TABLE collector.invoice_set_totals ADD CONSTRAINT invoice_set_totals_set_id_fkey FOREIGN KEY (set_id) REFERENCES collector.invoice_line_sets(set_id);
COMMENT ON TABLE collector.invoice_set_totals IS 'The sum of the lines of every set that name a customer, by currency. Written with the lines, which never change.';
COMMENT ON COLUMN collector.invoice_set_totals.currency_code IS 'Currency of the lines; null for lines that state none, which are in that of the invoice.';
COMMENT ON COLUMN collector.invoice_set_totals.lines_total IS 'Sum after tax; of a line that states no total, the amount before tax and the tax.';

CREATE TABLE collector.invoices (
    invoice_key bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    partner text NOT NULL,
    invoice_id text NOT NULL,
    invoice_type text,
    document_type text,
    amends text,
    invoice_date date,
    period_start date,
    period_end date,
    month date,
    month_assumed boolean NOT NULL,
    currency_code text,
    total numeric,
    paid numeric,
    body_hash bytea,
    run_id uuid NOT NULL,
    first_collected_at timestamp with time zone NOT NULL,
    last_changed_at timestamp with time zone NOT NULL,
    revisions integer NOT NULL DEFAULT 0
);
ALTER TABLE collector.invoices ADD CONSTRAINT invoices_amends_check CHECK ((amends <> ''::text));
ALTER TABLE collector.invoices ADD CONSTRAINT invoices_currency_code_check CHECK ((currency_code <> ''::text));
ALTER TABLE collector.invoices ADD CONSTRAINT invoices_document_type_check CHECK ((document_type <> ''::text));
ALTER TABLE collector.invoices ADD CONSTRAINT invoices_invoice_id_check CHECK ((invoice_id <> ''::text));
ALTER TABLE collector.invoices ADD CONSTRAINT invoices_invoice_type_check CHECK ((invoice_type <> ''::text));
ALTER TABLE collector.invoices ADD CONSTRAINT invoices_month_check CHECK ((EXTRACT(day FROM month) = (1)::numeric));
ALTER TABLE collector.invoices ADD CONSTRAINT invoices_paid_check CHECK ((paid <> ALL (ARRAY['NaN'::numeric, 'Infinity'::numeric, '-Infinity'::numeric])));
ALTER TABLE collector.invoices ADD CONSTRAINT invoices_partner_check CHECK ((partner <> ''::text));
ALTER TABLE collector.invoices ADD CONSTRAINT invoices_partner_invoice_id_key UNIQUE (partner, invoice_id);
ALTER TABLE collector.invoices ADD CONSTRAINT invoices_pkey PRIMARY KEY (invoice_key);
ALTER TABLE collector.invoices ADD CONSTRAINT invoices_total_check CHECK ((total <> ALL (ARRAY['NaN'::numeric, 'Infinity'::numeric, '-Infinity'::numeric])));
CREATE INDEX invoices_by_month ON collector.invoices USING btree (partner, month);
COMMENT ON TABLE collector.invoices IS 'Every invoice that was ever listed, amendments among them, with the newest values.';
COMMENT ON COLUMN collector.invoices.month IS 'First day of the month to which the lines belong: that in which the period ends, an amendment''s parent''s, or else the one before the invoice''s date.';
COMMENT ON COLUMN collector.invoices.month_assumed IS 'Whether the month is that before the invoice''s date, because no period was to be had.';
COMMENT ON COLUMN collector.invoices.paid IS 'As stated. Its sign is not clear: nothing is computed with it.';
COMMENT ON COLUMN collector.invoices.body_hash IS 'The page of the list that last changed the invoice; see invoice_bodies.';

CREATE TABLE collector.line_item_sets (
    set_id bigint NOT NULL GENERATED BY DEFAULT AS IDENTITY,
    customer_key bigint NOT NULL,
    invoice_type text,
    period_start date,
    revision integer NOT NULL,
    content_hash bytea NOT NULL,
    item_count integer NOT NULL,
    origin text NOT NULL,
    statement_id bigint NOT NULL,
    run_id uuid NOT NULL,
    collected_at timestamp with time zone NOT NULL,
    superseded_at timestamp with time zone,
    superseded_by_run uuid
);
ALTER TABLE collector.line_item_sets ADD CONSTRAINT line_item_sets_check CHECK (((superseded_at IS NULL) = (superseded_by_run IS NULL)));
ALTER TABLE collector.line_item_sets ADD CONSTRAINT line_item_sets_customer_key_fkey FOREIGN KEY (customer_key) REFERENCES collector.customers(customer_key);
ALTER TABLE collector.line_item_sets ADD CONSTRAINT line_item_sets_invoice_type_check CHECK ((invoice_type <> ''::text));
ALTER TABLE collector.line_item_sets ADD CONSTRAINT line_item_sets_origin_check CHECK ((origin = ANY (ARRAY['servicecosts'::text, 'import'::text])));
ALTER TABLE collector.line_item_sets ADD CONSTRAINT line_item_sets_pkey PRIMARY KEY (set_id);
ALTER TABLE collector.line_item_sets ADD CONSTRAINT line_item_sets_statement_id_fkey FOREIGN KEY (statement_id) REFERENCES collector.statements(statement_id);
CREATE UNIQUE INDEX line_item_sets_current ON collector.line_item_sets USING btree (customer_key, invoice_type, period_start) NULLS NOT DISTINCT WHERE (superseded_at IS NULL);
CREATE INDEX line_item_sets_restated ON collector.line_item_sets USING btree (collected_at) WHERE (revision > 0);
CREATE UNIQUE INDEX line_item_sets_revisions ON collector.line_item_sets USING btree (customer_key, invoice_type, period_start, revision) NULLS NOT DISTINCT;
COMMENT ON TABLE collector.line_item_sets IS 'Line items have no identity: they are one set per customer, invoice type and period, replaced as a whole. The current set is the one that is not superseded.';
COMMENT ON COLUMN collector.line_item_sets.revision IS '0 for the first collected set with items, plus 1 for each set that replaced one. -1 for the note that the items were read and there were none yet.';
COMMENT ON COLUMN collector.line_item_sets.content_hash IS 'SHA-256 over the items as a multiset: their order does not count, true duplicates do.';

CREATE TABLE collector.line_items (
    set_id bigint NOT NULL,
    ordinal integer NOT NULL,
    invoice_number text,
    charge_type text,
    start_date timestamp with time zone,
    end_date timestamp with time zone,
    subscription_id text,
    subscription_friendly_name text,
    order_id text,
    offer_id text,
    offer_name text,
    product_id text,
    product_name text,
    sku_id text,
    sku_name text,
    availability_id text,
    publisher_id text,
    publisher_name text,
    reseller_mpn_id text,
    term_and_billing_cycle text,
    discount_details text,
    quantity numeric,
    unit_price numeric,
    pretax_total numeric,
    tax numeric,
    after_tax_total numeric,
    currency_code text,
    currency_symbol text
);
ALTER TABLE collector.line_items ADD CONSTRAINT line_items_pkey PRIMARY KEY (set_id, ordinal);
ALTER TABLE collector.line_items ADD CONSTRAINT line_items_set_id_fkey FOREIGN KEY (set_id) REFERENCES collector.line_item_sets(set_id);
COMMENT ON TABLE collector.line_items IS 'The items of every set, current and superseded.';
COMMENT ON COLUMN collector.line_items.ordinal IS 'Position in the answer that first contained the set, from 1.';

CREATE TABLE collector.machines (
    process_id uuid NOT NULL,
    machine text NOT NULL,
    version text NOT NULL,
    partners_at_once integer NOT NULL,
    started_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL
);
ALTER TABLE collector.machines ADD CONSTRAINT machines_pkey PRIMARY KEY (process_id);
COMMENT ON TABLE collector.machines IS 'The daemons that take part. Each writes its row every half minute and removes it when it stops; one that is dead is forgotten after a day. Nothing is decided by it.';
COMMENT ON COLUMN collector.machines.process_id IS 'Id of the process, as in river.river_job.attempted_by.';
COMMENT ON COLUMN collector.machines.machine IS 'Host name.';
COMMENT ON COLUMN collector.machines.partners_at_once IS 'How many partners the daemon collects at the same time.';
COMMENT ON COLUMN collector.machines.seen_at IS 'When the daemon wrote this row last, by the clock of the database.';

CREATE TABLE collector.month_missing (
    partner text NOT NULL,
    month date NOT NULL,
    currency_code text,
    invoice_type text,
    customer_key bigint NOT NULL,
    last_period_end date NOT NULL,
    last_after_tax numeric,
    moved boolean NOT NULL
);
ALTER TABLE collector.month_missing ADD CONSTRAINT month_missing_customer_key_fkey FOREIGN KEY (customer_key) REFERENCES collector.customers(customer_key);
ALTER TABLE collector.month_missing ADD CONSTRAINT month_missing_key UNIQUE NULLS NOT DISTINCT (partner, month, customer_key, invoice_type, currency_code);
CREATE INDEX month_missing_by_customer ON collector.month_missing USING btree (customer_key);
COMMENT ON TABLE collector.month_missing IS 'Summary of cost_details, written by refresh_stale_month: the customers that had a bill of a type and currency in the month before and have none in the month.';
COMMENT ON COLUMN collector.month_missing.moved IS 'The costs are in another currency, or the type has moved on to a later period without one that ends in the month.';

CREATE TABLE collector.month_movers (
    partner text NOT NULL,
    month date NOT NULL,
    currency_code text,
    invoice_type text,
    place integer NOT NULL,
    customer_key bigint NOT NULL,
    after_tax_before numeric NOT NULL,
    after_tax_now numeric NOT NULL,
    summarised_at timestamp with time zone NOT NULL
);
ALTER TABLE collector.month_movers ADD CONSTRAINT month_movers_customer_key_fkey FOREIGN KEY (customer_key) REFERENCES collector.customers(customer_key);
ALTER TABLE collector.month_movers ADD CONSTRAINT month_movers_key UNIQUE NULLS NOT DISTINCT (partner, month, currency_code, invoice_type, place);
CREATE INDEX month_movers_by_month ON collector.month_movers USING btree (month);
COMMENT ON TABLE collector.month_movers IS 'Summary of cost_details, written by refresh_stale_month: the 100 customers with the largest cost changes for each partner, month, currency and invoice type.';

CREATE TABLE collector.month_progress (
    partner text NOT NULL,
    month date NOT NULL,
    currency_code text,
    invoice_type text,
    customers integer NOT NULL,
    customers_expected integer NOT NULL,
    after_tax_total numeric,
    comparable_before numeric,
    comparable_now numeric,
    summarised_at timestamp with time zone NOT NULL
);
ALTER TABLE collector.month_progress ADD CONSTRAINT month_progress_key UNIQUE NULLS NOT DISTINCT (partner, month, currency_code, invoice_type);
COMMENT ON TABLE collector.month_progress IS 'Summary of cost_details, written by refresh_stale_month: how many customers have a bill in a month, and how many had one in the month before.';

CREATE TABLE collector.month_totals (
    partner text NOT NULL,
    month date,
    currency_code text,
    invoice_type text,
    customers integer NOT NULL,
    pretax_total numeric,
    tax numeric,
    after_tax_total numeric,
    summarised_at timestamp with time zone NOT NULL
);
ALTER TABLE collector.month_totals ADD CONSTRAINT month_totals_key UNIQUE NULLS NOT DISTINCT (partner, month, currency_code, invoice_type);
COMMENT ON TABLE collector.month_totals IS 'Summary of cost_details, written by refresh_stale_month, so that the console does not add up millions of rows.';

CREATE TABLE collector.partners (
    partner text NOT NULL,
    tenant_id uuid,
    refresh interval,
    line_items boolean NOT NULL DEFAULT true,
    discovers boolean
);
ALTER TABLE collector.partners ADD CONSTRAINT partners_partner_check CHECK ((partner <> ''::text));
ALTER TABLE collector.partners ADD CONSTRAINT partners_pkey PRIMARY KEY (partner);
COMMENT ON TABLE collector.partners IS 'The partners of the configuration, as of the last run of each.';
COMMENT ON COLUMN collector.partners.tenant_id IS 'The partner''s own tenant; null if the configuration does not set it.';
COMMENT ON COLUMN collector.partners.refresh IS 'How old profiles and line items may grow (collect.refresh of the newest run).';
COMMENT ON COLUMN collector.partners.line_items IS 'Whether line items are collected.';
COMMENT ON COLUMN collector.partners.discovers IS 'Whether the customers are those that Partner Center lists; false when the configuration names them, null when no run with invoices said so.';

CREATE TABLE collector.payloads (
    payload_hash bytea NOT NULL,
    body bytea NOT NULL,
    first_seen_at timestamp with time zone NOT NULL,
    encoding smallint NOT NULL DEFAULT 0
);
ALTER TABLE collector.payloads ADD CONSTRAINT payloads_payload_hash_check CHECK ((octet_length(payload_hash) = 32));
ALTER TABLE collector.payloads ADD CONSTRAINT payloads_pkey PRIMARY KEY (payload_hash);
CREATE INDEX payloads_by_time ON collector.payloads USING brin (first_seen_at);
COMMENT ON TABLE collector.payloads IS 'The body of every answer, stored once per content. Holds personal data.';
COMMENT ON COLUMN collector.payloads.payload_hash IS 'SHA-256 of the body as it was answered, whatever its encoding.';
COMMENT ON COLUMN collector.payloads.body IS 'The body, in its encoding.';
COMMENT ON COLUMN collector.payloads.encoding IS 'How the body is kept: 0 as it was answered, 1 compressed by zstd with the dictionary internal/persist/bodies-1.dict. The program reads all of them.';

CREATE TABLE collector.refresh_tokens (
    partner text NOT NULL,
    sealed bytea,
    key_id text,
    issued_at timestamp with time zone NOT NULL,
    revision bigint NOT NULL
);
ALTER TABLE collector.refresh_tokens ADD CONSTRAINT refresh_tokens_check CHECK (((sealed IS NULL) = (key_id IS NULL)));
ALTER TABLE collector.refresh_tokens ADD CONSTRAINT refresh_tokens_pkey PRIMARY KEY (partner);
COMMENT ON TABLE collector.refresh_tokens IS 'The standing sign-ins of partners whose auth.refresh_token_store is database or key_vault. A token never stands here in the clear.';
COMMENT ON COLUMN collector.refresh_tokens.partner IS 'The partner, by its name in the configuration.';
COMMENT ON COLUMN collector.refresh_tokens.sealed IS 'The refresh token, and the access token that came with it, closed with a key of auth.seal_key_file. NULL when a key vault keeps the refresh token.';
COMMENT ON COLUMN collector.refresh_tokens.key_id IS 'Which key closed it. It tells nothing of the key.';
COMMENT ON COLUMN collector.refresh_tokens.issued_at IS 'When the refresh token was issued. It lives for 90 days.';
COMMENT ON COLUMN collector.refresh_tokens.revision IS 'Counts the changes: a token is replaced only by who has read it, so that an earlier one never replaces a later one.';

CREATE TABLE collector.runs (
    run_id uuid NOT NULL,
    partner text NOT NULL,
    kind text NOT NULL,
    status text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    customers_total integer NOT NULL DEFAULT 0,
    customers_ok integer NOT NULL DEFAULT 0,
    customers_unchanged integer NOT NULL DEFAULT 0,
    customers_no_costs integer NOT NULL DEFAULT 0,
    customers_failed integer NOT NULL DEFAULT 0,
    rows_changed bigint NOT NULL DEFAULT 0,
    version text NOT NULL,
    error text,
    scope text NOT NULL DEFAULT 'all'::text,
    machine text,
    resumes uuid
);
ALTER TABLE collector.runs ADD CONSTRAINT runs_check CHECK (((status = 'running'::text) = (finished_at IS NULL)));
ALTER TABLE collector.runs ADD CONSTRAINT runs_kind_check CHECK ((kind = ANY (ARRAY['daily'::text, 'once'::text, 'missing'::text, 'replay'::text, 'import'::text])));
ALTER TABLE collector.runs ADD CONSTRAINT runs_partner_check CHECK ((partner <> ''::text));
ALTER TABLE collector.runs ADD CONSTRAINT runs_pkey PRIMARY KEY (run_id);
ALTER TABLE collector.runs ADD CONSTRAINT runs_scope_check CHECK ((scope = ANY (ARRAY['all'::text, 'some'::text, 'rest'::text])));
ALTER TABLE collector.runs ADD CONSTRAINT runs_status_check CHECK ((status = ANY (ARRAY['running'::text, 'succeeded'::text, 'partial'::text, 'failed'::text, 'interrupted'::text])));
CREATE INDEX runs_by_partner ON collector.runs USING btree (partner, started_at DESC);
COMMENT ON TABLE collector.runs IS 'The run ledger: one row for each collection of one partner.';
COMMENT ON COLUMN collector.runs.error IS 'Why the run did not succeed; null if it succeeded.';
COMMENT ON COLUMN collector.runs.scope IS 'The customers that the run had to collect: all of the partner''s, some named ones, or the rest that earlier runs did not collect.';
COMMENT ON COLUMN collector.runs.machine IS 'The machine that makes the run, by its host name. NULL for runs of older versions.';
COMMENT ON COLUMN collector.runs.resumes IS 'The newest unfinished run that this run goes on with; NULL if it begins anew. Its row may be gone: it has a retention of its own.';

CREATE TABLE collector.stale_months (
    partner text NOT NULL,
    month date,
    since timestamp with time zone NOT NULL
);
ALTER TABLE collector.stale_months ADD CONSTRAINT stale_months_key UNIQUE NULLS NOT DISTINCT (partner, month);
COMMENT ON TABLE collector.stale_months IS 'The months whose details changed after they were summarised. Triggers on cost_details write it in the transaction that changes the details.';

CREATE TABLE collector.statements (
    statement_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    customer_key bigint NOT NULL,
    run_id uuid NOT NULL,
    collected_at timestamp with time zone NOT NULL,
    profile_hash bytea,
    summary_hash bytea,
    line_items_hash bytea,
    summary_status smallint,
    root_starts_at timestamp with time zone,
    root_ends_at timestamp with time zone,
    root_currency text,
    root_pretax numeric,
    root_tax numeric,
    root_after_tax numeric,
    body_customer_id text,
    origin text NOT NULL DEFAULT 'servicecosts'::text
);
ALTER TABLE collector.statements ADD CONSTRAINT statements_customer_key_fkey FOREIGN KEY (customer_key) REFERENCES collector.customers(customer_key);
ALTER TABLE collector.statements ADD CONSTRAINT statements_origin_check CHECK ((origin = ANY (ARRAY['servicecosts'::text, 'import'::text])));
ALTER TABLE collector.statements ADD CONSTRAINT statements_pkey PRIMARY KEY (statement_id);
CREATE INDEX statements_by_customer ON collector.statements USING btree (customer_key, statement_id);
COMMENT ON TABLE collector.statements IS 'The log of answers: one row whenever a customer''s answers differ from the previous ones. Facts refer to the statement they were derived from, and the statement refers to the bodies.';
COMMENT ON COLUMN collector.statements.summary_status IS 'HTTP status of the summary''s answer; some answers that mean "no costs" have another status than 200.';
COMMENT ON COLUMN collector.statements.root_pretax IS 'Root totals repeat the Recurring detail. They are kept for audit and are not part of any sum.';
COMMENT ON COLUMN collector.statements.body_customer_id IS 'The customer id in the body, as written. The row belongs to the requested id.';
COMMENT ON COLUMN collector.statements.origin IS 'Whether the bodies were collected from the service or imported from saved answers.';

CREATE TABLE collector.success_pings (
    tick timestamp with time zone NOT NULL,
    machine text NOT NULL,
    pinged_at timestamp with time zone NOT NULL
);
ALTER TABLE collector.success_pings ADD CONSTRAINT success_pings_pkey PRIMARY KEY (tick);
COMMENT ON TABLE collector.success_pings IS 'The ticks of the schedule whose success was told to notify.success_url, so that one machine tells it once. A row is removed after 31 days.';
COMMENT ON COLUMN collector.success_pings.tick IS 'Since when every partner had succeeded.';
COMMENT ON COLUMN collector.success_pings.machine IS 'Host name of the machine that told it.';

CREATE TABLE collector.turns (
    partner text NOT NULL,
    page integer NOT NULL,
    customer_keys bigint[] NOT NULL
);
ALTER TABLE collector.turns ADD CONSTRAINT turns_pkey PRIMARY KEY (partner, page);
COMMENT ON TABLE collector.turns IS 'In which order the run under way reads a partner''s customers, in pages.';

CREATE TABLE collector.withdrawn_rows (
    withdrawn_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    customer_key bigint NOT NULL,
    run_id uuid NOT NULL,
    withdrawn_at timestamp with time zone NOT NULL,
    detail jsonb NOT NULL,
    history jsonb NOT NULL
);
ALTER TABLE collector.withdrawn_rows ADD CONSTRAINT withdrawn_rows_customer_key_fkey FOREIGN KEY (customer_key) REFERENCES collector.customers(customer_key);
ALTER TABLE collector.withdrawn_rows ADD CONSTRAINT withdrawn_rows_pkey PRIMARY KEY (withdrawn_id);
COMMENT ON TABLE collector.withdrawn_rows IS 'Cost details that are no longer current, with their history: a replay of the archive does not derive them, or they were imported and the service states another value for their type and period.';

CREATE TABLE river.river_job (
    id bigint NOT NULL DEFAULT nextval('river.river_job_id_seq'::regclass),
    state river.river_job_state NOT NULL DEFAULT 'available'::river.river_job_state,
    attempt smallint NOT NULL DEFAULT 0,
    max_attempts smallint NOT NULL DEFAULT 25,
    attempted_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    finalized_at timestamp with time zone,
    scheduled_at timestamp with time zone NOT NULL DEFAULT now(),
    priority smallint NOT NULL DEFAULT 1,
    args jsonb NOT NULL,
    attempted_by text[],
    errors jsonb[],
    kind text NOT NULL,
    metadata jsonb NOT NULL DEFAULT '{}'::jsonb,
    queue text NOT NULL DEFAULT 'default'::text,
    tags character varying(255)[] NOT NULL DEFAULT '{}'::character varying[],
    unique_key bytea,
    unique_states bit(8)
);
ALTER TABLE river.river_job ADD CONSTRAINT finalized_or_finalized_at_null CHECK ((((finalized_at IS NULL) AND (state <> ALL (ARRAY['cancelled'::river.river_job_state, 'completed'::river.river_job_state, 'discarded'::river.river_job_state]))) OR ((finalized_at IS NOT NULL) AND (state = ANY (ARRAY['cancelled'::river.river_job_state, 'completed'::river.river_job_state, 'discarded'::river.river_job_state])))));
ALTER TABLE river.river_job ADD CONSTRAINT kind_length CHECK (((char_length(kind) > 0) AND (char_length(kind) < 128)));
ALTER TABLE river.river_job ADD CONSTRAINT max_attempts_is_positive CHECK ((max_attempts > 0));
ALTER TABLE river.river_job ADD CONSTRAINT priority_in_range CHECK (((priority >= 1) AND (priority <= 4)));
ALTER TABLE river.river_job ADD CONSTRAINT queue_length CHECK (((char_length(queue) > 0) AND (char_length(queue) < 128)));
ALTER TABLE river.river_job ADD CONSTRAINT river_job_pkey PRIMARY KEY (id);
CREATE INDEX river_job_args_index ON river.river_job USING gin (args);
CREATE INDEX river_job_kind ON river.river_job USING btree (kind);
CREATE INDEX river_job_metadata_index ON river.river_job USING gin (metadata);
CREATE INDEX river_job_prioritized_fetching_index ON river.river_job USING btree (state, queue, priority, scheduled_at, id);
CREATE INDEX river_job_state_and_finalized_at_index ON river.river_job USING btree (state, finalized_at) WHERE (finalized_at IS NOT NULL);
CREATE UNIQUE INDEX river_job_unique_idx ON river.river_job USING btree (unique_key) WHERE ((unique_key IS NOT NULL) AND (unique_states IS NOT NULL) AND river.river_job_state_in_bitmask(unique_states, state));
COMMENT ON TABLE river.river_job IS 'A row per job: kind night is the work on a partner that is due since a tick of the schedule. Finished jobs are removed after a day.';
COMMENT ON COLUMN river.river_job.state IS 'available: waits for a machine; running: a machine works on it; completed: what the ledger says is done; cancelled: given up until the next tick or a restart; retryable, scheduled: waits for its time.';
COMMENT ON COLUMN river.river_job.attempted_at IS 'When a machine took the job last.';
COMMENT ON COLUMN river.river_job.args IS 'Of kind night: partner and tick.';
COMMENT ON COLUMN river.river_job.attempted_by IS 'The processes that took the job, the newest last: host name, a slash, an id.';
COMMENT ON COLUMN river.river_job.unique_key IS 'Hash of kind and args: there is one job for a partner and a tick.';

CREATE TABLE river.river_leader (
    elected_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    leader_id text NOT NULL,
    name text NOT NULL DEFAULT 'default'::text
);
ALTER TABLE river.river_leader ADD CONSTRAINT leader_id_length CHECK (((char_length(leader_id) > 0) AND (char_length(leader_id) < 128)));
ALTER TABLE river.river_leader ADD CONSTRAINT name_length CHECK ((name = 'default'::text));
ALTER TABLE river.river_leader ADD CONSTRAINT river_leader_pkey PRIMARY KEY (name);
COMMENT ON TABLE river.river_leader IS 'The process that looks after the queue for all machines, for a few seconds at a time.';

CREATE TABLE river.river_notification (
    id bigint NOT NULL DEFAULT nextval('river.river_notification_id_seq'::regclass),
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    payload text NOT NULL,
    topic text NOT NULL
);
ALTER TABLE river.river_notification ADD CONSTRAINT river_notification_pkey PRIMARY KEY (id);
ALTER TABLE river.river_notification ADD CONSTRAINT topic_length CHECK (((length(topic) > 0) AND (length(topic) < 128)));
CREATE INDEX river_notification_created_at_idx ON river.river_notification USING btree (created_at);
CREATE INDEX river_notification_topic_id_idx ON river.river_notification USING btree (topic, id);
COMMENT ON TABLE river.river_notification IS 'Of River for other databases; empty.';

CREATE TABLE river.river_queue (
    name text NOT NULL,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    metadata jsonb NOT NULL DEFAULT '{}'::jsonb,
    paused_at timestamp with time zone,
    updated_at timestamp with time zone NOT NULL DEFAULT CURRENT_TIMESTAMP
);
ALTER TABLE river.river_queue ADD CONSTRAINT river_queue_pkey PRIMARY KEY (name);
COMMENT ON TABLE river.river_queue IS 'The queues that machines work on: one.';

-- A view; its query stands in the migrations.
-- collector.focus_charges (customer_key bigint, invoice_type text, period_start date, currency_code text, source text, charge text, part text, billing_start date, billing_end date, charge_start date, charge_end date, amount numeric, contracted numeric, unit text, kind text, prepaid boolean, commitment text, collected_at timestamp with time zone, invoice_number text, charge_type text, subscription_id text, order_id text, offer_id text, offer_name text, product_id text, product_name text, product_sku text, sku_id text, sku_name text, availability_id text, publisher_id text, publisher_name text, reseller_mpn_id text, term_and_billing_cycle text, discount_details text, quantity numeric, unit_price numeric, service_name text, service_category text)
COMMENT ON VIEW collector.focus_charges IS 'One row per FOCUS amount: pretax, tax and the unexplained remainder, of line items, of remainders and of corrections.';

-- A view; its query stands in the migrations.
-- collector.focus_closings (detail_id bigint, revision integer, ends_at timestamp with time zone, pretax_total numeric, tax numeric, after_tax_total numeric, valid_from timestamp with time zone)
COMMENT ON VIEW collector.focus_closings IS 'The values of the cost details at the closing of their billing periods, for details that changed afterwards.';

-- A view; its query stands in the migrations.
-- collector.focus_corrections (customer_key bigint, invoice_type text, period_start date, period_end date, currency_code text, ordinal integer, revision integer, collected_at timestamp with time zone, billing_start date, billing_end date, pretax_total numeric, tax numeric, unexplained numeric)
COMMENT ON VIEW collector.focus_corrections IS 'The change of each restatement after the closing of its billing period, and the billing period that states the correction.';

-- A view; its query stands in the migrations.
-- collector.focus_details (detail_id bigint, customer_key bigint, invoice_type text, period_start date, currency_code text, ordinal integer, first_collected_at timestamp with time zone, closed boolean, ends_at timestamp with time zone, pretax_total numeric, tax numeric, after_tax_total numeric, valid_from timestamp with time zone, left_out text)
COMMENT ON VIEW collector.focus_details IS 'Every cost detail as of the closing of its billing period, or its newest value if the period is open or nothing changed since. left_out is the reason why FOCUS cannot state the detail.';

-- A view; its query stands in the migrations.
-- collector.focus_items (customer_key bigint, invoice_type text, period_start date, period_end date, currency_code text, collected_at timestamp with time zone, ordinal integer, invoice_number text, charge_type text, start_date timestamp with time zone, end_date timestamp with time zone, quantity numeric, unit_price numeric, pretax_total numeric, tax numeric, subscription_id text, order_id text, offer_id text, offer_name text, product_id text, product_name text, sku_id text, sku_name text, product_sku text, availability_id text, publisher_id text, publisher_name text, reseller_mpn_id text, term_and_billing_cycle text, discount_details text, kind text, commitment text, priced boolean, service_name text, service_category text)
COMMENT ON VIEW collector.focus_items IS 'The line items that represent a statement: those of its set in its currency, without placeholders. kind is the charge category of the amount before tax. commitment is the term for the coverage of future charges.';

-- A view; its query stands in the migrations.
-- collector.focus_names (customer_key bigint, name text, valid_from timestamp with time zone, valid_until timestamp with time zone)
COMMENT ON VIEW collector.focus_names IS 'The names of each customer in line items, with the time span of each.';

-- A view; its query stands in the migrations.
-- collector.focus_profiles (customer_key bigint, company_name text, country text, valid_from timestamp with time zone, valid_until timestamp with time zone)
COMMENT ON VIEW collector.focus_profiles IS 'Company name and country of each customer, with the time span of each.';

-- A view; its query stands in the migrations.
-- collector.focus_remainders (customer_key bigint, invoice_type text, period_start date, period_end date, currency_code text, ordinal integer, collected_at timestamp with time zone, items bigint, invoice_number text, pretax_total numeric, tax numeric, unexplained numeric)
COMMENT ON VIEW collector.focus_remainders IS 'The part of a statement that its line items do not explain: all of it if it has none. unexplained is the amount after tax less pretax and tax.';

-- A view; its query stands in the migrations.
-- collector.focus_rows ("BilledCost" numeric, "EffectiveCost" numeric, "ContractedCost" numeric, "ListCost" numeric, "BillingCurrency" text, "BillingAccountId" text, "BillingAccountName" text, "BillingAccountType" text, "SubAccountId" text, "SubAccountName" text, "SubAccountType" text, "InvoiceIssuerName" text, "PublisherName" text, "BillingPeriodStart" timestamp with time zone, "BillingPeriodEnd" timestamp with time zone, "ChargePeriodStart" timestamp with time zone, "ChargePeriodEnd" timestamp with time zone, "ChargeCategory" text, "ChargeClass" text, "ChargeDescription" text, "ChargeFrequency" text, "PricingCategory" text, "PricingQuantity" numeric, "PricingUnit" text, "ContractedUnitPrice" numeric, "ConsumedQuantity" numeric, "ConsumedUnit" text, "ServiceName" text, "ServiceCategory" text, "SkuId" text, "SkuMeter" text, "SkuPriceId" text, "SkuPriceDetails" text, "CommitmentDiscountId" text, "CommitmentDiscountCategory" text, "CommitmentDiscountName" text, "CommitmentDiscountQuantity" numeric, "CommitmentDiscountStatus" text, "CommitmentDiscountType" text, "CommitmentDiscountUnit" text, "InvoiceId" text, "InvoiceDetailId" text, "Tags" text, "ResourceId" text, "ResourceName" text, "ResourceType" text, "RegionId" text, "RegionName" text, "x_Partner" text, "x_CustomerCountry" text, "x_InvoiceType" text, "x_PeriodStart" date, "x_ChargeId" text, "x_CostPart" text, "x_Granularity" text, "x_Reconciliation" boolean, "x_EffectiveCostBasis" text, "x_ContractedCostDifference" numeric, "x_Quantity" numeric, "x_UnitPrice" numeric, "x_ChargeType" text, "x_SubscriptionId" text, "x_OrderId" text, "x_OfferId" text, "x_OfferName" text, "x_ProductId" text, "x_ProductName" text, "x_SkuId" text, "x_SkuName" text, "x_AvailabilityId" text, "x_PublisherId" text, "x_PublisherName" text, "x_TermAndBillingCycle" text, "x_DiscountDetails" text, "x_ResellerMpnId" text, "x_CollectedAt" timestamp with time zone)
COMMENT ON VIEW collector.focus_rows IS 'The charges in the columns of every FOCUS version that has a view in finance.';

-- A view; its query stands in the migrations.
-- collector.focus_statements (customer_key bigint, invoice_type text, period_start date, currency_code text, period_end date, settled_at timestamp with time zone, ordinal integer, pretax_total numeric, tax numeric, payable numeric, first_collected_at timestamp with time zone, collected_at timestamp with time zone, set_id bigint)
COMMENT ON VIEW collector.focus_statements IS 'The totals, with the set of line items that was current at the closing of the period.';

-- A view; its query stands in the migrations.
-- collector.focus_totals (customer_key bigint, invoice_type text, period_start date, currency_code text, period_end date, settled_at timestamp with time zone, ordinal integer, pretax_total numeric, tax numeric, payable numeric, first_collected_at timestamp with time zone, collected_at timestamp with time zone)
COMMENT ON VIEW collector.focus_totals IS 'The sum of the details of one customer, invoice type, period and currency, because line items cannot be assigned to one of several details. period_end is exclusive. The line items as of settled_at count: the closing or, if it is later, the first collection.';

-- A view; its query stands in the migrations.
-- collector.invoice_states (invoice_key bigint, state text)
COMMENT ON VIEW collector.invoice_states IS 'The state of each invoice, from those of its parts.';

-- A view; its query stands in the migrations.
-- collector.risks (partner text, customer_id uuid, customer_key bigint, active boolean, class integer, next_end_at timestamp with time zone, seen_at timestamp with time zone)
COMMENT ON VIEW collector.risks IS 'What customers have to lose. A run reads them by class, next_end_at and seen_at: those never asked for, those whose newest period ends next, those without costs, unseen longest first, and last those whom the service refuses: refusals of its first customers end a run.';

-- A view; its query stands in the migrations.
-- finance.cost_change_lines (partner text, customer_id uuid, company_name text, invoice_type text, period_start date, currency_code text, changed_at timestamp with time zone, cost_difference numeric, change text, subscription_id text, name text, charge_type text, after_tax_before numeric, after_tax_after numeric, after_tax_difference numeric, share_percent numeric, quantity_before numeric, quantity_after numeric, unit_price_before numeric, unit_price_after numeric, start_date date, end_date date, run_id uuid, revision integer, ordinal integer, period_end date)
COMMENT ON VIEW finance.cost_change_lines IS 'Why a cost was restated: the rows of line_item_changes that came with the restatement or before the next one, and what they leave unexplained. The after_tax_difference of all rows of a restatement add up to cost_difference.';
COMMENT ON COLUMN finance.cost_change_lines.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.cost_change_lines.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.cost_change_lines.company_name IS 'Company name of the billing profile.';
COMMENT ON COLUMN finance.cost_change_lines.invoice_type IS 'Recurring, OneTime, or a type the service added later; null when it names none.';
COMMENT ON COLUMN finance.cost_change_lines.period_start IS 'First day of the billing period.';
COMMENT ON COLUMN finance.cost_change_lines.currency_code IS 'ISO 4217 code; null when the service states none.';
COMMENT ON COLUMN finance.cost_change_lines.changed_at IS 'When the restatement was collected.';
COMMENT ON COLUMN finance.cost_change_lines.cost_difference IS 'Amount after tax of the cost after the restatement less the one before, as difference in finance.cost_changes.';
COMMENT ON COLUMN finance.cost_change_lines.change IS 'went, came or changed, as in finance.line_item_changes; unexplained for the part of cost_difference that no line explains.';
COMMENT ON COLUMN finance.cost_change_lines.subscription_id IS 'Subscription, as written by the service.';
COMMENT ON COLUMN finance.cost_change_lines.name IS 'Name of the offer, else of the product, else of the SKU.';
COMMENT ON COLUMN finance.cost_change_lines.charge_type IS 'Free text such as CYCLE FEE or PURCHASE_FEE.';
COMMENT ON COLUMN finance.cost_change_lines.after_tax_before IS 'Amount after tax in the set before: as stated, else before tax plus tax.';
COMMENT ON COLUMN finance.cost_change_lines.after_tax_after IS 'Amount after tax in the new set.';
COMMENT ON COLUMN finance.cost_change_lines.after_tax_difference IS 'after_tax_after less after_tax_before, where null counts as 0; for unexplained what is left.';
COMMENT ON COLUMN finance.cost_change_lines.share_percent IS 'after_tax_difference in percent of cost_difference; null when that is 0.';
COMMENT ON COLUMN finance.cost_change_lines.quantity_before IS 'Quantity in the set before.';
COMMENT ON COLUMN finance.cost_change_lines.quantity_after IS 'Quantity in the new set.';
COMMENT ON COLUMN finance.cost_change_lines.unit_price_before IS 'Price of one unit in the set before.';
COMMENT ON COLUMN finance.cost_change_lines.unit_price_after IS 'Price of one unit in the new set.';
COMMENT ON COLUMN finance.cost_change_lines.start_date IS 'First day the charge covers.';
COMMENT ON COLUMN finance.cost_change_lines.end_date IS 'Last day the charge covers.';
COMMENT ON COLUMN finance.cost_change_lines.run_id IS 'The run that collected the restatement.';
COMMENT ON COLUMN finance.cost_change_lines.revision IS 'Number of the restatement of this cost, from 1, as in finance.cost_changes.';
COMMENT ON COLUMN finance.cost_change_lines.ordinal IS 'As in finance.costs.';
COMMENT ON COLUMN finance.cost_change_lines.period_end IS 'Last day of the billing period, as in finance.cost_changes.';

-- A view; its query stands in the migrations.
-- finance.cost_changes (partner text, customer_id uuid, company_name text, invoice_type text, period_start date, period_end date, currency_code text, after_tax_before numeric, after_tax_after numeric, difference numeric, changed_at timestamp with time zone, run_id uuid, revision integer, period_end_before date, pretax_before numeric, pretax_after numeric, tax_before numeric, tax_after numeric)
COMMENT ON VIEW finance.cost_changes IS 'Every restatement: one row for each time the service changed a value.';
COMMENT ON COLUMN finance.cost_changes.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.cost_changes.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.cost_changes.company_name IS 'Company name of the billing profile.';
COMMENT ON COLUMN finance.cost_changes.invoice_type IS 'Invoice type of the restated detail.';
COMMENT ON COLUMN finance.cost_changes.period_start IS 'First day of the restated period.';
COMMENT ON COLUMN finance.cost_changes.period_end IS 'Last day of the period after the restatement.';
COMMENT ON COLUMN finance.cost_changes.currency_code IS 'Currency of the amounts.';
COMMENT ON COLUMN finance.cost_changes.after_tax_before IS 'Amount after tax before the restatement.';
COMMENT ON COLUMN finance.cost_changes.after_tax_after IS 'Amount after tax after the restatement.';
COMMENT ON COLUMN finance.cost_changes.difference IS 'after_tax_after less after_tax_before; 0 if only tax, pretax or the end of the period changed.';
COMMENT ON COLUMN finance.cost_changes.changed_at IS 'When the run collected the restatement.';
COMMENT ON COLUMN finance.cost_changes.run_id IS 'The run that collected it.';
COMMENT ON COLUMN finance.cost_changes.revision IS 'Number of the restatement of this detail, from 1.';
COMMENT ON COLUMN finance.cost_changes.period_end_before IS 'Last day of the period before the restatement.';
COMMENT ON COLUMN finance.cost_changes.pretax_before IS 'Amount before tax, before the restatement.';
COMMENT ON COLUMN finance.cost_changes.pretax_after IS 'Amount before tax, after the restatement.';
COMMENT ON COLUMN finance.cost_changes.tax_before IS 'Tax before the restatement.';
COMMENT ON COLUMN finance.cost_changes.tax_after IS 'Tax after the restatement.';

-- A view; its query stands in the migrations.
-- finance.cost_revisions (partner text, customer_id uuid, company_name text, invoice_type text, period_start date, currency_code text, ordinal integer, revision integer, period_end date, pretax_total numeric, tax numeric, after_tax_total numeric, origin text, run_id uuid, valid_from timestamp with time zone, superseded_at timestamp with time zone, superseded_by_run uuid, summary_hash text, line_items_hash text)
COMMENT ON VIEW finance.cost_revisions IS 'Every value of a cost, the newest included, with its origin.';
COMMENT ON COLUMN finance.cost_revisions.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.cost_revisions.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.cost_revisions.company_name IS 'Company name of the billing profile.';
COMMENT ON COLUMN finance.cost_revisions.invoice_type IS 'Invoice type of the cost.';
COMMENT ON COLUMN finance.cost_revisions.period_start IS 'First day of the billing period.';
COMMENT ON COLUMN finance.cost_revisions.currency_code IS 'Currency of the amounts.';
COMMENT ON COLUMN finance.cost_revisions.ordinal IS 'As in finance.costs.';
COMMENT ON COLUMN finance.cost_revisions.revision IS '0 for the first collected value, plus 1 for each restatement.';
COMMENT ON COLUMN finance.cost_revisions.period_end IS 'Last day of the billing period, as stated then.';
COMMENT ON COLUMN finance.cost_revisions.pretax_total IS 'Amount before tax, as stated then.';
COMMENT ON COLUMN finance.cost_revisions.tax IS 'Tax, as stated then.';
COMMENT ON COLUMN finance.cost_revisions.after_tax_total IS 'Amount after tax, as stated then.';
COMMENT ON COLUMN finance.cost_revisions.origin IS 'servicecosts (collected from the service) or import (from saved answers).';
COMMENT ON COLUMN finance.cost_revisions.run_id IS 'The run that stored this value.';
COMMENT ON COLUMN finance.cost_revisions.valid_from IS 'When this value was stored.';
COMMENT ON COLUMN finance.cost_revisions.superseded_at IS 'When the next value replaced it; null for the newest.';
COMMENT ON COLUMN finance.cost_revisions.superseded_by_run IS 'The run that stored the next value; null for the newest.';
COMMENT ON COLUMN finance.cost_revisions.summary_hash IS 'SHA-256, in hexadecimal, of the summary''s body that the value was derived from.';
COMMENT ON COLUMN finance.cost_revisions.line_items_hash IS 'SHA-256, in hexadecimal, of the body of the line items in the same statement; null if they were not read.';

-- A view; its query stands in the migrations.
-- finance.cost_validity (partner text, customer_id uuid, company_name text, invoice_type text, period_start date, period_end date, currency_code text, pretax_total numeric, tax numeric, after_tax_total numeric, origin text, first_collected_at timestamp with time zone, valid_from timestamp with time zone, valid_until timestamp with time zone, revision integer, ordinal integer)
COMMENT ON VIEW finance.cost_validity IS 'Every value that a cost ever had, with the time for which it counted, those of withdrawn costs included: what costs_as_of selects from.';
COMMENT ON COLUMN finance.cost_validity.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.cost_validity.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.cost_validity.company_name IS 'Company name of the billing profile.';
COMMENT ON COLUMN finance.cost_validity.invoice_type IS 'Recurring, OneTime, or a type the service added later; null when it names none.';
COMMENT ON COLUMN finance.cost_validity.period_start IS 'First day of the billing period.';
COMMENT ON COLUMN finance.cost_validity.period_end IS 'Last day of the billing period, as stated then.';
COMMENT ON COLUMN finance.cost_validity.currency_code IS 'ISO 4217 code; null when the service states none.';
COMMENT ON COLUMN finance.cost_validity.pretax_total IS 'Amount before tax, as stated then.';
COMMENT ON COLUMN finance.cost_validity.tax IS 'Tax, as stated then.';
COMMENT ON COLUMN finance.cost_validity.after_tax_total IS 'Amount after tax, as stated then.';
COMMENT ON COLUMN finance.cost_validity.origin IS 'servicecosts (collected from the service) or import (from saved answers).';
COMMENT ON COLUMN finance.cost_validity.first_collected_at IS 'When the cost was first stored.';
COMMENT ON COLUMN finance.cost_validity.valid_from IS 'When this value was stored.';
COMMENT ON COLUMN finance.cost_validity.valid_until IS 'When the next value took its place, or the cost was withdrawn; null for what counts now.';
COMMENT ON COLUMN finance.cost_validity.revision IS '0 for the value first collected, then one more for each restatement.';
COMMENT ON COLUMN finance.cost_validity.ordinal IS 'As in finance.costs.';

-- A view; its query stands in the migrations.
-- finance.costs (partner text, customer_id uuid, company_name text, invoice_type text, period_start date, period_end date, currency_code text, pretax_total numeric, tax numeric, after_tax_total numeric, origin text, first_collected_at timestamp with time zone, last_changed_at timestamp with time zone, revisions integer, ordinal integer)
COMMENT ON VIEW finance.costs IS 'The costs of each customer: one row per invoice type, billing period and currency, with the newest amounts.';
COMMENT ON COLUMN finance.costs.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.costs.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.costs.company_name IS 'Company name of the billing profile.';
COMMENT ON COLUMN finance.costs.invoice_type IS 'Recurring, OneTime, or a type the service added later; null if the service states none.';
COMMENT ON COLUMN finance.costs.period_start IS 'First day of the billing period. Each invoice type has its own periods: a calendar month for OneTime, other days for Recurring.';
COMMENT ON COLUMN finance.costs.period_end IS 'Last day of the billing period, inclusive, as the service states it.';
COMMENT ON COLUMN finance.costs.currency_code IS 'ISO 4217 code; null if the service states none, which is also a finding.';
COMMENT ON COLUMN finance.costs.pretax_total IS 'Amount before tax, exactly as stated; null if the service states none.';
COMMENT ON COLUMN finance.costs.tax IS 'Tax, exactly as stated.';
COMMENT ON COLUMN finance.costs.after_tax_total IS 'Amount after tax, exactly as stated; negative for a credit.';
COMMENT ON COLUMN finance.costs.origin IS 'servicecosts (collected from the service) or import (from saved answers).';
COMMENT ON COLUMN finance.costs.first_collected_at IS 'When the row was first stored.';
COMMENT ON COLUMN finance.costs.last_changed_at IS 'When its values last changed.';
COMMENT ON COLUMN finance.costs.revisions IS 'How often the values changed; see cost_changes.';
COMMENT ON COLUMN finance.costs.ordinal IS '1, or higher for a further detail of the same type, period and currency in one answer, which is also a finding.';

-- A view; its query stands in the migrations.
-- finance.coverage (partner text, customer_id uuid, company_name text, last_success_at timestamp with time zone, last_outcome text, last_error text, latest_period_end date, hours_since_success numeric, costs_as_of timestamp with time zone, profile_as_of timestamp with time zone, line_items_as_of timestamp with time zone, waits_for text)
COMMENT ON VIEW finance.coverage IS 'How complete the data is: every active customer, its last collection, the age of its parts, and its last error.';
COMMENT ON COLUMN finance.coverage.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.coverage.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.coverage.company_name IS 'Company name of the billing profile.';
COMMENT ON COLUMN finance.coverage.last_success_at IS 'When the customer was last collected without a failure; null if never. The costs were read then; the profile and the line items may be of an earlier night.';
COMMENT ON COLUMN finance.coverage.last_outcome IS 'Result of the last attempt: ok, unchanged, no_costs, no_access, unknown_customer, failed.';
COMMENT ON COLUMN finance.coverage.last_error IS 'Why the last attempt failed; null if it did not fail.';
COMMENT ON COLUMN finance.coverage.latest_period_end IS 'Last day of the newest period stored.';
COMMENT ON COLUMN finance.coverage.hours_since_success IS 'Hours since last_success_at; null if never.';
COMMENT ON COLUMN finance.coverage.costs_as_of IS 'When the cost summary was last read; null if never.';
COMMENT ON COLUMN finance.coverage.profile_as_of IS 'When the billing profile was last read; null if never.';
COMMENT ON COLUMN finance.coverage.line_items_as_of IS 'When the line items were last read. Null if never, or if the line items of the newest costs have not been read yet. When the costs change, the line items are read in the same run.';
COMMENT ON COLUMN finance.coverage.waits_for IS 'The parts that are older than collect.refresh or have not been read yet: profile, line items, or both. Null if there are none.';

-- A view; its query stands in the migrations.
-- finance.customers (partner text, customer_id uuid, company_name text, country text, first_seen_at timestamp with time zone, last_collected_at timestamp with time zone, last_outcome text, active boolean)
COMMENT ON VIEW finance.customers IS 'Every customer that was ever requested.';
COMMENT ON COLUMN finance.customers.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.customers.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.customers.company_name IS 'Company name of the billing profile; null until the profile is first read, and after it was erased.';
COMMENT ON COLUMN finance.customers.country IS 'Country of the billing profile''s default address, ISO 3166 alpha-2.';
COMMENT ON COLUMN finance.customers.first_seen_at IS 'When the customer was first requested.';
COMMENT ON COLUMN finance.customers.last_collected_at IS 'When the customer was last collected without a failure; null if never. The costs were read then; the profile and the line items may be of an earlier night.';
COMMENT ON COLUMN finance.customers.last_outcome IS 'Result of the last attempt: ok (something was stored), unchanged, no_costs, no_access (the customer left or revoked access), unknown_customer, failed.';
COMMENT ON COLUMN finance.customers.active IS 'False if the last complete run did not list the customer.';

-- A view; its query stands in the migrations.
-- finance.erasures (partner text, customer_id uuid, erased_at timestamp with time zone, company_name_too boolean, profiles integer, earlier_profiles integer, bodies integer, version text)
COMMENT ON VIEW finance.erasures IS 'Customers whose personal data was erased, when, and how much. The costs stay.';
COMMENT ON COLUMN finance.erasures.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.erasures.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.erasures.erased_at IS 'When the data was erased.';
COMMENT ON COLUMN finance.erasures.company_name_too IS 'Whether the company name was erased too, for a customer that trades under a personal name.';
COMMENT ON COLUMN finance.erasures.profiles IS 'Billing profiles that were reduced: 1, or 0 if the profile held no more personal data.';
COMMENT ON COLUMN finance.erasures.earlier_profiles IS 'Earlier versions of the billing profile that were reduced.';
COMMENT ON COLUMN finance.erasures.bodies IS 'Raw answers that were removed from the archive.';
COMMENT ON COLUMN finance.erasures.version IS 'Version of the collector.';

-- A view; its query stands in the migrations.
-- finance.exchange_rates (rate_date date, from_currency text, to_currency text, rate numeric, source text, imported_at timestamp with time zone)
COMMENT ON VIEW finance.exchange_rates IS 'Exchange rates, as imported with "collector rates import".';
COMMENT ON COLUMN finance.exchange_rates.rate_date IS 'Day of the rate.';
COMMENT ON COLUMN finance.exchange_rates.from_currency IS 'ISO 4217 code of the original currency.';
COMMENT ON COLUMN finance.exchange_rates.to_currency IS 'ISO 4217 code of the target currency.';
COMMENT ON COLUMN finance.exchange_rates.rate IS 'Price of one unit of from_currency in to_currency.';
COMMENT ON COLUMN finance.exchange_rates.source IS 'Source of the rate in the imported file; null if the file states none.';
COMMENT ON COLUMN finance.exchange_rates.imported_at IS 'When the rate, or its last change, was imported.';

-- A view; its query stands in the migrations.
-- finance.findings (partner text, customer_id uuid, kind text, severity text, detail text, first_seen_at timestamp with time zone, last_seen_at timestamp with time zone, resolved_at timestamp with time zone, subject text)
COMMENT ON VIEW finance.findings IS 'Oddities in the data. A finding resolves itself when its cause is gone.';
COMMENT ON COLUMN finance.findings.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.findings.customer_id IS 'Tenant id of the customer; null for a finding about the whole partner.';
COMMENT ON COLUMN finance.findings.kind IS 'Kind of the finding; docs/finance.md explains each.';
COMMENT ON COLUMN finance.findings.severity IS 'info, warning or serious.';
COMMENT ON COLUMN finance.findings.detail IS 'The finding in a plain sentence.';
COMMENT ON COLUMN finance.findings.first_seen_at IS 'When it was first seen.';
COMMENT ON COLUMN finance.findings.last_seen_at IS 'When it was last seen. For an open finding: the last successful collection of the customer, or of its line items, if that is later.';
COMMENT ON COLUMN finance.findings.resolved_at IS 'When its cause was found gone; null while it is open.';
COMMENT ON COLUMN finance.findings.subject IS 'Subject of the finding, such as a type, period and currency; null if it is the customer.';

-- A view; its query stands in the migrations.
-- finance.focus_1_2 ("BilledCost" numeric, "EffectiveCost" numeric, "ContractedCost" numeric, "ListCost" numeric, "BillingCurrency" text, "BillingAccountId" text, "BillingAccountName" text, "BillingAccountType" text, "SubAccountId" text, "SubAccountName" text, "SubAccountType" text, "InvoiceIssuerName" text, "ProviderName" text, "PublisherName" text, "BillingPeriodStart" timestamp with time zone, "BillingPeriodEnd" timestamp with time zone, "ChargePeriodStart" timestamp with time zone, "ChargePeriodEnd" timestamp with time zone, "ChargeCategory" text, "ChargeClass" text, "ChargeDescription" text, "ChargeFrequency" text, "PricingCategory" text, "PricingQuantity" numeric, "PricingUnit" text, "ContractedUnitPrice" numeric, "ConsumedQuantity" numeric, "ConsumedUnit" text, "ServiceName" text, "ServiceCategory" text, "SkuId" text, "SkuMeter" text, "SkuPriceId" text, "SkuPriceDetails" text, "CommitmentDiscountCategory" text, "CommitmentDiscountId" text, "CommitmentDiscountName" text, "CommitmentDiscountQuantity" numeric, "CommitmentDiscountStatus" text, "CommitmentDiscountType" text, "CommitmentDiscountUnit" text, "InvoiceId" text, "Tags" text, "ResourceId" text, "ResourceName" text, "ResourceType" text, "RegionId" text, "RegionName" text, "x_Partner" text, "x_CustomerCountry" text, "x_InvoiceType" text, "x_PeriodStart" date, "x_ChargeId" text, "x_CostPart" text, "x_Granularity" text, "x_Reconciliation" boolean, "x_EffectiveCostBasis" text, "x_ContractedCostDifference" numeric, "x_Quantity" numeric, "x_UnitPrice" numeric, "x_ChargeType" text, "x_SubscriptionId" text, "x_OrderId" text, "x_OfferId" text, "x_OfferName" text, "x_ProductId" text, "x_ProductName" text, "x_SkuId" text, "x_SkuName" text, "x_AvailabilityId" text, "x_PublisherId" text, "x_TermAndBillingCycle" text, "x_DiscountDetails" text, "x_ResellerMpnId" text, "x_CollectedAt" timestamp with time zone)
COMMENT ON VIEW finance.focus_1_2 IS 'The costs in the columns of FOCUS 1.2. Each charge has one row for its amount before tax and one for its tax. Charges are line items if the period has them, else totals. The rows add up to finance.costs; focus_left_out lists the costs that FOCUS cannot state.';
COMMENT ON COLUMN finance.focus_1_2."BilledCost" IS 'The amount to pay: pretax on one row, tax on another; negative for a credit.';
COMMENT ON COLUMN finance.focus_1_2."EffectiveCost" IS 'As BilledCost; 0 for the charge of a reservation or a savings plan, because it covers future charges, and for its tax.';
COMMENT ON COLUMN finance.focus_1_2."ContractedCost" IS 'Unit price times quantity of a line item, else as BilledCost. On a tax row the tax in the same proportion.';
COMMENT ON COLUMN finance.focus_1_2."ListCost" IS 'As BilledCost: the service states no list price.';
COMMENT ON COLUMN finance.focus_1_2."BillingCurrency" IS 'Code of a national currency in ISO 4217. Never add amounts of different currencies.';
COMMENT ON COLUMN finance.focus_1_2."BillingAccountId" IS 'The partner''s tenant id, or its name if the configuration sets no tenant.';
COMMENT ON COLUMN finance.focus_1_2."BillingAccountName" IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.focus_1_2."BillingAccountType" IS 'Always Partner.';
COMMENT ON COLUMN finance.focus_1_2."SubAccountId" IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.focus_1_2."SubAccountName" IS 'Company name of the customer''s billing profile at the closing of the billing period; else the customer''s name in the line items; else its id.';
COMMENT ON COLUMN finance.focus_1_2."SubAccountType" IS 'Always CSP customer.';
COMMENT ON COLUMN finance.focus_1_2."InvoiceIssuerName" IS 'Always Microsoft, which bills the partner.';
COMMENT ON COLUMN finance.focus_1_2."ProviderName" IS 'Always Microsoft.';
COMMENT ON COLUMN finance.focus_1_2."PublisherName" IS 'Publisher of the product; Microsoft where none is stated.';
COMMENT ON COLUMN finance.focus_1_2."BillingPeriodStart" IS 'First instant of the billing period, UTC.';
COMMENT ON COLUMN finance.focus_1_2."BillingPeriodEnd" IS 'First instant after the billing period, UTC. A period counts in the month of its last day, which is the day before.';
COMMENT ON COLUMN finance.focus_1_2."ChargePeriodStart" IS 'First instant of the charge period, UTC; may be outside the billing period.';
COMMENT ON COLUMN finance.focus_1_2."ChargePeriodEnd" IS 'First instant after the charge period, UTC.';
COMMENT ON COLUMN finance.focus_1_2."ChargeCategory" IS 'Purchase, Usage, Credit, Adjustment or Tax.';
COMMENT ON COLUMN finance.focus_1_2."ChargeClass" IS 'Correction for a change after the billing period closed, else null.';
COMMENT ON COLUMN finance.focus_1_2."ChargeDescription" IS 'Offer, SKU and charge type of a line item, else invoice type and period.';
COMMENT ON COLUMN finance.focus_1_2."ChargeFrequency" IS 'Recurring, One-Time or Usage-Based; One-Time also for invoice types other than Recurring.';
COMMENT ON COLUMN finance.focus_1_2."PricingCategory" IS 'Standard for purchases and usage; Other where only the summary is known; null on tax rows and corrections.';
COMMENT ON COLUMN finance.focus_1_2."PricingQuantity" IS 'Quantity of the line item, negative if its unit price is negative; 1 or -1 if the price is that of the whole charge or billing period; null on tax rows, corrections and rows without a price.';
COMMENT ON COLUMN finance.focus_1_2."PricingUnit" IS 'Licenses for purchases, Units for usage, Charges for a line item without SKU, quantity or unit price, Billing Periods where only the summary is known; null where PricingQuantity is.';
COMMENT ON COLUMN finance.focus_1_2."ContractedUnitPrice" IS 'Price of one PricingUnit, never negative; null where PricingQuantity is. x_UnitPrice has what was stated.';
COMMENT ON COLUMN finance.focus_1_2."ConsumedQuantity" IS 'Quantity of a usage charge, negative where its unit price is; null for all others.';
COMMENT ON COLUMN finance.focus_1_2."ConsumedUnit" IS 'Units for usage, Charges where no quantity is stated; null where ConsumedQuantity is.';
COMMENT ON COLUMN finance.focus_1_2."ServiceName" IS 'Service that the offer belongs to, else the name of the offer or product; Microsoft CSP where only the summary is known.';
COMMENT ON COLUMN finance.focus_1_2."ServiceCategory" IS 'Category of the service in the list of FOCUS; Other where it is not known.';
COMMENT ON COLUMN finance.focus_1_2."SkuId" IS 'Product and SKU, joined by a colon, else the offer, else the product; null on tax rows and where only the summary is known.';
COMMENT ON COLUMN finance.focus_1_2."SkuMeter" IS 'Name of the SKU, else of the offer or the product: the service states no meter. Null where SkuId is.';
COMMENT ON COLUMN finance.focus_1_2."SkuPriceId" IS 'SkuId and the availability, else the offer; null on tax rows and where there is no price of a SKU.';
COMMENT ON COLUMN finance.focus_1_2."SkuPriceDetails" IS 'Always null: the service states no properties of a price.';
COMMENT ON COLUMN finance.focus_1_2."CommitmentDiscountCategory" IS 'Usage for a reservation, Spend for a savings plan; null where CommitmentDiscountId is.';
COMMENT ON COLUMN finance.focus_1_2."CommitmentDiscountId" IS 'Order of the reservation or savings plan that is charged; null for all other charges, and where the line names no order, SKU, quantity or unit price.';
COMMENT ON COLUMN finance.focus_1_2."CommitmentDiscountName" IS 'Always null: the service states no name.';
COMMENT ON COLUMN finance.focus_1_2."CommitmentDiscountQuantity" IS 'Use that a purchase covers in its charge period: PricingQuantity times the hours for a reservation, the amount for a savings plan.';
COMMENT ON COLUMN finance.focus_1_2."CommitmentDiscountStatus" IS 'Always null: usage that a reservation covers is not stated.';
COMMENT ON COLUMN finance.focus_1_2."CommitmentDiscountType" IS 'Reservation or Savings Plan; null where CommitmentDiscountId is.';
COMMENT ON COLUMN finance.focus_1_2."CommitmentDiscountUnit" IS 'Hours for a reservation, the currency for a savings plan; null where CommitmentDiscountQuantity is.';
COMMENT ON COLUMN finance.focus_1_2."InvoiceId" IS 'Number of Microsoft''s invoice: that of the line items; without line items the only invoice of the type, currency and month that was read before the billing period closed; else null.';
COMMENT ON COLUMN finance.focus_1_2."Tags" IS 'Always null: the service states none.';
COMMENT ON COLUMN finance.focus_1_2."ResourceId" IS 'Always null: charges cannot be related to resources.';
COMMENT ON COLUMN finance.focus_1_2."ResourceName" IS 'Always null, as ResourceId.';
COMMENT ON COLUMN finance.focus_1_2."ResourceType" IS 'Always null, as ResourceId.';
COMMENT ON COLUMN finance.focus_1_2."RegionId" IS 'Always null: the service states none.';
COMMENT ON COLUMN finance.focus_1_2."RegionName" IS 'Always null, as RegionId.';
COMMENT ON COLUMN finance.focus_1_2."x_Partner" IS 'Name of the partner in the configuration, as in the other views.';
COMMENT ON COLUMN finance.focus_1_2."x_CustomerCountry" IS 'Country of the customer''s billing profile as it was when the billing period closed, ISO 3166 alpha-2.';
COMMENT ON COLUMN finance.focus_1_2."x_InvoiceType" IS 'Recurring, OneTime, or a type the service added later; null when it names none.';
COMMENT ON COLUMN finance.focus_1_2."x_PeriodStart" IS 'period_start of the cost in finance.costs that the charge belongs to, also for a correction.';
COMMENT ON COLUMN finance.focus_1_2."x_ChargeId" IS 'Key of the charge; x_CostPart distinguishes its rows.';
COMMENT ON COLUMN finance.focus_1_2."x_CostPart" IS 'pretax, tax, or unexplained: after_tax_total less pretax and tax.';
COMMENT ON COLUMN finance.focus_1_2."x_Granularity" IS 'line item, or summary: the total of a billing period, which is coarser than FOCUS requires.';
COMMENT ON COLUMN finance.focus_1_2."x_Reconciliation" IS 'True for a row that makes the charges add up to finance.costs.';
COMMENT ON COLUMN finance.focus_1_2."x_EffectiveCostBasis" IS 'billed: as BilledCost; prepaid: 0, because the purchase covers future charges.';
COMMENT ON COLUMN finance.focus_1_2."x_ContractedCostDifference" IS 'ContractedCost less BilledCost: not 0 for promotions and prorated charges.';
COMMENT ON COLUMN finance.focus_1_2."x_Quantity" IS 'Quantity of the line item, exactly as stated.';
COMMENT ON COLUMN finance.focus_1_2."x_UnitPrice" IS 'Unit price of the line item, exactly as stated.';
COMMENT ON COLUMN finance.focus_1_2."x_ChargeType" IS 'Charge type of the line item, as written by the service.';
COMMENT ON COLUMN finance.focus_1_2."x_SubscriptionId" IS 'Subscription, as written by the service.';
COMMENT ON COLUMN finance.focus_1_2."x_OrderId" IS 'Order, as written by the service.';
COMMENT ON COLUMN finance.focus_1_2."x_OfferId" IS 'Offer, as written by the service.';
COMMENT ON COLUMN finance.focus_1_2."x_OfferName" IS 'Name of the offer.';
COMMENT ON COLUMN finance.focus_1_2."x_ProductId" IS 'Product, as written by the service.';
COMMENT ON COLUMN finance.focus_1_2."x_ProductName" IS 'Name of the product.';
COMMENT ON COLUMN finance.focus_1_2."x_SkuId" IS 'SKU of the product, as written by the service.';
COMMENT ON COLUMN finance.focus_1_2."x_SkuName" IS 'Name of the SKU.';
COMMENT ON COLUMN finance.focus_1_2."x_AvailabilityId" IS 'Availability of the SKU, as written by the service.';
COMMENT ON COLUMN finance.focus_1_2."x_PublisherId" IS 'Publisher of the product, as written by the service.';
COMMENT ON COLUMN finance.focus_1_2."x_TermAndBillingCycle" IS 'Term and billing cycle, free text.';
COMMENT ON COLUMN finance.focus_1_2."x_DiscountDetails" IS 'Discount, free text such as 20%; null when there is none.';
COMMENT ON COLUMN finance.focus_1_2."x_ResellerMpnId" IS 'Partner id of the indirect reseller; null when there is none.';
COMMENT ON COLUMN finance.focus_1_2."x_CollectedAt" IS 'When the amount was collected.';

-- A view; its query stands in the migrations.
-- finance.focus_1_4 ("BilledCost" numeric, "EffectiveCost" numeric, "ContractedCost" numeric, "ListCost" numeric, "BillingCurrency" text, "BillingAccountId" text, "BillingAccountName" text, "BillingAccountType" text, "SubAccountId" text, "SubAccountName" text, "SubAccountType" text, "InvoiceIssuerName" text, "ServiceProviderName" text, "HostProviderName" text, "BillingPeriodStart" timestamp with time zone, "BillingPeriodEnd" timestamp with time zone, "ChargePeriodStart" timestamp with time zone, "ChargePeriodEnd" timestamp with time zone, "ChargeCategory" text, "ChargeClass" text, "ChargeDescription" text, "ChargeFrequency" text, "PricingCategory" text, "PricingQuantity" numeric, "PricingUnit" text, "ContractedUnitPrice" numeric, "ConsumedQuantity" numeric, "ConsumedUnit" text, "ServiceName" text, "ServiceCategory" text, "SkuId" text, "SkuMeter" text, "SkuPriceId" text, "SkuPriceDetails" text, "CommitmentDiscountCategory" text, "CommitmentDiscountId" text, "CommitmentDiscountName" text, "CommitmentDiscountQuantity" numeric, "CommitmentDiscountStatus" text, "CommitmentDiscountType" text, "CommitmentDiscountUnit" text, "InvoiceId" text, "InvoiceDetailId" text, "Tags" text, "ResourceId" text, "ResourceName" text, "ResourceType" text, "RegionId" text, "RegionName" text, "x_Partner" text, "x_CustomerCountry" text, "x_InvoiceType" text, "x_PeriodStart" date, "x_ChargeId" text, "x_CostPart" text, "x_Granularity" text, "x_Reconciliation" boolean, "x_EffectiveCostBasis" text, "x_ContractedCostDifference" numeric, "x_Quantity" numeric, "x_UnitPrice" numeric, "x_ChargeType" text, "x_SubscriptionId" text, "x_OrderId" text, "x_OfferId" text, "x_OfferName" text, "x_ProductId" text, "x_ProductName" text, "x_SkuId" text, "x_SkuName" text, "x_AvailabilityId" text, "x_PublisherId" text, "x_TermAndBillingCycle" text, "x_DiscountDetails" text, "x_ResellerMpnId" text, "x_CollectedAt" timestamp with time zone, "x_PublisherName" text)
COMMENT ON VIEW finance.focus_1_4 IS 'As focus_1_2, in the columns of FOCUS 1.4.';
COMMENT ON COLUMN finance.focus_1_4."BilledCost" IS 'The amount to pay: pretax on one row, tax on another; negative for a credit.';
COMMENT ON COLUMN finance.focus_1_4."EffectiveCost" IS 'As BilledCost; 0 for the charge of a reservation or a savings plan, because it covers future charges. Tax is as BilledCost.';
COMMENT ON COLUMN finance.focus_1_4."ContractedCost" IS 'Unit price times quantity of a line item, else as BilledCost. On a tax row the tax in the same proportion.';
COMMENT ON COLUMN finance.focus_1_4."ListCost" IS 'As BilledCost: the service states no list price.';
COMMENT ON COLUMN finance.focus_1_4."BillingCurrency" IS 'Code of a national currency in ISO 4217. Never add amounts of different currencies.';
COMMENT ON COLUMN finance.focus_1_4."BillingAccountId" IS 'The partner''s tenant id, or its name if the configuration sets no tenant.';
COMMENT ON COLUMN finance.focus_1_4."BillingAccountName" IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.focus_1_4."BillingAccountType" IS 'Always Partner.';
COMMENT ON COLUMN finance.focus_1_4."SubAccountId" IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.focus_1_4."SubAccountName" IS 'Company name of the customer''s billing profile at the closing of the billing period; else the customer''s name in the line items; else its id.';
COMMENT ON COLUMN finance.focus_1_4."SubAccountType" IS 'Always CSP customer.';
COMMENT ON COLUMN finance.focus_1_4."InvoiceIssuerName" IS 'Always Microsoft, which bills the partner.';
COMMENT ON COLUMN finance.focus_1_4."ServiceProviderName" IS 'Publisher of the product, which sells it; Microsoft if none is stated.';
COMMENT ON COLUMN finance.focus_1_4."HostProviderName" IS 'As ServiceProviderName: the service does not say where a product runs.';
COMMENT ON COLUMN finance.focus_1_4."BillingPeriodStart" IS 'First instant of the billing period, UTC.';
COMMENT ON COLUMN finance.focus_1_4."BillingPeriodEnd" IS 'First instant after the billing period, UTC. A period counts in the month of its last day, which is the day before.';
COMMENT ON COLUMN finance.focus_1_4."ChargePeriodStart" IS 'First instant of the charge period, UTC; may be outside the billing period.';
COMMENT ON COLUMN finance.focus_1_4."ChargePeriodEnd" IS 'First instant after the charge period, UTC.';
COMMENT ON COLUMN finance.focus_1_4."ChargeCategory" IS 'Purchase, Usage, Credit, Adjustment or Tax.';
COMMENT ON COLUMN finance.focus_1_4."ChargeClass" IS 'Correction for a change after the billing period closed, else null.';
COMMENT ON COLUMN finance.focus_1_4."ChargeDescription" IS 'Offer, SKU and charge type of a line item, else invoice type and period.';
COMMENT ON COLUMN finance.focus_1_4."ChargeFrequency" IS 'Recurring, One-Time or Usage-Based; One-Time also for invoice types other than Recurring.';
COMMENT ON COLUMN finance.focus_1_4."PricingCategory" IS 'Standard for purchases and usage with a SkuPriceId, else null.';
COMMENT ON COLUMN finance.focus_1_4."PricingQuantity" IS 'Quantity of the line item, negative if its unit price is negative; 1 or -1 if the price is that of the whole charge; null if SkuPriceId is null.';
COMMENT ON COLUMN finance.focus_1_4."PricingUnit" IS 'Licenses for purchases, Units for usage, Charges for a line item without quantity or unit price; null where SkuPriceId is.';
COMMENT ON COLUMN finance.focus_1_4."ContractedUnitPrice" IS 'Price of one PricingUnit, never negative; null where PricingQuantity is. x_UnitPrice has what was stated.';
COMMENT ON COLUMN finance.focus_1_4."ConsumedQuantity" IS 'Quantity of a usage charge, negative where its unit price is; null for all others.';
COMMENT ON COLUMN finance.focus_1_4."ConsumedUnit" IS 'Units for usage, Charges where no quantity is stated; null where ConsumedQuantity is.';
COMMENT ON COLUMN finance.focus_1_4."ServiceName" IS 'Service that the offer belongs to, else the name of the offer or product; Microsoft CSP where only the summary is known.';
COMMENT ON COLUMN finance.focus_1_4."ServiceCategory" IS 'Category of the service in the list of FOCUS; Other where it is not known.';
COMMENT ON COLUMN finance.focus_1_4."SkuId" IS 'Product and SKU, joined by a colon, else the offer, else the product; null on tax rows and where only the summary is known.';
COMMENT ON COLUMN finance.focus_1_4."SkuMeter" IS 'Name of the SKU, else of the offer or the product: the service states no meter. Null where SkuId is.';
COMMENT ON COLUMN finance.focus_1_4."SkuPriceId" IS 'SkuId and the availability, else the offer; null on tax rows and where there is no price of a SKU.';
COMMENT ON COLUMN finance.focus_1_4."SkuPriceDetails" IS 'Always null: the service states no properties of a price.';
COMMENT ON COLUMN finance.focus_1_4."CommitmentDiscountCategory" IS 'Usage for a reservation, Spend for a savings plan; null where CommitmentDiscountId is.';
COMMENT ON COLUMN finance.focus_1_4."CommitmentDiscountId" IS 'Order of the reservation or savings plan that is charged; null for all other charges, and where the line names no order, SKU, quantity or unit price.';
COMMENT ON COLUMN finance.focus_1_4."CommitmentDiscountName" IS 'Always null: the service states no name.';
COMMENT ON COLUMN finance.focus_1_4."CommitmentDiscountQuantity" IS 'Use that a purchase covers in its charge period: PricingQuantity times the hours for a reservation, the amount for a savings plan.';
COMMENT ON COLUMN finance.focus_1_4."CommitmentDiscountStatus" IS 'Always null: usage that a reservation covers is not stated.';
COMMENT ON COLUMN finance.focus_1_4."CommitmentDiscountType" IS 'Reservation or Savings Plan; null where CommitmentDiscountId is.';
COMMENT ON COLUMN finance.focus_1_4."CommitmentDiscountUnit" IS 'Hours for a reservation, the currency for a savings plan; null where CommitmentDiscountQuantity is.';
COMMENT ON COLUMN finance.focus_1_4."InvoiceId" IS 'Number of Microsoft''s invoice: that of the line items; without line items the only invoice of the type, currency and month that was read before the billing period closed; else null.';
COMMENT ON COLUMN finance.focus_1_4."InvoiceDetailId" IS 'Key of the line within the invoice; null where InvoiceId is.';
COMMENT ON COLUMN finance.focus_1_4."Tags" IS 'Always null: the service states none.';
COMMENT ON COLUMN finance.focus_1_4."ResourceId" IS 'Always null: charges cannot be related to resources.';
COMMENT ON COLUMN finance.focus_1_4."ResourceName" IS 'Always null, as ResourceId.';
COMMENT ON COLUMN finance.focus_1_4."ResourceType" IS 'Always null, as ResourceId.';
COMMENT ON COLUMN finance.focus_1_4."RegionId" IS 'Always null: the service states none.';
COMMENT ON COLUMN finance.focus_1_4."RegionName" IS 'Always null, as RegionId.';
COMMENT ON COLUMN finance.focus_1_4."x_Partner" IS 'Name of the partner in the configuration, as in the other views.';
COMMENT ON COLUMN finance.focus_1_4."x_CustomerCountry" IS 'Country of the customer''s billing profile as it was when the billing period closed, ISO 3166 alpha-2.';
COMMENT ON COLUMN finance.focus_1_4."x_InvoiceType" IS 'Recurring, OneTime, or a type the service added later; null when it names none.';
COMMENT ON COLUMN finance.focus_1_4."x_PeriodStart" IS 'period_start of the cost in finance.costs that the charge belongs to, also for a correction.';
COMMENT ON COLUMN finance.focus_1_4."x_ChargeId" IS 'Key of the charge; x_CostPart distinguishes its rows.';
COMMENT ON COLUMN finance.focus_1_4."x_CostPart" IS 'pretax, tax, or unexplained: after_tax_total less pretax and tax.';
COMMENT ON COLUMN finance.focus_1_4."x_Granularity" IS 'line item, or summary: the total of a billing period, which is coarser than FOCUS requires.';
COMMENT ON COLUMN finance.focus_1_4."x_Reconciliation" IS 'True for a row that makes the charges add up to finance.costs.';
COMMENT ON COLUMN finance.focus_1_4."x_EffectiveCostBasis" IS 'billed: as BilledCost; prepaid: 0, because the charge covers future charges. Of tax always billed.';
COMMENT ON COLUMN finance.focus_1_4."x_ContractedCostDifference" IS 'ContractedCost less BilledCost: not 0 for promotions and prorated charges.';
COMMENT ON COLUMN finance.focus_1_4."x_Quantity" IS 'Quantity of the line item, exactly as stated.';
COMMENT ON COLUMN finance.focus_1_4."x_UnitPrice" IS 'Unit price of the line item, exactly as stated.';
COMMENT ON COLUMN finance.focus_1_4."x_ChargeType" IS 'Charge type of the line item, as written by the service.';
COMMENT ON COLUMN finance.focus_1_4."x_SubscriptionId" IS 'Subscription, as written by the service.';
COMMENT ON COLUMN finance.focus_1_4."x_OrderId" IS 'Order, as written by the service.';
COMMENT ON COLUMN finance.focus_1_4."x_OfferId" IS 'Offer, as written by the service.';
COMMENT ON COLUMN finance.focus_1_4."x_OfferName" IS 'Name of the offer.';
COMMENT ON COLUMN finance.focus_1_4."x_ProductId" IS 'Product, as written by the service.';
COMMENT ON COLUMN finance.focus_1_4."x_ProductName" IS 'Name of the product.';
COMMENT ON COLUMN finance.focus_1_4."x_SkuId" IS 'SKU of the product, as written by the service.';
COMMENT ON COLUMN finance.focus_1_4."x_SkuName" IS 'Name of the SKU.';
COMMENT ON COLUMN finance.focus_1_4."x_AvailabilityId" IS 'Availability of the SKU, as written by the service.';
COMMENT ON COLUMN finance.focus_1_4."x_PublisherId" IS 'Publisher of the product, as written by the service.';
COMMENT ON COLUMN finance.focus_1_4."x_TermAndBillingCycle" IS 'Term and billing cycle, free text.';
COMMENT ON COLUMN finance.focus_1_4."x_DiscountDetails" IS 'Discount, free text such as 20%; null when there is none.';
COMMENT ON COLUMN finance.focus_1_4."x_ResellerMpnId" IS 'Partner id of the indirect reseller; null when there is none.';
COMMENT ON COLUMN finance.focus_1_4."x_CollectedAt" IS 'When the amount was collected.';
COMMENT ON COLUMN finance.focus_1_4."x_PublisherName" IS 'Publisher of the product, as written by the service; null where none is stated.';

-- A view; its query stands in the migrations.
-- finance.focus_billing_period ("BillingPeriodStart" timestamp with time zone, "BillingPeriodEnd" timestamp with time zone, "BillingPeriodCreated" timestamp with time zone, "BillingPeriodLastUpdated" timestamp with time zone, "BillingPeriodStatus" text, "InvoiceIssuerName" text)
COMMENT ON VIEW finance.focus_billing_period IS 'The billing periods of the FOCUS views, as the Billing Period dataset of FOCUS 1.4.';
COMMENT ON COLUMN finance.focus_billing_period."BillingPeriodStart" IS 'First instant of the billing period, UTC.';
COMMENT ON COLUMN finance.focus_billing_period."BillingPeriodEnd" IS 'First instant after the billing period, UTC.';
COMMENT ON COLUMN finance.focus_billing_period."BillingPeriodCreated" IS 'When the first cost of the period was collected.';
COMMENT ON COLUMN finance.focus_billing_period."BillingPeriodLastUpdated" IS 'When a cost of the period was last collected, or the period closed.';
COMMENT ON COLUMN finance.focus_billing_period."BillingPeriodStatus" IS 'Open, or Closed from 15 days after the last day. Later changes are corrections in a later period.';
COMMENT ON COLUMN finance.focus_billing_period."InvoiceIssuerName" IS 'Always Microsoft.';

-- A view; its query stands in the migrations.
-- finance.focus_invoice_detail ("InvoiceId" text, "InvoiceDetailId" text, "ReferenceInvoiceId" text, "BilledCost" numeric, "BillingCurrency" text, "BillingAccountId" text, "BillingPeriodStart" timestamp with time zone, "BillingPeriodEnd" timestamp with time zone, "ChargeCategory" text, "InvoiceDetailDescription" text, "InvoiceDetailGrain" jsonb, "InvoiceDetailCreated" timestamp with time zone, "InvoiceDetailLastUpdated" timestamp with time zone, "InvoiceIssueDate" timestamp with time zone, "InvoiceIssueStatus" text, "InvoiceIssuerName" text, "PaymentDueDate" timestamp with time zone, "PaymentTerms" text, "x_Partner" text, "x_Month" date, "x_InvoiceType" text, "x_DocumentType" text)
COMMENT ON VIEW finance.focus_invoice_detail IS 'The lines of Microsoft''s invoices, as the Invoice Detail dataset of FOCUS 1.4: the rows of an invoice in its currency add up to its total. An invoice whose lines are not complete is left out.';
COMMENT ON COLUMN finance.focus_invoice_detail."InvoiceId" IS 'Number of Microsoft''s invoice.';
COMMENT ON COLUMN finance.focus_invoice_detail."InvoiceDetailId" IS 'Key of the line and its part (charge or tax) within the invoice. It is a key of this database: the service numbers no lines.';
COMMENT ON COLUMN finance.focus_invoice_detail."ReferenceInvoiceId" IS 'Invoice that an amendment amends; else InvoiceId.';
COMMENT ON COLUMN finance.focus_invoice_detail."BilledCost" IS 'The amount to pay: a line before tax on one row, its tax on another.';
COMMENT ON COLUMN finance.focus_invoice_detail."BillingCurrency" IS 'Currency of the line, else of the invoice. Never add amounts of different currencies.';
COMMENT ON COLUMN finance.focus_invoice_detail."BillingAccountId" IS 'The partner''s tenant id; its name if the configuration sets no tenant.';
COMMENT ON COLUMN finance.focus_invoice_detail."BillingPeriodStart" IS 'First instant of the invoice''s billing period, UTC; of its month if the period is not known.';
COMMENT ON COLUMN finance.focus_invoice_detail."BillingPeriodEnd" IS 'First instant after the invoice''s billing period, UTC; after its month if the period is not known.';
COMMENT ON COLUMN finance.focus_invoice_detail."ChargeCategory" IS 'Purchase, Usage, Credit, Adjustment or Tax. Adjustment also for the part of the total that no line states.';
COMMENT ON COLUMN finance.focus_invoice_detail."InvoiceDetailDescription" IS 'Product and charge type of the line.';
COMMENT ON COLUMN finance.focus_invoice_detail."InvoiceDetailGrain" IS 'What the line is about: customer (SubAccountId), SKU, charge type, dates, subscription and order; null for the part of the total that no line states.';
COMMENT ON COLUMN finance.focus_invoice_detail."InvoiceDetailCreated" IS 'When lines of this part of the invoice were first collected.';
COMMENT ON COLUMN finance.focus_invoice_detail."InvoiceDetailLastUpdated" IS 'When the lines of this part of the invoice last changed.';
COMMENT ON COLUMN finance.focus_invoice_detail."InvoiceIssueDate" IS 'Day of the invoice.';
COMMENT ON COLUMN finance.focus_invoice_detail."InvoiceIssueStatus" IS 'Issued, or Voided if a void note amends the invoice.';
COMMENT ON COLUMN finance.focus_invoice_detail."InvoiceIssuerName" IS 'Always Microsoft, which bills the partner.';
COMMENT ON COLUMN finance.focus_invoice_detail."PaymentDueDate" IS 'Always null: no due date is collected.';
COMMENT ON COLUMN finance.focus_invoice_detail."PaymentTerms" IS 'Always Not stated: the service states no terms, and FOCUS allows no null.';
COMMENT ON COLUMN finance.focus_invoice_detail."x_Partner" IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.focus_invoice_detail."x_Month" IS 'First day of the month to which the lines belong.';
COMMENT ON COLUMN finance.focus_invoice_detail."x_InvoiceType" IS 'Recurring or OneTime, or a type that the service added later.';
COMMENT ON COLUMN finance.focus_invoice_detail."x_DocumentType" IS 'invoice, void_note, adjustment_note, as the service words it.';

-- A view; its query stands in the migrations.
-- finance.focus_left_out (partner text, customer_id uuid, company_name text, invoice_type text, period_start date, period_end date, currency_code text, pretax_total numeric, tax numeric, after_tax_total numeric, ordinal integer, reason text)
COMMENT ON VIEW finance.focus_left_out IS 'The costs that the FOCUS views leave out, because a value that FOCUS requires is missing or not valid.';
COMMENT ON COLUMN finance.focus_left_out.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.focus_left_out.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.focus_left_out.company_name IS 'Company name of the billing profile.';
COMMENT ON COLUMN finance.focus_left_out.invoice_type IS 'Invoice type of the cost.';
COMMENT ON COLUMN finance.focus_left_out.period_start IS 'First day of the billing period.';
COMMENT ON COLUMN finance.focus_left_out.period_end IS 'Last day of the billing period.';
COMMENT ON COLUMN finance.focus_left_out.currency_code IS 'Currency of the amounts.';
COMMENT ON COLUMN finance.focus_left_out.pretax_total IS 'Amount before tax.';
COMMENT ON COLUMN finance.focus_left_out.tax IS 'Tax.';
COMMENT ON COLUMN finance.focus_left_out.after_tax_total IS 'Amount after tax.';
COMMENT ON COLUMN finance.focus_left_out.ordinal IS 'As in finance.costs.';
COMMENT ON COLUMN finance.focus_left_out.reason IS 'The value that is missing or that FOCUS does not allow.';

-- A view; its query stands in the migrations.
-- finance.history (partner text, month date, customer_id uuid, company_name text, invoice_type text, currency_code text, after_tax_total numeric, origin text)
COMMENT ON VIEW finance.history IS 'What each customer cost in each month: the service costs where they were collected, and elsewhere what Microsoft billed. The two are never added in one row.';
COMMENT ON COLUMN finance.history.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.history.month IS 'First day of the month in which the billing period ends.';
COMMENT ON COLUMN finance.history.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.history.company_name IS 'Company name of the billing profile, or else as the lines of the invoice state it.';
COMMENT ON COLUMN finance.history.invoice_type IS 'Recurring, OneTime, or a type the service added later.';
COMMENT ON COLUMN finance.history.currency_code IS 'Currency of the amount.';
COMMENT ON COLUMN finance.history.after_tax_total IS 'Amount after tax.';
COMMENT ON COLUMN finance.history.origin IS 'servicecosts (collected from the service), import (from saved answers) or invoice (what Microsoft billed).';

-- A view; its query stands in the migrations.
-- finance.invoice_lines (partner text, invoice_id text, source text, customer_id uuid, company_name text, invoice_type text, charge_type text, charge_start date, charge_end date, subscription_id text, order_id text, offer_id text, product_id text, sku_id text, product_name text, quantity numeric, unit_price numeric, pretax_total numeric, tax numeric, after_tax_total numeric, currency_code text, month date, class text, ordinal integer)
COMMENT ON VIEW finance.invoice_lines IS 'The lines of the invoices, newest set of each. The usage of every day is left out.';
COMMENT ON COLUMN finance.invoice_lines.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.invoice_lines.invoice_id IS 'Number of the invoice.';
COMMENT ON COLUMN finance.invoice_lines.source IS 'v1 (line items of Partner Center) or v2 (an export of Microsoft Graph).';
COMMENT ON COLUMN finance.invoice_lines.customer_id IS 'Tenant id of the customer; null when the line names none.';
COMMENT ON COLUMN finance.invoice_lines.company_name IS 'Company name of the billing profile, or else as the line states it.';
COMMENT ON COLUMN finance.invoice_lines.invoice_type IS 'Type of the invoice: Recurring, OneTime.';
COMMENT ON COLUMN finance.invoice_lines.charge_type IS 'What kind of charge, in the service''s own words, which changed over time: Purchase is New today, Refund is Cancel.';
COMMENT ON COLUMN finance.invoice_lines.charge_start IS 'First day the charge covers, as written.';
COMMENT ON COLUMN finance.invoice_lines.charge_end IS 'Last day the charge covers, as written.';
COMMENT ON COLUMN finance.invoice_lines.subscription_id IS 'Subscription as Partner Center shows it; of licences not the one that is internal to billing.';
COMMENT ON COLUMN finance.invoice_lines.order_id IS 'Order, as written by the service.';
COMMENT ON COLUMN finance.invoice_lines.offer_id IS 'Offer of a licence, as in the price list.';
COMMENT ON COLUMN finance.invoice_lines.product_id IS 'Product.';
COMMENT ON COLUMN finance.invoice_lines.sku_id IS 'SKU of the product; of legacy Azure its sku.';
COMMENT ON COLUMN finance.invoice_lines.product_name IS 'Name of the product, the offer or the service.';
COMMENT ON COLUMN finance.invoice_lines.quantity IS 'Billable quantity, exactly as stated; of legacy Azure the consumed quantity.';
COMMENT ON COLUMN finance.invoice_lines.unit_price IS 'Price of one unit, exactly as stated; of legacy Azure the effective rate before tax.';
COMMENT ON COLUMN finance.invoice_lines.pretax_total IS 'Amount before tax, exactly as stated.';
COMMENT ON COLUMN finance.invoice_lines.tax IS 'Tax, exactly as stated.';
COMMENT ON COLUMN finance.invoice_lines.after_tax_total IS 'Amount after tax, exactly as stated; negative for credits.';
COMMENT ON COLUMN finance.invoice_lines.currency_code IS 'Billing currency of the amounts.';
COMMENT ON COLUMN finance.invoice_lines.month IS 'First day of the month to which the line belongs: that of its invoice.';
COMMENT ON COLUMN finance.invoice_lines.class IS 'Form of the line as the service names it.';
COMMENT ON COLUMN finance.invoice_lines.ordinal IS 'Place of the line in its set; tells true duplicates apart.';

-- A view; its query stands in the migrations.
-- finance.invoice_reconciliation (partner text, month date, customer_id uuid, company_name text, invoice_type text, currency_code text, invoiced numeric, service_costs numeric, difference numeric, verdict text, reason text)
COMMENT ON VIEW finance.invoice_reconciliation IS 'What Microsoft billed for each customer against the service costs of the same month. Costs for which there is no invoice yet are not judged. Verdicts are exact.';
COMMENT ON COLUMN finance.invoice_reconciliation.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.invoice_reconciliation.month IS 'First day of the month in which the billing periods end.';
COMMENT ON COLUMN finance.invoice_reconciliation.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.invoice_reconciliation.company_name IS 'Company name of the billing profile, or else as the lines state it.';
COMMENT ON COLUMN finance.invoice_reconciliation.invoice_type IS 'Recurring, OneTime, or a type the service added later.';
COMMENT ON COLUMN finance.invoice_reconciliation.currency_code IS 'Currency of the amounts.';
COMMENT ON COLUMN finance.invoice_reconciliation.invoiced IS 'Sum of the customer''s lines after tax, amendments among them; null when there are none.';
COMMENT ON COLUMN finance.invoice_reconciliation.service_costs IS 'Service costs after tax; null when there are none.';
COMMENT ON COLUMN finance.invoice_reconciliation.difference IS 'invoiced less service_costs; what is null counts as 0.';
COMMENT ON COLUMN finance.invoice_reconciliation.verdict IS 'matched (to the last digit), differs, invoice_only, costs_only.';
COMMENT ON COLUMN finance.invoice_reconciliation.reason IS 'Why there is a difference, where that is known: own subscription, not collected, customer gone, adjustment, late data.';

-- A view; its query stands in the migrations.
-- finance.invoices (partner text, invoice_id text, invoice_type text, document_type text, amends text, invoice_date date, period_start date, period_end date, currency_code text, total numeric, lines_total numeric, difference numeric, state text, month date, first_collected_at timestamp with time zone, last_changed_at timestamp with time zone, revisions integer, lines bigint)
COMMENT ON VIEW finance.invoices IS 'The invoices of Microsoft to the partner, with what their lines add up to.';
COMMENT ON COLUMN finance.invoices.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.invoices.invoice_id IS 'Number of the invoice: D... for licences and legacy Azure, G... for new commerce.';
COMMENT ON COLUMN finance.invoices.invoice_type IS 'Recurring (D...) or OneTime (G...), or a type the service added later.';
COMMENT ON COLUMN finance.invoices.document_type IS 'invoice, void_note, adjustment_note, as the service words it.';
COMMENT ON COLUMN finance.invoices.amends IS 'Number of the invoice that this one amends; null when it amends none. Its total is no part of that one''s.';
COMMENT ON COLUMN finance.invoices.invoice_date IS 'Day of the invoice, as written.';
COMMENT ON COLUMN finance.invoices.period_start IS 'First day of the billing period, as written; null when it could not be read.';
COMMENT ON COLUMN finance.invoices.period_end IS 'Last day of the billing period, as written; null when it could not be read.';
COMMENT ON COLUMN finance.invoices.currency_code IS 'Currency of the amounts.';
COMMENT ON COLUMN finance.invoices.total IS 'What Microsoft billed, after tax and with adjustments, exactly as stated.';
COMMENT ON COLUMN finance.invoices.lines_total IS 'Sum of the lines after tax, of those that name a customer; null until all lines are there.';
COMMENT ON COLUMN finance.invoices.difference IS 'total less lines_total: adjustments that no line states, and lines without a customer. Null until all lines are there.';
COMMENT ON COLUMN finance.invoices.state IS 'complete, loading (not all lines are there yet), no_data (the service has none yet) or failed.';
COMMENT ON COLUMN finance.invoices.month IS 'First day of the month to which the lines belong: that in which the period ends; of an amendment, the month of what it amends.';
COMMENT ON COLUMN finance.invoices.first_collected_at IS 'When the invoice was first listed.';
COMMENT ON COLUMN finance.invoices.last_changed_at IS 'When its values last changed.';
COMMENT ON COLUMN finance.invoices.revisions IS 'How often its values changed after it was first listed.';
COMMENT ON COLUMN finance.invoices.lines IS 'Number of lines that are there.';

-- A view; its query stands in the migrations.
-- finance.line_item_changes (partner text, customer_id uuid, company_name text, invoice_type text, period_start date, currency_code text, changed_at timestamp with time zone, change text, subscription_id text, name text, charge_type text, pretax_before numeric, pretax_after numeric, difference numeric, after_tax_before numeric, after_tax_after numeric, after_tax_difference numeric, quantity_before numeric, quantity_after numeric, unit_price_before numeric, unit_price_after numeric, start_date date, end_date date, run_id uuid, revision integer)
COMMENT ON VIEW finance.line_item_changes IS 'What went, came and changed with each restatement of a set of line items. Lines are paired by currency, subscription, offer or product and SKU, charge type and dates, of which none has to be unique; what finds no partner went or came. Lines whose quantity, price and amounts are the same have not changed.';
COMMENT ON COLUMN finance.line_item_changes.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.line_item_changes.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.line_item_changes.company_name IS 'Company name of the billing profile.';
COMMENT ON COLUMN finance.line_item_changes.invoice_type IS 'Recurring, OneTime, or a type the service added later; null when it names none.';
COMMENT ON COLUMN finance.line_item_changes.period_start IS 'First day of the billing period.';
COMMENT ON COLUMN finance.line_item_changes.currency_code IS 'ISO 4217 code; null when the service states none.';
COMMENT ON COLUMN finance.line_item_changes.changed_at IS 'When the set that took the place of the one before was stored.';
COMMENT ON COLUMN finance.line_item_changes.change IS 'went (only in the set before), came (only in the new one) or changed (in both, with other amounts).';
COMMENT ON COLUMN finance.line_item_changes.subscription_id IS 'Subscription, as written by the service.';
COMMENT ON COLUMN finance.line_item_changes.name IS 'Name of the offer, else of the product, else of the SKU.';
COMMENT ON COLUMN finance.line_item_changes.charge_type IS 'Free text such as CYCLE FEE or PURCHASE_FEE.';
COMMENT ON COLUMN finance.line_item_changes.pretax_before IS 'Amount before tax in the set before; null for a line that came.';
COMMENT ON COLUMN finance.line_item_changes.pretax_after IS 'Amount before tax in the new set; null for a line that went.';
COMMENT ON COLUMN finance.line_item_changes.difference IS 'pretax_after less pretax_before, where null counts as 0.';
COMMENT ON COLUMN finance.line_item_changes.after_tax_before IS 'Amount after tax in the set before: as stated, else before tax plus tax.';
COMMENT ON COLUMN finance.line_item_changes.after_tax_after IS 'Amount after tax in the new set.';
COMMENT ON COLUMN finance.line_item_changes.after_tax_difference IS 'after_tax_after less after_tax_before, where null counts as 0.';
COMMENT ON COLUMN finance.line_item_changes.quantity_before IS 'Quantity in the set before.';
COMMENT ON COLUMN finance.line_item_changes.quantity_after IS 'Quantity in the new set.';
COMMENT ON COLUMN finance.line_item_changes.unit_price_before IS 'Price of one unit in the set before.';
COMMENT ON COLUMN finance.line_item_changes.unit_price_after IS 'Price of one unit in the new set.';
COMMENT ON COLUMN finance.line_item_changes.start_date IS 'First day the charge covers.';
COMMENT ON COLUMN finance.line_item_changes.end_date IS 'Last day the charge covers.';
COMMENT ON COLUMN finance.line_item_changes.run_id IS 'The run that stored the new set.';
COMMENT ON COLUMN finance.line_item_changes.revision IS 'Number of the new set, as in finance.line_item_sets.';

-- A view; its query stands in the migrations.
-- finance.line_item_revisions (partner text, customer_id uuid, company_name text, invoice_type text, invoice_number text, charge_type text, start_date date, end_date date, subscription_id text, order_id text, offer_id text, offer_name text, product_id text, product_name text, sku_id text, sku_name text, publisher_name text, quantity numeric, unit_price numeric, pretax_total numeric, tax numeric, after_tax_total numeric, currency_code text, billing_period_start date, subscription_friendly_name text, availability_id text, publisher_id text, reseller_mpn_id text, term_and_billing_cycle text, discount_details text, ordinal integer, revision integer, collected_at timestamp with time zone, superseded_at timestamp with time zone)
COMMENT ON VIEW finance.line_item_revisions IS 'The line items of every set, the superseded ones included: as finance.line_items, with the number of the set and the time for which it counted.';
COMMENT ON COLUMN finance.line_item_revisions.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.line_item_revisions.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.line_item_revisions.company_name IS 'Company name of the billing profile.';
COMMENT ON COLUMN finance.line_item_revisions.invoice_type IS 'Invoice type of the item; null when the service names none.';
COMMENT ON COLUMN finance.line_item_revisions.invoice_number IS 'Number of Microsoft''s invoice to the partner.';
COMMENT ON COLUMN finance.line_item_revisions.charge_type IS 'Free text such as CYCLE FEE or PURCHASE_FEE.';
COMMENT ON COLUMN finance.line_item_revisions.start_date IS 'First day the charge covers; may lie outside the billing period.';
COMMENT ON COLUMN finance.line_item_revisions.end_date IS 'Last day the charge covers; may lie outside the billing period.';
COMMENT ON COLUMN finance.line_item_revisions.subscription_id IS 'Subscription, as written by the service.';
COMMENT ON COLUMN finance.line_item_revisions.order_id IS 'Order, as written by the service.';
COMMENT ON COLUMN finance.line_item_revisions.offer_id IS 'Offer, as written by the service.';
COMMENT ON COLUMN finance.line_item_revisions.offer_name IS 'Name of the offer.';
COMMENT ON COLUMN finance.line_item_revisions.product_id IS 'Product; documented for one-time items, but also seen on recurring ones.';
COMMENT ON COLUMN finance.line_item_revisions.product_name IS 'Name of the product.';
COMMENT ON COLUMN finance.line_item_revisions.sku_id IS 'SKU of the product.';
COMMENT ON COLUMN finance.line_item_revisions.sku_name IS 'Name of the SKU.';
COMMENT ON COLUMN finance.line_item_revisions.publisher_name IS 'Publisher of the product.';
COMMENT ON COLUMN finance.line_item_revisions.quantity IS 'Quantity, exactly as stated.';
COMMENT ON COLUMN finance.line_item_revisions.unit_price IS 'Price of one unit, exactly as stated.';
COMMENT ON COLUMN finance.line_item_revisions.pretax_total IS 'Amount before tax, exactly as stated.';
COMMENT ON COLUMN finance.line_item_revisions.tax IS 'Tax, exactly as stated.';
COMMENT ON COLUMN finance.line_item_revisions.after_tax_total IS 'Amount after tax, exactly as stated; negative for credits and refunds.';
COMMENT ON COLUMN finance.line_item_revisions.currency_code IS 'ISO 4217 code; null when the service states none.';
COMMENT ON COLUMN finance.line_item_revisions.billing_period_start IS 'First day of the billing period the item belongs to: period_start of its detail in finance.costs.';
COMMENT ON COLUMN finance.line_item_revisions.subscription_friendly_name IS 'The partner''s name for the subscription.';
COMMENT ON COLUMN finance.line_item_revisions.availability_id IS 'Availability of the SKU.';
COMMENT ON COLUMN finance.line_item_revisions.publisher_id IS 'Publisher id.';
COMMENT ON COLUMN finance.line_item_revisions.reseller_mpn_id IS 'Partner id of the indirect reseller; -1 when there is none.';
COMMENT ON COLUMN finance.line_item_revisions.term_and_billing_cycle IS 'Term and billing cycle, free text.';
COMMENT ON COLUMN finance.line_item_revisions.discount_details IS 'Discount, free text such as 20% or N/A.';
COMMENT ON COLUMN finance.line_item_revisions.ordinal IS 'Place of the item in its set; tells true duplicates apart.';
COMMENT ON COLUMN finance.line_item_revisions.revision IS '0 for the set first collected, then one more for each that took its place.';
COMMENT ON COLUMN finance.line_item_revisions.collected_at IS 'When the set was stored.';
COMMENT ON COLUMN finance.line_item_revisions.superseded_at IS 'When the next set took its place; null for the newest.';

-- A view; its query stands in the migrations.
-- finance.line_item_sets (partner text, customer_id uuid, company_name text, invoice_type text, period_start date, revision integer, item_count integer, origin text, run_id uuid, collected_at timestamp with time zone, superseded_at timestamp with time zone, superseded_by_run uuid, line_items_hash text)
COMMENT ON VIEW finance.line_item_sets IS 'Every set of line items of a cost, the newest included, with its origin. A set is replaced as a whole; finance.line_items shows the newest.';
COMMENT ON COLUMN finance.line_item_sets.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.line_item_sets.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.line_item_sets.company_name IS 'Company name of the billing profile.';
COMMENT ON COLUMN finance.line_item_sets.invoice_type IS 'Invoice type of the items; null if the service states none.';
COMMENT ON COLUMN finance.line_item_sets.period_start IS 'First day of the billing period: period_start of the cost in finance.costs.';
COMMENT ON COLUMN finance.line_item_sets.revision IS '0 for the first collected set, plus 1 for each set that replaced one.';
COMMENT ON COLUMN finance.line_item_sets.item_count IS 'Number of items in the set.';
COMMENT ON COLUMN finance.line_item_sets.origin IS 'servicecosts (collected from the service) or import (from saved answers).';
COMMENT ON COLUMN finance.line_item_sets.run_id IS 'The run that stored the set.';
COMMENT ON COLUMN finance.line_item_sets.collected_at IS 'When the set was stored.';
COMMENT ON COLUMN finance.line_item_sets.superseded_at IS 'When the next set replaced it; null for the newest.';
COMMENT ON COLUMN finance.line_item_sets.superseded_by_run IS 'The run that stored the next set; null for the newest.';
COMMENT ON COLUMN finance.line_item_sets.line_items_hash IS 'SHA-256, in hexadecimal, of the body of the line items that the set was derived from.';

-- A view; its query stands in the migrations.
-- finance.line_items (partner text, customer_id uuid, company_name text, invoice_type text, invoice_number text, charge_type text, start_date date, end_date date, subscription_id text, order_id text, offer_id text, offer_name text, product_id text, product_name text, sku_id text, sku_name text, publisher_name text, quantity numeric, unit_price numeric, pretax_total numeric, tax numeric, after_tax_total numeric, currency_code text, billing_period_start date, subscription_friendly_name text, availability_id text, publisher_id text, reseller_mpn_id text, term_and_billing_cycle text, discount_details text, ordinal integer)
COMMENT ON VIEW finance.line_items IS 'The line items of the costs: the newest set of each customer, invoice type and period. Their sum may differ from finance.costs by cents.';
COMMENT ON COLUMN finance.line_items.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.line_items.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.line_items.company_name IS 'Company name of the billing profile.';
COMMENT ON COLUMN finance.line_items.invoice_type IS 'Invoice type of the item; null if the service states none.';
COMMENT ON COLUMN finance.line_items.invoice_number IS 'Number of Microsoft''s invoice to the partner.';
COMMENT ON COLUMN finance.line_items.charge_type IS 'Free text such as CYCLE FEE or PURCHASE_FEE.';
COMMENT ON COLUMN finance.line_items.start_date IS 'First day of the charge; may be outside the billing period.';
COMMENT ON COLUMN finance.line_items.end_date IS 'Last day of the charge; may be outside the billing period.';
COMMENT ON COLUMN finance.line_items.subscription_id IS 'Subscription, as written by the service.';
COMMENT ON COLUMN finance.line_items.order_id IS 'Order, as written by the service.';
COMMENT ON COLUMN finance.line_items.offer_id IS 'Offer, as written by the service.';
COMMENT ON COLUMN finance.line_items.offer_name IS 'Name of the offer.';
COMMENT ON COLUMN finance.line_items.product_id IS 'Product; documented for one-time items, but also seen on recurring ones.';
COMMENT ON COLUMN finance.line_items.product_name IS 'Name of the product.';
COMMENT ON COLUMN finance.line_items.sku_id IS 'SKU of the product.';
COMMENT ON COLUMN finance.line_items.sku_name IS 'Name of the SKU.';
COMMENT ON COLUMN finance.line_items.publisher_name IS 'Publisher of the product.';
COMMENT ON COLUMN finance.line_items.quantity IS 'Quantity, exactly as stated.';
COMMENT ON COLUMN finance.line_items.unit_price IS 'Price of one unit, exactly as stated.';
COMMENT ON COLUMN finance.line_items.pretax_total IS 'Amount before tax, exactly as stated.';
COMMENT ON COLUMN finance.line_items.tax IS 'Tax, exactly as stated.';
COMMENT ON COLUMN finance.line_items.after_tax_total IS 'Amount after tax, exactly as stated; negative for credits and refunds.';
COMMENT ON COLUMN finance.line_items.currency_code IS 'ISO 4217 code; null if the service states none.';
COMMENT ON COLUMN finance.line_items.billing_period_start IS 'First day of the billing period the item belongs to: period_start of its detail in finance.costs.';
COMMENT ON COLUMN finance.line_items.subscription_friendly_name IS 'The partner''s name for the subscription.';
COMMENT ON COLUMN finance.line_items.availability_id IS 'Availability of the SKU.';
COMMENT ON COLUMN finance.line_items.publisher_id IS 'Publisher id.';
COMMENT ON COLUMN finance.line_items.reseller_mpn_id IS 'Partner id of the indirect reseller; -1 if there is none.';
COMMENT ON COLUMN finance.line_items.term_and_billing_cycle IS 'Term and billing cycle, free text.';
COMMENT ON COLUMN finance.line_items.discount_details IS 'Discount, free text such as 20% or N/A.';
COMMENT ON COLUMN finance.line_items.ordinal IS 'Position of the item in its set; distinguishes identical items.';

-- A view; its query stands in the migrations.
-- finance.machines (machine text, version text, started_at timestamp with time zone, seen_at timestamp with time zone, partners_at_once integer, partners_now bigint)
COMMENT ON VIEW finance.machines IS 'The machines that collect: one row for each daemon.';
COMMENT ON COLUMN finance.machines.machine IS 'Host name of the machine.';
COMMENT ON COLUMN finance.machines.version IS 'Version of the collector.';
COMMENT ON COLUMN finance.machines.started_at IS 'When the daemon started.';
COMMENT ON COLUMN finance.machines.seen_at IS 'When the daemon was seen last; more than two minutes ago, it is dead or cut off.';
COMMENT ON COLUMN finance.machines.partners_at_once IS 'How many partners the daemon collects at the same time.';
COMMENT ON COLUMN finance.machines.partners_now IS 'How many partners are being collected on the machine.';

-- A view; its query stands in the migrations.
-- finance.missing_costs (partner text, customer_id uuid, company_name text, month date, invoice_type text, currency_code text, last_period_end date, last_after_tax numeric, reason text, overdue boolean)
COMMENT ON VIEW finance.missing_costs IS 'Which costs a month lacks: a row for each customer, invoice type and currency with costs in the month before and none in the month. One-time costs are missing only until the customer was collected in full after the closing day: nobody has to buy something every month.';
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

-- A view; its query stands in the migrations.
-- finance.month_states (partner text, month date, currency_code text, invoice_type text, state text, customers integer, customers_expected integer, missing integer, closes_at timestamp with time zone, after_tax_total numeric, comparable_before numeric, comparable_now numeric, comparable_difference numeric, summarised_at timestamp with time zone)
COMMENT ON VIEW finance.month_states IS 'Whether a month is complete, by invoice type and currency. A type is open until the closing day of the month is past and it has come, in all currencies together, for at least 95 percent of the customers that had it in the month before (who left or moved does not count), at the latest until the closing day of the next month: the service gives the most recent period only, so that nothing more can come.';
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

-- A view; its query stands in the migrations.
-- finance.month_totals (partner text, month date, currency_code text, invoice_type text, customers integer, pretax_total numeric, tax numeric, after_tax_total numeric, summarised_at timestamp with time zone)
COMMENT ON VIEW finance.month_totals IS 'The rows of finance.monthly_costs as of the end of the last run, ready to read. stale_months lists the months that changed since.';
COMMENT ON COLUMN finance.month_totals.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.month_totals.month IS 'First day of the month in which the billing periods end; null for details without a stated end.';
COMMENT ON COLUMN finance.month_totals.currency_code IS 'Currency of the amounts; one row per currency.';
COMMENT ON COLUMN finance.month_totals.invoice_type IS 'Recurring, OneTime, or a type the service added later.';
COMMENT ON COLUMN finance.month_totals.customers IS 'Number of customers with a cost in this row.';
COMMENT ON COLUMN finance.month_totals.pretax_total IS 'Sum before tax.';
COMMENT ON COLUMN finance.month_totals.tax IS 'Sum of tax.';
COMMENT ON COLUMN finance.month_totals.after_tax_total IS 'Sum after tax.';
COMMENT ON COLUMN finance.month_totals.summarised_at IS 'When the row was last computed.';

-- A view; its query stands in the migrations.
-- finance.monthly_costs (partner text, month date, currency_code text, invoice_type text, customers bigint, pretax_total numeric, tax numeric, after_tax_total numeric)
COMMENT ON VIEW finance.monthly_costs IS 'Totals by month, currency and invoice type. A period counts in the month in which it ends.';
COMMENT ON COLUMN finance.monthly_costs.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.monthly_costs.month IS 'First day of the month in which the billing periods end; null for details without a stated end.';
COMMENT ON COLUMN finance.monthly_costs.currency_code IS 'Currency of the amounts; one row per currency.';
COMMENT ON COLUMN finance.monthly_costs.invoice_type IS 'Recurring, OneTime, or a type the service added later.';
COMMENT ON COLUMN finance.monthly_costs.customers IS 'Number of customers with a cost in this row.';
COMMENT ON COLUMN finance.monthly_costs.pretax_total IS 'Sum before tax.';
COMMENT ON COLUMN finance.monthly_costs.tax IS 'Sum of tax.';
COMMENT ON COLUMN finance.monthly_costs.after_tax_total IS 'Sum after tax.';

-- A view; its query stands in the migrations.
-- finance.monthly_costs_converted (partner text, month date, currency_code text, invoice_type text, customers bigint, pretax_total numeric, tax numeric, after_tax_total numeric, target_currency text, rate numeric, rate_date date, pretax_converted numeric, tax_converted numeric, after_tax_converted numeric)
COMMENT ON VIEW finance.monthly_costs_converted IS 'monthly_costs, once for each target currency of the imported rates. Without a rate the row stays and its converted amounts are null. Select one target_currency before you add rows.';
COMMENT ON COLUMN finance.monthly_costs_converted.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.monthly_costs_converted.month IS 'As in monthly_costs.';
COMMENT ON COLUMN finance.monthly_costs_converted.currency_code IS 'Currency of the original amounts.';
COMMENT ON COLUMN finance.monthly_costs_converted.invoice_type IS 'As in monthly_costs.';
COMMENT ON COLUMN finance.monthly_costs_converted.customers IS 'Number of customers with a cost in this row.';
COMMENT ON COLUMN finance.monthly_costs_converted.pretax_total IS 'Sum before tax, in currency_code.';
COMMENT ON COLUMN finance.monthly_costs_converted.tax IS 'Sum of tax, in currency_code.';
COMMENT ON COLUMN finance.monthly_costs_converted.after_tax_total IS 'Sum after tax, in currency_code.';
COMMENT ON COLUMN finance.monthly_costs_converted.target_currency IS 'Currency of the converted amounts; null while no rates are imported.';
COMMENT ON COLUMN finance.monthly_costs_converted.rate IS 'The latest rate on or before the last day of the month; 1 if both currencies are the same; null without a rate.';
COMMENT ON COLUMN finance.monthly_costs_converted.rate_date IS 'Day of the rate; null without a rate, and if both currencies are the same.';
COMMENT ON COLUMN finance.monthly_costs_converted.pretax_converted IS 'pretax_total times rate, not rounded; null without a rate.';
COMMENT ON COLUMN finance.monthly_costs_converted.tax_converted IS 'tax times rate, not rounded; null without a rate.';
COMMENT ON COLUMN finance.monthly_costs_converted.after_tax_converted IS 'after_tax_total times rate, not rounded; null without a rate.';

-- A view; its query stands in the migrations.
-- finance.runs (run_id uuid, partner text, kind text, started_at timestamp with time zone, finished_at timestamp with time zone, status text, customers_total integer, customers_ok integer, customers_unchanged integer, customers_no_costs integer, customers_failed integer, rows_changed bigint, version text, error text, scope text, machine text, resumes uuid)
COMMENT ON VIEW finance.runs IS 'The run ledger: one row for each collection of one partner.';
COMMENT ON COLUMN finance.runs.run_id IS 'Id of the run, as in cost_changes and in the logs.';
COMMENT ON COLUMN finance.runs.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.runs.kind IS 'daily (by the daemon), once, missing (backfill of failed customers), replay (re-derived from the archive), import.';
COMMENT ON COLUMN finance.runs.started_at IS 'When the run started.';
COMMENT ON COLUMN finance.runs.finished_at IS 'When the run ended; null while it runs.';
COMMENT ON COLUMN finance.runs.status IS 'running, succeeded, partial (some customers failed), failed, interrupted.';
COMMENT ON COLUMN finance.runs.customers_total IS 'Customers that the run had to collect.';
COMMENT ON COLUMN finance.runs.customers_ok IS 'Customers with new or restated values.';
COMMENT ON COLUMN finance.runs.customers_unchanged IS 'Customers whose answers were the same as before.';
COMMENT ON COLUMN finance.runs.customers_no_costs IS 'Customers that have no costs, according to the service.';
COMMENT ON COLUMN finance.runs.customers_failed IS 'Customers that could not be collected.';
COMMENT ON COLUMN finance.runs.rows_changed IS 'Fact rows written: profiles, details and line-item sets.';
COMMENT ON COLUMN finance.runs.version IS 'Version of the collector.';
COMMENT ON COLUMN finance.runs.error IS 'Why the run did not succeed; null if it succeeded.';
COMMENT ON COLUMN finance.runs.scope IS 'all (every customer of the partner), some (named customers) or rest (customers that earlier runs did not collect).';
COMMENT ON COLUMN finance.runs.machine IS 'Host name of the machine that made the run; null for runs of older versions.';
COMMENT ON COLUMN finance.runs.resumes IS 'Id of the unfinished run that this run went on with; null if it began anew. If that run has another machine, the partner was taken over.';

-- A view; its query stands in the migrations.
-- finance.stale_months (partner text, month date, since timestamp with time zone)
COMMENT ON VIEW finance.stale_months IS 'The months whose costs changed after month_totals and top_movers were last computed: while a run writes, or after a run that did not complete.';
COMMENT ON COLUMN finance.stale_months.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.stale_months.month IS 'First day of the month; null for details without a stated end.';
COMMENT ON COLUMN finance.stale_months.since IS 'When the first of these changes was written.';

-- A view; its query stands in the migrations.
-- finance.top_movers (partner text, customer_id uuid, company_name text, month date, currency_code text, invoice_type text, after_tax_before numeric, after_tax_now numeric, difference numeric, percent numeric, place integer, summarised_at timestamp with time zone)
COMMENT ON VIEW finance.top_movers IS 'The customers with the largest cost changes against the previous month: up to 100 for each partner, month, currency and invoice type. Customers without a bill in the newest month of a type are left out.';
COMMENT ON COLUMN finance.top_movers.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.top_movers.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.top_movers.company_name IS 'Company name of the billing profile.';
COMMENT ON COLUMN finance.top_movers.month IS 'First day of the month that is compared with the previous month.';
COMMENT ON COLUMN finance.top_movers.currency_code IS 'Currency of the amounts.';
COMMENT ON COLUMN finance.top_movers.invoice_type IS 'Recurring, OneTime, or a type the service added later.';
COMMENT ON COLUMN finance.top_movers.after_tax_before IS 'Amount after tax of the previous month; 0 if there was none.';
COMMENT ON COLUMN finance.top_movers.after_tax_now IS 'Amount after tax of the month; 0 if there is none.';
COMMENT ON COLUMN finance.top_movers.difference IS 'after_tax_now less after_tax_before.';
COMMENT ON COLUMN finance.top_movers.percent IS 'difference in percent of after_tax_before; null if that is 0.';
COMMENT ON COLUMN finance.top_movers.place IS '1 for the largest difference, positive or negative.';
COMMENT ON COLUMN finance.top_movers.summarised_at IS 'When the row was last computed.';

-- A view; its query stands in the migrations.
-- finance.waiting_nights (partner text, due_since timestamp with time zone, waits_since timestamp with time zone, waits_for text)
COMMENT ON VIEW finance.waiting_nights IS 'The partners that are due and wait for a machine to collect them. Those that are being collected are in runs.';
COMMENT ON COLUMN finance.waiting_nights.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.waiting_nights.due_since IS 'Since which time of the schedule the partner has been due.';
COMMENT ON COLUMN finance.waiting_nights.waits_since IS 'When the partner entered the queue.';
COMMENT ON COLUMN finance.waiting_nights.waits_for IS 'a free machine, or another attempt (the database was unavailable).';
