package pgtest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Writes returns how many row versions were ever inserted, updated and deleted in each
// table (n_tup_ins, n_tup_upd, n_tup_del of pg_stat_all_tables), also by transactions
// that were rolled back. Tables are named as for Track, and are the keys of the result
// as "schema.table".
//
// A session reports its counts for certain only when it ends. So Writes waits until
// all other sessions in the database are gone, and fails the test if one stays: close
// pools first.
func Writes(t testing.TB, databaseURL string, tables ...string) map[string][3]int64 {
	t.Helper()
	counts, err := counters(t.Context(), databaseURL, 10*time.Second, "n_tup_ins, n_tup_upd, n_tup_del", tables)
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

// Reads returns how often each table was scanned sequentially, how many rows these
// scans read, and how many index entries were read (seq_scan and seq_tup_read of
// pg_stat_all_tables, idx_tup_read of pg_stat_all_indexes). Otherwise it is like
// Writes.
func Reads(t testing.TB, databaseURL string, tables ...string) map[string][3]int64 {
	t.Helper()
	counts, err := counters(t.Context(), databaseURL, 10*time.Second,
		"seq_scan, seq_tup_read, (SELECT coalesce(sum(i.idx_tup_read), 0)::bigint FROM pg_stat_all_indexes i WHERE i.relid = t.relid)", tables)
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

// counters reads three columns of pg_stat_all_tables.
func counters(ctx context.Context, databaseURL string, patience time.Duration, columns string, tables []string) (_ map[string][3]int64, err error) {
	conn, err := connect(ctx, databaseURL)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	if err := awaitAlone(ctx, conn, patience); err != nil {
		return nil, err
	}
	counts := make(map[string][3]int64)
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		found, err := resolve(ctx, tx, tables)
		if err != nil {
			return err
		}
		for _, t := range found {
			var c [3]int64
			if err := tx.QueryRow(ctx, "SELECT "+columns+" FROM pg_stat_all_tables t WHERE t.relid = $1", t.OID).
				Scan(&c[0], &c[1], &c[2]); err != nil {
				return fmt.Errorf("statistics of %s: %w", t.name(), err)
			}
			counts[t.name()] = c
		}
		return nil
	})
	return counts, err
}

// awaitAlone waits until conn is the only session in its database.
func awaitAlone(ctx context.Context, conn *pgx.Conn, patience time.Duration) error {
	enough := time.NewTimer(patience)
	defer enough.Stop()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		var others []string
		if err := conn.QueryRow(ctx, `
			SELECT coalesce(array_agg(format('%s (%s, %s)', pid, coalesce(nullif(application_name, ''), 'unnamed'), state) ORDER BY pid), '{}')
			FROM pg_stat_activity
			WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`).Scan(&others); err != nil {
			return fmt.Errorf("look for other sessions: %w", err)
		}
		if len(others) == 0 {
			return nil
		}
		select {
		case <-again.C:
		case <-enough.C:
			return fmt.Errorf("close every pool before counting writes; still open after %s: %q", patience, others)
		}
	}
}
