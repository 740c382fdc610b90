package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

//go:embed assets
var files embed.FS

// assets are how the pages look: their templates, the style sheet and the icon, whose
// addresses change with their content, so that browsers may keep them.
type assets struct {
	templates           map[string]*template.Template
	stylePath, iconPath string
	styleSheet, picture []byte
}

func newAssets() (*assets, error) {
	l := &assets{templates: map[string]*template.Template{}}
	var err error
	if l.styleSheet, err = files.ReadFile("assets/style.css"); err != nil {
		return nil, fmt.Errorf("the style sheet of the console: %w", err)
	}
	if l.picture, err = files.ReadFile("assets/icon.svg"); err != nil {
		return nil, fmt.Errorf("the icon of the console: %w", err)
	}
	l.stylePath, l.iconPath = "/style-"+fingerprint(l.styleSheet)+".css", "/icon-"+fingerprint(l.picture)+".svg"
	pages, err := fs.Glob(files, "assets/page-*.html")
	if err != nil {
		return nil, fmt.Errorf("the templates of the console: %w", err)
	}
	for _, page := range pages {
		t, err := template.ParseFS(files, "assets/frame.html", "assets/parts.html", page)
		if err != nil {
			return nil, fmt.Errorf("the templates of the console: %w", err)
		}
		l.templates[strings.TrimSuffix(strings.TrimPrefix(page, "assets/page-"), ".html")] = t
	}
	return l, nil
}

func fingerprint(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:6])
}

func (l *assets) style(w http.ResponseWriter, _ *http.Request) {
	kept(w, "text/css; charset=utf-8", l.styleSheet)
}

func (l *assets) icon(w http.ResponseWriter, _ *http.Request) { kept(w, "image/svg+xml", l.picture) }

func kept(w http.ResponseWriter, mime string, content []byte) {
	w.Header().Set("Content-Type", mime)
	w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	_, _ = w.Write(content) // the client may be gone
}

// framed is what every page has.
type framed struct {
	Title, Style, Icon, Version, Now, Path, Search string
	Menu                                           []entry
	Data                                           any
}

// entry is one of the menu.
type entry struct {
	Text, Href string
	Current    bool
}

// render answers with a page. It is built as a whole first: half a page must not look
// like a whole one.
func (c *console) render(w http.ResponseWriter, r *http.Request, status int, v view) {
	var out bytes.Buffer
	err := c.assets.templates[v.template].ExecuteTemplate(&out, "frame", framed{
		Title: v.title, Style: c.assets.stylePath, Icon: c.assets.iconPath, Version: c.Version, Now: moment(c.Now()), Path: r.URL.Path,
		Search: r.URL.Query().Get("q"), Menu: c.menu(r.URL.Path, r.URL.Query()), Data: v.data,
	})
	if err != nil {
		c.Log.Error("the console could not render a page", slog.String("path", r.URL.Path), slog.String("error", err.Error()))
		plain(w, http.StatusInternalServerError, "The page could not be shown. See the collector's log.")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = out.WriteTo(w) // the client may be gone
}

// menu leads to the whole tables, of the same partner and, where they are by month, of
// the same month. Who has no invoices need not know of them.
func (c *console) menu(path string, q url.Values) []entry {
	// below are pages that belong to an entry.
	below := map[string]string{
		"/customer": "/customers", "/origin": "/customers", "/history": "/costs", "/coverage": "/uncovered", "/now": "/runs", "/machines": "/runs", "/invoice": "/invoices", "/invoice-lines": "/invoices", "/reconciliation": "/invoices",
	}
	current := path
	if above := below[path]; above != "" {
		current = above
	}
	one := path == "/customer" || path == "/origin" || path == "/invoice"
	entries := []entry{{Text: "Overview", Href: "/"}}
	for _, e := range []struct {
		table
		text string
	}{
		{customers, "Customers"},
		{costs, "Costs"},
		{movers, "Movers"},
		{restatements, "Restated"},
		{missingCosts, "Missing"},
		{invoices, "Invoices"},
		{uncovered, "Coverage"},
		{findings, "Findings"},
		{runs, "Runs"},
	} {
		if e.ofInvoices && !c.invoiced.Load() {
			continue
		}
		entries = append(entries, entry{Text: e.text, Href: "/" + e.name})
	}
	for i := range entries {
		entries[i].Current = entries[i].Href == current
		kept := url.Values{}
		if partner := q.Get("partner"); partner != "" && !one {
			kept.Set("partner", partner)
		}
		if month := q.Get("month"); month != "" && month != all && slices.Contains([]string{"Overview", "Customers", "Costs", "Movers", "Missing", "Invoices"}, entries[i].Text) {
			kept.Set("month", month)
		}
		entries[i].Href = link(entries[i].Href, kept)
	}
	return entries
}
