package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"partnercost/internal/localpg"
	"partnercost/internal/partnersim"
)

// inFlight is the number of requests in flight, latency what each answer takes.
const (
	inFlight = 64
	latency  = 20 * time.Millisecond
)

// TestMain runs the bare loop when the benchmark starts this binary again for it, so
// that it is measured as a process of its own, like the collector.
func TestMain(m *testing.M) {
	if base := os.Getenv("BENCH_BARE_LOOP"); base != "" {
		if err := bareLoop(base, os.Getenv("BENCH_CUSTOMERS_FILE")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// BenchmarkRun collects 10,000 and 100,000 customers without line items: new, then
// unchanged, then all restated. Run it with -benchtime 1x.
func BenchmarkRun(b *testing.B) {
	for _, customers := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(customers), func(b *testing.B) {
			rig := newRig(b, partnersim.Options{Customers: customers, Seed: 1, Latency: latency, NoCosts: -1})
			rig.configure(b, inFlight, 0, false)
			b.Run("bare_loop", func(b *testing.B) { rig.measure(b, rig.bareLoop) })
			b.Run("new", func(b *testing.B) { rig.measure(b, rig.collector) })
			b.Run("unchanged", func(b *testing.B) { rig.measure(b, rig.collector) })
			b.Run("restated", func(b *testing.B) {
				rig.sim.Advance(partnersim.Step{Restate: 1})
				rig.measure(b, rig.collector)
			})
			b.Run("bare_loop_again", func(b *testing.B) { rig.measure(b, rig.bareLoop) })
		})
	}
}

// BenchmarkLineItems is BenchmarkRun's first night with line items.
func BenchmarkLineItems(b *testing.B) {
	rig := newRig(b, partnersim.Options{Customers: 10_000, Seed: 1, Latency: latency, NoCosts: -1})
	rig.configure(b, inFlight, 0, true)
	b.Run("new", func(b *testing.B) { rig.measure(b, rig.collector) })
	b.Run("unchanged", func(b *testing.B) { rig.measure(b, rig.collector) })
}

// BenchmarkThrottled collects from a service that takes 400 requests a second, once
// with the collector's own limit at that rate and once with the limit above it.
func BenchmarkThrottled(b *testing.B) {
	const perSecond, customers = 400, 10_000
	for name, perMinute := range map[string]int{"limited": perSecond * 60, "unlimited": 0} {
		b.Run(name, func(b *testing.B) {
			rig := newRig(b, partnersim.Options{Customers: customers, Seed: 1, Latency: latency, NoCosts: -1, MaxRequestsPerSecond: perSecond})
			rig.configure(b, inFlight, perMinute, false)
			took := rig.measure(b, rig.collector)
			ideal := time.Duration(2*customers) * time.Second / perSecond
			b.ReportMetric(float64(rig.sim.Stats().Faults["rate_limit"]), "wasted-requests")
			b.ReportMetric(100*(took.Seconds()/ideal.Seconds()-1), "%beyond-ideal")
		})
	}
}

// BenchmarkFaults collects from a service of which 2 % of the answers are 429 and 2 %
// are 500, and counts the requests beyond those that the faults forced.
func BenchmarkFaults(b *testing.B) {
	const customers = 10_000
	rig := newRig(b, partnersim.Options{
		Customers: customers, Seed: 1, Latency: latency, NoCosts: -1, Faults: partnersim.Faults{Throttle: 0.02, ServerError: 0.02},
	})
	rig.configure(b, inFlight, 0, false)
	rig.measure(b, rig.collector)
	stats := rig.sim.Stats()
	forced := stats.Faults["throttle"] + stats.Faults["server_error"]
	made := stats.Requests["profile"] + stats.Requests["summary"]
	b.ReportMetric(float64(stats.Customers), "customers-answered")
	b.ReportMetric(float64(forced), "faults")
	b.ReportMetric(float64(made)-2*customers-float64(forced), "wasted-requests")
}

// rig is a simulator, a database and the built program.
type rig struct {
	sim                       *partnersim.Simulator
	base, dir, binary, dbURL  string
	customersFile, configFile string
	customers                 int
}

func newRig(b *testing.B, o partnersim.Options) *rig {
	b.Helper()
	r := &rig{sim: partnersim.New(o), dir: b.TempDir(), customers: o.Customers}
	server := httptest.NewServer(r.sim)
	b.Cleanup(server.Close)
	r.base = server.URL

	pg, err := localpg.Start(b.Context(), localpg.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = pg.Stop(context.Background()) })
	r.dbURL = pg.URL("postgres")

	r.binary = filepath.Join(r.dir, "collector")
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", r.binary, "../../cmd/collector")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build the collector: %v\n%s", err, out)
	}
	r.customersFile = filepath.Join(r.dir, "customers.txt")
	var ids bytes.Buffer
	for id := range r.sim.CustomerIDs() {
		ids.WriteString(id + "\n")
	}
	if err := os.WriteFile(r.customersFile, ids.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	return r
}

// configure writes the configuration and migrates the database.
func (r *rig) configure(b *testing.B, concurrency, requestsPerMinute int, lineItems bool) {
	b.Helper()
	if requestsPerMinute == 0 {
		requestsPerMinute = 10_000_000 // as good as no limit
	}
	r.configFile = filepath.Join(r.dir, "collector.yaml")
	text := fmt.Sprintf(`partners:
  - name: bench
    base_url: %s
    auth: {mode: token}
    customers: {file: %s}
    limits: {concurrency: %d, requests_per_minute: %d}
collect: {line_items: %t}
`, r.base, r.customersFile, concurrency, requestsPerMinute, lineItems)
	if err := os.WriteFile(r.configFile, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	r.execute(b, r.command(b, "migrate", "up"))
}

func (r *rig) command(b *testing.B, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(b.Context(), r.binary, append(args, "--config", r.configFile, "--log-level", "warn")...)
	cmd.Env = append(os.Environ(), "COLLECTOR_DATABASE_URL="+r.dbURL, "COLLECTOR_BENCH_TOKEN=simulator")
	return cmd
}

func (r *rig) collector(b *testing.B) *exec.Cmd { return r.command(b, "run") }

func (r *rig) bareLoop(b *testing.B) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), self)
	cmd.Env = append(os.Environ(), "BENCH_BARE_LOOP="+r.base, "BENCH_CUSTOMERS_FILE="+r.customersFile)
	return cmd
}

func (r *rig) execute(b *testing.B, cmd *exec.Cmd) {
	b.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%s: %v\n%s", cmd, err, out)
	}
}

// measure runs a process over all customers and reports what it took.
func (r *rig) measure(b *testing.B, command func(*testing.B) *exec.Cmd) time.Duration {
	b.Helper()
	var took, cpu time.Duration
	var peak int64
	for b.Loop() {
		cmd := command(b)
		began := time.Now()
		r.execute(b, cmd)
		took += time.Since(began)
		usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		if !ok {
			b.Fatal("this system does not tell what a process used")
		}
		cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		peak = max(peak, usage.Maxrss)
	}
	total := float64(r.customers * b.N)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(total/took.Seconds(), "customers/s")
	b.ReportMetric(cpu.Seconds()*1000/total, "ms-CPU/customer")
	b.ReportMetric(float64(peak)/1024, "MiB-peak")
	return took
}

// bareLoop does the requests that a collection without line items does, and nothing
// with the answers but to look whether they are JSON.
func bareLoop(base, customersFile string) error {
	file, err := os.Open(customersFile)
	if err != nil {
		return err
	}
	defer file.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: inFlight, MaxConnsPerHost: inFlight}}
	urls := make(chan string)
	failed := make(chan error, inFlight)
	for range inFlight {
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
	for lines := bufio.NewScanner(file); lines.Scan(); {
		urls <- base + "/v1/customers/" + lines.Text() + "/profiles/billing"
		urls <- base + "/v1/customers/" + lines.Text() + "/servicecosts/mostrecent"
	}
	close(urls)
	for range inFlight {
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
