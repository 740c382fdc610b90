package main_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/partnersim"
)

// gate is a Partner Center that hangs after some answers, until it is opened, and
// notes whose profiles were asked for.
type gate struct {
	next    http.Handler
	after   int64
	reached chan struct{}

	answered atomic.Int64
	open     atomic.Bool
	mu       sync.Mutex
	asked    map[string]int
}

func newGate(next http.Handler, after int64) *gate {
	return &gate{next: next, after: after, reached: make(chan struct{}), asked: map[string]int{}}
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !g.open.Load() {
		switch n := g.answered.Add(1); {
		case n == g.after:
			close(g.reached)
		case n > g.after:
			<-r.Context().Done()
			return
		}
	}
	if customer, found := strings.CutSuffix(r.URL.Path, "/profiles/billing"); found {
		g.mu.Lock()
		g.asked[customer]++
		g.mu.Unlock()
	}
	g.next.ServeHTTP(w, r)
}

// forget returns how many customers were asked for since the last time.
func (g *gate) forget() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := len(g.asked)
	g.asked = map[string]int{}
	return n
}

// alone returns when the server has noticed the end of the last collector.
func (s *site) alone(t *testing.T) {
	t.Helper()
	for s.one(t, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'partnercost'`) != "0" {
		if t.Context().Err() != nil {
			t.Fatal("the dead collector's sessions did not end")
		}
	}
}

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
