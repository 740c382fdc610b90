package main_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/partnersim"
)

func TestAnInterruptionKeepsWhatIsDone(t *testing.T) {
	t.Parallel()
	for name, signals := range map[string][]syscall.Signal{
		"interrupt": {syscall.SIGINT},
		"terminate": {syscall.SIGTERM},
		// When a session is closed, both the shell and the kernel send a hangup.
		"hang up": {syscall.SIGHUP, syscall.SIGHUP},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			interruptARun(t, signals)
		})
	}
}

func interruptARun(t *testing.T, signals []syscall.Signal) {
	t.Helper()
	const enough = 60
	var answered atomic.Int64
	reached := make(chan struct{})
	sim := partnersim.New(partnersim.Options{Customers: 2000, Seed: 7})
	s := newSiteAt(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := answered.Add(1); n == enough {
			close(reached)
		} else if n > enough {
			<-r.Context().Done() // the service hangs: only the signal ends the run
			return
		}
		sim.ServeHTTP(w, r)
	}))
	cmd, finish := s.start(t, "run", "--log-format", "json")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-reached
	for _, signal := range signals {
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
	}
	finish().want(t, 130).says(t, "interrupted")
	got := s.query(t, `SELECT status, customers_failed::text, customers_ok + customers_no_costs > 0, customers_ok + customers_no_costs = (SELECT count(*) FROM finance.coverage WHERE last_success_at IS NOT NULL) FROM finance.runs`)
	if diff := cmp.Diff([][]string{{"interrupted", "0", "true", "true"}}, got); diff != "" {
		t.Errorf("the run (-want +got):\n%s", diff)
	}
}

// eventfulSite returns a site at which event happens during a run, when some customers are
// stored and others are not.
func eventfulSite(t *testing.T, happen func()) *site {
	t.Helper()
	sim := partnersim.New(partnersim.Options{Customers: 300, Seed: 7})
	var answered atomic.Int64
	s := newSiteAt(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answered.Add(1) == 100 {
			happen()
		}
		sim.ServeHTTP(w, r)
	}))
	s.sim = sim
	return s
}

// wantRun fails the test unless there was one run and it stored all customers.
func (s *site) wantRun(t *testing.T) {
	t.Helper()
	got := s.query(t, `SELECT status, customers_ok + customers_no_costs = customers_total, (SELECT count(*)::text FROM finance.coverage WHERE last_outcome IN ('ok', 'no_costs')) FROM finance.runs`)
	if diff := cmp.Diff([][]string{{"succeeded", "true", strconv.Itoa(s.sim.Stats().Customers)}}, got); diff != "" {
		t.Errorf("the run (-want +got):\n%s", diff)
	}
}

func TestAHangUpUnderNohupIsNothing(t *testing.T) {
	t.Parallel()
	var process atomic.Pointer[os.Process]
	s := eventfulSite(t, func() { _ = process.Load().Signal(syscall.SIGHUP) })
	cmd, finish := s.start(t)
	cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", `trap '' HUP; exec "$0" run`, binary}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	process.Store(cmd.Process)
	finish().want(t, 0)
	s.wantRun(t)
}

// A run continues when the reader of its results or its log is gone. Only the exit code
// shows that results were lost.
func TestARunOutlivesItsReaders(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		loses func(stdout, stderr *os.File) []*os.File
		want  int
		says  string
	}{
		{"stderr", func(_, stderr *os.File) []*os.File { return []*os.File{stderr} }, 0, ""},
		{"stdout", func(stdout, _ *os.File) []*os.File { return []*os.File{stdout} }, 1, "broken pipe"},
		{"both", func(stdout, stderr *os.File) []*os.File { return []*os.File{stdout, stderr} }, 1, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			readOut, out := pipe(t)
			readErr, errs := pipe(t)
			s := eventfulSite(t, func() {
				for _, file := range test.loses(readOut, readErr) {
					_ = file.Close() // only closing matters
				}
			})
			cmd, finish := s.start(t, "run", "--log-level", "debug")
			cmd.Stdout, cmd.Stderr = out, errs
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			_, _ = out.Close(), errs.Close() // the program has its own descriptors
			said := make(chan string, 2)
			for _, file := range []*os.File{readOut, readErr} {
				go func() { said <- readAll(file) }()
			}
			finish().want(t, test.want)
			if both := <-said + <-said; !strings.Contains(both, test.says) {
				t.Errorf("nothing says %q:\n%s", test.says, both)
			}
			s.wantRun(t)
		})
	}
}

func TestAnImportOutlivesItsReader(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 2})
	s.savedAnswers(t, map[string]string{
		"7d3c0c4e-3f5b-4d0c-8a51-0a2f3b4c5d6e/profile.json": `{"companyName":"One"}`,
		"1b2c3d4e-3f5b-4d0c-8a51-0a2f3b4c5d6f/profile.json": `{"companyName":"Two"}`,
	})
	nobody, out := pipe(t)
	if err := nobody.Close(); err != nil {
		t.Fatal(err)
	}
	cmd, finish := s.start(t, "backfill", "--from", "saved")
	cmd.Stdout = out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	finish().want(t, 1).says(t, "write the results", "broken pipe")
	got := s.query(t, `SELECT status, (SELECT string_agg(company_name, ' ' ORDER BY company_name) FROM finance.customers) FROM finance.runs`)
	if diff := cmp.Diff([][]string{{"succeeded", "One Two"}}, got); diff != "" {
		t.Errorf("the import (-want +got):\n%s", diff)
	}
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.Close(), w.Close() }) // an error means that they are closed
	return r, w
}

// readAll reads to the end, or until the file is closed.
func readAll(file *os.File) string {
	var all strings.Builder
	_, _ = file.WriteTo(&all)
	return all.String()
}

func TestLostResultsAreAFailure(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 2, Seed: 7})
	for _, args := range [][]string{
		{"check"}, {"help"}, {"run", "--help"}, {"version"}, {"report"}, {"status"}, {"migrate", "status"}, {"run", "--dry-run"}, {"completion", "bash"},
	} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		cmd, finish := s.start(t, args...)
		cmd.Stdout = full
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		finish().want(t, 1).says(t, "write the results", "no space left on device")
		if err := full.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// net/http quotes an unexpected answer of a service when it prints with the standard
// logger.
func TestAnAnswerThatNobodyAskedForIsNotQuoted(t *testing.T) {
	t.Parallel()
	sim := partnersim.New(partnersim.Options{Customers: 5, Seed: 7})
	s := newSiteAt(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		sim.ServeHTTP(answer, r)
		connection, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return // the test fails without the answer
		}
		defer func() { _ = connection.Close() }()
		response := answer.Result()
		defer func() { _ = response.Body.Close() }()
		response.ContentLength = int64(answer.Body.Len())
		_ = response.Write(buffered)
		_, _ = buffered.WriteString(`{"firstName":"Ana","lastName":"Lima"}`)
		_ = buffered.Flush()
	}))
	result := s.collector(t, "run", "--log-format", "json", "--log-level", "debug").want(t, 0).says(t, "Unsolicited response received")
	for line := range strings.Lines(result.stderr) {
		if !json.Valid([]byte(line)) {
			t.Errorf("a line of the log is no JSON: %s", line)
		}
	}
	if strings.Contains(result.stderr, "Ana") {
		t.Errorf("the log quotes the answer:\n%s", result.stderr)
	}
}
