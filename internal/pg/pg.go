// Package pg is what all connections to PostgreSQL share: how their sessions begin, how
// a dead server is noticed, and errors that name the server and never the password.
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

// Dial connects to the server. A server that disappears without closing the connection
// is noticed within a minute.
func Dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3}}
	return dialer.DialContext(ctx, network, address)
}

// closeWithin bounds the closing of connections whose server no longer answers: the
// driver would try for 15 s to cancel their queries.
const closeWithin = time.Second

// Close closes the connections. It does not wait for those that take long.
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

// Unreachable describes a failed connection for the operator: where and why, never the
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

// Redact removes the password of a connection string from an error.
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
