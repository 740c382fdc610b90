-- name: StageStatements :copyfrom
INSERT INTO stage_statements (seq, customer_id, fetched_at, has_profile, has_costs, has_line_items, no_costs,
    profile_hash, summary_hash, line_items_hash, profile_digest, summary_digest, line_items_digest, summary_status, root_starts_at, root_ends_at,
    root_currency, root_pretax, root_tax, root_after_tax, body_customer_id, customer_name, failure_class, resource, http_status, code, message, said,
    request_id, correlation_id, attempts)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31);

-- name: StageProfiles :copyfrom
INSERT INTO stage_profiles (seq, content_hash, profile_id, first_name, last_name, email, culture, language, company_name,
    organization_registration_id, address_id, country, region, city, state, district, address_line1, address_line2, address_line3,
    postal_code, address_first_name, address_middle_name, address_last_name, phone_number, address_email)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25);

-- name: StageDetails :copyfrom
INSERT INTO stage_details (row_no, seq, invoice_type, period_start, currency_code, starts_at, ends_at, currency_symbol, pretax_total, tax, after_tax_total)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: StageSets :copyfrom
INSERT INTO stage_sets (set_no, seq, invoice_type, period_start, content_hash, item_count, stray, earliest)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: StageFindings :copyfrom
INSERT INTO stage_findings (seq, kind, severity, subject, detail)
VALUES ($1, $2, $3, $4, $5);

-- name: InsertPayloads :copyfrom
INSERT INTO collector.payloads (payload_hash, body, encoding, first_seen_at)
VALUES ($1, $2, $3, $4);

-- name: InsertLineItems :copyfrom
INSERT INTO collector.line_items (set_id, ordinal, invoice_number, charge_type, start_date, end_date, subscription_id,
    subscription_friendly_name, order_id, offer_id, offer_name, product_id, product_name, sku_id, sku_name, availability_id,
    publisher_id, publisher_name, reseller_mpn_id, term_and_billing_cycle, discount_details, quantity, unit_price, pretax_total, tax,
    after_tax_total, currency_code, currency_symbol)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28);
