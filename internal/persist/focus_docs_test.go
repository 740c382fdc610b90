package persist_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const focusFile = "../../docs/focus.md"

// TestFocusColumnsAreExplained compares the tables of docs/focus.md with the views: a
// column is given, always null or absent, and its comment says why.
func TestFocusColumnsAreExplained(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.keepOddBooks()
	want, err := os.ReadFile(focusFile)
	if err != nil {
		t.Fatal(err)
	}
	table := regexp.MustCompile(`(?s)<!-- columns of FOCUS 1\.(\d) -->(.*?)<!-- end -->`)
	versions := 0
	got := table.ReplaceAllStringFunc(string(want), func(block string) string {
		versions++
		m := table.FindStringSubmatch(block)
		view := "focus_1_" + m[1]
		rows := b.query(`SELECT format('| %s | %s | %s |', attname, CASE WHEN col_description(attrelid, attnum) LIKE 'Always null%' THEN 'null' ELSE 'given' END, col_description(attrelid, attnum))
			FROM pg_attribute WHERE attrelid = ('finance.' || $1)::regclass AND attnum > 0 AND attname NOT LIKE 'x\_%'`, view)
		wantLines(t, view+": columns whose comment and whose rows do not agree on whether they are always null", b.query(`
			SELECT a.attname FROM pg_attribute a JOIN (SELECT c.key, bool_and(c.value IS NULL) AS empty FROM finance.`+view+` f, jsonb_each_text(to_jsonb(f)) c GROUP BY 1) r ON r.key = a.attname
			WHERE a.attrelid = ('finance.' || $1)::regclass AND r.empty <> (col_description(a.attrelid, a.attnum) LIKE 'Always null%')`, view))
		for line := range strings.Lines(m[2]) {
			if column, absent, _ := strings.Cut(strings.TrimPrefix(line, "| "), " | "); strings.HasPrefix(absent, "absent | ") {
				if slices.ContainsFunc(rows, func(row string) bool { return strings.HasPrefix(row, "| "+column+" |") }) {
					t.Errorf("docs/focus.md calls %s absent, finance.%s has it", column, view)
				}
				rows = append(rows, strings.TrimSuffix(line, "\n"))
			}
		}
		slices.Sort(rows)
		return fmt.Sprintf("<!-- columns of FOCUS 1.%s -->\n\n| column | | from, or why not |\n|---|---|---|\n%s\n\n<!-- end -->", m[1], strings.Join(rows, "\n"))
	})
	if versions != 2 {
		t.Errorf("docs/focus.md has the columns of %d versions, want 2", versions)
	}
	if *update {
		if err := os.WriteFile(focusFile, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("docs/focus.md is not what the views are, run: go test ./internal/persist -run FocusColumns -update (-file +views):\n%s", diff)
	}
}
