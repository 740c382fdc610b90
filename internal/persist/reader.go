package persist

import (
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// readerConnections bounds what all readers together take from the server, so that
// they cannot take the connections of a run.
const readerConnections = 4

// Reader reads the views of schema finance as the role finance_reader, and nothing
// else. It is safe for concurrent use.
type Reader struct {
	db *stdsql.DB
}

// NewReader prepares to read the database at a URL with connections of its own; the
// first transaction connects. The caller closes the reader.
func NewReader(databaseURL string) (*Reader, error) {
	config, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		return nil, fmt.Errorf("database url: %w", redactURL(err))
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 10 * time.Second
	}
	config.RuntimeParams["application_name"] = "partnercost console"
	config.RuntimeParams["search_path"] = ""
	config.RuntimeParams["timezone"] = "UTC"
	config.RuntimeParams["default_transaction_read_only"] = "on"
	config.RuntimeParams["jit"] = "off"
	// A plan that is made for the values at hand finds the index that fits them.
	config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(readerConnections)
	db.SetMaxIdleConns(readerConnections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return &Reader{db: db}, nil
}

// Close closes the connections.
func (r *Reader) Close() error { return r.db.Close() }

// Begin starts a read-only transaction as finance_reader, which sees one state of
// the database and none of whose statements takes longer than atMost. Where the role
// cannot be had it fails, and never reads with more rights.
func (r *Reader) Begin(ctx context.Context, atMost time.Duration) (*stdsql.Tx, error) {
	tx, err := r.db.BeginTx(ctx, &stdsql.TxOptions{Isolation: stdsql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("read the database: %w", redactURL(err))
	}
	_, err = tx.ExecContext(ctx, fmt.Sprintf("SET LOCAL statement_timeout = %d; SET LOCAL ROLE finance_reader", atMost.Milliseconds()))
	if err != nil {
		return nil, errors.Join(notAReader(err), tx.Rollback())
	}
	return tx, nil
}

// notAReader says what to run when finance_reader cannot be had.
func notAReader(err error) error {
	var pgErr *pgconn.PgError
	switch {
	case errors.As(err, &pgErr) && pgErr.Code == "22023":
		return fmt.Errorf("the role finance_reader does not exist: run collector migrate up, which creates it or prints what an administrator has to run: %w", err)
	case errors.As(err, &pgErr) && pgErr.Code == "42501":
		return fmt.Errorf("the collector's login may not become finance_reader: let an administrator grant it, as with GRANT collector_writer TO the_login, "+
			"after collector migrate up; or GRANT finance_reader TO the_login: %w", err)
	}
	return fmt.Errorf("become finance_reader: %w", err)
}
