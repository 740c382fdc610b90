package persist

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"partnercost/sql"
)

// ErrMayNotGrant means that the migrating role may not set up finance_reader and
// collector_writer. An administrator has to run the script of RolesScript instead.
var ErrMayNotGrant = errors.New("this role may not create the roles finance_reader and collector_writer")

// RolesScript is the SQL that creates the two roles and grants them what they need.
func RolesScript() string { return sql.Roles }

// GrantRoles creates the roles finance_reader and collector_writer if they are missing,
// and grants them what they need on the current schema. It runs after every migration,
// because views and tables change. After ErrMayNotGrant the schema is still usable by
// its owner.
func (m *Migrator) GrantRoles(ctx context.Context) error {
	tx, err := m.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("grant the roles: %w", err)
	}
	_, err = tx.ExecContext(ctx, sql.Roles)
	if err == nil {
		err = tx.Commit()
	} else {
		err = errors.Join(err, tx.Rollback())
	}
	var pgErr *pgconn.PgError
	switch {
	case errors.As(err, &pgErr) && pgErr.Code == "42501":
		return fmt.Errorf("%w: %s", ErrMayNotGrant, pgErr.Message)
	case err != nil:
		return fmt.Errorf("grant the roles: %w", err)
	}
	return nil
}

// AddReader creates a login whose only membership is finance_reader.
func (m *Migrator) AddReader(ctx context.Context, login, password string) error {
	var statement string
	err := m.db.QueryRowContext(ctx, "SELECT format('CREATE ROLE %I LOGIN PASSWORD %L IN ROLE finance_reader', $1::text, $2::text)", login, password).Scan(&statement)
	if err == nil {
		_, err = m.db.ExecContext(ctx, statement)
	}
	if err != nil {
		return fmt.Errorf("create the login %s: %w", login, err)
	}
	return nil
}
