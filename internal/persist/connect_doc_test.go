package persist_test

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"partnercost/internal/persist/pgtest"
)

const connectDoc = "../../docs/connect.md"

// TestConnectDocIsTrue creates the login of docs/connect.md as written there, runs every
// query with it on the partner of docs/finance.md, and compares the printed results. Names
// of views and columns that stand in other languages are those of the database.
func TestConnectDocIsTrue(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.liveThreeNights()
	content, err := os.ReadFile(connectDoc)
	if err != nil {
		t.Fatal(err)
	}
	want := string(content)
	reader := b.reader(b.documentedLogin(want))

	example := regexp.MustCompile("(?ms)^( *)```sql\n(.*?)^ *```\n\n *```text\n.*?^ *```$")
	got := example.ReplaceAllStringFunc(want, func(block string) string {
		match := example.FindStringSubmatch(block)
		indent, query := match[1], match[2]
		answer := b.printedBy(reader, strings.ReplaceAll("\n"+query, "\n"+indent, "\n"))
		indented := indent + strings.ReplaceAll(strings.TrimSuffix(answer, "\n"), "\n", "\n"+indent)
		return fmt.Sprintf("%[1]s```sql\n%[2]s%[1]s```\n\n%[1]s```text\n%[3]s\n%[1]s```", indent, query, indented)
	})
	if *update {
		if err := os.WriteFile(connectDoc, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/connect.md is not what the database answers, run: go test ./internal/persist -run ConnectDoc -update (-file +database):\n%s", diff)
	}

	views := b.query(`SELECT DISTINCT table_name::text FROM information_schema.views WHERE table_schema = 'finance'`)
	columns := b.query(`SELECT DISTINCT column_name::text FROM information_schema.columns WHERE table_schema = 'finance'`)
	for pattern, known := range map[string][]string{
		`Item = "(\w+)"`: views, `\[(\w+)\]`: append(columns, "Data"),
	} {
		found := regexp.MustCompile(pattern).FindAllStringSubmatch(code(want), -1)
		if len(found) == 0 {
			t.Errorf("nothing in docs/connect.md is like %s", pattern)
		}
		for _, match := range found {
			if !strings.Contains(" "+strings.Join(known, " ")+" ", " "+match[1]+" ") {
				t.Errorf("docs/connect.md names %s, which finance does not have", match[1])
			}
		}
	}
}

// code is what stands in the blocks of code of a document.
func code(document string) string {
	var blocks []string
	for _, match := range regexp.MustCompile("(?ms)^ *```\\w*\n(.*?)^ *```$").FindAllStringSubmatch(document, -1) {
		blocks = append(blocks, match[1])
	}
	return strings.Join(blocks, "\n")
}

// documentedLogin creates the login of the document under a name of this test's own, as
// roles belong to the server, and returns the URL with which it connects.
func (b *fixture) documentedLogin(document string) string {
	b.t.Helper()
	statements := regexp.MustCompile("(?s)```\n(CREATE ROLE alice.*?)```").FindStringSubmatch(document)
	if statements == nil {
		b.t.Fatal("docs/connect.md creates no login")
	}
	name, password := "alice_"+strings.ToLower(rand.Text()), rand.Text()
	b.change(strings.ReplaceAll(statements[1], "alice", name) + fmt.Sprintf("; ALTER ROLE %s PASSWORD '%s'", name, password))
	b.t.Cleanup(func() { pgtest.DropLogin(b.t, b.url, name) })
	u, err := url.Parse(b.url)
	if err != nil {
		b.t.Fatal(err)
	}
	u.User = url.UserPassword(name, password)

	conn, err := pgx.Connect(b.t.Context(), u.String())
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = conn.Close(b.t.Context()) }()
	var readOnly, timeout, zone string
	if err := conn.QueryRow(b.t.Context(), "SELECT current_setting('transaction_read_only'), current_setting('statement_timeout'), current_setting('timezone')").Scan(&readOnly, &timeout, &zone); err != nil {
		b.t.Fatal(err)
	}
	if got, want := readOnly+" "+timeout+" "+zone, "on 2min UTC"; got != want {
		b.t.Errorf("the login has the settings %s, want %s", got, want)
	}
	if _, err := conn.Exec(b.t.Context(), "SELECT FROM collector.billing_profiles"); err == nil {
		b.t.Error("the login reads the tables of the collector")
	}
	return u.String()
}
