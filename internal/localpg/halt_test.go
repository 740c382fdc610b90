//go:build unix

package localpg

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestHaltAndContinue(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	s := startIn(t, dir)
	url := s.URL("postgres")
	if _, err := connect(t, url).Exec(t.Context(), "SET synchronous_commit = on; CREATE TABLE kept AS SELECT 1 AS n"); err != nil {
		t.Fatal(err)
	}
	crash, cancel := context.WithCancel(t.Context())
	cancel()
	for name, ctx := range map[string]context.Context{"in order": t.Context(), "as if it crashed": crash} {
		for range 2 { // the second time it is already halted
			if err := s.Halt(ctx); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if conn, err := pgx.Connect(t.Context(), url); err == nil {
			_ = conn.Close(t.Context())
			t.Errorf("%s: the halted server answers", name)
		}
		if err := s.Continue(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var n int
		if err := connect(t, url).QueryRow(t.Context(), "SELECT n FROM kept").Scan(&n); err != nil || n != 1 {
			t.Errorf("%s: the table holds %d (%v), want what was there before", name, n, err)
		}
	}
	if err := s.Halt(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Errorf("stop a halted server: %v", err)
	}
	wantNothingLeft(t, dir)
}
