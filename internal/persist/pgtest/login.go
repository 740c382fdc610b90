package pgtest

import (
	"context"
	"crypto/rand"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Login creates a login role, a member of a group unless that is empty, and returns the
// URL of the database for it. The role is dropped when the test ends, with what it owns
// in that database.
func Login(t testing.TB, databaseURL, group string) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	name, password := "test_"+strings.ToLower(rand.Text()), rand.Text()
	create := "CREATE ROLE " + name + " LOGIN PASSWORD '" + password + "'"
	if group != "" {
		create += " IN ROLE " + group
	}
	if err := run(t.Context(), databaseURL, create); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { DropLogin(t, databaseURL, name) })
	u.User = url.UserPassword(name, password)
	return u.String()
}

// DropLogin drops a login role, with what it owns in a database, once its sessions have
// ended.
func DropLogin(t testing.TB, databaseURL, name string) {
	t.Helper()
	if err := dropLogin(context.Background(), databaseURL, name); err != nil {
		t.Error(err)
	}
}

func dropLogin(ctx context.Context, databaseURL, name string) error {
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	// A closed session ends a moment later.
	for sessions := 1; sessions > 0; {
		if err := conn.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE usename = $1", name).Scan(&sessions); err != nil {
			return err
		}
	}
	_, err = conn.Exec(ctx, "DROP OWNED BY "+name+" CASCADE; DROP ROLE "+name)
	return err
}

func run(ctx context.Context, databaseURL, statement string) error {
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, statement)
	return err
}
