package main_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"partnercost/internal/partnersim"
	"partnercost/internal/persist/pgtest"
)

// binary is the program under test, built once.
var binary string

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "collector-e2e-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // files left in the temporary directory do no harm
	if signal.Ignored(syscall.SIGHUP) {
		// Under nohup the program would inherit that the signal is ignored. With a handler
		// here it starts with the default.
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	binary = filepath.Join(dir, "collector")
	build := exec.CommandContext(context.Background(), "go", "build", "-ldflags", "-X main.version=v0.0.0-e2e -X main.commit=c0ffee", "-o", binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v\n%s", err, out))
	}
	return pgtest.Run(m)
}

// site is an installation: a partner, a database and a configuration.
type site struct {
	sim    *partnersim.Simulator
	server *httptest.Server
	url    string // of the database
	dir    string
	env    []string

	mu      sync.Mutex
	printed []string // by all executions so far
}

// newSite serves a simulated partner and configures the collector for it. The lines of
// extra are keys of the partner or, unindented, of the configuration.
func newSite(t *testing.T, o partnersim.Options) *site {
	t.Helper()
	sim := partnersim.New(o)
	s := newSiteAt(t, sim)
	s.sim = sim
	return s
}

// newSiteAt is newSite for any Partner Center. The customers are discovered.
func newSiteAt(t *testing.T, partnerCenter http.Handler) *site {
	t.Helper()
	server := httptest.NewServer(partnerCenter)
	t.Cleanup(server.Close)
	s := &site{server: server, url: pgtest.New(t), dir: t.TempDir()}
	t.Cleanup(func() { s.keepsQuiet(t) })
	s.env = []string{"COLLECTOR_DATABASE_URL=" + s.url, "COLLECTOR_SIM_TOKEN=simulator"}
	s.configure(t, "    customers:\n      discover: true\n", "")
	return s
}

// configure writes the configuration: partner is added to the lines of the only partner,
// and rest follows.
func (s *site) configure(t *testing.T, partner, rest string) {
	t.Helper()
	s.write(t, "collector.yaml", fmt.Sprintf(`partners:
  - name: sim
    base_url: %s
    auth:
      mode: token
    limits:
      requests_per_minute: 600000
%s%s`, s.server.URL, partner, rest))
}

func (s *site) write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// result is the result of an execution of the program.
type result struct {
	code           int
	stdout, stderr string
}

// collector executes the program in the site's directory.
func (s *site) collector(t *testing.T, args ...string) result {
	t.Helper()
	cmd, finish := s.start(t, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return finish()
}

// start prepares an execution. finish waits for its end.
func (s *site) start(t *testing.T, args ...string) (cmd *exec.Cmd, finish func() result) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd = exec.CommandContext(t.Context(), binary, args...)
	cmd.Dir, cmd.Env = s.dir, s.env
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	return cmd, func() result {
		t.Helper()
		err := cmd.Wait()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.printed = append(s.printed, stdout.String(), stderr.String())
		return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	}
}

// want fails the test unless the program ended with the code.
func (r result) want(t *testing.T, code int) result {
	t.Helper()
	if r.code != code {
		t.Fatalf("exit code %d, want %d\nstdout:\n%s\nstderr:\n%s", r.code, code, r.stdout, r.stderr)
	}
	return r
}

// says fails the test unless the two streams together contain every text.
func (r result) says(t *testing.T, texts ...string) result {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(r.stdout+r.stderr, text) {
			t.Errorf("nothing says %q\nstdout:\n%s\nstderr:\n%s", text, r.stdout, r.stderr)
		}
	}
	return r
}

// query returns the rows of a query as text.
func (s *site) query(t *testing.T, query string, args ...any) [][]string {
	t.Helper()
	db := openDB(t, s.url)
	defer func() { _ = db.Close() }() // some tests make many queries
	rows, err := db.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var table [][]string
	for rows.Next() {
		cells := make([]sql.NullString, len(columns))
		into := make([]any, len(columns))
		for i := range cells {
			into[i] = &cells[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		row := make([]string, len(columns))
		for i, cell := range cells {
			row[i] = cell.String
			if !cell.Valid {
				row[i] = "NULL"
			}
		}
		table = append(table, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return table
}

// one returns the single value of a query.
func (s *site) one(t *testing.T, query string, args ...any) string {
	t.Helper()
	table := s.query(t, query, args...)
	if len(table) != 1 || len(table[0]) != 1 {
		t.Fatalf("%s: got %v, want one cell", query, table)
	}
	return table[0][0]
}

func openDB(t *testing.T, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", url) // the store registers the driver
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func (s *site) exec(t *testing.T, statement string) {
	t.Helper()
	if _, err := openDB(t, s.url).ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// expectedCosts returns the rows that finance.costs must have by the simulator's calendar.
func (s *site) expectedCosts(t *testing.T) [][]string {
	t.Helper()
	var want [][]string
	for id := range s.sim.CustomerIDs() {
		expected, ok := s.sim.Expected(id)
		if !ok {
			t.Fatalf("the simulator does not know %s", id)
		}
		if expected.Costs == nil {
			continue
		}
		for _, d := range expected.Costs.Details {
			want = append(want, []string{
				id, string(d.InvoiceType), d.Period.Start.Format("2006-01-02"), d.Period.End.Format("2006-01-02"),
				d.CurrencyCode, d.PretaxTotal.Decimal.String(), d.Tax.Decimal.String(), d.AfterTaxTotal.Decimal.String(),
			})
		}
	}
	slices.SortFunc(want, slices.Compare)
	return want
}

func (s *site) costs(t *testing.T) [][]string {
	t.Helper()
	got := s.query(t, `SELECT customer_id::text, invoice_type, period_start::text, period_end::text, currency_code,
		trim_scale(pretax_total)::text, trim_scale(tax)::text, trim_scale(after_tax_total)::text FROM finance.costs`)
	slices.SortFunc(got, slices.Compare)
	return got
}

func (s *site) useDatabase(url string) {
	s.url = url
	s.env = append(s.env, "COLLECTOR_DATABASE_URL="+url)
}

// decode decodes a text that must be one JSON value.
func decode(t *testing.T, text string, into any) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	if decoder.More() {
		t.Fatalf("more than one JSON value in:\n%s", text)
	}
}

// daemon starts the daemon and, if until is not empty, waits until the daemon has logged
// it. stop sends SIGTERM and waits for the end.
func (s *site) daemon(t *testing.T, until string) (stop func() result) {
	t.Helper()
	stop, _ = s.listeningDaemon(t, until)
	return stop
}

// listeningDaemon is daemon, and also returns the address of the console.
func (s *site) listeningDaemon(t *testing.T, until string) (stop func() result, address string) {
	t.Helper()
	cmd, finish := s.start(t, "daemon", "--log-format", "json")
	log := &listener{to: cmd.Stderr, text: until, heard: make(chan struct{})}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if until != "" {
		select {
		case <-log.heard:
		case <-t.Context().Done():
			t.Fatalf("the daemon never logged %q", until)
		}
		if found := regexp.MustCompile(`"msg":"listening","address":"([^"]+)"`).FindStringSubmatch(log.said()); found != nil {
			address = "http://" + found[1]
		}
	}
	return func() result {
		t.Helper()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		return finish()
	}, address
}

// listener closes heard when text was written to it.
type listener struct {
	to    io.Writer
	text  string
	heard chan struct{}
	once  sync.Once

	mu  sync.Mutex
	all strings.Builder
}

func (l *listener) Write(b []byte) (int, error) {
	l.mu.Lock()
	l.all.Write(b)
	l.mu.Unlock()
	if l.text != "" && strings.Contains(l.said(), l.text) {
		l.once.Do(func() { close(l.heard) })
	}
	return l.to.Write(b)
}

func (l *listener) said() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// until waits until the query returns the single value want.
func (s *site) until(t *testing.T, query, want string) {
	t.Helper()
	for s.one(t, query) != want {
		if t.Context().Err() != nil {
			t.Fatalf("%s never became %s", query, want)
		}
	}
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(b)
}

func wantAnswer(t *testing.T, url string, status int, texts ...string) {
	t.Helper()
	got, body := get(t, url)
	if got != status {
		t.Errorf("GET %s: %d, want %d:\n%s", url, got, status, body)
	}
	for _, text := range texts {
		if !strings.Contains(body, text) {
			t.Errorf("GET %s does not say %q:\n%s", url, text, body)
		}
	}
}

// heard is a server that records its requests.
func heard(t *testing.T) (url string, requests func() []string) {
	t.Helper()
	var mu sync.Mutex
	var all []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		all = append(all, r.Method+" "+r.URL.Path+" "+string(body))
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		heard := all
		all = nil
		return heard
	}
}

// gate is a Partner Center that stops answering after some requests, until it is opened.
// It records the customers whose profiles were requested.
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

// forget returns how many customers were requested since the last call.
func (g *gate) forget() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := len(g.asked)
	g.asked = map[string]int{}
	return n
}

// alone waits until the server has noticed the end of the last collector.
func (s *site) alone(t *testing.T) {
	t.Helper()
	for s.one(t, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'partnercost'`) != "0" {
		if t.Context().Err() != nil {
			t.Fatal("the dead collector's sessions did not end")
		}
	}
}

// values returns all facts, without the time and the run that wrote them.
func (s *site) values(t *testing.T) map[string][][]string {
	t.Helper()
	return map[string][][]string{
		"details": s.query(t, `SELECT customer_key, invoice_type, period_start, currency_code, ordinal, starts_at, ends_at, currency_symbol, pretax_total, tax, after_tax_total,
			origin FROM collector.cost_details ORDER BY 1, 2, 3, 4, 5`),
		"items": s.query(t, `SELECT s.customer_key, s.invoice_type, s.period_start, encode(s.content_hash, 'hex'), s.origin, (to_jsonb(i) - 'set_id')::text FROM collector.line_item_sets s
			JOIN collector.line_items i USING (set_id) WHERE superseded_at IS NULL ORDER BY 1, 2, 3, i.ordinal`),
		"profiles": s.query(t, `SELECT customer_key, encode(content_hash, 'hex'), company_name, country FROM collector.billing_profiles ORDER BY 1`),
		"roots":    s.query(t, `SELECT statement_id, root_starts_at, root_ends_at, root_currency, root_pretax, root_tax, root_after_tax FROM collector.statements ORDER BY 1`),
	}
}

// sorted sorts rows, and puts the row that begins with first before the others.
func sorted(rows [][]string, first string) [][]string {
	slices.SortFunc(rows, func(a, b []string) int {
		switch {
		case a[0] == first:
			return -1
		case b[0] == first:
			return 1
		}
		return slices.Compare(a, b)
	})
	return rows
}

// as makes all further executions use this login.
func (s *site) as(t *testing.T, url string) {
	t.Helper()
	s.env = append(s.env, "COLLECTOR_DATABASE_URL="+url)
}
