package main_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/partnersim"
	"partnercost/internal/persist/pgtest"
)

// With a pooler in transaction mode, a command that collects fails at its start. A pooler
// in session mode makes no difference.
func TestPoolers(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 5, Seed: 41})
	s.configure(t, "    customers:\n      discover: true\n", "console:\n  listen: 127.0.0.1:0\n")
	direct := s.url
	s.useDatabase(pgtest.Pooler(t, direct, "pool_mode = transaction").String())
	for _, command := range []string{"run", "daemon"} {
		s.collector(t, command).want(t, 1).says(t, "a connection pooler in transaction or statement mode", "pool_mode = session")
	}

	s.useDatabase(pgtest.Pooler(t, direct, "pool_mode = session").String())
	s.collector(t, "run").want(t, 0)
	s.useDatabase(direct)
	s.exec(t, `UPDATE collector.runs SET started_at = started_at - interval '2 days', finished_at = finished_at - interval '2 days'`)
	s.useDatabase(pgtest.Pooler(t, direct, "pool_mode = session").String())
	stop := s.daemon(t, "")
	s.useDatabase(direct)
	s.until(t, `SELECT count(*) FROM finance.runs WHERE status = 'succeeded'`, "2")
	stop().want(t, 0)
	if diff := cmp.Diff(s.expectedCosts(t), s.costs(t)); diff != "" {
		t.Errorf("the costs (-want +got):\n%s", diff)
	}
}
