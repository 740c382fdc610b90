BEGIN;

-- What a cost does not state had a second spelling in the subjects of these findings.
UPDATE collector.findings
SET subject = regexp_replace(regexp_replace(regexp_replace(subject,
    '^untyped ', '(no type) '), ' no-period ', ' (no period) '), ' no-currency( #[0-9]+)?$', ' (no currency)\1')
WHERE kind = 'detail_vanished';

COMMIT;
