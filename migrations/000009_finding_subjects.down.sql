BEGIN;

UPDATE collector.findings
SET subject = regexp_replace(regexp_replace(regexp_replace(subject,
    '^\(no type\) ', 'untyped '), ' \(no period\) ', ' no-period '), ' \(no currency\)( #[0-9]+)?$', ' no-currency\1')
WHERE kind = 'detail_vanished';

COMMIT;
