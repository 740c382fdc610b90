package collector

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"partnercost/internal/billing"
	"partnercost/internal/collect"
	"partnercost/internal/config"
	"partnercost/internal/partnersim"
)

func TestHowLongANightGoesOn(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	n := night{began: begin, length: 6 * time.Hour, refresh: 7 * day, customers: 70}
	full := n
	full.full = true
	for _, test := range []struct {
		name  string
		night night
		after time.Duration // since the beginning of the run
		age   time.Duration // of the oldest part
		read  int
		want  bool
	}{
		{"there is time", n, 5 * time.Hour, day, 70, true},
		{"it is over", n, 6 * time.Hour, day, 10, false},
		{"the share of a day is not read yet", n, 6 * time.Hour, day, 9, true},
		{"it would be too old after the next one", n, 6 * time.Hour, 7*day - 25*time.Hour, 70, true},
		{"it was never read", n, 6 * time.Hour, 10_000 * day, 70, true},
		{"the next one begins soon", n, 20 * time.Hour, 10_000 * day, 0, false},
		{"whatever it takes", full, 200 * time.Hour, 0, 70, true},
	} {
		now := begin.Add(test.after)
		if got := test.night.goesOn(now, now.Add(-test.age), test.read); got != test.want {
			t.Errorf("%s: goes on %t, want %t", test.name, got, test.want)
		}
	}
}

func TestWhenANightIsAmple(t *testing.T) {
	t.Parallel()
	n := night{length: 6 * time.Hour, pace: config.Limits{RequestsPerMinute: 480, Concurrency: 8}}
	fast, brief, none := n, n, n
	fast.pace.RequestsPerMinute = 1_000_000
	brief.length = 10 * time.Minute
	none.length = 0
	for _, test := range []struct {
		name    string
		night   night
		listed  int
		fetched int
		after   time.Duration
		want    bool
	}{
		{"at the quota it takes a quarter of an hour", n, 2400, 0, 0, true},
		{"at the quota it takes longer", n, 2401, 0, 0, false},
		{"it is far from the quota", fast, 100_000, 8, 72 * time.Millisecond, true},
		{"the service is slower than the quota", fast, 100_000, 8, 73 * time.Millisecond, false},
		{"hours have passed with a million customers", fast, 1_000_000, 500_000, 3 * time.Hour, false},
		{"the first answers are awaited", fast, 100_000, 7, time.Minute, true},
		{"the night is brief", brief, 401, 0, 0, false},
		{"there is no night", none, 1, 0, 0, false},
	} {
		if got := test.night.isAmple(test.listed, collect.Progress{Fetched: test.fetched, Elapsed: test.after}); got != test.want {
			t.Errorf("%s: ample %t, want %t", test.name, got, test.want)
		}
	}
}

// A partner that does not fit into a night has its costs read each night and everything
// else within a week, at 1.3 requests per customer.
func TestShortNightsKeepEverybodyInBounds(t *testing.T) {
	t.Parallel()
	const customers, nights = 42, 15
	i := install(t, partnersim.Options{Customers: customers, Seed: 71, NoCosts: -1})
	i.Config.Collect.Night = 0
	var requests atomic.Int64
	count := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/customers/") {
			requests.Add(1)
		}
		i.sim.ServeHTTP(w, r)
	}))
	t.Cleanup(count.Close)
	i.Config.Partners[0].BaseURL = count.URL
	made := func(request Request) int64 {
		before := requests.Load()
		if result := i.night(request); result.Err != nil || result.Status != billing.StatusSucceeded || result.Tally.Done() != customers {
			t.Fatalf("%s, %+v, %v", result.Status, result.Tally, result.Err)
		}
		return requests.Load() - before
	}
	// Within bounds means costs of now, and other parts of the last seven days.
	outOfBounds := func() string {
		now := i.clock.Now().Format(time.RFC3339)
		return strings.Join(i.lines(fmt.Sprintf(`SELECT concat_ws(' ', count(*) FILTER (WHERE costs_as_of < timestamptz '%[1]s'),
			count(*) FILTER (WHERE profile_as_of < timestamptz '%[1]s' - interval '7 days'),
			count(*) FILTER (WHERE line_items_as_of IS NULL OR line_items_as_of < timestamptz '%[1]s' - interval '7 days')) FROM finance.coverage`, now)), "")
	}
	if got := made(Request{}); got != 3*customers {
		t.Errorf("the first night makes %d requests, want 3 for each customer", got)
	}
	var later int64
	for night := range nights {
		got := made(Request{})
		if night >= nights-6 {
			later += got
		}
		want(t, "costs, profiles and line items out of bounds", "0 0 0", outOfBounds())
	}
	if per := float64(later) / 6 / customers; per < 1.2 || per > 1.4 {
		t.Errorf("%.2f requests for each customer and night, want about 1.33", per)
	}

	// Changed customers do not wait.
	i.sim.Advance(partnersim.Step{Restate: 1})
	if got := made(Request{}); got < 2*customers {
		t.Errorf("%d requests after a change of all costs, want at least two for each customer", got)
	}
	want(t, "line items of before the change", []string{"0"},
		i.lines(fmt.Sprintf(`SELECT count(*)::text FROM finance.coverage WHERE line_items_as_of < timestamptz '%s'`, i.clock.Now().Format(time.RFC3339))))
	if got := made(Request{Full: true}); got != 3*customers {
		t.Errorf("a full run makes %d requests, want 3 for each customer", got)
	}
	if got := i.night(Request{LeaveOut: DoneSinceLastCollection, Kind: billing.KindMissing}); got.Tally.Done() != 0 {
		t.Errorf("after it %+v are missing", got.Tally)
	}
	// A partner that fits into a night is read completely.
	i.Config.Collect.Night = 6 * time.Hour
	if got := made(Request{}); got != 3*customers {
		t.Errorf("a night with time makes %d requests, want 3 for each customer", got)
	}
}

// Profiles and line items that wait too long cause a finding for the partner, and their
// customers do not count as covered.
func TestWhatIsTooOldShows(t *testing.T) {
	t.Parallel()
	i := install(t, partnersim.Options{Customers: 4, Seed: 72, NoCosts: -1})
	i.clock.advance(time.Since(begin)) // the views judge by the clock of the database
	i.Config.Collect.Night = 0
	i.night(Request{})
	const findings = `SELECT concat_ws(' ', kind, coalesce(customer_id::text, 'partner'), resolved_at IS NULL) FROM finance.findings WHERE kind = 'refresh_overdue' ORDER BY 1`
	want(t, "findings", []string(nil), i.lines(findings))
	i.execute(`UPDATE collector.customer_reads SET line_items_at = line_items_at - interval '9 days' WHERE customer_key IN (SELECT min(customer_key) FROM collector.customers)`)
	coverage := func() string {
		all, err := i.Store.Coverage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%d of %d, %d waiting", all["sim"].Covered, all["sim"].Customers, all["sim"].Waiting)
	}
	want(t, "coverage", "3 of 4, 1 waiting", coverage())
	want(t, "the view", []string{"line items"}, i.lines(`SELECT waits_for FROM finance.coverage WHERE waits_for IS NOT NULL`))
	run := billing.Run{ID: "00000000-0000-4000-8000-000000000001", Partner: "sim"}
	i.reconcile(t.Context(), run, i.Log)
	want(t, "findings", []string{"refresh_overdue partner t"}, i.lines(findings))
	i.night(Request{})
	want(t, "coverage", "4 of 4, 0 waiting", coverage())
	want(t, "findings", []string{"refresh_overdue partner f"}, i.lines(findings))
}

// drifting is a service in which each customer moves to the next period when its own
// has ended.
type drifting struct {
	months []*partnersim.Simulator
	now    func() time.Time
}

// month returns how many periods a customer has moved on.
func (d *drifting) month(id string) (month int) {
	for month+1 < len(d.months) && !d.start(id, month+1).After(d.now()) {
		month++
	}
	return month
}

// start returns when the service begins to return a customer's period of a month.
func (d *drifting) start(id string, month int) time.Time {
	s, _ := d.months[month].Expected(id)
	for _, detail := range s.Costs.Details {
		if detail.InvoiceType == billing.Recurring {
			return detail.Period.Start
		}
	}
	return time.Time{}
}

func (d *drifting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	month := 0
	if path, ok := strings.CutPrefix(r.URL.Path, "/v1/customers/"); ok {
		id, _, _ := strings.Cut(path, "/")
		month = d.month(id)
	}
	d.months[month].ServeHTTP(w, r)
}

// Nights that are always interrupted when half of the customers have been read lose no
// period that complete nights would have kept, because the customers with the most to
// lose are in that half. Only the first night is complete, because nothing is known of
// any customer then.
func TestHalfANightLosesNoPeriod(t *testing.T) {
	t.Parallel()
	const customers, nights = 14, 75
	o := partnersim.Options{Customers: customers, Seed: 73, NoCosts: -1, Anonymous: true}
	i := install(t, o)
	o.Clock = i.clock.Now
	d := &drifting{now: i.clock.Now}
	for month := range 6 {
		sim := partnersim.New(o)
		sim.Advance(partnersim.Step{RecurringMonths: month})
		d.months = append(d.months, sim)
	}
	asked, most := 0, customers
	var stop context.CancelFunc
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(strings.ToLower(r.URL.Path), "/mostrecent") { // one at a time
			if asked++; asked > most {
				stop()
				return
			}
		}
		d.ServeHTTP(w, r)
	}))
	t.Cleanup(service.Close)
	i.Config.Partners[0].BaseURL = service.URL
	i.Config.Partners[0].Limits.Concurrency = 1
	i.Config.Collect.LineItems = false
	i.clock.advance(time.Date(2026, time.October, 1, 2, 30, 0, 0, time.UTC).Sub(begin))

	ids := slices.DeleteFunc(i.ids(), func(id string) bool { return d.start(id, 0).IsZero() }) // customers with one-time purchases only
	told := map[string]bool{}
	period := func(id string) string { return id + " " + d.start(id, d.month(id)).UTC().Format(time.DateOnly) }
	for night := range nights {
		i.clock.advance(24 * time.Hour)
		for _, id := range ids {
			told[period(id)] = true
		}
		if night == 0 {
			i.Collect(t.Context(), Request{Kind: billing.KindOnce}, Everybody(i.Config.Partners))
			continue
		}
		var ctx context.Context
		ctx, stop = context.WithCancel(t.Context())
		asked, most = 0, customers/2
		result := i.Collect(ctx, Request{Kind: billing.KindOnce}, []Selection{{Partner: i.Config.Partners[0]}})[0]
		stop()
		if result.Status != billing.StatusInterrupted {
			t.Fatalf("a night ended as %s: %v", result.Status, result.Err)
		}
	}
	for _, id := range ids { // a period that the service still returns is not lost yet
		delete(told, period(id))
	}
	stored := i.lines(`SELECT customer_id || ' ' || period_start FROM finance.costs WHERE invoice_type = 'Recurring' ORDER BY 1`)
	for period := range told {
		if !slices.Contains(stored, period) {
			t.Errorf("the period %s was lost", period)
		}
	}
	if len(told) < 2*len(ids) {
		t.Errorf("only %d periods were told", len(told))
	}
}

// A list that is read during the collection yields every customer once, and the
// customers of its first page in the order of what they have to lose.
func TestWhoHasMostToLoseComesFirst(t *testing.T) {
	t.Parallel()
	i := install(t, partnersim.Options{Customers: 8, Seed: 74, NoCosts: -1})
	write := i.customersFile()
	ids := i.ids()
	var order []string
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id, part, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1/customers/"), "/"); strings.EqualFold(part, "servicecosts/mostrecent") {
			order = append(order, id)
		}
		i.sim.ServeHTTP(w, r)
	}))
	t.Cleanup(service.Close)
	i.Config.Partners[0].BaseURL = service.URL
	i.Config.Partners[0].Limits.Concurrency = 1
	write(ids[1:]...)
	i.night(Request{})
	for n, ends := range []string{"2026-11-20", "2026-11-10", "2026-11-30", "2026-11-10"} {
		i.execute(fmt.Sprintf(`UPDATE collector.customer_reads r SET next_end_at = '%s' FROM collector.customers c WHERE c.customer_key = r.customer_key AND c.customer_id = '%s'`, ends, ids[n+1]))
	}
	set := func(id, what string) {
		i.execute(fmt.Sprintf(`UPDATE collector.customer_reads r SET %s FROM collector.customers c WHERE c.customer_key = r.customer_key AND c.customer_id = '%s'`, what, id))
	}
	seen := func(id, at string) {
		i.execute(fmt.Sprintf(`UPDATE collector.customer_states s SET last_success_at = '%s' FROM collector.customers c WHERE c.customer_key = s.customer_key AND c.customer_id = '%s'`, at, id))
	}
	seen(ids[4], "2026-10-01") // like ids[2], but not collected for longer
	set(ids[5], "next_end_at = NULL")
	seen(ids[5], "2026-10-20")
	set(ids[6], "next_end_at = NULL")
	seen(ids[6], "2026-10-10")
	set(ids[7], "next_end_at = '2026-10-01', refused = true")
	for name, customers := range map[string]config.Customers{"a file": i.Config.Partners[0].Customers, "discovery": {Discover: true}} {
		i.Config.Partners[0].Customers = customers
		order = nil
		stored := i.lines(`SELECT format('UPDATE collector.customer_reads SET next_end_at = %L, refused = %L WHERE customer_key = %s', next_end_at, refused, customer_key) FROM collector.customer_reads
			UNION ALL SELECT format('UPDATE collector.customer_states SET last_success_at = %L WHERE customer_key = %s', last_success_at, customer_key) FROM collector.customer_states`)
		write(ids...)
		i.night(Request{})
		want(t, name, []string{ids[0], ids[4], ids[2], ids[1], ids[3], ids[6], ids[5], ids[7]}, order)
		// The state from before, with the new customer unknown.
		i.execute(append(stored, `DELETE FROM collector.customer_reads WHERE customer_key = (SELECT customer_key FROM collector.customers WHERE customer_id = '`+ids[0]+`')`,
			`DELETE FROM collector.customer_states WHERE customer_key = (SELECT customer_key FROM collector.customers WHERE customer_id = '`+ids[0]+`')`)...)
	}
}
