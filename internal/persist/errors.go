package persist

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"partnercost/internal/billing"
)

// classify gives an error of the database the meaning that the failure policy needs:
// billing.ErrRejected when the data is at fault, billing.ErrUnavailable when the
// same work may succeed later, neither when somebody must act first.
func classify(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		if connectionFailed(err) {
			return fmt.Errorf("%w: %w", billing.ErrUnavailable, redactURL(err))
		}
		return err
	}
	switch class := pgErr.Code[:min(2, len(pgErr.Code))]; {
	case class == "22", class == "23", class == "54":
		return fmt.Errorf("%w: %w", billing.ErrRejected, describe(pgErr))
	case class == "08", class == "53", class == "57", class == "40", pgErr.Code == "55P03", pgErr.Code == "25006":
		// Connection, resources (a full disk among them), operator intervention and
		// timeouts, serialization and deadlock, lock timeout, a standby not yet promoted.
		return fmt.Errorf("%w: %w", billing.ErrUnavailable, err)
	case pgErr.Code == "42501":
		return fmt.Errorf("%w; grant the collector's role what it needs on the schema collector", err)
	}
	return err
}

// connectionFailed reports whether err says that the server was not reached or went
// away, rather than that it answered.
func connectionFailed(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// describe keeps the values of a refused row, which may be personal, out of the
// error: the detail and the context of a PgError quote them.
func describe(pgErr *pgconn.PgError) error {
	var place []string
	for _, p := range []string{pgErr.TableName, pgErr.ColumnName, pgErr.ConstraintName} {
		if p != "" {
			place = append(place, p)
		}
	}
	message, _, _ := strings.Cut(pgErr.Message, ": ")
	if len(place) > 0 {
		return fmt.Errorf("%s (SQLSTATE %s, %s)", message, pgErr.Code, strings.Join(place, ", "))
	}
	return fmt.Errorf("%s (SQLSTATE %s)", message, pgErr.Code)
}
