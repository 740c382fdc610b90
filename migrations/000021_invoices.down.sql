BEGIN;

DROP VIEW finance.history;
DROP VIEW finance.invoice_reconciliation;
DROP VIEW finance.invoice_lines;
DROP VIEW finance.invoices;
DROP VIEW collector.invoice_states;
ALTER TABLE collector.partners DROP COLUMN discovers;
DROP TABLE collector.invoice_loads;
DROP TABLE collector.invoice_set_bodies;
DROP TABLE collector.invoice_bodies;
DROP TABLE collector.invoice_lines;
DROP TABLE collector.invoice_line_sets;
DROP TABLE collector.invoice_history;
DROP TABLE collector.invoices;
DELETE FROM collector.findings WHERE kind LIKE 'invoice\_%' AND kind NOT IN ('invoice_type_missing', 'invoice_type_unknown');

COMMIT;
