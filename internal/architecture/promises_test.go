package architecture_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// named matches the tests that a document names.
var named = regexp.MustCompile("`(Test[A-Za-z0-9]+)`")

// A promise names the test that checks it.
func TestPromisesNameTestsThatExist(t *testing.T) {
	t.Parallel()

	exists := map[string]bool{}
	defined := regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(`)
	for _, file := range goFiles(t) {
		if !file.isTest {
			continue
		}
		content, err := os.ReadFile(file.path)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range defined.FindAllSubmatch(content, -1) {
			exists[string(match[1])] = true
		}
	}
	for _, document := range []string{"README.md", "SECURITY.md"} {
		content, err := os.ReadFile(filepath.Join(root, document))
		if err != nil {
			t.Fatal(err)
		}
		tests := named.FindAllSubmatch(content, -1)
		if len(tests) == 0 {
			t.Errorf("%s names no test", document)
		}
		for _, match := range tests {
			if !exists[string(match[1])] {
				t.Errorf("%s names %s, and there is no such test", document, match[1])
			}
		}
	}
}
