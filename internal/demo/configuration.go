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

// readerLogin is whom the kept demo lets log in to read.
const readerLogin = "demo_reader"

// configurationFile writes a configuration for the commands that read: the database, as
// a login that is no more than a reader. remove removes it.
func configurationFile(ctx context.Context, owner string) (file, readerURL string, remove func(), err error) {
	u, err := url.Parse(owner)
	if err != nil {
		return "", "", nil, errors.New("the address of the private PostgreSQL is no URL") // it holds a password
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
	remove = func() { _ = os.RemoveAll(directory) } // what is left lies among what is temporary
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
