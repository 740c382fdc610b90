package architecture_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var migrationName = regexp.MustCompile(`^(\d{6}_[a-z][a-z0-9_]*)\.(up|down)\.sql$`)

// Two branches that each add the next migration can be merged without a conflict, and
// one of the two would then never be applied.
func TestMigrationsAreNumberedWithoutGapsAndInPairs(t *testing.T) {
	t.Parallel()

	entries, err := os.ReadDir(filepath.Join(root, "migrations"))
	if err != nil {
		t.Fatal(err)
	}
	directions := map[string]int{}
	var names []string // sorted, because ReadDir sorts
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) != ".sql" {
			continue
		}
		m := migrationName.FindStringSubmatch(entry.Name())
		if m == nil {
			t.Errorf("%s is not named NNNNNN_name.up.sql or NNNNNN_name.down.sql", entry.Name())
			continue
		}
		if directions[m[1]] == 0 {
			names = append(names, m[1])
		}
		directions[m[1]]++
	}
	if len(names) == 0 {
		t.Fatal("there is no migration")
	}
	for i, name := range names {
		if want := fmt.Sprintf("%06d_", i+1); !strings.HasPrefix(name, want) {
			t.Errorf("migration %s stands where %s… should: a number is missing or taken twice", name, want)
		}
		if directions[name] != 2 {
			t.Errorf("migration %s has an up file or a down file, not both", name)
		}
	}
}
