package bench

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"partnercost/internal/localpg"
	"partnercost/internal/partnersim"
)

// inFlight is the usual number of requests in flight, latency what each answer takes.
const (
	inFlight = 64
	latency  = 20 * time.Millisecond
)

// bareNight is what the table calls a run of the bare loop, which reads at most
// bareCustomers: its pace does not depend on their number.
const (
	bareNight     = "bare loop"
	bareCustomers = 100_000
)

// TestMain runs the bare loop when the benchmark starts this binary again for it, so
// that it is measured as a process of its own, like the collector. At the end it prints
// the table.
func TestMain(m *testing.M) {
	if base := os.Getenv("BENCH_BARE_LOOP"); base != "" {
		concurrency, err := strconv.Atoi(os.Getenv("BENCH_IN_FLIGHT"))
		if err == nil {
			err = bareLoop(base, os.Getenv("BENCH_CUSTOMERS_FILE"), concurrency)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	if err := results.write(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// sizes are how many customers there are: 10,000 and 100,000, or what BENCH_CUSTOMERS
// lists.
func sizes(b *testing.B) []int {
	b.Helper()
	var all []int
	for field := range strings.SplitSeq(cmp.Or(os.Getenv("BENCH_CUSTOMERS"), "10000,100000"), ",") {
		n, err := strconv.Atoi(field)
		if err != nil {
			b.Fatalf("BENCH_CUSTOMERS: %v", err)
		}
		all = append(all, n)
	}
	return all
}

// small are the customers of the cases that are not about their number.
func small(b *testing.B) int { return min(10_000, sizes(b)[0]) }

// usual are customers with costs, answered after the usual time.
func usual(customers int) partnersim.Options {
	return partnersim.Options{Customers: customers, Seed: 1, Latency: latency, NoCosts: -1, LineItemsPerCustomer: 3}
}

// BenchmarkRun collects customers without line items: new, then unchanged, then all
// restated.
func BenchmarkRun(b *testing.B) {
	for _, customers := range sizes(b) {
		b.Run(fmt.Sprint(customers), func(b *testing.B) {
			r := newRig(b, "run", usual(customers), nil)
			r.configure(b, setting{})
			r.night(b, bareNight, r.bareLoop)
			r.night(b, "new", r.collector)
			r.night(b, "unchanged", r.collector)
			if customers > bareCustomers { // half an hour is enough
				r.night(b, bareNight, r.bareLoop)
				return
			}
			r.night(b, "unchanged again", r.collector)
			r.sim.Advance(partnersim.Step{Restate: 1})
			r.night(b, "restated", r.collector)
			r.night(b, bareNight, r.bareLoop)
		})
	}
}

// BenchmarkInFlight is BenchmarkRun's with 256 requests in flight.
func BenchmarkInFlight(b *testing.B) {
	r := newRig(b, "256 in flight", usual(small(b)), nil)
	r.configure(b, setting{concurrency: 256})
	r.night(b, bareNight, r.bareLoop)
	r.night(b, "new", r.collector)
	r.night(b, "unchanged", r.collector)
	r.night(b, bareNight, r.bareLoop)
}

// BenchmarkLineItems is BenchmarkRun's with three line items for each customer.
func BenchmarkLineItems(b *testing.B) {
	for _, customers := range sizes(b) {
		b.Run(fmt.Sprint(customers), func(b *testing.B) {
			r := newRig(b, "line items", usual(customers), nil)
			r.configure(b, setting{lineItems: true})
			r.night(b, "new", r.collector)
			r.night(b, "unchanged", r.collector)
			r.sim.Advance(partnersim.Step{OneTimeMonths: 1, RecurringMonths: 1})
			r.night(b, "next month", r.collector)
		})
	}
}

// BenchmarkFindings is BenchmarkRun's where each customer has two findings: its details
// name no currency.
func BenchmarkFindings(b *testing.B) {
	for _, customers := range sizes(b) {
		b.Run(fmt.Sprint(customers), func(b *testing.B) {
			r := newRig(b, "findings", usual(customers), func(body []byte) []byte {
				return bytes.ReplaceAll(body, []byte(`"currencyCode":`), []byte(`"currencyName":`))
			})
			r.configure(b, setting{})
			r.night(b, "new", r.collector)
			r.night(b, "unchanged", r.collector)
		})
	}
}

// BenchmarkVolatile has each answer come with another etag in each night.
func BenchmarkVolatile(b *testing.B) {
	var night atomic.Int64
	r := newRig(b, "volatile", usual(small(b)), func(body []byte) []byte {
		return bytes.Replace(body, []byte(`"etag":"`), fmt.Appendf(nil, `"etag":"%d`, night.Load()), 1)
	})
	r.configure(b, setting{})
	for _, name := range []string{"new", "other etags", "other etags again"} {
		night.Add(1)
		r.night(b, name, r.collector)
	}
}

// BenchmarkShortNight has a night that is too short for everything: who is unchanged is
// asked for the costs alone.
func BenchmarkShortNight(b *testing.B) {
	r := newRig(b, "short night", usual(small(b)), nil)
	r.configure(b, setting{lineItems: true})
	r.night(b, "new", r.collector)
	r.configure(b, setting{lineItems: true, collect: ", night: 1s"})
	if err := r.command(b, "status").Run(); err != nil {
		b.Skip("this program has no collect.night")
	}
	r.night(b, "unchanged", r.collector)
}

// BenchmarkLargeAnswers asks at once for 14 customers with 18 MB of line items each: one
// of the large answers is held at a time until it is stored.
func BenchmarkLargeAnswers(b *testing.B) {
	o := usual(14)
	o.LineItemsPerCustomer = 20_000
	r := newRig(b, "18 MB of line items", o, nil)
	r.configure(b, setting{lineItems: true})
	r.night(b, "new", r.collector)
	r.night(b, "unchanged", r.collector)
}

// BenchmarkPartners collects 40 partners with a quota of 480 requests a minute each, and
// one of them.
func BenchmarkPartners(b *testing.B) {
	const each = 240
	for _, partners := range []int{1, 40} {
		b.Run(fmt.Sprint(partners), func(b *testing.B) {
			r := newRig(b, fmt.Sprintf("%d partners", partners), usual(each), nil)
			r.customers = each * partners
			r.configure(b, setting{partners: partners, requestsPerMinute: 480})
			r.night(b, "new", r.collector)
		})
	}
}

// BenchmarkThrottled collects from a service that takes 400 requests a second, once
// with the collector's own limit at that rate and once with the limit above it.
func BenchmarkThrottled(b *testing.B) {
	const perSecond, customers = 400, 10_000
	for name, perMinute := range map[string]int{"limited": perSecond * 60, "unlimited": 0} {
		b.Run(name, func(b *testing.B) {
			o := usual(customers)
			o.MaxRequestsPerSecond = perSecond
			r := newRig(b, "throttled, "+name, o, nil)
			r.configure(b, setting{requestsPerMinute: perMinute})
			took := r.night(b, "new", r.collector)
			ideal := time.Duration(2*customers) * time.Second / perSecond
			b.ReportMetric(float64(r.sim.Stats().Faults["rate_limit"]), "wasted-requests")
			b.ReportMetric(100*(took.Seconds()/ideal.Seconds()-1), "%beyond-ideal")
		})
	}
}

// BenchmarkFaults collects from a service of which 2 % of the answers are 429 and 2 %
// are 500, and counts the requests beyond those that the faults forced.
func BenchmarkFaults(b *testing.B) {
	const customers = 10_000
	o := usual(customers)
	o.Faults = partnersim.Faults{Throttle: 0.02, ServerError: 0.02}
	r := newRig(b, "faults", o, nil)
	r.configure(b, setting{})
	r.night(b, "new", r.collector)
	stats := r.sim.Stats()
	forced := stats.Faults["throttle"] + stats.Faults["server_error"]
	made := stats.Requests["profile"] + stats.Requests["summary"]
	b.ReportMetric(float64(stats.Customers), "customers-answered")
	b.ReportMetric(float64(forced), "faults")
	b.ReportMetric(float64(made)-2*customers-float64(forced), "wasted-requests")
}

// BenchmarkInvoices reads the invoices of twelve months, each with about six lines a customer:
// new, unchanged, and the statement of a month. The figures are for each line.
func BenchmarkInvoices(b *testing.B) {
	for _, customers := range []int{170, 1_700, 10_000} {
		b.Run(fmt.Sprint(customers), func(b *testing.B) {
			o := usual(customers)
			o.LineItemsPerCustomer, o.Latency = 6, 0
			o.Invoices = &partnersim.Invoices{Tenant: tenant, Back: 11}
			r := newRig(b, fmt.Sprintf("invoices of %d customers, each line", customers), o, nil)
			r.configure(b, setting{invoices: true})
			r.execute(b, r.command(b, "run", "--only", "costs"))
			r.sizeOf = func() int { return r.db.count(b, "SELECT count(*) FROM finance.invoice_lines") }
			only := func(b *testing.B) *exec.Cmd { return r.command(b, "run", "--only", "invoices") }
			r.night(b, "new", only)
			r.night(b, "unchanged", only)
			r.night(b, "replay, costs too", func(b *testing.B) *exec.Cmd { return r.command(b, "backfill", "--replay") })
			const month = "2026-09" // the newest of the simulator
			r.night(b, "reconcile", func(b *testing.B) *exec.Cmd { return r.command(b, "reconcile", "--period", month) })
			for name, query := range map[string]string{
				"ms-list": "SELECT count(lines_total) FROM finance.invoices", "ms-reconciliation": "SELECT count(verdict) FROM finance.invoice_reconciliation WHERE month = '" + month + "-01'",
				"ms-history": "SELECT count(*) FROM finance.history WHERE month = '" + month + "-01'",
			} {
				began := time.Now()
				r.db.count(b, query)
				b.ReportMetric(float64(time.Since(began).Milliseconds()), name)
			}
		})
	}
}

// tenant is the partner's own.
const tenant = "0a0a0a0a-0000-4000-8000-000000000000"

// rig is a simulator, a database and the built program.
type rig struct {
	name                      string
	sim                       *partnersim.Simulator
	db                        *database
	base, dir, binary, dbURL  string
	customersFile, configFile string
	customers, concurrency    int
	// sizeOf returns what the figures of a night are divided by; the customers if nil.
	sizeOf func() int
}

// newRig sets everything up. rewrite, if any, changes each answer on its way.
func newRig(b *testing.B, name string, o partnersim.Options, rewrite func([]byte) []byte) *rig {
	b.Helper()
	r := &rig{name: name, sim: partnersim.New(o), dir: b.TempDir(), customers: o.Customers}
	var handler http.Handler = r.sim
	if rewrite != nil {
		handler = rewriting(r.sim, rewrite)
	}
	server := httptest.NewServer(handler)
	b.Cleanup(server.Close)
	r.base = server.URL

	pg, err := localpg.Start(b.Context(), localpg.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = pg.Stop(context.Background()) })
	r.dbURL = pg.URL("postgres")
	r.db = openDatabase(b, r.dbURL)

	r.binary = filepath.Join(r.dir, "collector")
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", r.binary, "../../cmd/collector")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build the collector: %v\n%s", err, out)
	}
	r.customersFile = filepath.Join(r.dir, "customers.txt")
	file, err := os.Create(r.customersFile)
	if err != nil {
		b.Fatal(err)
	}
	ids := bufio.NewWriter(file)
	for id := range r.sim.CustomerIDs() {
		_, _ = ids.WriteString(id + "\n")
	}
	if err := errors.Join(ids.Flush(), file.Close()); err != nil {
		b.Fatal(err)
	}
	return r
}

// rewriting changes the bodies of a handler.
func rewriting(handler http.Handler, rewrite func([]byte) []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		body := rewrite(recorder.Body.Bytes())
		maps.Copy(w.Header(), recorder.Header())
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(recorder.Code)
		_, _ = w.Write(body)
	})
}

// setting is what a configuration says; the zero value is the usual.
type setting struct {
	partners, concurrency, requestsPerMinute int
	lineItems, invoices                      bool
	collect                                  string // further keys of collect
}

// configure writes the configuration and migrates the database.
func (r *rig) configure(b *testing.B, s setting) {
	b.Helper()
	r.concurrency = cmp.Or(s.concurrency, inFlight)
	r.configFile = filepath.Join(r.dir, "collector.yaml")
	text := "partners:\n"
	for n := range max(1, s.partners) {
		text += fmt.Sprintf(`  - name: bench%d
    base_url: %s
    auth: {mode: token, token_file: %s}
    customers: {file: %s}
    limits: {concurrency: %d, requests_per_minute: %d}
`, n, r.base, filepath.Join(r.dir, "token"), r.customersFile, r.concurrency, cmp.Or(s.requestsPerMinute, 10_000_000)) // as good as no limit
	}
	if s.invoices {
		text += fmt.Sprintf("    invoices: {enabled: true, since: 2020-01, graph: {tenant_id: %s, client_id: %[1]s, client_secret_file: %s, base_url: %s, login_url: %[3]s}}\n",
			tenant, filepath.Join(r.dir, "token"), r.base)
	}
	text += fmt.Sprintf("collect: {line_items: %t%s}\n", s.lineItems, s.collect)
	if err := os.WriteFile(r.configFile, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "token"), []byte("simulator"), 0o600); err != nil {
		b.Fatal(err)
	}
	r.execute(b, r.command(b, "migrate", "up"))
}

func (r *rig) command(b *testing.B, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(b.Context(), r.binary, append(args, "--config", r.configFile, "--log-level", "warn")...)
	cmd.Env = append(os.Environ(), "COLLECTOR_DATABASE_URL="+r.dbURL)
	return cmd
}

func (r *rig) collector(b *testing.B) *exec.Cmd { return r.command(b, "run") }

func (r *rig) bareLoop(b *testing.B) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), self)
	cmd.Env = append(os.Environ(), "BENCH_BARE_LOOP="+r.base, "BENCH_CUSTOMERS_FILE="+r.customersFile, "BENCH_IN_FLIGHT="+strconv.Itoa(r.concurrency))
	return cmd
}

// execute runs a process and returns the most memory that it held, in MiB. The kernel
// tells that of an ended process too, but with it what this process held when it started
// the other, which is the simulator's.
func (r *rig) execute(b *testing.B, cmd *exec.Cmd) (peak float64) {
	b.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case err := <-ended:
			if err != nil {
				b.Fatalf("%s: %v\n%s", cmd, err, out.String())
			}
			return peak
		case <-look.C:
			peak = max(peak, residentPeak(cmd.Process.Pid))
		}
	}
}

// residentPeak is the most memory that a process has held so far, in MiB; 0 when it has
// ended.
func residentPeak(pid int) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	value, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	kilobytes, err := strconv.Atoi(value)
	if err != nil {
		return 0
	}
	return float64(kilobytes) / 1024
}

// night runs a process over all customers, once, adds a row to the table and returns
// how long it took.
func (r *rig) night(b *testing.B, name string, command func(*testing.B) *exec.Cmd) time.Duration {
	b.Helper()
	before, cpuBefore, requestsBefore := r.db.stored(b), r.db.cpu(b), r.requests()
	watched, done := context.WithCancel(b.Context())
	sessions := r.db.watch(watched, r.dbURL)
	cmd := command(b)
	began := time.Now()
	peak := r.execute(b, cmd)
	took := time.Since(began)
	done()
	size := r.customers
	if r.sizeOf != nil {
		size = r.sizeOf()
	}
	listed := size // pairs the bare loop with the nights of its case
	if name == bareNight {
		size = min(size, bareCustomers)
	}
	total := float64(size)
	after, requests := r.db.stored(b), r.requests()
	each := func(d time.Duration) float64 { return d.Seconds() * 1000 / total }
	results.add(row{
		Case: r.name, Customers: listed, Night: name,
		PerSecond: total / took.Seconds(), CPU: each(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()),
		PostgreSQL: each(r.db.cpu(b) - cpuBefore), PeakMiB: peak,
		Requests: float64(requests-requestsBefore) / total, Bytes: float64(after.bytes-before.bytes) / total,
		Bodies: float64(after.bodies-before.bodies) / total, Entries: float64(after.entries-before.entries) / total,
		Sessions: <-sessions,
	})
	b.ReportMetric(0, "ns/op")
	return took
}

// requests is how many the simulator has answered.
func (r *rig) requests() uint64 {
	sum := uint64(0)
	for _, n := range r.sim.Stats().Requests {
		sum += n
	}
	return sum
}

// bareLoop does the requests that a collection without line items does, and nothing
// with the answers but to look whether they are JSON.
func bareLoop(base, customersFile string, concurrency int) error {
	file, err := os.Open(customersFile)
	if err != nil {
		return err
	}
	defer file.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: concurrency, MaxConnsPerHost: concurrency}}
	urls := make(chan string)
	failed := make(chan error, concurrency)
	for range concurrency {
		go func() {
			var body bytes.Buffer
			for url := range urls {
				if err := get(client, url, &body); err != nil {
					failed <- err
					return
				}
			}
			failed <- nil
		}()
	}
	lines := bufio.NewScanner(file)
	for n := 0; n < bareCustomers && lines.Scan(); n++ {
		urls <- base + "/v1/customers/" + lines.Text() + "/profiles/billing"
		urls <- base + "/v1/customers/" + lines.Text() + "/servicecosts/mostrecent"
	}
	close(urls)
	for range concurrency {
		if err := <-failed; err != nil {
			return err
		}
	}
	return nil
}

func get(client *http.Client, url string, body *bytes.Buffer) error {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer simulator")
	request.Header.Set("Accept", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body.Reset()
	if _, err := body.ReadFrom(response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK || !json.Valid(bytes.TrimPrefix(body.Bytes(), []byte("\ufeff"))) {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	return nil
}
