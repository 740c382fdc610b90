-- Removing the personal data of one customer or of all, and the record of the erased
-- customers.

-- name: ErasedCustomers :many
-- The erased ones of these customers, and whether their company name was erased too.
SELECT i.customer_id::uuid AS customer_id, bool_or(e.company_name)::boolean AS company_name
FROM (SELECT unnest(@customer_ids::uuid[]) AS customer_id) i
CROSS JOIN LATERAL (SELECT k.customer_key FROM collector.customers k
    WHERE k.partner = @partner::text AND k.customer_id = i.customer_id OFFSET 0) c
CROSS JOIN LATERAL (SELECT o.company_name FROM collector.erasures o WHERE o.customer_key = c.customer_key OFFSET 0) e
WHERE EXISTS (SELECT FROM collector.erasures) -- usually nobody was, and nothing needs to be looked up
GROUP BY i.customer_id
ORDER BY i.customer_id;

-- name: ErasedOfPartner :many
SELECT DISTINCT c.customer_id
FROM collector.erasures e
JOIN collector.customers c ON c.customer_key = e.customer_key
WHERE c.partner = @partner::text
ORDER BY c.customer_id;

-- name: PartnersOfCustomer :many
-- The partners that have the customer, or an invoice with a line of it.
SELECT c.partner FROM collector.customers c WHERE c.customer_id = @customer_id
UNION
SELECT i.partner
FROM collector.invoice_lines l
JOIN collector.invoice_line_sets s USING (set_id)
JOIN collector.invoices i USING (invoice_key)
WHERE l.customer_id = @customer_id
ORDER BY partner;

-- name: LockCustomer :one
SELECT customer_key FROM collector.customers
WHERE partner = @partner AND customer_id = @customer_id
FOR UPDATE;

-- name: EnrolInvoiced :exec
-- A customer that only invoices name, so that its erasure can be recorded. It is not
-- active: its costs are not collected.
INSERT INTO collector.customers (partner, customer_id, first_seen_at, active)
SELECT @partner::text, @customer_id::uuid, @now::timestamptz, false
WHERE EXISTS (SELECT 1
    FROM collector.invoice_lines l
    JOIN collector.invoice_line_sets s USING (set_id)
    JOIN collector.invoices i USING (invoice_key)
    WHERE i.partner = @partner::text AND l.customer_id = @customer_id::uuid)
ON CONFLICT DO NOTHING;

-- name: CustomersInFull :many
-- The customers whose stored profiles have more than company name and country.
SELECT c.customer_key
FROM collector.customers c
LEFT JOIN collector.billing_profiles b USING (customer_key)
WHERE c.partner = @partner AND c.customer_key > @after::bigint AND (
    coalesce(b.profile_id, b.first_name, b.last_name, b.email, b.culture, b.language, b.organization_registration_id, b.address_id, b.region,
        b.city, b.state, b.district, b.address_line1, b.address_line2, b.address_line3, b.postal_code, b.address_first_name,
        b.address_middle_name, b.address_last_name, b.phone_number, b.address_email) IS NOT NULL
    OR EXISTS (SELECT 1 FROM collector.billing_profile_history h
        WHERE h.customer_key = c.customer_key AND jsonb_strip_nulls(h.profile) - ARRAY['company_name', 'country'] <> '{}')
    OR EXISTS (SELECT 1 FROM collector.statements q WHERE q.customer_key = c.customer_key AND q.profile_hash IS NOT NULL))
ORDER BY c.customer_key
LIMIT @at_most::integer;

-- name: StoredNames :many
-- The part of the current profiles that stays.
SELECT customer_key, company_name, country
FROM collector.billing_profiles
WHERE customer_key = ANY (@customer_keys::bigint[])
ORDER BY customer_key;

-- name: ReduceProfiles :execrows
UPDATE collector.billing_profiles b
SET content_hash = n.content_hash, profile_id = NULL, first_name = NULL, last_name = NULL, email = NULL, culture = NULL, language = NULL,
    company_name = CASE WHEN @keep_company_name::boolean THEN b.company_name END, organization_registration_id = NULL, address_id = NULL,
    region = NULL, city = NULL, state = NULL, district = NULL, address_line1 = NULL, address_line2 = NULL, address_line3 = NULL,
    postal_code = NULL, address_first_name = NULL, address_middle_name = NULL, address_last_name = NULL, phone_number = NULL,
    address_email = NULL
FROM (SELECT unnest(@customer_keys::bigint[]) AS customer_key, unnest(@content_hashes::bytea[]) AS content_hash) n
WHERE b.customer_key = n.customer_key AND b.content_hash <> n.content_hash;

-- name: ReduceProfileHistory :execrows
UPDATE collector.billing_profile_history h
SET profile = jsonb_strip_nulls(jsonb_build_object(
    'company_name', CASE WHEN @keep_company_name::boolean THEN h.profile -> 'company_name' END, 'country', h.profile -> 'country'))
WHERE h.customer_key = ANY (@customer_keys::bigint[])
    AND jsonb_strip_nulls(h.profile) - CASE WHEN @keep_company_name::boolean THEN ARRAY['company_name', 'country'] ELSE ARRAY['country'] END <> '{}';

-- name: ForgetNames :exec
DELETE FROM collector.customer_names WHERE customer_key = ANY (@customer_keys::bigint[]);

-- name: ForgetProfileBodies :many
-- Removes the bodies of these profiles from the log, the pruned ones too.
WITH known AS (
    SELECT statement_id, profile_hash FROM collector.statements
    WHERE customer_key = ANY (@customer_keys::bigint[]) AND profile_hash IS NOT NULL
), gone AS (
    UPDATE collector.statements q SET profile_hash = NULL
    FROM known k
    WHERE q.statement_id = k.statement_id
)
SELECT DISTINCT profile_hash::bytea AS hash FROM known ORDER BY 1;

-- name: ForgetProfileDigests :exec
UPDATE collector.customer_states SET profile_digest = NULL, profile_rules = NULL
WHERE customer_key = ANY (@customer_keys::bigint[]) AND profile_digest IS NOT NULL;

-- name: LineItemsBodies :many
-- Each item repeats the name of the customer.
SELECT DISTINCT line_items_hash::bytea AS hash
FROM collector.statements
WHERE customer_key = ANY (@customer_keys::bigint[]) AND line_items_hash IS NOT NULL
ORDER BY 1;

-- name: LockPayloadsToErase :many
-- Waits for transactions that are about to need one of the bodies.
SELECT payload_hash FROM collector.payloads
WHERE payload_hash = ANY (@hashes::bytea[])
ORDER BY payload_hash
FOR UPDATE;

-- name: DeleteUnnamedPayloads :execrows
-- A body stays while the log of a customer who is entitled to it names it.
DELETE FROM collector.payloads p
WHERE p.payload_hash = ANY (@hashes::bytea[])
    AND p.payload_hash NOT IN (
        SELECT n.hash
        FROM collector.statements q
        CROSS JOIN LATERAL (VALUES (q.profile_hash, true), (q.summary_hash, true),
            (q.line_items_hash, q.customer_key <> ALL (@nameless::bigint[])
                AND NOT EXISTS (SELECT 1 FROM collector.erasures e WHERE e.customer_key = q.customer_key AND e.company_name))) n (hash, may_have)
        WHERE n.may_have AND n.hash = ANY (@hashes::bytea[]));

-- name: ForgetFailureMessages :execrows
-- The service's own words about a customer may name persons.
UPDATE collector.failures SET message = 'erased'
WHERE customer_key = ANY (@customer_keys::bigint[]) AND message <> 'erased';

-- name: ForgetLastErrors :execrows
UPDATE collector.customer_states SET last_error = 'erased'
WHERE customer_key = ANY (@customer_keys::bigint[]) AND last_error <> 'erased';

-- name: InsertErasure :exec
INSERT INTO collector.erasures (customer_key, erased_at, erased_by, version, company_name, profiles, earlier_profiles, bodies)
VALUES (@customer_key, @erased_at, session_user, @version, @company_name, @profiles, @earlier_profiles, @bodies);
