package main_test

import (
	"context"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// keepsQuiet fails the test if an execution printed a password or token of the site, or
// personal data that is in its database.
func (s *site) keepsQuiet(t *testing.T) {
	t.Helper()
	forbidden := []string{planted}
	if token, err := os.ReadFile(filepath.Join(s.dir, "refresh-token")); err == nil {
		forbidden = append(forbidden, strings.TrimSpace(string(token)))
	}
	if u, err := url.Parse(s.url); err == nil {
		if password, set := u.User.Password(); set {
			forbidden = append(forbidden, password)
		}
	}
	forbidden = append(forbidden, s.personal(t)...)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, output := range s.printed {
		for _, word := range forbidden {
			if strings.Contains(output, word) {
				t.Errorf("the program printed %q:\n%s", word, output)
			}
		}
	}
}

// personal returns the personal data in the site's database: e-mail addresses, full
// names, phone numbers, streets. A database without the schema holds none.
func (s *site) personal(t *testing.T) []string {
	t.Helper()
	db, err := sql.Open("pgx", s.url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	ctx := context.Background() // the context of the test has ended
	var there bool
	if err := db.QueryRowContext(ctx, "SELECT to_regclass('collector.billing_profiles') IS NOT NULL").Scan(&there); err != nil || !there {
		return nil
	}
	rows, err := db.QueryContext(ctx, `SELECT DISTINCT word FROM collector.billing_profiles,
		unnest(ARRAY[email, address_email, first_name || ' ' || last_name, phone_number, address_line1]) word WHERE length(word) > 5`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var words []string
	for rows.Next() {
		var word string
		if err := rows.Scan(&word); err != nil {
			t.Fatal(err)
		}
		words = append(words, word)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return words
}
