package collector

import (
	"strings"
	"testing"
	"time"

	"partnercost/internal/partnersim"
)

// A night that fails before it can ask for anybody stands in the ledger and is told; it
// is not tried again before the next tick.
func TestANightThatCannotBeginIsHeard(t *testing.T) {
	t.Parallel()
	i := install(t, partnersim.Options{Customers: 3, Seed: 8})
	write := i.customersFile()
	all := i.ids()
	write(all...)
	var broken, fixed bool
	i.days(3*24*time.Hour, func(now time.Time) {
		switch {
		case now.After(begin.Add(24*time.Hour)) && !broken:
			broken = true
			write() // at the tick of the second night it is empty
		case now.After(begin.Add(48*time.Hour)) && !fixed:
			fixed = true
			write(all...)
		}
	})
	want(t, "the ledger", []string{"all succeeded 3 0", "all succeeded 3 0", "all failed 0 0", "all succeeded 3 0"}, i.ledger())
	want(t, "pings", []string{"/well", "/well", "/badly", "/well"}, i.pings.heard())
}

// While the database refuses the ledger's row there is nothing to stand in; the night
// is told once all the same, and tried again until it succeeds.
func TestANightWithoutADatabaseIsHeardOnce(t *testing.T) {
	t.Parallel()
	i := install(t, partnersim.Options{Customers: 3, Seed: 9})
	i.execute(`CREATE FUNCTION public.no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no room' USING ERRCODE = '53100'; END $$`,
		`CREATE TRIGGER no_room BEFORE INSERT ON collector.runs EXECUTE FUNCTION public.no_room()`)
	attempts := 0
	i.days(2*time.Hour, func(time.Time) {
		if attempts++; attempts == 4 {
			i.execute(`DROP TRIGGER no_room ON collector.runs`)
		}
	})
	want(t, "the ledger", []string{"all succeeded 3 0"}, i.ledger())
	want(t, "pings", []string{"/badly", "/well"}, i.pings.heard())
}

// A daemon that starts anew decides from the ledger: it does not collect again what is
// collected, and resumes what is not.
func TestADaemonTakesUpWhatWasInterrupted(t *testing.T) {
	t.Parallel()
	i := install(t, partnersim.Options{Customers: 3, Seed: 10})
	i.days(time.Hour, nil)
	want(t, "a first start collects at once", []string{"all succeeded 3 0"}, i.ledger())
	i.days(time.Hour, nil)
	want(t, "it is done", []string{"all succeeded 3 0"}, i.ledger())
	i.execute(`UPDATE collector.runs SET status = 'interrupted'`)
	i.days(time.Hour, nil)
	want(t, "the rest is nobody", []string{"all interrupted 3 0", "rest succeeded 0 0"}, i.ledger())
	want(t, "pings, the second run having the tick of the first", []string{"/well"}, i.pings.heard())
	locked, release, err := i.Store.LockPartner(t.Context(), "sim")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	i.clock.advance(24 * time.Hour)
	i.days(time.Minute, nil)
	want(t, "pings while another collector holds the partner", []string(nil), i.pings.heard())
	want(t, "the lock", locked.Err(), error(nil))
}

// A night that another machine has begun is taken over, soon after that machine lets go.
func TestADaemonTakesOverFromAnother(t *testing.T) {
	t.Parallel()
	i := install(t, partnersim.Options{Customers: 3, Seed: 11})
	_, release, err := i.Store.LockPartner(t.Context(), "sim")
	if err != nil {
		t.Fatal(err)
	}
	looked := 0
	i.days(time.Minute, func(time.Time) {
		if looked++; looked == 3 {
			release()
		}
	})
	want(t, "the ledger", []string{"all succeeded 3 0"}, i.ledger())
	want(t, "pings", []string{"/well"}, i.pings.heard())
	want(t, "how often it is said", 1, strings.Count(i.log.String(), "another process is collecting this partner"))
}

// A night of a partner that this machine does not have is left to another machine, but not
// for ever.
func TestADaemonLeavesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	i := install(t, partnersim.Options{Customers: 3, Seed: 13})
	i.execute(`INSERT INTO river.river_job (kind, args, max_attempts) VALUES
		('night', '{"partner": "new", "tick": "2026-11-01T02:30:00Z"}', 100), ('night', '{"partner": "gone", "tick": "2026-10-29T02:30:00Z"}', 100)`)
	i.days(time.Minute, nil)
	want(t, "the nights", []string{"new available", "gone cancelled", "sim completed"}, i.lines(`SELECT concat_ws(' ', args->>'partner', state) FROM river.river_job ORDER BY id`))
}

// Machines whose clocks are five minutes apart collect a night once, whichever of them is
// first.
func TestMachinesWithClocksApart(t *testing.T) {
	t.Parallel()
	const apart = 5 * time.Minute
	for name, ahead := range map[string]time.Duration{"the first machine is ahead": apart, "the first machine is behind": -apart} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := install(t, partnersim.Options{Customers: 3, Seed: 12})
			i.days(time.Hour, nil) // which collects at once
			tick := time.Date(2026, time.November, 2, 2, 30, 0, 0, time.UTC)
			i.clock.advance(tick.Add(-time.Minute).Sub(i.clock.Now()))
			i.days(2*time.Minute, nil)
			i.clock.advance(-ahead)
			i.days(2*apart, nil)
			want(t, "the ledger", []string{"all succeeded 3 0", "all succeeded 3 0"}, i.ledger())
		})
	}
}
