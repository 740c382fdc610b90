package architecture_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// markdownWidth is the largest number of columns of a line of Markdown.
const markdownWidth = 120

// A diff of long lines hides what changed in them. Tables, code, and words that cannot
// be broken, such as links, may be wider.
func TestMarkdownIsWrapped(t *testing.T) {
	t.Parallel()

	for _, path := range textFiles(t) {
		if filepath.Ext(path) != ".md" {
			continue
		}
		for _, line := range wideLines(read(t, path)) {
			t.Errorf("%s:%d: wrap it at %d columns", path, line, markdownWidth)
		}
	}
}

func TestWideLines(t *testing.T) {
	t.Parallel()

	words := strings.Repeat("word ", 30)
	for name, tc := range map[string]struct {
		markdown string
		want     []int
	}{
		"fits":                      {strings.Repeat("w", 100) + " " + strings.Repeat("w", 19), nil},
		"columns, not bytes":        {strings.Repeat("é ", 60), nil},
		"text":                      {"a\n" + words, []int{2}},
		"an item of a list":         {"- " + words, []int{1}},
		"a table":                   {"| " + words + "|", nil},
		"code":                      {"```\n" + words + "\n```\n" + words, []int{4}},
		"code in a list":            {"- a\n\n  ```\n" + words + "\n  ```", nil},
		"a link alone":              {"https://example.com/" + strings.Repeat("w", 120), nil},
		"a link in an item":         {"  - [text](https://example.com/" + strings.Repeat("w", 120) + ").", nil},
		"a link that can be broken": {"see https://example.com/" + strings.Repeat("w", 120), []int{1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := wideLines(tc.markdown); !slices.Equal(got, tc.want) {
				t.Errorf("lines %v are too wide, want %v", got, tc.want)
			}
		})
	}
}

// wideLines returns the numbers of the lines that should have been wrapped.
func wideLines(markdown string) []int {
	var numbers []int
	code := false
	for i, line := range strings.Split(markdown, "\n") {
		text := strings.TrimSpace(line)
		if strings.HasPrefix(text, "```") {
			code = !code
		}
		unbreakable := !strings.Contains(strings.TrimLeft(text, "-*> "), " ")
		if !code && !unbreakable && !strings.HasPrefix(text, "|") && utf8.RuneCountInString(strings.TrimRight(line, " ")) > markdownWidth {
			numbers = append(numbers, i+1)
		}
	}
	return numbers
}

var (
	link         = regexp.MustCompile(`\]\(([^)\s]*)\)`)
	heading      = regexp.MustCompile(`(?m)^#+ (.+)$`)
	noAnchorChar = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// Renaming a heading breaks the links to it, and only this test notices.
func TestMarkdownLinksLeadSomewhere(t *testing.T) {
	t.Parallel()

	for _, path := range textFiles(t) {
		if filepath.Ext(path) != ".md" {
			continue
		}
		for _, match := range link.FindAllStringSubmatch(read(t, path), -1) {
			file, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(file, ":") {
				continue // an external address
			}
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", path, match[1])
				continue
			}
			if anchor != "" && !slices.Contains(anchors(read(t, target)), anchor) {
				t.Errorf("%s links to %s; there is no such heading", path, match[1])
			}
		}
	}
}

// anchors returns GitHub's anchors for the headings of a document.
func anchors(markdown string) []string {
	var all []string
	for _, match := range heading.FindAllStringSubmatch(markdown, -1) {
		all = append(all, strings.ReplaceAll(noAnchorChar.ReplaceAllString(strings.ToLower(match[1]), ""), " ", "-"))
	}
	return all
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
