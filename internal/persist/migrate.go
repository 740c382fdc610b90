package persist

import (
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database"
	migratepgx "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/golang-migrate/migrate/v4/source"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"partnercost/internal/billing"
	"partnercost/internal/pg"
	"partnercost/migrations"
)

// golang-migrate's own table is outside the schema collector, because taking all
// migrations back removes that schema.
const (
	migrationsSchema = "public"
	migrationsTable  = "collector_schema_migrations"
)

// Migrator moves a database between schema versions.
type Migrator struct {
	m  *migrate.Migrate
	db *stdsql.DB
}

// SchemaState is the schema version of a database, with the version that this program
// was built for.
type SchemaState struct {
	// Version is 0 if no migration was ever applied.
	Version, Latest uint
	// Dirty means that a migration failed half-way.
	Dirty bool
	// Pending lists the names of the migrations that "up" would apply.
	Pending []string
}

// Prepare gives the empty database at url the schema and the roles.
func Prepare(ctx context.Context, databaseURL string) (err error) {
	m, err := OpenMigrator(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	if err := m.Up(ctx); err != nil {
		return err
	}
	return m.GrantRoles(ctx)
}

// OpenMigrator connects to the database at url. The caller closes it.
func OpenMigrator(ctx context.Context, databaseURL string) (*Migrator, error) {
	config, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		return nil, fmt.Errorf("database url: %w", pg.Redact(err))
	}
	pg.Sessions(config, "partnercost migrate", nil)
	db := stdlib.OpenDB(*config)
	if err := reachToMigrate(ctx, db); err != nil {
		_ = db.Close()
		return nil, unreachable(config, err)
	}
	driver, err := migratepgx.WithInstance(db, &migratepgx.Config{SchemaName: migrationsSchema, MigrationsTable: migrationsTable})
	if err != nil {
		_ = db.Close()
		// The library's error does not unwrap.
		if failed, is := errors.AsType[*database.Error](err); is && Forbidden(failed.OrigErr) {
			return nil, fmt.Errorf("this login may not look after the schema; use that of the database's owner (database.migrate_url): %w", err)
		}
		return nil, fmt.Errorf("prepare migrations: %w", err)
	}
	files, err := iofs.New(migrations.FS, ".")
	if err != nil {
		_ = driver.Close()
		return nil, fmt.Errorf("read embedded migrations: %w", err)
	}
	m, err := migrate.NewWithInstance("iofs", files, "pgx5", driver)
	if err != nil {
		return nil, fmt.Errorf("prepare migrations: %w", err)
	}
	return &Migrator{m: m, db: db}, nil
}

// reachToMigrate connects, and checks that a session keeps its locks.
func reachToMigrate(ctx context.Context, db *stdsql.DB) error {
	var held []*stdsql.Conn
	defer func() {
		for _, conn := range held {
			_ = conn.Close()
		}
	}()
	connect := func() (raw *pgconn.PgConn, err error) {
		conn, err := db.Conn(ctx)
		if err != nil {
			return nil, err
		}
		held = append(held, conn)
		err = conn.Raw(func(driver any) error {
			raw = driver.(*stdlib.Conn).Conn().PgConn()
			return nil
		})
		return raw, err
	}
	first, err := connect()
	if err != nil {
		return err
	}
	return pg.SessionsApart(ctx, first, connect)
}

// Close releases the connection.
func (m *Migrator) Close() error {
	sourceErr, dbErr := m.m.Close()
	return errors.Join(sourceErr, dbErr)
}

// Up applies every pending migration. Applying none is not an error.
func (m *Migrator) Up(ctx context.Context) error {
	if err := m.refuseOddSchema(); err != nil {
		return err
	}
	return m.run(ctx, m.m.Up)
}

// Force sets the recorded version, and clears the dirty flag, without running
// anything.
func (m *Migrator) Force(version int) error {
	latest, _, err := embeddedVersions()
	if err != nil {
		return err
	}
	if version < 0 || uint(version) > latest {
		return fmt.Errorf("there is no schema version %d; this program knows 0 to %d", version, latest)
	}
	if version == 0 {
		version = -1 // golang-migrate's version for "nothing applied"
	}
	if err := m.m.Force(version); err != nil {
		return fmt.Errorf("force schema version: %w", err)
	}
	return nil
}

// State returns the state of the database's schema.
func (m *Migrator) State() (SchemaState, error) {
	var s SchemaState
	version, dirty, err := m.m.Version()
	if err != nil && !errors.Is(err, migrate.ErrNilVersion) {
		return s, fmt.Errorf("read schema version: %w", err)
	}
	s.Version, s.Dirty = version, dirty
	latest, names, err := embeddedVersions()
	if err != nil {
		return s, err
	}
	s.Latest = latest
	for v := s.Version + 1; v <= latest; v++ {
		s.Pending = append(s.Pending, names[v])
	}
	return s, nil
}

func (m *Migrator) refuseOddSchema() error {
	s, err := m.State()
	if err != nil {
		return err
	}
	if s.Dirty || s.Version > s.Latest {
		return s.Check()
	}
	return nil
}

// run calls f, and stops between two migrations when ctx ends.
func (m *Migrator) run(ctx context.Context, f func() error) error {
	finished := make(chan struct{})
	defer close(finished)
	go func() {
		select {
		case <-ctx.Done():
			m.m.GracefulStop <- true
		case <-finished:
		}
	}()
	err := f()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil && !errors.Is(err, migrate.ErrNoChange) {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// Check returns nil when the schema is the one this program was built for, else an
// error that says what to do.
func (s SchemaState) Check() error {
	switch {
	case s.Dirty:
		return fmt.Errorf("the database schema is dirty: migration %d failed half-way; repair it by hand, then run: collector migrate force VERSION", s.Version)
	case s.Version > s.Latest:
		return fmt.Errorf("the database schema is at version %d, newer than the %d this program knows: install the newer collector", s.Version, s.Latest)
	case s.Version < s.Latest:
		return fmt.Errorf("the database schema is at version %d, this program needs %d: run collector migrate up", s.Version, s.Latest)
	}
	return nil
}

// embeddedVersions returns the highest embedded version and the name of each.
func embeddedVersions() (uint, map[uint]string, error) {
	files, err := fs.Glob(migrations.FS, "*.up.sql")
	if err != nil {
		return 0, nil, fmt.Errorf("read embedded migrations: %w", err)
	}
	names := make(map[uint]string, len(files))
	var latest uint
	for _, file := range files {
		parsed, err := source.DefaultParse(file)
		if err != nil {
			return 0, nil, fmt.Errorf("embedded migration %s: %w", file, err)
		}
		names[parsed.Version] = strings.TrimSuffix(file, ".up.sql")
		latest = max(latest, parsed.Version)
	}
	return latest, names, nil
}

// unreachable describes a failed connection for the operator: where and why, never the
// password. The error is billing.ErrUnavailable unless the server answered and refused.
func unreachable(config *pgx.ConnConfig, err error) error {
	worded := pg.Unreachable(config, err)
	if errors.Is(classify(err), billing.ErrUnavailable) {
		return unavailable{worded}
	}
	return worded
}

// unavailable is billing.ErrUnavailable with another message.
type unavailable struct{ error }

func (e unavailable) Is(target error) bool { return target == billing.ErrUnavailable }
func (e unavailable) Unwrap() error        { return e.error }
