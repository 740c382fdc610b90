// Package persist stores statements in PostgreSQL: migrations, staged bulk upserts, the
// run ledger, per-customer state and the reports. It knows nothing of HTTP.
package persist
