// Package finance reads schema finance as the role finance_reader: the reports, the
// exports, the explanations, the status and the pages of the console. It needs no other
// right. It does not check the schema version, because the views keep their names.
package finance

import (
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"time"

	pgxdecimal "github.com/jackc/pgx-shopspring-decimal"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"partnercost/internal/finance/dbsqlc"
	"partnercost/internal/pg"
)

// connections bounds the connections of a reader, so that a run always finds some.
const connections = 4

// Reader reads the views of schema finance, and nothing else. It is safe for
// concurrent use.
type Reader struct {
	pool *pgxpool.Pool
	// db gives the console the same connections.
	db *stdsql.DB
	q  *dbsqlc.Queries
	// first is the statement that begins each transaction.
	first string
}

// Open prepares to read the database at a URL, with connections of its own. The first
// transaction connects. The login must be finance_reader or be allowed to become it. The
// caller closes the reader.
func Open(databaseURL string) (*Reader, error) {
	config, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		return nil, fmt.Errorf("database url: %w", pg.Redact(err))
	}
	config.ConnConfig.DialFunc = pg.Dial
	first := pg.Transactions(config.ConnConfig, "partnercost reader", map[string]string{"jit": "off"})
	// A custom plan knows the parameters, and so finds the index that fits them.
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	config.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
		pgxdecimal.Register(conn.TypeMap())
		return nil
	}
	config.MaxConns = connections
	config.MaxConnIdleTime = 5 * time.Minute
	pool, err := pgxpool.NewWithConfig(context.Background(), config) // it connects later
	if err != nil {
		return nil, fmt.Errorf("database pool: %w", pg.Redact(err))
	}
	return &Reader{pool: pool, db: stdlib.OpenDBFromPool(pool), q: dbsqlc.New(), first: first + "; " + becomeReader}, nil
}

// Close closes the connections.
func (r *Reader) Close() error {
	err := r.db.Close()
	pg.Close(r.pool)
	return err
}

const becomeReader = "SET LOCAL ROLE finance_reader"

// Begin starts a read-only transaction as finance_reader. The transaction sees one state
// of the database, and none of its statements takes longer than atMost. If the login
// cannot become finance_reader, Begin fails: nothing is read with more rights.
func (r *Reader) Begin(ctx context.Context, atMost time.Duration) (*stdsql.Tx, error) {
	tx, err := r.db.BeginTx(ctx, &stdsql.TxOptions{Isolation: stdsql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return nil, r.reached(err)
	}
	_, err = tx.ExecContext(ctx, fmt.Sprintf("SET LOCAL statement_timeout = %d; %s", atMost.Milliseconds(), r.first))
	if err != nil {
		return nil, errors.Join(notAReader(err), tx.Rollback())
	}
	return tx, nil
}

// read passes f a transaction like that of Begin. Its statements have no time limit,
// because the user who waits for them can interrupt them.
func (r *Reader) read(ctx context.Context, f func(pgx.Tx) error) error {
	options := pgx.TxOptions{AccessMode: pgx.ReadOnly, IsoLevel: pgx.RepeatableRead}
	return r.reached(pgx.BeginTxFunc(ctx, r.pool, options, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, r.first); err != nil {
			return notAReader(err)
		}
		return advised(f(tx))
	}))
}
