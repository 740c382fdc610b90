package persist_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
	"partnercost/internal/persist"
)

// migrator opens the fixture's database for migrations.
func (b *fixture) migrator() *persist.Migrator {
	b.t.Helper()
	m, err := persist.OpenMigrator(b.t.Context(), b.url)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = m.Close() })
	return m
}

// latest returns the number of applied migrations.
func latest(t *testing.T, m *persist.Migrator) int {
	t.Helper()
	state, err := m.State()
	if err != nil {
		t.Fatal(err)
	}
	return int(state.Version)
}

func TestDownThatIsRefusedChangesNothing(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(statement(customerA, both(recurring(9, "10"))))
	b.erase(customerA, billing.NameAndCountry)
	m := b.migrator()
	all := latest(t, m)
	before := describe(t, b.url)
	for name, test := range map[string]struct {
		n    int
		want error
		says string
	}{
		"none":            {0, persist.ErrTooFarDown, ""},
		"one too many":    {all + 1, persist.ErrTooFarDown, ""},
		"far too many":    {99, persist.ErrTooFarDown, "99 migrations"},
		"the erasures":    {all - 7, persist.ErrForgetsErasures, "1 erased customers"},
		"all, an erasure": {all, persist.ErrForgetsErasures, "finance.erasures"},
	} {
		err := m.Down(t.Context(), test.n, false)
		if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: error %v, want %v that says %q", name, err, test.want, test.says)
		}
	}
	locked, release, err := b.store.LockPartner(t.Context(), "contoso")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Down(t.Context(), all, true); !errors.Is(err, persist.ErrLocked) || !strings.Contains(err.Error(), "run") {
		t.Errorf("while a partner is locked: error %v, want ErrLocked", err)
	}
	if locked.Err() != nil {
		t.Error("the lock was lost")
	}
	release()
	if diff := cmp.Diff(before, describe(t, b.url)); diff != "" || latest(t, m) != all {
		t.Errorf("a refused down changed the schema, now at version %d:\n%s", latest(t, m), diff)
	}
	wantLines(t, "the costs", b.query(`SELECT count(*) FROM finance.costs`), "1")

	names, err := m.Last(all - 7)
	if err != nil {
		t.Fatal(err)
	}
	if got := names[len(names)-1]; got != "000008_erasures" {
		t.Errorf("the last to go would be %s", got)
	}
	if err := m.Down(t.Context(), all-7, true); err != nil {
		t.Error(err)
	}
	if got := latest(t, m); got != 7 {
		t.Errorf("at version %d, want 7", got)
	}
	// The locks for it are free again.
	_, release, err = b.store.LockPartner(t.Context(), "contoso")
	if err != nil {
		t.Fatal(err)
	}
	release()
}

func TestNoRunBeginsWhileMigrationsAreTakenBack(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	m := b.migrator()
	// Another session reads, so taking back has to wait.
	reading := b.session()
	b.exec(reading, "BEGIN", "SELECT count(*) FROM finance.erasures", "SELECT count(*) FROM collector.runs")
	done := make(chan error, 1)
	go func() { done <- m.Down(t.Context(), latest(t, m), false) }()
	b.awaitWaiting("relation", done)
	if _, _, err := b.store.LockPartner(t.Context(), "contoso"); !errors.Is(err, persist.ErrLocked) || !strings.Contains(err.Error(), "migrations") {
		t.Errorf("error %v, want ErrLocked that speaks of migrations", err)
	}
	b.exec(reading, "COMMIT")
	if err := <-done; err != nil {
		t.Error(err)
	}
}
