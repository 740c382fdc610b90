package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"partnercost/internal/persist"
)

// readerLogin is the login with which users read in the kept demo.
const readerLogin = "demo_reader"

// configurationFile writes a configuration for the commands that read: the database,
// with a login that may only read. remove removes it.
func configurationFile(ctx context.Context, owner string) (file, readerURL string, remove func(), err error) {
	u, err := url.Parse(owner)
	if err != nil {
		return "", "", nil, errors.New("the address of the private PostgreSQL is no URL") // the error is not wrapped: it holds a password
	}
	password := rand.Text()
	u.User = url.UserPassword(readerLogin, password)
	if err := addReader(ctx, owner, password); err != nil {
		return "", "", nil, err
	}
	directory, err := os.MkdirTemp("", "collector-demo-") // for its owner alone
	if err != nil {
		return "", "", nil, fmt.Errorf("write the configuration: %w", err)
	}
	remove = func() { _ = os.RemoveAll(directory) } // a leftover is among the temporary files
	file, secret := filepath.Join(directory, "collector.yaml"), filepath.Join(directory, "database-url")
	err = errors.Join(
		os.WriteFile(secret, []byte(u.String()+"\n"), 0o600),
		os.WriteFile(file, fmt.Appendf(nil, "# What the commands that read need: the database, and a login of the role finance_reader.\ndatabase:\n  url_file: %q\n", secret), 0o600))
	if err != nil {
		remove()
		return "", "", nil, fmt.Errorf("write the configuration: %w", err)
	}
	return file, u.String(), remove, nil
}

func addReader(ctx context.Context, owner, password string) (err error) {
	m, err := persist.OpenMigrator(ctx, owner)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	return m.AddReader(ctx, readerLogin, password)
}
