package console_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// visitor is a person with a browser. What the browser complains of, and what it asks
// of anybody but the console, is kept.
type visitor struct {
	t    *testing.T
	ctx  context.Context
	host string

	mu         sync.Mutex
	complaints []string
	requests   int
}

// newBrowser starts Chromium, or skips where there is none: in CI that is a failure.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	var program string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if found, err := exec.LookPath(name); err == nil {
			program = found
			break
		}
	}
	if program == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("the console is tested in Chromium, and there is none: apt-get install chromium")
		}
		t.Skip("there is no Chromium to test the console in: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocated, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocated)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// newVisitor opens a tab.
func newVisitor(browser context.Context, t *testing.T, address string) *visitor {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	v := &visitor{t: t, ctx: ctx, host: u.Host}
	if err := chromedp.Listen(ctx, v.hear); err != nil {
		t.Fatal(err)
	}
	call(v, network.Enable, network.EnableParams{})
	call(v, log.Enable, cdp.Empty{})
	call(v, runtime.Enable, cdp.Empty{})
	return v
}

func (v *visitor) hear(event any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		v.requests++
		if u, err := url.Parse(e.Request.URL); err != nil || u.Host != v.host {
			v.complaints = append(v.complaints, "asked elsewhere: "+e.Request.URL)
		}
	case *network.EventLoadingFailed:
		if !e.Canceled {
			v.complaints = append(v.complaints, "failed to load: "+e.ErrorText)
		}
	case *network.EventResponseReceived:
		if e.Response.Status >= 400 {
			v.complaints = append(v.complaints, fmt.Sprintf("%s: %d", e.Response.URL, e.Response.Status))
		}
	case *log.EventEntryAdded:
		v.complaints = append(v.complaints, "log: "+e.Entry.Text)
	case *runtime.EventExceptionThrown:
		v.complaints = append(v.complaints, "exception: "+e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		v.complaints = append(v.complaints, "console: "+string(e.Type))
	}
}

// patience is how long a visitor waits for anything.
const patience = 2 * time.Minute

func (v *visitor) do(actions ...chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	run(v, chromedp.Steps(actions...))
}

// run runs an action and returns its value.
func run[T any](v *visitor, action chromedp.Action[T]) T {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		v.t.Fatal(err)
	}
	return value
}

// call sends a command of the protocol to the tab.
func call[P, R any](v *visitor, command cdp.Command[P, R], parameters P) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	if _, err := chromedp.Call(ctx, command, parameters); err != nil {
		v.t.Fatal(err)
	}
}

// click follows a link, and waits for the page behind it.
func (v *visitor) click(selector string) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
		v.t.Fatalf("click %s: %v", selector, err)
	}
}

func (v *visitor) text(selector string) string {
	v.t.Helper()
	return run(v, chromedp.Text(chromedp.CSS(selector)))
}

// look checks the page that is open, and keeps a picture of it where
// CONSOLE_SCREENSHOTS names a directory.
func (v *visitor) look(name string) {
	v.t.Helper()
	type view struct {
		Broken, Overflow, Unlabelled, Headings int
		Wide                                   []string
	}
	seen := run(v, chromedp.Evaluate[view](`({
		Broken: [...document.images].filter(i => !i.complete || i.naturalWidth === 0).length,
		Overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
		Unlabelled: [...document.querySelectorAll("input:not([type=hidden]), select")].filter(e => !e.labels.length).length
			+ [...document.querySelectorAll("table")].filter(e => !e.caption).length
			+ [...document.images].filter(e => !e.hasAttribute("alt")).length
			+ [...document.querySelectorAll("[aria-labelledby]")].filter(e => !document.getElementById(e.getAttribute("aria-labelledby"))).length
			+ (document.querySelectorAll("[id]").length - new Set([...document.querySelectorAll("[id]")].map(e => e.id)).size),
		Headings: document.querySelectorAll("h1").length,
		Wide: [...document.querySelectorAll(".scroll")].filter(e => e.scrollWidth > e.clientWidth).map(e => e.getAttribute("aria-labelledby")),
	})`))
	if seen.Broken != 0 || seen.Overflow > 0 || seen.Unlabelled != 0 || seen.Headings != 1 {
		v.t.Errorf("%s: %d broken pictures, %d pixels too wide, %d things without a label or with another's id, %d first headings", name, seen.Broken, seen.Overflow, seen.Unlabelled, seen.Headings)
	}
	for _, table := range seen.Wide {
		v.t.Errorf("%s: the table of %s is wider than its place", name, table)
	}
	if directory := os.Getenv("CONSOLE_SCREENSHOTS"); directory != "" {
		picture := run(v, chromedp.CaptureScreenshot())
		if err := os.WriteFile(filepath.Join(directory, name+".png"), picture, 0o600); err != nil {
			v.t.Fatal(err)
		}
	}
}

// satisfied checks that the browser had nothing to complain of.
func (v *visitor) satisfied() {
	v.t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.requests == 0 {
		v.t.Error("the browser asked for nothing")
	}
	for _, complaint := range v.complaints {
		v.t.Error(complaint)
	}
}

func TestInChromium(t *testing.T) {
	chromium := newBrowser(t)
	s := newSite(t)
	s.live()
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{360, 1280} {
			name := fmt.Sprintf("%s-%d", scheme, width)
			t.Run(name, func(t *testing.T) {
				v := newVisitor(chromium, t, s.url)
				v.do(chromedp.EmulateViewport(width, 1000))
				call(v, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
				v.walk(s.url, name, scheme)
				v.contrast(name)
				v.satisfied()
			})
		}
	}
	t.Run("very wide", func(t *testing.T) {
		v := newVisitor(chromium, t, s.url)
		v.do(chromedp.EmulateViewport(2560, 1400), chromedp.Navigate(s.url))
		v.look("overview-2560")
		v.satisfied()
	})
}

// walk goes the way of a person: the month, who moved, the customer, the file.
func (v *visitor) walk(address, name, scheme string) {
	v.t.Helper()
	v.do(chromedp.Navigate(address))
	if got := v.text("h1"); got != "October 2026" {
		v.t.Errorf("the overview is headed %q", got)
	}
	// A chart has the colours of the scheme.
	colour := run(v, chromedp.Evaluate[string](`getComputedStyle(document.querySelector("svg.chart rect")).fill`))
	if want := map[string]string{"light": "rgb(31, 111, 178)", "dark": "rgb(90, 169, 230)"}[scheme]; colour != want {
		v.t.Errorf("the chart's bars are %s, want %s", colour, want)
	}
	v.look("overview-" + name)

	// The first stop of the keyboard leads past the menu.
	v.do(chromedp.KeyEvent("\t"))
	focused := run(v, chromedp.Evaluate[string](`document.activeElement.className`))
	if focused != "skip" {
		v.t.Errorf("the first stop of the keyboard is %q, want the skip link", focused)
	}

	v.do(chromedp.SetValue(chromedp.CSS(`select[name="month"]`), "2026-09"))
	v.click(`.choose button`)
	if got := v.text("h1"); got != "September 2026" {
		v.t.Errorf("after choosing a month the page is headed %q", got)
	}
	v.click(`nav a[href^="/movers"]`)
	v.do(chromedp.SetValue(chromedp.CSS(`select[name="currency"]`), "USD"))
	v.click(`.choose button`)
	v.look("movers-" + name)
	v.readable(name)
	v.click(`thead a[href*="sort=-difference"]`)
	if got := v.text(`thead th[aria-sort="descending"]`); got != "Difference ↓" && got != "Difference" {
		v.t.Errorf("the table is sorted by %q, want Difference", got)
	}
	v.click(`tbody a[href*="000000000001"]`)
	if got := v.text("h1"); got != "Adventure Works September 2026" && got != "Adventure Works October 2026" {
		v.t.Errorf("the customer's page is headed %q", got)
	}
	v.look("customer-" + name)
	v.download(`a[href^="/csv/costs"]`, 29)
	v.click(`td.num a[href^="/origin"]`)
	if got := v.text("h1"); !strings.HasPrefix(got, "Where ") || !strings.HasSuffix(got, "USD comes from") {
		v.t.Errorf("the origin is headed %q", got)
	}
	v.look("origin-" + name)
}

// readable checks how the table of the page uses its room: on a phone it has the name, the
// amount and the difference, and says that there are more columns; on a laptop the menu
// has one row.
func (v *visitor) readable(name string) {
	v.t.Helper()
	type layout struct {
		Width, Menu, Rows, Overflow int
		Columns                     []string
		Folded                      bool
	}
	read := func() layout {
		return run(v, chromedp.Evaluate[layout](`({
			Width: innerWidth,
			Menu: document.querySelector(".top").offsetHeight,
			Rows: Math.max(...[...document.querySelectorAll("tbody tr")].map(r => r.offsetHeight)),
			Overflow: Math.max(...[...document.querySelectorAll(".scroll")].map(e => e.scrollWidth - e.clientWidth)),
			Columns: [...document.querySelectorAll("thead th")].filter(e => e.offsetWidth).map(e => e.textContent),
			Folded: document.querySelector(".unfold").offsetWidth > 0,
		})`))
	}
	got := read()
	const twoLines = 60
	if got.Rows > twoLines || got.Overflow > 0 {
		v.t.Errorf("%s: a row is %d pixels high, and a table %d too wide", name, got.Rows, got.Overflow)
	}
	if got.Width >= 1280 {
		if got.Menu > twoLines || got.Folded || len(got.Columns) != 6 {
			v.t.Errorf("%s: the menu is %d pixels high, and the columns are %q", name, got.Menu, got.Columns)
		}
		return
	}
	if want := []string{"Customer", "This month", "Difference"}; !slices.Equal(got.Columns, want) || !got.Folded {
		v.t.Errorf("%s: the columns are %q, want %q, and a way to the others", name, got.Columns, want)
	}
	v.do(chromedp.Click(chromedp.CSS(`.unfold input`)))
	if got := read(); len(got.Columns) != 6 {
		v.t.Errorf("%s: all columns are %q", name, got.Columns)
	}
}

// download clicks on a CSV and counts its records.
func (v *visitor) download(selector string, want int) {
	v.t.Helper()
	directory := v.t.TempDir()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	_, err := chromedp.CallBrowser(ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllowAndName, DownloadPath: directory, EventsEnabled: new(true),
	})
	if err != nil {
		v.t.Fatal(err)
	}
	steps := chromedp.BrowserEvents(ctx, browser.DownloadProgress)
	v.do(chromedp.Click(chromedp.CSS(selector)))
	var progress browser.EventDownloadProgress
	for step, err := range steps {
		if err != nil {
			v.t.Fatal(err)
		}
		if progress = step; step.State != browser.DownloadProgressStateInProgress {
			break
		}
	}
	if progress.State != browser.DownloadProgressStateCompleted {
		v.t.Fatalf("the download: %s", progress.State)
	}
	content, err := os.ReadFile(filepath.Join(directory, progress.GUID))
	if err != nil {
		v.t.Fatal(err)
	}
	records, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(content), "\ufeff"))).ReadAll()
	if err != nil || len(records) != want {
		v.t.Errorf("the file has %d records (%v), want %d", len(records), err, want)
	}
}

// contrast measures every text of the page against what it stands on.
func (v *visitor) contrast(name string) {
	v.t.Helper()
	poor := run(v, chromedp.Evaluate[[]string](`(() => {
		const parts = c => c.match(/[\d.]+/g).map(Number);
		const light = c => { const [r, g, b] = parts(c).map(x => x / 255).map(x => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
		const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; const p = parts(c); if (p.length < 4 || p[3] > 0) return c; } return "rgb(255, 255, 255)"; };
		const poor = new Set();
		for (const e of document.querySelectorAll("body *")) {
			if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) || !e.getClientRects().length) continue;
			const a = light(getComputedStyle(e).color), b = light(behind(e));
			const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
			if (ratio < 4.5) poor.add(e.tagName + "." + e.className + " " + ratio.toFixed(2));
		}
		return [...poor];
	})()`))
	for _, p := range poor {
		v.t.Errorf("%s: too little contrast: %s", name, p)
	}
}
