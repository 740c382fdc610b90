package persist_test

import (
	"database/sql"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"partnercost/internal/persist/pgtest"
)

// The tables of the queue are those that the linked version of River makes itself, except
// the record of its own migrations.
func TestQueueIsWhatRiverExpects(t *testing.T) {
	t.Parallel()
	theirs := pgtest.NewEmpty(t)
	pool, err := pgxpool.New(t.Context(), theirs)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := pool.Exec(t.Context(), "CREATE SCHEMA river"); err != nil {
		t.Fatal(err)
	}
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Schema: "river"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := migrator.Migrate(t.Context(), rivermigrate.DirectionUp, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(t.Context(), "DROP TABLE river.river_migration"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ofRiver(t, theirs), ofRiver(t, pgtest.New(t))); diff != "" {
		t.Errorf("schema river differs from what River makes (-River +ours):\n%s", diff)
	}
}

// ofRiver describes schema river: its relations without comments, its types and functions.
func ofRiver(t *testing.T, url string) []string {
	t.Helper()
	var lines []string
	for block := range strings.SplitSeq(describe(t, url), "\n\n") {
		var kept []string
		for line := range strings.SplitSeq(block, "\n") {
			if !strings.HasPrefix(line, "COMMENT ") {
				kept = append(kept, line)
			}
		}
		if block = strings.Join(kept, "\n"); strings.HasPrefix(block, "CREATE TABLE river.") {
			lines = append(lines, strings.Split(strings.TrimSpace(block), "\n")...)
		}
	}
	if len(lines) == 0 {
		t.Fatal("schema river is not described")
	}
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(t.Context(), `
		SELECT 'label ' || enumlabel FROM pg_enum
		UNION ALL
		SELECT format('function %s %s: %s', oid::regprocedure, provolatile, regexp_replace(prosrc, '\s+', ' ', 'g')) FROM pg_proc WHERE pronamespace = 'river'::regnamespace
		UNION ALL
		SELECT format('%s is %s', oid::regclass, relpersistence) FROM pg_class WHERE relnamespace = 'river'::regnamespace
		UNION ALL
		SELECT format('trigger %s', tgname) FROM pg_trigger WHERE NOT tgisinternal AND tgrelid::regclass::text LIKE 'river.%'`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines[1:])
	return lines
}
