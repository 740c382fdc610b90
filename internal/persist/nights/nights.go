// Package nights collects invented nights, for tests of the stored data and of its
// readers.
package nights

import (
	"testing"

	"partnercost/internal/billing"
	"partnercost/internal/persist"
)

// Collect stores the statements as one run of the ledger: begun, written, and finished
// with the status that its customers imply.
func Collect(t testing.TB, store *persist.Store, run billing.Run, statements ...billing.Statement) []billing.CustomerResult {
	t.Helper()
	if err := store.BeginRun(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	for i := range statements {
		statements[i].FetchedAt = run.StartedAt
	}
	results, err := store.Write(t.Context(), run, statements)
	if err != nil {
		t.Fatal(err)
	}
	tally := billing.Tally{Total: len(statements)}
	for _, r := range results {
		tally.Add(r)
	}
	status := billing.StatusSucceeded
	if tally.Failed > 0 {
		status = billing.StatusPartial
	}
	if err := store.FinishRun(t.Context(), run, status, tally, nil); err != nil {
		t.Fatal(err)
	}
	return results
}
