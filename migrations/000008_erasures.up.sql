BEGIN;

-- A customer that stands here stays erased: what later runs and imports bring of its
-- billing profile is reduced before it is stored.
CREATE TABLE collector.erasures (
    erasure_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_key     bigint      NOT NULL REFERENCES collector.customers,
    erased_at        timestamptz NOT NULL,
    erased_by        text        NOT NULL,
    version          text        NOT NULL,
    company_name     boolean     NOT NULL,
    profiles         integer     NOT NULL,
    earlier_profiles integer     NOT NULL,
    bodies           integer     NOT NULL
);
CREATE INDEX erasures_by_customer ON collector.erasures (customer_key);
COMMENT ON TABLE collector.erasures IS 'Whose personal data was erased, and when. Of these customers no personal data is stored any more.';
COMMENT ON COLUMN collector.erasures.erased_by IS 'The database role that did it.';
COMMENT ON COLUMN collector.erasures.company_name IS 'Whether the company name went too.';
COMMENT ON COLUMN collector.erasures.bodies IS 'Raw bodies that were removed from the archive.';

CREATE VIEW finance.erasures AS
SELECT c.partner,
       c.customer_id,
       e.erased_at,
       e.company_name AS company_name_too,
       e.profiles,
       e.earlier_profiles,
       e.bodies,
       e.version
FROM collector.erasures e
JOIN collector.customers c USING (customer_key);
COMMENT ON VIEW finance.erasures IS 'Whose personal data was erased, when, and how much that was. The costs stay.';
COMMENT ON COLUMN finance.erasures.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.erasures.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.erasures.erased_at IS 'When the data was erased.';
COMMENT ON COLUMN finance.erasures.company_name_too IS 'Whether the company name went too, as for somebody who trades under their own name.';
COMMENT ON COLUMN finance.erasures.profiles IS 'Billing profiles that were reduced: 1, or 0 when nothing personal was left in it.';
COMMENT ON COLUMN finance.erasures.earlier_profiles IS 'Earlier versions of the billing profile that were reduced.';
COMMENT ON COLUMN finance.erasures.bodies IS 'Raw answers that were removed from the archive.';
COMMENT ON COLUMN finance.erasures.version IS 'Version of the collector.';

COMMENT ON COLUMN finance.customers.company_name IS 'Company name of the billing profile; null until the profile was read once, and when it was erased.';

COMMIT;
