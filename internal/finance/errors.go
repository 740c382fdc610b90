package finance

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"partnercost/internal/pg"
)

// reached explains the error of a server that cannot be reached.
func (r *Reader) reached(err error) error {
	if _, failed := errors.AsType[*pgconn.ConnectError](err); failed {
		return pg.Unreachable(r.pool.Config().ConnConfig, err)
	}
	return err
}

// advised adds what to do if the views do not exist or may not be read.
func advised(err error) error {
	answer, answered := errors.AsType[*pgconn.PgError](err)
	if !answered {
		return err
	}
	switch answer.Code {
	case "3F000", "42P01", "42703", "42883":
		return fmt.Errorf("the views of schema finance do not fit this program; collector migrate status prints the schema version of the database and the one that this program needs: %w", err)
	case "42501":
		return fmt.Errorf("finance_reader may not read the views of schema finance; collector migrate up grants it, or prints what an administrator has to run: %w", err)
	}
	return err
}

// notAReader adds what to do if the login cannot become finance_reader.
func notAReader(err error) error {
	answer, answered := errors.AsType[*pgconn.PgError](err)
	switch {
	case answered && answer.Code == "22023":
		return fmt.Errorf("the role finance_reader does not exist; run collector migrate up, which creates it or prints what an administrator has to run: %w", err)
	case answered && answer.Code == "42501":
		return fmt.Errorf("this login is not a member of finance_reader; ask an administrator to run GRANT finance_reader TO the login; "+
			"a collector's login needs GRANT collector_writer TO the login, after collector migrate up: %w", err)
	}
	return fmt.Errorf("become finance_reader: %w", err)
}
