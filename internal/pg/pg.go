// Package pg is what all connections to PostgreSQL have in common: how their sessions
// begin, how a server that is gone is noticed, and errors that name the server and
// never the password.
package pg

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Dial connects to the server, and finds out within a minute when it is gone without
// having said so.
func Dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3}}
	return dialer.DialContext(ctx, network, address)
}

// closeWithin bounds the closing of connections that a server does not answer on any
// more: their driver would ask it for 15 s to break off what they do.
const closeWithin = time.Second

// Close closes the connections. Those that take long are left to themselves.
func Close(pool *pgxpool.Pool) {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		pool.Close()
	}()
	enough := time.NewTimer(closeWithin)
	defer enough.Stop()
	select {
	case <-closed:
	case <-enough.C:
	}
}

// Unreachable words a failed connection for the operator: where, why, and never the
// password.
func Unreachable(config *pgx.ConnConfig, err error) error {
	if refusal, ok := errors.AsType[Unfit](err); ok {
		return fmt.Errorf("the database %q on %s:%d: %w", config.Database, config.Host, config.Port, refusal)
	}
	advice := "check database.url and that the server runs"
	if answer, answered := errors.AsType[*pgconn.PgError](err); answered && RefusedByPooler(answer) {
		advice = PoolerAdvice
	}
	return fmt.Errorf("cannot reach the database %q on %s:%d: %w; %s", config.Database, config.Host, config.Port, Redact(err), advice)
}

// Redact keeps a password that stands in a connection string out of an error.
func Redact(err error) error {
	text := err.Error()
	for word := range strings.FieldsSeq(text) {
		word = strings.Trim(word, "`'\"()")
		u, parseErr := url.Parse(word)
		if parseErr == nil && u.User != nil {
			text = strings.ReplaceAll(text, word, u.Redacted())
		}
	}
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}
