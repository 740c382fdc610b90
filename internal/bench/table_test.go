package bench

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"text/tabwriter"
)

// row is the cost of one run of the program, per customer where not stated otherwise.
type row struct {
	Case      string `json:"case"`
	Customers int    `json:"customers"`
	Night     string `json:"night"`
	// PerSecond is the number of customers per second, and OfBareLoop that number as a
	// fraction of the bare loop's, which ran before and after.
	PerSecond  float64 `json:"customers_per_second"`
	OfBareLoop float64 `json:"of_bare_loop,omitempty"`
	CPU        float64 `json:"ms_cpu"`
	PostgreSQL float64 `json:"ms_postgresql_cpu"`
	PeakMiB    float64 `json:"mib_peak"`
	Requests   float64 `json:"requests"`
	// Bytes is the growth of the database, and Bodies and Entries that of the archive and
	// the log of answers.
	Bytes   float64 `json:"database_bytes"`
	Bodies  float64 `json:"bodies"`
	Entries float64 `json:"log_entries"`
	// Sessions is the largest number of sessions at a time.
	Sessions int `json:"sessions"`
}

// table collects the rows of a run of the benchmarks.
type table struct {
	mu   sync.Mutex
	rows []row
}

var results table

func (t *table) add(r row) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = append(t.rows, r)
}

// paired sets the fractions of the bare loop for the rows of a case: of the mean before
// and after.
func (t *table) paired() {
	loops := map[string][]float64{}
	key := func(r row) string { return fmt.Sprint(r.Case, r.Customers) }
	for _, r := range t.rows {
		if r.Night == bareNight {
			loops[key(r)] = append(loops[key(r)], r.PerSecond)
		}
	}
	for i, r := range t.rows {
		sum := 0.0
		for _, perSecond := range loops[key(r)] {
			sum += perSecond
		}
		if sum > 0 {
			t.rows[i].OfBareLoop = r.PerSecond * float64(len(loops[key(r)])) / sum
		}
	}
}

// write prints the table and writes it as JSON to the file that BENCH_JSON names, or to
// bin/bench.json.
func (t *table) write(w io.Writer) error {
	if len(t.rows) == 0 {
		return nil
	}
	t.paired()
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "case\tcustomers\tnight\tper s\tof bare loop\tms CPU\tms PostgreSQL\tMiB peak\trequests\tbytes\tbodies\tlog\tsessions\t")
	for _, r := range t.rows {
		of := ""
		if r.OfBareLoop > 0 {
			of = fmt.Sprintf("%.2f", r.OfBareLoop)
		}
		fmt.Fprintf(out, "%s\t%d\t%s\t%.0f\t%s\t%.3f\t%.3f\t%.0f\t%.2f\t%.0f\t%.2f\t%.2f\t%d\t\n",
			r.Case, r.Customers, r.Night, r.PerSecond, of, r.CPU, r.PostgreSQL, r.PeakMiB, r.Requests, r.Bytes, r.Bodies, r.Entries, r.Sessions)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	file := cmp.Or(os.Getenv("BENCH_JSON"), filepath.Join("..", "..", "bin", "bench.json"))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(struct {
		Machine string `json:"machine"`
		Go      string `json:"go"`
		Rows    []row  `json:"rows"`
	}{machine(), runtime.Version(), t.rows}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

// machine returns the name of the processor, if the system states it.
func machine() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	model := ""
	for line := range strings.Lines(string(text)) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	return fmt.Sprintf("%s/%s, %d processors, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), cmp.Or(model, "unknown"))
}
