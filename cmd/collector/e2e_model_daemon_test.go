package main_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	collector "partnercost/cmd/collector"
)

// settledNights is how many nights pass before the growth of the daemon is measured: then
// its pools and caches are full.
const settledNights = 20

// One daemon runs for many nights, with a clock that the test moves. Each night is compared
// with the model, and the resources of the daemon do not grow.
func TestSoakDaemon(t *testing.T) { //nolint:paralleltest // the memory of the process is measured
	nights, customers := 26, 8
	if *soak {
		nights, customers = 240, 20
	}
	seed := modelSeed()
	t.Logf("%d nights, -soak.seed %d", nights, seed)
	c := newCampaign(t, seed, 1_000_000, customers)
	// With one connection for writing, the number of connections does not depend on timing.
	c.write(t, "collector.yaml", c.configuration()+"console: {listen: 127.0.0.1:0}\nschedule: {jitter: 0s}\ndatabase: {max_connections: 1}\n")

	m := metronome{idle: make(chan struct{}), next: make(chan struct{})}
	var log lockedBuffer
	in := c.surroundings()
	in.Stdout, in.Stderr, in.Wait = &log, &log, m.wait
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	var settled, last holding
	for night := range nights {
		c.number++
		c.asked.Clear()
		c.dayPasses()
		c.drawOddities()
		ids, whole := c.listed()
		c.isCut = !whole
		if night == 0 {
			go func() { ended <- collector.Execute(ctx, in, c.arguments("daemon")...) }()
		} else {
			m.next <- struct{}{}
		}
		select {
		case <-m.idle:
		case code := <-ended:
			c.fail(t, "", fmt.Sprintf("the daemon ended with %d:\n%s", code, log.take()))
		}
		want, doubtful := c.reckon(t, ids)
		status := "failed"
		if whole {
			status, _ = want.verdict(c.model.retire(ids))
		}
		said := log.take()
		if quoted := personal.FindString(said); quoted != "" {
			c.fail(t, "", fmt.Sprintf("personal data was logged: %q in\n%s", quoted, said))
		}
		c.compare(t)
		c.standsAs(t, status, want, whole, doubtful, said)
		if night == settledNights-1 {
			settled = c.holds(t)
		}
	}
	// The model grows with the months, so the last night is measured without it.
	c.model, c.today, c.before = nil, nil, nil
	last = c.holds(t)
	stop()
	if code := <-ended; code != 0 {
		t.Errorf("the idle daemon ends with %d, want 0:\n%s", code, log.take())
	}
	t.Logf("after %d nights %s; after %d %s", settledNights, settled, nights, last)
	if last.heap > settled.heap+1<<20 || last.goroutines > settled.goroutines+10 || last.connections > settled.connections || last.temporary > settled.temporary {
		t.Errorf("from night %d to %d the daemon grew from %s to %s", settledNights, nights, settled, last)
	}
}

// holding is the resources of a daemon.
type holding struct {
	heap                               uint64
	goroutines, connections, temporary int
}

func (h holding) String() string {
	return fmt.Sprintf("%d KiB of heap, %d goroutines, %d connections, %d temporary objects", h.heap>>10, h.goroutines, h.connections, h.temporary)
}

// holds measures this process and its sessions in the database.
func (c *campaign) holds(t *testing.T) holding {
	t.Helper()
	var h holding
	err := c.db.QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'partnercost%'),
		(SELECT count(*) FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace WHERE n.nspname ~ '^pg_(toast_)?temp')`).Scan(&h.connections, &h.temporary)
	if err != nil {
		t.Fatal(err)
	}
	// The simulated service runs in this process too. Each of its connections is a goroutine,
	// and every night needs a different number of them.
	c.server.CloseClientConnections()
	var memory runtime.MemStats
	h.heap, h.goroutines = math.MaxUint64, math.MaxInt
	for range 50 { // goroutines that end take a moment
		runtime.GC()
		runtime.ReadMemStats(&memory)
		h.heap, h.goroutines = min(h.heap, memory.HeapAlloc), min(h.goroutines, runtime.NumGoroutine())
	}
	return h
}

// metronome makes every wait of a daemon end when the test says so.
type metronome struct{ idle, next chan struct{} }

func (m metronome) wait(ctx context.Context, _ time.Duration) {
	select {
	case m.idle <- struct{}{}:
	case <-ctx.Done():
		return
	}
	select {
	case <-m.next:
	case <-ctx.Done():
	}
}

// lockedBuffer is a buffer that the goroutines of a daemon write and the test reads.
type lockedBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

// take returns what was written since the last call.
func (b *lockedBuffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.all.Reset()
	return b.all.String()
}

// configuration returns the configuration of the campaign's installation.
func (c *campaign) configuration() string {
	return fmt.Sprintf(`partners:
  - name: sim
    base_url: %[1]s
    auth: {mode: app_user, tenant_id: %[2]s, client_id: %[3]s, login_url: %[1]s, refresh_token_file: %[4]s}
    customers: {discover: true}
    limits: {requests_per_minute: 600000}
collect:
  batch: 7
`, c.server.URL, tenant, application, filepath.Join(c.dir, "refresh-token"))
}
