BEGIN;

DROP VIEW finance.focus_invoice_detail;

COMMIT;
