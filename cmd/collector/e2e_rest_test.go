package main_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/partnersim"
)

func TestResumeAfterAKill(t *testing.T) {
	t.Parallel()
	const customers = 40
	sim := partnersim.New(partnersim.Options{Customers: customers, Seed: 9})
	g := newGate(sim, 60)
	s := newSiteAt(t, g)
	s.sim = sim
	s.configure(t, "    customers:\n      discover: true\n", "collect:\n  batch: 1\n")
	cmd, finish := s.start(t, "run")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-g.reached
	for s.one(t, `SELECT count(*) FROM collector.customer_states`) == "0" {
		if t.Context().Err() != nil {
			t.Fatal("nothing was stored")
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	finish()
	s.alone(t)
	done := s.one(t, `SELECT count(*) FROM collector.customer_states WHERE last_success_at IS NOT NULL`)
	g.open.Store(true)
	g.forget()

	s.collector(t, "run", "--resume", "--customer", "ae1d5b32-f9ff-4252-b2bf-40e21937a51a").want(t, 2).says(t, "resume")
	s.collector(t, "run", "--resume").want(t, 0)
	asked := g.forget()
	got := s.query(t, `SELECT scope, status, customers_total FROM finance.runs ORDER BY started_at`)
	want := [][]string{{"all", "interrupted", "0"}, {"rest", "succeeded", s.one(t, `SELECT 40 - `+done)}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the runs (-want +got):\n%s", diff)
	}
	if s.one(t, `SELECT `+done+` + customers_total FROM finance.runs WHERE scope = 'rest'`) != "40" || asked == customers {
		t.Errorf("%s customers were done and %d asked for again, of %d", done, asked, customers)
	}
	if got := s.one(t, `SELECT count(*) FROM finance.customers WHERE active`); got != "40" {
		t.Errorf("%s active customers, want 40", got)
	}
	if diff := cmp.Diff(s.expectedCosts(t), s.costs(t)); diff != "" {
		t.Errorf("the costs (-want +got):\n%s", diff)
	}

	s.collector(t, "run", "--resume").want(t, 0).says(t, "no unfinished run")
	if asked := g.forget(); asked != customers {
		t.Errorf("after a complete run, --resume asked for %d customers, want all %d", asked, customers)
	}
}
