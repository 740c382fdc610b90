package architecture_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// placeInTree matches a path of the repository in backquotes, below one of its
// directories.
var placeInTree = regexp.MustCompile("`((?:cmd|deploy|docs|internal|migrations|sql)/[A-Za-z0-9_./-]+)`")

// A map with paths that no longer exist is worse than none.
func TestTheMapNamesWhatExists(t *testing.T) {
	t.Parallel()

	page, err := os.ReadFile(filepath.Join(root, "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	places := placeInTree.FindAllSubmatch(page, -1)
	if len(places) < 40 {
		t.Errorf("docs/architecture.md names %d places, want at least 40", len(places))
	}
	for _, place := range places {
		if _, err := os.Stat(filepath.Join(root, string(place[1]))); err != nil {
			t.Errorf("docs/architecture.md names %s: %v", place[1], err)
		}
	}
}
