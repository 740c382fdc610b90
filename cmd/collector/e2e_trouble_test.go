package main_test

import (
	"cmp"
	"fmt"
	"net/url"
	"syscall"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

// midway is the number of a request in the middle of a run.
const (
	troubled = 120
	midway   = 180
)

// endSessions ends the sessions of the collector, so that it must open new ones.
const endSessions = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'partnercost'`

// Each of these faults ends, by itself or by the operator, while the run waits. The run
// loses only time.
func TestTroublesThatAreWaitedOut(t *testing.T) {
	t.Parallel()
	want := measure(t, troubled)[0]
	for _, test := range []struct {
		name        string
		begin, end  []string
		parameters  url.Values // of the URL of the database
		says        string
		hears       string // a line of the log before it ends; by default says
		inThisTable string
	}{
		{
			name:  "read-only",
			begin: []string{`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$`, endSessions},
			end:   []string{`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET default_transaction_read_only', current_database()); END $$`},
			says:  "the database is read-only",
		},
		{
			name: "a full disk",
			begin: []string{
				`CREATE FUNCTION public.full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$`,
				`CREATE TRIGGER full_disk BEFORE INSERT ON collector.line_items FOR EACH STATEMENT EXECUTE FUNCTION public.full_disk()`,
			},
			end:  []string{`DROP TRIGGER full_disk ON collector.line_items`},
			says: "free space on the disk",
		},
		{
			name: "no connection to spare",
			begin: []string{
				`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 0', current_database()); END $$`, endSessions,
			},
			end:  []string{`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT -1', current_database()); END $$`},
			says: "too many connections",
		},
		{
			name:       "a table that somebody keeps locked",
			parameters: url.Values{"lock_timeout": {"500"}},
			says:       "find it in pg_locks", inThisTable: "collector.customer_states",
		},
		{
			name:       "a statement timeout",
			parameters: url.Values{"statement_timeout": {"500"}},
			hears:      waitsForDatabase, // after batches were halved down to one customer
			says:       "statement_timeout of the collector's login is too short", inThisTable: "collector.customer_states",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFaultSite(t, troubled)
			f.asLogin(t, test.parameters)
			db := openDB(t, f.url)
			holder, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = holder.Close() }()
			hold := func(statement string) {
				if _, err := holder.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			b := f.trouble(t, cmp.Or(test.hears, test.says), func() {
				f.asAdministrator(t, test.begin...)
				if test.inThisTable != "" {
					hold("BEGIN")
					hold("LOCK TABLE " + test.inThisTable)
				}
			})
			b.await(t, b.heard, "it said what it waits for")
			f.asAdministrator(t, test.end...)
			if test.inThisTable != "" {
				hold("ROLLBACK")
			}
			(<-b.ended).want(t, 0).says(t, waitsForDatabase, test.says, "the database answers again")
			f.holds(t, want.facts, test.name)
			f.ledgerIsRight(t)
		})
	}
}

// These faults need an operator. The run ends, says what to do, and is recorded as failed.
// When the fault is repaired, a resume collects the remaining customers.
func TestTroublesThatEndARun(t *testing.T) {
	t.Parallel()
	want := measure(t, troubled)[0]
	for _, test := range []struct {
		name       string
		begin, end string
		says       []string
	}{
		{
			name:  "a revoked grant",
			begin: `REVOKE INSERT ON collector.cost_details FROM collector_writer`,
			end:   `GRANT INSERT ON collector.cost_details TO collector_writer`,
			says:  []string{"permission denied for table cost_details", "GRANT collector_writer"},
		},
		{
			name:  "another schema",
			begin: `ALTER TABLE collector.cost_details RENAME COLUMN revisions TO changes`,
			end:   `ALTER TABLE collector.cost_details RENAME COLUMN changes TO revisions`,
			says:  []string{"does not exist", "collector migrate status"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFaultSite(t, troubled)
			f.asLogin(t, nil)
			b := f.trouble(t, "", func() { f.asAdministrator(t, test.begin) })
			(<-b.ended).want(t, 1).says(t, append(test.says, "customers are stored", "fetched customers are not", "collector run --resume")...)
			stored := `SELECT count(*)::text FROM collector.customer_states`
			done := `SELECT (customers_ok + customers_no_costs)::text FROM finance.runs`
			if diff := gocmp.Diff(f.one(t, stored), f.one(t, done)); diff != "" {
				t.Errorf("customers stored and counted (-stored +counted):\n%s", diff)
			}
			if got := f.query(t, `SELECT status, error LIKE '%customers are stored%' FROM finance.runs`); got[0][0] != "failed" || got[0][1] != "true" {
				t.Errorf("the run is recorded as %v, want failed and why", got)
			}
			f.asAdministrator(t, test.end)
			f.collector(t, "run", "--resume").want(t, 0)
			f.holds(t, want.facts, test.name)
		})
	}
}

func TestADatabaseThatStaysAway(t *testing.T) {
	t.Parallel()
	want := measure(t, troubled)[0]
	f := newFaultSite(t, troubled)
	server := f.ownServer(t)
	f.waits(t, "2s")
	b := f.trouble(t, "", func() {
		if err := server.Halt(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	(<-b.ended).want(t, 1).says(t, waitsForDatabase, "customers are stored", "fetched customers are not", "waited 2s for the database", "the ledger shows the run as running", "collector run --resume")
	if err := server.Continue(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.collector(t, "run", "--resume").want(t, 0).says(t, "resuming")
	f.holds(t, want.facts, "a database that stayed away")
	if diff := gocmp.Diff([][]string{{"all", "interrupted"}, {"rest", "succeeded"}}, f.query(t, `SELECT scope, status FROM finance.runs ORDER BY started_at`)); diff != "" {
		t.Errorf("the runs (-want +got):\n%s", diff)
	}
}

func TestADaemonOutlastsARestartOfItsDatabase(t *testing.T) {
	t.Parallel()
	want := measure(t, troubled)[0]
	f := newFaultSite(t, troubled)
	server := f.ownServer(t)
	f.configure(t, "    customers:\n      discover: true\n", "collect:\n  batch: 25\nconsole:\n  listen: 127.0.0.1:0\n")
	f.proxy.arm(midway)
	b := f.background(t, waitsForDatabase, "daemon")
	b.await(t, f.proxy.reached, "the middle of its run")
	if err := server.Halt(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.proxy.release()
	b.await(t, b.heard, "it said that it waits")
	if err := server.Continue(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.until(t, `SELECT count(*) FROM finance.runs WHERE status = 'succeeded'`, "1")
	if err := b.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	(<-b.ended).want(t, 0)
	f.holds(t, want.facts, "a restart of the database under the daemon")
}

func TestTwoCollectorsAtOnce(t *testing.T) {
	t.Parallel()
	want := measure(t, troubled)[0]
	f := newFaultSite(t, troubled)
	f.proxy.arm(midway)
	one, other := f.background(t, "", "run"), f.background(t, "", "run")
	var winner *background
	select {
	case r := <-one.ended:
		r.want(t, 4).says(t, "another run of this partner is in progress")
		winner = other
	case r := <-other.ended:
		r.want(t, 4).says(t, "another run of this partner is in progress")
		winner = one
	}
	f.proxy.release()
	(<-winner.ended).want(t, 0)
	f.holds(t, want.facts, "two collectors at once")
	if got := f.one(t, `SELECT count(*) FROM finance.runs`); got != "1" {
		t.Errorf("%s runs in the ledger, want 1", got)
	}
}

// After SIGTERM the run ends within 30 seconds, even if Partner Center does not answer, or
// neither Partner Center nor the database does.
func TestSIGTERM(t *testing.T) {
	t.Parallel()
	want := measure(t, troubled)[0]
	for _, hanging := range []bool{false, true} {
		t.Run(fmt.Sprintf("database hanging %t", hanging), func(t *testing.T) {
			t.Parallel()
			f := newFaultSite(t, troubled)
			f.proxy.arm(midway)
			b := f.background(t, "", "run")
			b.await(t, f.proxy.reached, "its middle")
			if hanging {
				f.tcpProxy.arm(1)
			}
			promised := time.AfterFunc(30*time.Second, func() { _ = b.cmd.Process.Kill() })
			defer promised.Stop()
			if err := b.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			(<-b.ended).want(t, 130).says(t, "collector run --resume")
			f.proxy.release()
			if hanging {
				f.tcpProxy.cut()
				f.tcpProxy.release()
			} else {
				got := f.query(t, `SELECT status, customers_ok + customers_no_costs = (SELECT count(*) FROM collector.customer_states), customers_ok > 0 FROM finance.runs`)
				if diff := gocmp.Diff([][]string{{"interrupted", "true", "true"}}, got); diff != "" {
					t.Errorf("the run, and whether it counts what is stored (-want +got):\n%s", diff)
				}
			}
			f.collector(t, "run", "--resume").want(t, 0)
			f.holds(t, want.facts, "SIGTERM")
			f.ledgerIsRight(t)
		})
	}
}
