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
	"partnercost/internal/pg"
)

// meaning is what an SQLSTATE means for the failure policy.
type meaning struct {
	// kind is billing.ErrRejected, ErrUnavailable or ErrTooMuch; nil when an operator must
	// act before another attempt can succeed.
	kind error
	// retryable means that the same transaction may succeed at once.
	retryable bool
	// stale means that the session's own state causes the error, so a new session is
	// needed.
	stale bool
	// advice tells the operator what to do; empty when the server's message says it.
	advice string
}

const (
	migrateAdvice = "the schema is not the one this program was built for, or a pooler does not keep sessions apart: see collector migrate status, and run a pooler in session mode"
	damageAdvice  = "see the server's log; its files may be damaged"
	loginAdvice   = "check the user and the password in database.url, and pg_hba.conf on the server"
	grantAdvice   = "ask an administrator to run: GRANT collector_writer TO the collector's login; if that does not help, run collector migrate up as the owner, which grants that role its rights"
)

// meanings lists the known errors by SQLSTATE, or else by its class, the first two
// characters. Any other error ends a run with the server's own message.
var meanings = map[string]meaning{
	// The data.
	"22":    {kind: billing.ErrRejected},
	"23":    {kind: billing.ErrRejected},
	"54":    {kind: billing.ErrRejected},
	"23505": {kind: billing.ErrRejected, retryable: true}, // another partner's run may just have stored the same body

	// Conflicts with other sessions.
	"40":    {kind: billing.ErrUnavailable, retryable: true, advice: "other sessions keep changing the collector's tables: find them in pg_stat_activity"},
	"55P03": {kind: billing.ErrUnavailable, advice: "another session keeps a table of the collector locked: find it in pg_locks"},
	"57014": {kind: billing.ErrTooMuch, advice: "statement_timeout of the collector's login is too short, or its statements wait for a lock: see pg_locks"},
	"25P04": {kind: billing.ErrTooMuch, advice: "transaction_timeout of the collector's login is too short, or its transactions wait for a lock: see pg_locks"},
	"25P03": {kind: billing.ErrUnavailable, advice: "raise idle_in_transaction_session_timeout for the collector's login"},

	// The server cannot be reached, or cannot write now.
	"08":    {kind: billing.ErrUnavailable},
	"57":    {kind: billing.ErrUnavailable},
	"57P04": {advice: "restore the database, or check database.url"},
	"25006": {kind: billing.ErrUnavailable, stale: true, advice: "the database is read-only: set database.url to the primary server, or reset default_transaction_read_only"},
	"53":    {kind: billing.ErrUnavailable},
	"53100": {kind: billing.ErrUnavailable, advice: "free space on the disk of the database server"},
	"53200": {kind: billing.ErrUnavailable, advice: "the database server is out of memory"},
	"53300": {kind: billing.ErrUnavailable, advice: "end idle sessions, or raise max_connections or the login's connection limit"},
	"58":    {kind: billing.ErrUnavailable, advice: "the disk of the database server may be failing; see the server's log"},
	"58P01": {advice: damageAdvice},
	"58P02": {advice: damageAdvice},

	// The session's cached state no longer fits the server.
	"0A000": {retryable: true, stale: true, advice: migrateAdvice},
	"26000": {retryable: true, stale: true, advice: migrateAdvice},
	"42P05": {retryable: true, stale: true, advice: migrateAdvice},

	// An operator or administrator must act.
	"28":    {advice: loginAdvice},
	"3D000": {advice: "create the database, or check its name in database.url"},
	"3F000": {advice: migrateAdvice},
	"42501": {advice: grantAdvice},
	"42P01": {advice: migrateAdvice},
	"42703": {advice: migrateAdvice},
	"42704": {advice: migrateAdvice},
	"42804": {advice: migrateAdvice},
	"42883": {advice: migrateAdvice},
	"XX":    {advice: damageAdvice},
	"XX000": {retryable: true, advice: damageAdvice}, // also occurs when the schema changes during a statement
}

func meaningOf(pgErr *pgconn.PgError) meaning {
	if pg.RefusedByPooler(pgErr) {
		return meaning{advice: pg.PoolerAdvice}
	}
	if m, known := meanings[pgErr.Code]; known {
		return m
	}
	return meanings[pgErr.Code[:min(2, len(pgErr.Code))]]
}

// classify translates a database error into the meaning that the failure policy needs:
// billing.ErrRejected when the data is at fault, billing.ErrUnavailable when the same
// work may succeed later (billing.ErrTooMuch among them), and neither when an operator
// must act first.
func classify(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	if refusal, ok := errors.AsType[pg.Unfit](err); ok {
		return refusal
	}
	pgErr, answered := errors.AsType[*pgconn.PgError](err)
	if !answered {
		if connectionFailed(err) {
			return fmt.Errorf("%w: %w", billing.ErrUnavailable, pg.Redact(err))
		}
		return err
	}
	m := meaningOf(pgErr)
	err = pg.Redact(err)
	if errors.Is(m.kind, billing.ErrRejected) {
		err = describe(pgErr)
	}
	if m.kind != nil {
		err = fmt.Errorf("%w: %w", m.kind, err)
	}
	if m.advice != "" {
		err = fmt.Errorf("%w; %s", err, m.advice)
	}
	return err
}

// Forbidden reports whether the login lacks a right that the statement needs.
func Forbidden(err error) bool {
	answer, answered := errors.AsType[*pgconn.PgError](err)
	return answered && answer.Code == "42501"
}

// connectionFailed reports whether err means that the server was not reached or the
// connection broke, as opposed to an answer of the server.
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
