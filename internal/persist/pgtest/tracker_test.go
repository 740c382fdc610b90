package pgtest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTracker(t *testing.T) {
	t.Parallel()
	const orders = `CREATE SCHEMA s; CREATE TABLE s.orders (total numeric, note text, run int, b text, a int, PRIMARY KEY (a, b));`
	tests := []struct {
		name        string
		setup, step string
		tables      []string
		ignore      []string
		want        string
	}{
		{
			name:  "nothing",
			setup: orders + `INSERT INTO s.orders VALUES (1, 'x', 1, 'k', 1)`,
			step:  `SELECT 1`,
		},
		{
			name:  "inserted, updated, deleted, rewritten",
			setup: orders + `INSERT INTO s.orders VALUES (1, 'x', 1, 'k', 1), (2.20, NULL, 1, 'k', 2), (3, 'z', 1, 'k', 10), (4, 'y', 1, 'k', 11)`,
			step: `INSERT INTO s.orders VALUES (17.219999999999999, '', 1, 'k', 3);
				UPDATE s.orders SET total = 2.2, note = 'two words' WHERE a = 2;
				UPDATE s.orders SET total = total WHERE a = 11;
				DELETE FROM s.orders WHERE a = 10`,
			want: `s.orders
  - total=3, note=z, run=1, b=k, a=10
  ~ a=2, b=k: total=2.20 → 2.2, note=NULL → "two words"
  + total=17.219999999999999, note="", run=1, b=k, a=3
  ! a=11, b=k: rewritten with the same values
`,
		},
		{
			name:   "ignored columns",
			setup:  orders + `INSERT INTO s.orders VALUES (1, 'x', 1, 'k', 1), (2, 'y', 1, 'k', 2)`,
			step:   `UPDATE s.orders SET run = 2 WHERE a = 1; UPDATE s.orders SET run = 2, total = 3 WHERE a = 2; INSERT INTO s.orders VALUES (9, 'n', 2, 'k', 9)`,
			ignore: []string{"run", "b"},
			want: `s.orders
  ~ a=2: total=2 → 3
  + total=9, note=n, a=9
`,
		},
		{
			name:   "an ignored primary key",
			setup:  `CREATE TABLE t (id int PRIMARY KEY, name text, n int); INSERT INTO t VALUES (1, 'a', 1)`,
			step:   `UPDATE t SET n = 2`,
			ignore: []string{"id"},
			want: `public.t
  ~ name=a, n=2: n=1 → 2
`,
		},
		{
			name:  "keys in the order of their columns and bytes",
			setup: orders,
			step:  `INSERT INTO s.orders (a, b) VALUES (10, 'a'), (2, 'b'), (2, 'B'), (2, 'ä')`,
			ignore: []string{
				"total", "note", "run",
			},
			want: `s.orders
  + b=B, a=2
  + b=b, a=2
  + b=ä, a=2
  + b=a, a=10
`,
		},
		{
			name:  "no primary key",
			setup: `CREATE TABLE t (n int, at timestamptz); INSERT INTO t VALUES (1, NULL), (1, NULL), (2, NULL)`,
			step:  `INSERT INTO t VALUES (1, NULL); UPDATE t SET at = '2024-02-29 23:59:59.999999+00' WHERE n = 2`,
			want: `public.t
  - n=2, at=NULL
  + n=1, at=NULL
  + n=2, at="2024-02-29 23:59:59.999999+00"
`,
		},
		{
			name:   "only the tables named",
			setup:  orders + `CREATE TABLE t (n int PRIMARY KEY); CREATE TABLE u (n int PRIMARY KEY)`,
			step:   `INSERT INTO s.orders (a, b) VALUES (1, 'k'); INSERT INTO t VALUES (1); INSERT INTO u VALUES (1)`,
			tables: []string{"public.u", "s"},
			ignore: []string{"total", "note", "run"},
			want: `public.u
  + n=1
s.orders
  + b=k, a=1
`,
		},
		{
			name:  "a new table",
			setup: orders,
			step:  `CREATE TABLE "odd name" (n int); INSERT INTO "odd name" VALUES (1)`,
			want: `public.odd name
  + n=1
`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			databaseURL := NewEmpty(t)
			conn := open(t, databaseURL)
			execute(t, conn, test.setup)
			tracker := Track(t, databaseURL, test.tables...).Ignore(test.ignore...)
			execute(t, conn, test.step)
			if diff := cmp.Diff(test.want, tracker.Changes(t)); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if again := tracker.Changes(t); again != "" {
				t.Errorf("the same changes twice:\n%s", again)
			}
		})
	}
}

func TestTrackerOfAnUnknownTable(t *testing.T) {
	t.Parallel()
	databaseURL := NewEmpty(t)
	r := &recorder{TB: t}
	r.watch(func(tb testing.TB) { Track(tb, databaseURL, "public.missing") })
	if !r.failed || !strings.Contains(r.said, `no table or schema "public.missing"`) {
		t.Errorf("failed: %t, said %q", r.failed, r.said)
	}
}

func TestWrites(t *testing.T) {
	t.Parallel()
	databaseURL := NewEmpty(t)
	conn := open(t, databaseURL)
	execute(t, conn, `CREATE SCHEMA s; CREATE TABLE s.t (n int PRIMARY KEY); CREATE TABLE s.still (n int); CREATE TABLE other (n int)`)
	execute(t, conn,
		`INSERT INTO s.t SELECT generate_series(1, 10)`,
		`UPDATE s.t SET n = n WHERE n <= 3`,
		`DELETE FROM s.t WHERE n > 8`,
		`BEGIN`, `INSERT INTO s.t VALUES (99)`, `ROLLBACK`,
	)
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := map[string][3]int64{"s.t": {11, 3, 2}, "s.still": {}}
	for range 2 { // counting itself adds no counts
		if diff := cmp.Diff(want, Writes(t, databaseURL, "s")); diff != "" {
			t.Errorf("writes (-want +got):\n%s", diff)
		}
	}
}

func TestWritesRefusesToCountBesideAnOpenSession(t *testing.T) {
	t.Parallel()
	databaseURL := NewEmpty(t)
	conn := open(t, databaseURL+"&application_name=forgotten")
	execute(t, conn, `CREATE TABLE t (n int)`)
	_, err := counters(t.Context(), databaseURL, time.Millisecond, "n_tup_ins, n_tup_upd, n_tup_del", nil)
	if err == nil || !strings.Contains(err.Error(), "close every pool") || !strings.Contains(err.Error(), "forgotten") {
		t.Errorf("got %v, want an error that names the session", err)
	}
}
