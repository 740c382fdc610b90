package persist

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	pgxdecimal "github.com/jackc/pgx-shopspring-decimal"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"partnercost/internal/billing"
	"partnercost/internal/persist/dbsqlc"
	"partnercost/internal/pg"
	"partnercost/sql"
)

// Options says how to reach the database.
type Options struct {
	// URL is a PostgreSQL connection URL or keyword string.
	URL string
	// MaxConnections bounds the connections; 0 means 8, and the minimum is 3. One of them
	// holds the locks of all partners; all readers and writers share the others.
	MaxConnections int
	// Profiles is how much of a billing profile is stored; the zero value is all.
	Profiles billing.ProfileScope
	Log      *slog.Logger
	// Now returns the time; nil means the system's clock.
	Now func() time.Time
}

// Store stores statements in one database. It is safe for concurrent use.
type Store struct {
	pool *pgxpool.Pool
	// queue is the configuration of a pool for the queue.
	queue *pgxpool.Config
	q     *dbsqlc.Queries
	log   *slog.Logger
	now   func() time.Time
	// profiles is the most that may be stored of a billing profile.
	profiles billing.ProfileScope
	locks    lockSession
}

// Open connects, and refuses a schema that is not the one this program was built
// for. The caller closes the store.
func Open(ctx context.Context, o Options) (*Store, error) {
	config, err := pgxpool.ParseConfig(o.URL)
	if err != nil {
		return nil, fmt.Errorf("database url: %w", pg.Redact(err))
	}
	config.MaxConns = int32(max(3, cmp.Or(o.MaxConnections, 8)) - 1)
	config.ConnConfig.DialFunc = pg.Dial
	settings := pg.Stated(config.ConnConfig, defaultSettings)
	// Batches look up few rows in large tables, which are cached while they are written.
	settings["random_page_cost"] = "1.1"
	settings["jit"] = "off"
	pg.Sessions(config.ConnConfig, "partnercost", settings)
	// Statements are planned again for each execution: plans of the first batches, on
	// empty tables, would be wrong for the rest of the night.
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	config.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
		pgxdecimal.Register(conn.TypeMap())
		return nil
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("database pool: %w", err)
	}
	s := &Store{pool: pool, queue: config.Copy(), q: dbsqlc.New(), log: o.Log, now: o.Now, profiles: o.Profiles}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.locks = lockSession{
		log: s.log, held: map[string]*partnerLocked{},
		connect: func(ctx context.Context) (*pgx.Conn, error) { return pgx.ConnectConfig(ctx, config.ConnConfig.Copy()) },
	}
	if err := s.reach(ctx); err != nil {
		pool.Close()
		return nil, unreachable(config.ConnConfig, err)
	}
	state, err := s.schemaState(ctx)
	if err == nil {
		err = state.Check()
	}
	if err != nil {
		pool.Close()
		return nil, err
	}
	return s, nil
}

// queueConnections is how many connections the queue shares. One more receives its
// notifications.
const queueConnections = 2

// QueuePool opens connections for the queue alone, so that it does not wait for those that
// store. The caller closes them. behindPooler means that a pooler is between them and the
// server, and sessions should not be kept without need.
func (s *Store) QueuePool(ctx context.Context) (pool *pgxpool.Pool, behindPooler bool, err error) {
	config := s.queue.Copy()
	config.MaxConns = queueConnections
	pool, err = pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, false, fmt.Errorf("connections of the queue: %w", err)
	}
	conn, err := pool.Acquire(ctx)
	if err != nil {
		pool.Close()
		return nil, false, fmt.Errorf("connections of the queue: %w", classify(err))
	}
	defer conn.Release()
	return pool, pg.Pooled(conn.Conn().PgConn()), nil
}

// reach connects, and checks that each connection of the pool has a server session of
// its own.
func (s *Store) reach(ctx context.Context) error {
	first, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer first.Release()
	return pg.SessionsApart(ctx, first.Conn().PgConn(), func() (*pgconn.PgConn, error) {
		second, err := s.pool.Acquire(ctx)
		if err != nil {
			return nil, err
		}
		defer second.Release() // no other caller acquires it before the store is open
		return second.Conn().PgConn(), nil
	})
}

// Close closes the connections. It does not wait for those that take long.
func (s *Store) Close() { pg.Close(s.pool) }

// schemaState reads the version that the migrator recorded, without needing the right
// to write.
func (s *Store) schemaState(ctx context.Context) (SchemaState, error) {
	latest, _, err := embeddedVersions()
	if err != nil {
		return SchemaState{}, err
	}
	state := SchemaState{Latest: latest}
	table := pgx.Identifier{migrationsSchema, migrationsTable}.Sanitize()
	var version int64
	err = s.pool.QueryRow(ctx, "SELECT version, dirty FROM "+table).Scan(&version, &state.Dirty)
	var pgErr *pgconn.PgError
	switch {
	case errors.Is(err, pgx.ErrNoRows), errors.As(err, &pgErr) && pgErr.Code == "42P01":
		return state, nil
	case err != nil:
		return state, fmt.Errorf("read the schema version: %w", err)
	}
	state.Version = uint(max(0, version))
	return state, nil
}

// stageTables creates the staging tables of a session, once per connection.
func stageTables(ctx context.Context, conn *pgx.Conn) error {
	if _, done := conn.PgConn().CustomData()["stage"]; done {
		return nil
	}
	if _, err := conn.Exec(ctx, sql.Stage); err != nil {
		return fmt.Errorf("create the staging tables: %w", err)
	}
	conn.PgConn().CustomData()["stage"] = true
	return nil
}
