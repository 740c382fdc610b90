package architecture_test

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A drawing of the documentation can be read by everybody: it has a title and a
// description, and loads and runs nothing.
func TestDrawingsAreAccessible(t *testing.T) {
	t.Parallel()

	drawings, err := filepath.Glob(filepath.Join(root, "docs", "*.svg"))
	if err != nil {
		t.Fatal(err)
	}
	if len(drawings) == 0 {
		t.Error("the documentation has no drawing")
	}
	for _, path := range drawings {
		content := read(t, path)
		var drawing struct {
			Role       string `xml:"role,attr"`
			LabelledBy string `xml:"aria-labelledby,attr"`
			Title      string `xml:"title"`
			Desc       string `xml:"desc"`
		}
		if err := xml.Unmarshal([]byte(content), &drawing); err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if drawing.Role != "img" || drawing.LabelledBy != "title desc" || drawing.Title == "" || len(drawing.Desc) < 50 {
			t.Errorf("%s has no role, title or description: %+v", path, drawing)
		}
		if !strings.Contains(content, "prefers-color-scheme:dark") {
			t.Errorf("%s is the same on a dark page", path)
		}
		if found := regexp.MustCompile(`(?i)<script|<image|href=|url\(|@import| on\w+=`).FindString(content); found != "" {
			t.Errorf("%s loads or runs something: %s", path, found)
		}
		if len(content) > 20_000 {
			t.Errorf("%s has %d bytes, as if it were generated", path, len(content))
		}
	}
}

// Every picture of a document is there, and has a text in its place.
func TestPicturesAreThere(t *testing.T) {
	t.Parallel()

	for _, path := range textFiles(t) {
		if filepath.Ext(path) != ".md" {
			continue
		}
		for _, match := range regexp.MustCompile(`!\[([^\]]*)\]\(([^)\s]+)\)`).FindAllStringSubmatch(read(t, path), -1) {
			if len(match[1]) < 10 {
				t.Errorf("%s: the picture %s has no text in its place", path, match[2])
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), match[2])); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}
