BEGIN;

DROP FUNCTION finance.fold(text);

COMMIT;
