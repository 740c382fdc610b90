package main_test

import (
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/partnersim"
)

// fleet is a Partner Center of many partners, each below its own path. It records the times
// of its requests.
type fleet struct {
	sim *partnersim.Simulator

	mu    sync.Mutex
	asked map[string][]time.Time
	total int
	// successes counts the pings for the success of all partners.
	successes int
	marks     map[int]chan struct{} // closed after that many requests
	// open is closed to answer more than unheld requests of a partner.
	open chan struct{}
}

const unheld = 5

// told is the path of the ping for the success of all partners.
const told = "told"

func newFleet(sim *partnersim.Simulator) *fleet {
	return &fleet{sim: sim, asked: map[string][]time.Time{}, marks: map[int]chan struct{}{}, open: make(chan struct{})}
}

func (f *fleet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	partner, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	f.mu.Lock()
	if partner == told {
		f.successes++
		f.mu.Unlock()
		return
	}
	f.asked[partner] = append(f.asked[partner], time.Now())
	f.total++
	if mark := f.marks[f.total]; mark != nil {
		close(mark)
	}
	held := len(f.asked[partner]) > unheld
	f.mu.Unlock()
	if held {
		select {
		case <-f.open:
		case <-r.Context().Done():
		}
	}
	http.StripPrefix("/"+partner, f.sim).ServeHTTP(w, r)
}

// mark returns a channel that is closed after that many requests.
func (f *fleet) mark(requests int) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.marks[requests] = make(chan struct{})
	return f.marks[requests]
}

// busiest returns the largest number of requests of one partner within any period of that
// length.
func (f *fleet) busiest(stretch time.Duration) (most int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, times := range f.asked {
		first := 0
		for last, at := range times {
			for at.Sub(times[first]) >= stretch {
				first++
			}
			most = max(most, last-first+1)
		}
	}
	return most
}

// longestPause returns the longest time between two successive requests of a partner.
func (f *fleet) longestPause() (longest time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, times := range f.asked {
		for n := range len(times) - 1 {
			longest = max(longest, times[n+1].Sub(times[n]))
		}
	}
	return longest
}

// machines configures the partners of the fleet, the limit of each, and how many of them a
// machine collects at the same time.
func (s *site) machines(t *testing.T, partners, perMinute, atOnce int) {
	t.Helper()
	var lines strings.Builder
	for n := range partners {
		fmt.Fprintf(&lines, "  - {name: p%d, base_url: %q, auth: {mode: token, token_file: token}, customers: {discover: true}, limits: {requests_per_minute: %d}}\n",
			n, fmt.Sprintf("%s/p%d", s.server.URL, n), perMinute)
	}
	s.write(t, "token", "simulator")
	s.write(t, "collector.yaml", "partners:\n"+lines.String()+fmt.Sprintf("console: {listen: 127.0.0.1:0}\nnotify: {success_url: \"%s/%s\"}\ncollect: {batch: 10, partners_at_once: %d}\n", s.server.URL, told, atOnce))
}

// Three machines collect the partners of one database. In the middle one is killed, one is
// stopped, and then PostgreSQL restarts. The third machine takes over their partners, nothing
// is done twice, no quota is exceeded, the success is reported once, and finance sees the rows
// that a single machine stores.
func TestSoakMachines(t *testing.T) {
	t.Parallel()
	partners, customers, perMinute := 6, 40, 600
	if *soak {
		partners, customers, perMinute = 60, 120, 240 // so that a night has more than a minute's requests
	}
	sim := partnersim.New(partnersim.Options{Customers: customers, Seed: 43})
	f := newFleet(sim)
	s := newSiteAt(t, f)
	s.sim = sim
	server := privateServer(t)
	s.useDatabase(server.URL("postgres"))
	s.collector(t, "migrate", "up").want(t, 0)
	s.machines(t, partners, perMinute, (partners+2)/3)

	single := newFleet(sim)
	close(single.open)
	alone := newSiteAt(t, single)
	alone.sim = sim
	alone.machines(t, partners, perMinute, partners)
	alone.collector(t, "run").want(t, 0)

	quarter, half := f.mark(single.total/4), f.mark(single.total/2)
	var started [3]*exec.Cmd
	var ended [3]func() result
	for n := range started {
		started[n], ended[n] = s.start(t, "daemon")
		log := &listener{to: started[n].Stderr, text: "run started", heard: make(chan struct{})}
		started[n].Stderr = log
		if err := started[n].Start(); err != nil {
			t.Fatal(err)
		}
		<-log.heard
	}
	close(f.open)
	<-quarter
	if err := started[0].Process.Kill(); err != nil {
		t.Fatal(err)
	}
	killed := ended[0]()
	<-half
	if err := started[1].Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	stopped := ended[1]()
	if err := server.Halt(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := server.Continue(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.until(t, `SELECT count(DISTINCT partner) FROM finance.runs WHERE status = 'succeeded'`, fmt.Sprint(partners))
	if err := started[2].Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	last := ended[2]()
	last.want(t, 0)

	began := regexp.MustCompile(`msg="run started"`)
	had := func(r result) int { return len(began.FindAllString(r.stderr, -1)) }
	if diff := cmp.Diff([][]string{{fmt.Sprint(partners), fmt.Sprint(partners)}},
		s.query(t, `SELECT count(*), count(DISTINCT partner) FROM finance.runs WHERE status = 'succeeded'`)); diff != "" {
		t.Errorf("nights that succeeded, and their partners (-want +got):\n%s", diff)
	}
	if got := s.one(t, `SELECT count(*) FROM finance.runs WHERE status NOT IN ('succeeded', 'interrupted')`); got != "0" {
		t.Errorf("%s runs neither succeeded nor were interrupted", got)
	}
	if got := s.one(t, `SELECT count(*) FROM finance.runs r WHERE r.machine IS NULL OR r.scope = 'rest' AND NOT EXISTS (SELECT 1 FROM finance.runs WHERE run_id = r.resumes)`); got != "0" {
		t.Errorf("%s runs have no machine, or do not say what they go on with", got)
	}
	for _, view := range []string{"costs", "line_items"} {
		columns := map[string]string{
			"costs":      `partner, customer_id, invoice_type, period_start, period_end, currency_code, pretax_total, tax, after_tax_total, revisions`,
			"line_items": `partner, customer_id, invoice_type, charge_type, start_date, end_date, subscription_id, product_name, quantity, unit_price, after_tax_total, currency_code`,
		}[view]
		query := "SELECT " + columns + " FROM finance." + view + " ORDER BY " + columns
		if diff := cmp.Diff(alone.query(t, query), s.query(t, query)); diff != "" {
			t.Errorf("finance.%s of one machine and of three (-one +three):\n%s", view, diff)
		}
	}
	if got := s.one(t, `SELECT count(*) FROM river.river_job WHERE kind = 'night'`); got != fmt.Sprint(partners) {
		t.Errorf("there were %s jobs, want one for each partner", got)
	}
	if f.successes != 1 {
		t.Errorf("the success was told %d times, want once", f.successes)
	}
	// No minute has more requests than allowed. In a shorter stretch, the requests of a second
	// may leave together, and requests in flight may arrive together. Two machines at the same
	// time would make twice as many.
	for stretch, limit := range map[time.Duration]int{6 * time.Second: perMinute/10 + 2*perMinute/60 + 2*8, time.Minute: perMinute} {
		if most := f.busiest(stretch); most > limit {
			t.Errorf("a partner had %d requests in %s, want at most %d", most, stretch, limit)
		}
		t.Logf("the most requests of a partner in %s: %d of %d", stretch, f.busiest(stretch), limit)
	}
	t.Logf("partners begun by the killed, the stopped and the last machine: %d, %d, %d; requests %d, of a single machine %d; longest pause of a partner %s",
		had(killed), had(stopped), had(last), f.total, single.total, f.longestPause())
}
