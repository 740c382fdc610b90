package main_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"partnercost/internal/partnersim"
)

// faultPoint stops the requests to Partner Center, or the bytes to PostgreSQL, once a
// number of them has passed.
type faultPoint struct {
	mu       sync.Mutex
	at       int64 // 0 means never
	passed   int64
	reached  chan struct{}
	released chan struct{}
}

// arm sets the number and counts from 0 again. It returns the count so far.
func (m *faultPoint) arm(at int64) (passed int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	passed = m.passed
	m.at, m.passed = at, 0
	m.reached, m.released = make(chan struct{}), make(chan struct{})
	return passed
}

// pass counts n more. If that passes the point, only allowed of them may continue, and the
// others after release is closed.
func (m *faultPoint) pass(n int64) (allowed int64, release <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.passed
	m.passed += n
	if m.at == 0 || m.passed < m.at {
		return n, nil
	}
	if before < m.at {
		close(m.reached)
	}
	return max(0, m.at-1-before), m.released
}

// release lets everything pass until the next arm.
func (m *faultPoint) release() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at = 0
	select {
	case <-m.released:
	default:
		close(m.released)
	}
}

// proxy is a proxy in front of Partner Center. Its fault point counts requests.
type proxy struct {
	faultPoint
	next http.Handler
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, release := p.pass(1); release != nil {
		select {
		case <-release:
		case <-r.Context().Done():
			return
		}
	}
	p.next.ServeHTTP(w, r)
}

// tcpProxy is a proxy in front of PostgreSQL. Its fault point counts the bytes to the
// server.
type tcpProxy struct {
	faultPoint
	target string

	conns map[net.Conn]bool // guarded by the fault point's mutex
}

// newTCPProxy starts a proxy for the server of databaseURL, and returns the URL that goes
// through it.
func newTCPProxy(t *testing.T, databaseURL string) (*tcpProxy, string) {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &tcpProxy{target: u.Host, conns: map[net.Conn]bool{}}
	w.arm(0)
	var carrying sync.WaitGroup
	carrying.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			carrying.Go(func() { w.carry(client) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		w.cut()
		w.release()
		carrying.Wait()
	})
	u.Host = l.Addr().String()
	return w, u.String()
}

// carry serves one connection.
func (w *tcpProxy) carry(client net.Conn) {
	var dialer net.Dialer
	server, err := dialer.DialContext(context.Background(), "tcp", w.target)
	if err != nil {
		_ = client.Close()
		return
	}
	w.mu.Lock()
	w.conns[client], w.conns[server] = true, true
	w.mu.Unlock()
	var both sync.WaitGroup
	finish := func() { _ = client.Close(); _ = server.Close() }
	both.Go(func() { defer finish(); _, _ = io.Copy(client, server) })
	both.Go(func() { defer finish(); w.send(server, client) })
	both.Wait()
	w.mu.Lock()
	delete(w.conns, client)
	delete(w.conns, server)
	w.mu.Unlock()
}

// send forwards the bytes of the client until the fault point is reached.
func (w *tcpProxy) send(server io.Writer, client io.Reader) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		allowed, release := w.pass(int64(n))
		if _, err := server.Write(buffer[:allowed]); err != nil {
			return
		}
		if release == nil {
			continue
		}
		<-release
		if _, err := server.Write(buffer[allowed:n]); err != nil {
			return
		}
	}
}

// cut breaks all connections.
func (w *tcpProxy) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for conn := range w.conns {
		_ = conn.Close()
	}
}

// faultSite is a site with fault points before Partner Center and PostgreSQL.
type faultSite struct {
	*site
	proxy    *proxy
	tcpProxy *tcpProxy
}

// newFaultSite returns a site with that many customers, which make many small batches.
// Sites with the same number have the same customers.
func newFaultSite(t *testing.T, customers int) *faultSite {
	t.Helper()
	sim := partnersim.New(partnersim.Options{Customers: customers, Seed: 31})
	d := &proxy{next: sim}
	d.arm(0)
	s := newSiteAt(t, d)
	s.sim = sim
	f := &faultSite{site: s, proxy: d}
	f.proxyDatabase(t)
	f.waits(t, "1m")
	return f
}

// proxyDatabase connects the collector to the site's database through a new proxy.
func (f *faultSite) proxyDatabase(t *testing.T) {
	t.Helper()
	w, through := newTCPProxy(t, f.url)
	f.tcpProxy = w
	f.env = append(f.env, "COLLECTOR_DATABASE_URL="+through)
}

// waits configures database.wait.
func (f *faultSite) waits(t *testing.T, wait string) {
	t.Helper()
	f.configure(t, "    customers:\n      discover: true\n", "collect:\n  batch: 25\ndatabase:\n  wait: "+wait+"\n")
}

// nextNight moves the calendar: the costs of every third customer are restated, and a new
// month of one-time purchases begins.
func (f *faultSite) nextNight() { f.sim.Advance(partnersim.Step{Restate: 0.3, OneTimeMonths: 1}) }

// background is an execution that is under way.
type background struct {
	cmd   *exec.Cmd
	ended chan result
	// heard is closed when the execution has logged the expected text.
	heard chan struct{}
}

const waitsForDatabase = "the database cannot store a batch; waiting for it"

func (f *faultSite) background(t *testing.T, logs string, args ...string) *background {
	t.Helper()
	cmd, finish := f.start(t, args...)
	log := &listener{to: cmd.Stderr, text: logs, heard: make(chan struct{})}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b := &background{cmd: cmd, ended: make(chan result, 1), heard: log.heard}
	go func() { b.ended <- finish() }()
	return b
}

// await waits for event, and fails the test if the execution ends first.
func (b *background) await(t *testing.T, event <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-event:
	case r := <-b.ended:
		t.Fatalf("the collector ended with %d before %s\n%s", r.code, what, r.stderr)
	}
}

// notFacts are the columns in which two collections of the same answers differ.
const notFacts = `'{customer_key,statement_id,detail_id,set_id,finding_id,last_statement_id,run_id,last_run_id,last_success_run_id,superseded_by_run,version,last_outcome,
	last_attempt_at,last_success_at,first_seen_at,last_seen_at,first_collected_at,last_collected_at,last_changed_at,collected_at,changed_at,valid_from,valid_until,superseded_at,resolved_at,hours_since_success,profile_rules,costs_rules,costs_as_of,profile_as_of,line_items_as_of,
	x_CollectedAt,BillingPeriodCreated,BillingPeriodLastUpdated,summarised_at}'::text[]`

// factQueries return the stored rows, each as one text. Generated keys are replaced by
// what they stand for.
var factQueries = map[string]string{
	"collector.customers": `SELECT to_jsonb(t) - ` + notFacts + ` FROM collector.customers t`,
	"collector.payloads":  `SELECT jsonb_build_object('hash', payload_hash, 'body', sha256(body)) FROM collector.payloads`,
	"collector.statements": `SELECT to_jsonb(t) - ` + notFacts + ` || jsonb_build_object('customer', c.customer_id)
		FROM collector.statements t JOIN collector.customers c USING (customer_key)`,
	"collector.customer_states": `SELECT to_jsonb(t) - ` + notFacts + ` || jsonb_build_object('customer', c.customer_id, 'success', t.last_success_at IS NOT NULL,
			'summary', s.summary_hash, 'profile', s.profile_hash)
		FROM collector.customer_states t JOIN collector.customers c USING (customer_key) JOIN collector.statements s USING (statement_id)`,
	"collector.billing_profiles": `SELECT to_jsonb(t) - ` + notFacts + ` || jsonb_build_object('customer', c.customer_id, 'profile', s.profile_hash)
		FROM collector.billing_profiles t JOIN collector.customers c USING (customer_key) JOIN collector.statements s USING (statement_id)`,
	"collector.billing_profile_history": `SELECT to_jsonb(t) - ` + notFacts + ` || jsonb_build_object('customer', c.customer_id, 'profile', s.profile_hash)
		FROM collector.billing_profile_history t JOIN collector.customers c USING (customer_key) JOIN collector.statements s USING (statement_id)`,
	"collector.cost_details": `SELECT to_jsonb(t) - ` + notFacts + ` || jsonb_build_object('customer', c.customer_id, 'summary', s.summary_hash)
		FROM collector.cost_details t JOIN collector.customers c USING (customer_key) JOIN collector.statements s USING (statement_id)`,
	"collector.cost_detail_history": `SELECT to_jsonb(t) - ` + notFacts + ` || jsonb_build_object('customer', c.customer_id, 'summary', s.summary_hash,
			'detail', concat_ws(' ', d.invoice_type, d.period_start, d.currency_code, d.ordinal))
		FROM collector.cost_detail_history t JOIN collector.cost_details d USING (detail_id) JOIN collector.customers c USING (customer_key)
		JOIN collector.statements s ON s.statement_id = t.statement_id`,
	"collector.line_item_sets": `SELECT to_jsonb(t) - ` + notFacts + ` || jsonb_build_object('customer', c.customer_id, 'items', s.line_items_hash, 'current', t.superseded_at IS NULL)
		FROM collector.line_item_sets t JOIN collector.customers c USING (customer_key) JOIN collector.statements s USING (statement_id)`,
	"collector.line_items": `SELECT to_jsonb(t) - ` + notFacts + ` || jsonb_build_object('customer', c.customer_id, 'set', concat_ws(' ', l.invoice_type, l.period_start, l.revision))
		FROM collector.line_items t JOIN collector.line_item_sets l USING (set_id) JOIN collector.customers c USING (customer_key)`,
	"collector.findings": `SELECT to_jsonb(t) - ` + notFacts + ` || jsonb_build_object('customer', c.customer_id, 'open', t.resolved_at IS NULL)
		FROM collector.findings t LEFT JOIN collector.customers c USING (customer_key)`,
}

// facts counts how often each row is stored, by table or view.
type facts map[string]map[string]int

// facts reads every fact table, and every view of finance except that of the runs.
func (s *site) facts(t *testing.T) facts {
	t.Helper()
	all := facts{}
	read := func(name, query string) {
		rows := map[string]int{}
		for _, row := range s.query(t, query) {
			rows[row[0]]++
		}
		all[name] = rows
	}
	for name, query := range factQueries {
		read(name, query)
	}
	// The FOCUS views repeat the same data in twice as many rows.
	for _, view := range s.query(t, `SELECT table_name FROM information_schema.views WHERE table_schema = 'finance' AND table_name <> 'runs' AND table_name NOT LIKE 'focus%'`) {
		read("finance."+view[0], `SELECT to_jsonb(v) - `+notFacts+` FROM finance.`+view[0]+` v`)
	}
	return all
}

// rows counts all rows.
func (f facts) rows() int {
	n := 0
	for _, rows := range f {
		for _, times := range rows {
			n += times
		}
	}
	return n
}

// against returns the rows of want that are missing here, and the additional rows here.
func (f facts) against(want facts) (lost, doubled []string) {
	beyond := func(a, b facts) []string {
		var found []string
		for name, rows := range a {
			for row, times := range rows {
				for range times - b[name][row] {
					found = append(found, name+" "+row)
				}
			}
		}
		slices.Sort(found)
		return found
	}
	return beyond(want, f), beyond(f, want)
}

// holds fails the test unless the site stores exactly the wanted rows. It returns how many
// rows are lost and how many are doubled.
func (s *site) holds(t *testing.T, want facts, after string) (lost, doubled int) {
	t.Helper()
	missing, beyond := s.facts(t).against(want)
	if len(missing)+len(beyond) > 0 {
		t.Errorf("after %s %d rows are lost and %d doubled, such as\n%s", after, len(missing), len(beyond),
			strings.Join(slices.Concat(missing[:min(3, len(missing))], beyond[:min(3, len(beyond))]), "\n"))
	}
	return len(missing), len(beyond)
}

// undisturbed is what a site without faults stores, and how many requests and bytes it
// needs.
type undisturbed struct {
	facts           facts
	requests, bytes int64
}

// measure collects two nights of a new site without faults.
func measure(t *testing.T, customers int) (nights [2]undisturbed) {
	t.Helper()
	f := newFaultSite(t, customers)
	for night := range nights {
		if night > 0 {
			f.nextNight()
		}
		f.proxy.arm(0)
		f.tcpProxy.arm(0)
		f.collector(t, "run").want(t, 0)
		nights[night] = undisturbed{facts: f.facts(t), requests: f.proxy.arm(0), bytes: f.tcpProxy.arm(0)}
	}
	return nights
}

// trouble starts a run, calls a function when the run is midway, and lets the run
// continue. The result tells when the run has logged a text.
func (f *faultSite) trouble(t *testing.T, logs string, happens func()) *background {
	t.Helper()
	f.proxy.arm(midway)
	b := f.background(t, logs, "run")
	b.await(t, f.proxy.reached, "its middle")
	happens()
	f.proxy.release()
	return b
}

// asAdministrator executes statements in a session that the site's faults do not affect.
func (f *faultSite) asAdministrator(t *testing.T, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := openDB(t, f.url+"&default_transaction_read_only=off").ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// asLogin makes the collector log in as a new role, with parameters in the URL.
func (f *faultSite) asLogin(t *testing.T, parameters url.Values) {
	t.Helper()
	name := "trouble_" + f.one(t, `SELECT current_database()`)
	f.collector(t, "migrate", "up").want(t, 0) // grants the rights
	f.exec(t, fmt.Sprintf(`CREATE ROLE %s LOGIN PASSWORD 'trouble' IN ROLE collector_writer`, name))
	t.Cleanup(func() {
		db := openDB(t, f.url)
		ctx := context.Background() // the context of the test has ended
		for sessions := 1; sessions > 0; {
			if err := db.QueryRowContext(ctx, `SELECT count(*) FROM pg_stat_activity WHERE usename = $1`, name).Scan(&sessions); err != nil {
				t.Error(err)
				return
			}
		}
		if _, err := db.ExecContext(ctx, `DROP ROLE `+name); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(f.env[len(f.env)-1][len("COLLECTOR_DATABASE_URL="):])
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(name, "trouble")
	query := u.Query()
	maps.Copy(query, parameters)
	u.RawQuery = query.Encode()
	f.env = append(f.env, "COLLECTOR_DATABASE_URL="+u.String())
}
