package console_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
)

// axe returns the program that looks for barriers on a page. Where it was not fetched it
// is empty, and the test looks only at what can be seen without it; in CI it fails.
func axe(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob("../../bin/tools/axe-core-*/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("axe-core looks for barriers in the console, and it is not there: make axe")
		}
		t.Log("without axe-core only the links and the widths of the pages are tested: make axe")
		return ""
	}
	program, err := os.ReadFile(found[len(found)-1])
	if err != nil {
		t.Fatal(err)
	}
	return string(program)
}

// barrier is what axe found on a page.
type barrier struct{ Rule, Impact, Element string }

// barriers returns what axe has to say of the page that is open, by some of its rules.
func (v *visitor) barriers(rules string) []barrier {
	v.t.Helper()
	return run(v, chromedp.Evaluate[[]barrier](`axe.run(document, `+rules+`).then(found => found.violations.flatMap(
		rule => rule.nodes.map(node => ({Rule: rule.id, Impact: rule.impact, Element: node.html.slice(0, 200)}))))`, chromedp.EvalAwaitPromise))
}

// pages returns an address of each kind of page that a visitor reaches from the overview
// by following links.
func (v *visitor) pages(address string) []string {
	v.t.Helper()
	var found []string
	seen := map[string]bool{"/": true}
	for next := []string{"/"}; len(next) > 0; next = next[1:] {
		found = append(found, next[0])
		v.do(chromedp.Navigate(address + next[0]))
		for _, href := range run(v, chromedp.Evaluate[[]string](`[...document.querySelectorAll("a[href^='/']:not([download])")].map(a => a.getAttribute("href"))`)) {
			u, err := url.Parse(href)
			if err != nil {
				v.t.Fatal(err)
			}
			if !seen[u.Path] {
				seen[u.Path] = true
				next = append(next, href)
			}
		}
	}
	return found
}

func TestNoPageHasBarriers(t *testing.T) {
	program := axe(t)
	chromium := newBrowser(t)
	s := newSite(t)
	s.live()
	s.bill()
	v := newVisitor(chromium, t, s.url)
	pages := v.pages(s.url)
	var kinds []string
	for _, page := range pages {
		path, _, _ := strings.Cut(page, "?")
		kinds = append(kinds, path)
	}
	slices.Sort(kinds)
	if diff := cmp.Diff([]string{
		"/", "/changed-lines", "/costs", "/coverage", "/customer", "/customers", "/findings", "/history", "/invoice", "/invoice-lines", "/invoices", "/lines", "/machines",
		"/missing-costs", "/movers", "/now", "/origin", "/reconciled", "/reconciliation", "/restatements", "/revisions", "/runs", "/sign-ins", "/totals", "/uncovered",
	}, kinds); diff != "" {
		t.Errorf("the pages that links lead to (-want +got):\n%s", diff)
	}
	// And what no link leads to: an open month, all that there is, nothing, an error.
	pages = append(pages, "/?month=2026-11", "/totals?month=every", "/missing-costs?month=2026-11", "/costs?month=2020-01", "/customers?month=every&currency=every", "/reconciliation?verdict=every", "/nothing")
	for _, page := range pages {
		v.do(chromedp.Navigate(s.url + page))
		if program != "" {
			run(v, chromedp.Evaluate[chromedp.Void](program))
		}
		for _, screen := range []struct {
			width  int64
			scheme string
			rules  string
		}{{390, "light", "{}"}, {768, "light", "{}"}, {1280, "light", "{}"}, {1280, "dark", `{runOnly: ["color-contrast"]}`}} {
			v.do(chromedp.EmulateViewport(screen.width, 1000))
			call(v, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: screen.scheme}}})
			name := strings.NewReplacer("/", "page ", "?", " ").Replace(page)
			v.look(fmt.Sprintf("%.60s-%s-%d", name, screen.scheme, screen.width))
			if program == "" {
				continue
			}
			for _, b := range v.barriers(screen.rules) {
				t.Errorf("%s, %d pixels, %s: %s, %s: %s", page, screen.width, screen.scheme, b.Impact, b.Rule, b.Element)
			}
		}
	}
}
