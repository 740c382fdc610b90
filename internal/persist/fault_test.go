package persist_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/billing"
	"partnercost/internal/persist"
	"partnercost/internal/persist/pgtest"
)

// session opens a session of another program on the fixture's database.
func (b *fixture) session() *pgx.Conn {
	b.t.Helper()
	conn, err := pgx.Connect(b.t.Context(), b.url)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func (b *fixture) exec(conn *pgx.Conn, statements ...string) {
	b.t.Helper()
	for _, sql := range statements {
		if _, err := conn.Exec(b.t.Context(), sql); err != nil {
			b.t.Fatalf("%s: %v", sql, err)
		}
	}
}

// alter changes a setting of the fixture's database for later sessions.
func (b *fixture) alter(what string) {
	b.t.Helper()
	b.exec(b.session(), "SET default_transaction_read_only = off", "DO $do$ BEGIN EXECUTE format('ALTER DATABASE %I "+what+"', current_database()); END $do$")
}

// records collects log messages.
type records struct {
	mu       sync.Mutex
	messages []string
}

func (r *records) Enabled(context.Context, slog.Level) bool { return true }
func (r *records) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r *records) WithGroup(string) slog.Handler            { return r }
func (r *records) Handle(_ context.Context, record slog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := record.Message
	record.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
	r.messages = append(r.messages, text)
	return nil
}

func (r *records) count(text string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, m := range r.messages {
		if strings.Contains(m, text) {
			n++
		}
	}
	return n
}

// reopen opens the store again at another URL, and returns its log.
func (b *fixture) reopen(databaseURL string) *records {
	b.t.Helper()
	b.store.Close()
	kept := &records{}
	store, err := persist.Open(b.t.Context(), persist.Options{URL: databaseURL, MaxConnections: 2, Log: slog.New(kept)})
	if err != nil {
		b.t.Fatal(err)
	}
	b.store = store
	return kept
}

// faultBatch returns the batch that the tests of this file store: one customer with
// costs and an item.
func faultBatch() (billing.Run, []billing.Statement) {
	r := recurring(9, "10")
	s := statement(customerA, both(r), item(r, "FEE", "10"))
	s.FetchedAt = night(1)
	return billing.Run{ID: "00000000-0000-4000-b000-000000000001", Partner: "contoso", Kind: billing.KindOnce, StartedAt: night(1), Version: "test"}, []billing.Statement{s}
}

// stores writes the batch and checks that it succeeds and that every row exists once.
func (b *fixture) stores() {
	b.t.Helper()
	run, batch := faultBatch()
	if _, err := b.store.Write(b.t.Context(), run, batch); err != nil {
		b.t.Fatal(err)
	}
	wantLines(b.t, "costs", b.costs(), "a Recurring 2026-09-12 2026-10-11 USD 10 0 10 0 1")
	wantLines(b.t, "items", b.items(), "Recurring 2026-09-12 1 FEE 10")
}

// refuses writes the batch and checks that it fails as described, with nothing written.
func (b *fixture) refuses(kind error, says ...string) {
	b.t.Helper()
	rows := pgtest.Track(b.t, b.url, "collector")
	run, batch := faultBatch()
	_, err := b.store.Write(b.t.Context(), run, batch)
	b.checkFault(err, kind, says...)
	if changes := rows.Changes(b.t); changes != "" {
		b.t.Errorf("a refused batch left rows behind:\n%s", changes)
	}
}

func (b *fixture) checkFault(err, kind error, says ...string) {
	b.t.Helper()
	if err == nil {
		b.t.Fatal("the batch was stored")
	}
	for _, k := range []error{billing.ErrRejected, billing.ErrUnavailable, billing.ErrTooMuch} {
		if want := errors.Is(kind, k); errors.Is(err, k) != want {
			b.t.Errorf("error %q is %q: %t, want %t", err, k, !want, want)
		}
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			b.t.Errorf("error %q does not say %q", err, text)
		}
	}
}

// gate stops transactions of the store before they write to a table, until the test
// opens it.
type gate struct {
	b    *fixture
	hold *pgx.Conn
}

const gateKey = "4711"

func (b *fixture) gate(table string) *gate {
	b.t.Helper()
	hold := b.session()
	b.exec(hold, `CREATE FUNCTION collector.wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(`+gateKey+`); RETURN NULL; END $$`,
		`CREATE TRIGGER gate BEFORE INSERT ON `+table+` FOR EACH STATEMENT EXECUTE FUNCTION collector.wait_at_gate()`,
		`SELECT pg_advisory_lock(`+gateKey+`)`)
	return &gate{b, hold}
}

func (g *gate) open() {
	g.b.t.Helper()
	g.b.exec(g.hold, `SELECT pg_advisory_unlock(`+gateKey+`)`)
}

// awaitWaiting returns when a session waits for a lock of the type. What waits must not
// have ended before.
func (b *fixture) awaitWaiting(lockType string, ended <-chan error) {
	b.t.Helper()
	for len(b.query(`SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = $1 AND (database IS NULL OR database = (SELECT oid FROM pg_database WHERE datname = current_database()))
		AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())`, lockType)) == 0 {
		select {
		case err := <-ended:
			b.t.Fatalf("it ended without waiting for the lock: %v", err)
		default:
		}
	}
}

// A killed collector may have sent its COMMIT a moment before. When the body of an
// answer is known, only the order of two writers keeps both from logging the same
// answer.
func TestTheLastWriteOfADeadCollectorIsWaitedFor(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.stores()
	run, batch := faultBatch()
	batch[0].Documents[0].Body = []byte("another profile with the same content")
	if _, err := b.store.Write(t.Context(), run, batch); err != nil {
		t.Fatal(err)
	}
	gate := b.gate("collector.findings")
	waiting := `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
	var writers []<-chan error
	for len(writers) < 2 {
		writers = append(writers, b.writing())
		for len(b.query(waiting)) < len(writers) {
			select {
			case err := <-writers[len(writers)-1]:
				t.Fatalf("a writer ended without waiting: %v", err)
			default:
			}
		}
	}
	gate.open()
	if err := errors.Join(<-writers[0], <-writers[1]); err != nil {
		t.Fatal(err)
	}
	wantLines(t, "statements", b.query(`SELECT count(*) FROM collector.statements`), "3")
}

// writing writes the batch in the background.
func (b *fixture) writing(profile ...byte) <-chan error {
	ended := make(chan error, 1)
	go func() {
		run, batch := faultBatch()
		if profile != nil {
			batch[0].Documents[0].Body = profile
		}
		_, err := b.store.Write(b.t.Context(), run, batch)
		ended <- err
	}()
	return ended
}

const triedAgain = "the database aborted a transaction; trying it again"

func TestADeadlockIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.alter("SET deadlock_timeout = ''10ms''")
	log := b.reopen(b.url)
	gate := b.gate("collector.statements")
	other := b.session()
	// The other session never looks for a deadlock itself, so our session is the victim.
	b.exec(other, "SET deadlock_timeout = '1h'", "BEGIN", "LOCK TABLE collector.line_item_sets IN SHARE MODE")
	ended := b.writing()
	b.awaitWaiting("advisory", ended) // ours has written customers
	granted := make(chan error, 1)
	go func() {
		_, err := other.Exec(t.Context(), "LOCK TABLE collector.customers IN SHARE MODE")
		granted <- errors.Join(err, func() error { _, err := other.Exec(t.Context(), "COMMIT"); return err }())
	}()
	b.awaitWaiting("relation", granted)
	gate.open()
	if err := errors.Join(<-granted, <-ended); err != nil {
		t.Fatal(err)
	}
	if n := log.count(triedAgain + " attempt=1 sqlstate=40P01"); n != 1 {
		t.Errorf("the log tells of %d deadlocks, want 1: %q", n, log.messages)
	}
	b.stores()
}

func TestASerializationFailureIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.stores()
	b.alter("SET default_transaction_isolation = ''repeatable read''")
	log := b.reopen(b.url)
	gate := b.gate("collector.findings")                                   // after the snapshot, before the customer's state
	ended := b.writing([]byte("another profile with the same content")...) // what is known would not reach the gate
	b.awaitWaiting("advisory", ended)
	b.exec(b.session(), "UPDATE collector.customer_states SET failures_in_a_row = 7")
	gate.open()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if n := log.count(triedAgain + " attempt=1 sqlstate=40001"); n != 1 {
		t.Errorf("the log tells of %d serialization failures, want 1: %q", n, log.messages)
	}
	wantLines(t, "the state", b.query("SELECT failures_in_a_row FROM collector.customer_states"), "0")
}

func TestAReadOnlyDatabase(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.alter("SET default_transaction_read_only = on")
	b.reopen(b.url)
	b.refuses(billing.ErrUnavailable, "read-only", "primary")
	run, _ := faultBatch()
	b.checkFault(b.store.BeginRun(t.Context(), run), billing.ErrUnavailable, "read-only", "primary")
	// Sessions opened in the meantime would otherwise stay read-only.
	b.alter("RESET default_transaction_read_only")
	b.stores()
}

func TestARevokedGrant(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	login := pgtest.Login(t, b.url, "collector_writer")
	b.reopen(login)
	defer func() { b.store.Close() }() // before the login is dropped
	admin := b.session()
	b.exec(admin, "REVOKE INSERT ON collector.line_items FROM collector_writer")
	b.refuses(nil, "permission denied for table line_items", "GRANT collector_writer")
	b.exec(admin, "GRANT INSERT ON collector.line_items TO collector_writer")
	b.stores()
	b.exec(admin, "REVOKE USAGE ON SCHEMA collector FROM collector_writer")
	run, _ := faultBatch()
	b.checkFault(b.store.BeginRun(t.Context(), run), nil, "permission denied for schema collector", "GRANT collector_writer")
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		setting string
		kind    error
		says    string
	}{
		{"statement_timeout", billing.ErrTooMuch, "statement_timeout"},
		{"lock_timeout", billing.ErrUnavailable, "pg_locks"},
	} {
		t.Run(test.setting, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t)
			b.stores()
			u, err := url.Parse(b.url)
			if err != nil {
				t.Fatal(err)
			}
			u.RawQuery += "&" + test.setting + "=300"
			b.reopen(u.String())
			other := b.session()
			b.exec(other, "BEGIN", "LOCK TABLE collector.customer_states")
			run, batch := faultBatch()
			_, err = b.store.Write(t.Context(), run, batch)
			b.checkFault(err, test.kind, "canceling statement", test.says)
			b.exec(other, "ROLLBACK")
			b.stores()
		})
	}
}

func TestAnInterruptionIsNoTimeout(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	other := b.session()
	b.exec(other, "BEGIN", "LOCK TABLE collector.customer_states")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		run, batch := faultBatch()
		_, err := b.store.Write(ctx, run, batch)
		ended <- err
	}()
	b.awaitWaiting("relation", ended)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) || errors.Is(err, billing.ErrUnavailable) {
		t.Errorf("error %v, want the interruption and nothing to wait for", err)
	}
}

// connectionsOfThePool are those that a store of these tests writes with.
const connectionsOfThePool = 2

func TestTooManyConnections(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	login := pgtest.Login(t, b.url, "collector_writer")
	u, err := url.Parse(login)
	if err != nil {
		t.Fatal(err)
	}
	b.reopen(login)
	defer func() { b.store.Close() }() // before the login is dropped
	role := pgx.Identifier{u.User.Username()}.Sanitize()
	admin := b.session()
	// A pool is not told that its sessions have ended: a write finds out, which is
	// billing.ErrUnavailable, or the pool itself before it, which then says why there is no
	// new one.
	end := func(also ...string) {
		for len(b.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", u.User.Username())) > 0 {
			continue
		}
		for range connectionsOfThePool {
			run, batch := faultBatch()
			_, err := b.store.Write(t.Context(), run, batch)
			if err == nil {
				t.Fatal("a batch was stored without a session")
			}
			told := slices.ContainsFunc(also, func(text string) bool { return strings.Contains(err.Error(), text) })
			if !told && !errors.Is(err, billing.ErrUnavailable) {
				t.Fatalf("without a session a batch ends with %v", err)
			}
		}
	}
	b.exec(admin, "ALTER ROLE "+role+" CONNECTION LIMIT 0")
	end()
	b.refuses(billing.ErrUnavailable, "too many connections", "connection limit")
	b.exec(admin, "ALTER ROLE "+role+" CONNECTION LIMIT -1")
	b.stores()
	b.exec(admin, "ALTER ROLE "+role+" NOLOGIN")
	end("not permitted to log in")
	b.refuses(nil, "not permitted to log in", "check the user and the password")
}

func TestASessionThatAnAdministratorEnds(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	gate := b.gate("collector.statements")
	ended := b.writing()
	b.awaitWaiting("advisory", ended)
	b.exec(b.session(), "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted AND locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")
	b.checkFault(<-ended, billing.ErrUnavailable, "administrator")
	gate.open()
	b.stores()
}

// raises makes the server fail with the SQLSTATE when the batch reaches the line items;
// an empty SQLSTATE ends that.
func (b *fixture) raises(sqlstate, message string) {
	b.t.Helper()
	admin := b.session()
	b.exec(admin, "DROP TRIGGER IF EXISTS fault ON collector.line_items")
	if sqlstate == "" {
		return
	}
	b.exec(admin, fmt.Sprintf(`CREATE OR REPLACE FUNCTION collector.fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '%s' USING ERRCODE = '%s'; END $$`, message, sqlstate),
		`CREATE TRIGGER fault BEFORE INSERT ON collector.line_items FOR EACH STATEMENT EXECUTE FUNCTION collector.fault()`)
}

// Faults that a test cannot cause are raised by a trigger.
func TestEverySQLSTATEHasAMeaning(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	for _, test := range []struct {
		sqlstate string
		kind     error
		says     string
		attempts int
	}{
		{"08006", billing.ErrUnavailable, "", 1},
		{"08P01", billing.ErrUnavailable, "", 1},
		{"0A000", nil, "session mode", 5},
		{"22003", billing.ErrRejected, "", 1},
		{"23505", billing.ErrRejected, "", 5},
		{"23514", billing.ErrRejected, "", 1},
		{"25006", billing.ErrUnavailable, "primary", 1},
		{"25P03", billing.ErrUnavailable, "idle_in_transaction_session_timeout", 1},
		{"25P04", billing.ErrTooMuch, "transaction_timeout", 1},
		{"26000", nil, "session mode", 5},
		{"28000", nil, "password", 1},
		{"28P01", nil, "password", 1},
		{"3D000", nil, "create the database", 1},
		{"3F000", nil, "collector migrate status", 1},
		{"40001", billing.ErrUnavailable, "pg_stat_activity", 5},
		{"40P01", billing.ErrUnavailable, "pg_stat_activity", 5},
		{"42501", nil, "GRANT", 1},
		{"42703", nil, "collector migrate status", 1},
		{"42883", nil, "collector migrate status", 1},
		{"42P01", nil, "collector migrate status", 1},
		{"42P05", nil, "session mode", 5},
		{"53000", billing.ErrUnavailable, "", 1},
		{"53100", billing.ErrUnavailable, "free space", 1},
		{"53200", billing.ErrUnavailable, "memory", 1},
		{"53300", billing.ErrUnavailable, "max_connections", 1},
		{"53400", billing.ErrUnavailable, "", 1},
		{"54000", billing.ErrRejected, "", 1},
		{"55P03", billing.ErrUnavailable, "pg_locks", 1},
		{"57014", billing.ErrTooMuch, "statement_timeout", 1},
		{"57P01", billing.ErrUnavailable, "", 1},
		{"57P02", billing.ErrUnavailable, "", 1},
		{"57P03", billing.ErrUnavailable, "", 1},
		{"57P04", nil, "restore", 1},
		{"57P05", billing.ErrUnavailable, "", 1},
		{"58030", billing.ErrUnavailable, "log", 1},
		{"58P01", nil, "damaged", 1},
		{"P0001", nil, "a fault of the test", 1},
		{"XX000", nil, "log", 5},
		{"XX001", nil, "damaged", 1},
	} {
		log := b.reopen(b.url)
		b.raises(test.sqlstate, "a fault of the test")
		b.refuses(test.kind, "SQLSTATE "+test.sqlstate, "a fault of the test", test.says)
		if n := log.count(triedAgain); n != test.attempts-1 {
			t.Errorf("%s: tried again %d times, want %d", test.sqlstate, n, test.attempts-1)
		}
	}
	b.raises("", "")
	b.stores()
}

// A COMMIT without an answer may have succeeded, so the batch comes again.
func TestTheSameBatchTwiceInARunNotesItsFailuresOnce(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	run, batch := faultBatch()
	batch = append(batch, billing.Statement{CustomerID: customerB, FetchedAt: night(1), Failure: &billing.Failure{Class: billing.ServerFailure, Message: "down"}})
	for range 2 {
		if _, err := b.store.Write(t.Context(), run, batch); err != nil {
			t.Fatal(err)
		}
	}
	wantLines(t, "failures", b.query("SELECT class, message FROM collector.failures"), "server down")
	wantLines(t, "failures in a row", b.query("SELECT failures_in_a_row FROM collector.customer_states ORDER BY 1"), "0", "1")
}
