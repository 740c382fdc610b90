package main_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/partnersim"
)

const runsOfAllStates = `SELECT kind, scope, status FROM finance.runs ORDER BY started_at`

func TestDaemonDecidesFromTheLedger(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 12, Seed: 21})
	s.configure(t, "    customers:\n      discover: true\n", "console:\n  listen: 127.0.0.1:0\n")
	ended := func(n string) {
		t.Helper()
		s.until(t, `SELECT count(*) FROM finance.runs WHERE status <> 'running'`, n)
	}

	stop := s.daemon(t, "") // a first start collects at once
	ended("1")
	stop().want(t, 0).says(t, "daemon stopped")
	if diff := cmp.Diff(s.expectedCosts(t), s.costs(t)); diff != "" {
		t.Errorf("the costs (-want +got):\n%s", diff)
	}

	// A run since the last tick is not repeated: the daemon schedules the next one. If the
	// last run is days old, a run was missed and is caught up.
	s.daemon(t, "next run scheduled")().want(t, 0)
	s.exec(t, `UPDATE collector.runs SET started_at = started_at - interval '2 days', finished_at = finished_at - interval '2 days'`)
	stop = s.daemon(t, "")
	ended("2")
	stop().want(t, 0)

	s.exec(t, `UPDATE collector.runs SET started_at = started_at - interval '2 days', finished_at = finished_at - interval '2 days'`)
	s.configure(t, "    customers:\n      discover: true\n", "console:\n  listen: 127.0.0.1:0\nschedule:\n  catch_up: false\n")
	s.daemon(t, "next run scheduled")().want(t, 0)
	want := [][]string{{"daily", "all", "succeeded"}, {"daily", "all", "succeeded"}}
	if diff := cmp.Diff(want, s.query(t, runsOfAllStates)); diff != "" {
		t.Errorf("the runs (-want +got):\n%s", diff)
	}
}

func TestDaemonInterruptedGoesOnAtItsNextStart(t *testing.T) {
	t.Parallel()
	const customers = 30
	sim := partnersim.New(partnersim.Options{Customers: customers, Seed: 22})
	g := newGate(sim, 50)
	s := newSiteAt(t, g)
	s.sim = sim
	pings, pinged := heard(t)
	s.configure(t, "    customers:\n      discover: true\n",
		"console:\n  listen: 127.0.0.1:0\ncollect:\n  batch: 1\nnotify:\n  success_url: "+pings+"/well\n  failure_url: "+pings+"/badly\n")
	stop := s.daemon(t, "")
	<-g.reached
	stop().want(t, 130).says(t, "interrupted")
	if diff := cmp.Diff([]string{"GET /badly "}, pinged()); diff != "" {
		t.Errorf("pings after an interrupted run (-want +got):\n%s", diff)
	}
	g.open.Store(true)
	g.forget()

	stop = s.daemon(t, "")
	s.until(t, `SELECT count(*) FROM finance.runs WHERE status = 'succeeded'`, "1")
	stop().want(t, 0).says(t, "resuming")
	if diff := cmp.Diff([]string{"GET /well "}, pinged()); diff != "" {
		t.Errorf("pings after the rest was collected (-want +got):\n%s", diff)
	}
	if asked := g.forget(); asked == 0 || asked == customers {
		t.Errorf("the second start asked for %d of %d customers, want the rest", asked, customers)
	}
	want := [][]string{{"daily", "all", "interrupted"}, {"daily", "rest", "succeeded"}}
	if diff := cmp.Diff(want, s.query(t, runsOfAllStates)); diff != "" {
		t.Errorf("the runs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(s.expectedCosts(t), s.costs(t)); diff != "" {
		t.Errorf("the costs (-want +got):\n%s", diff)
	}
}
