package main_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"partnercost/internal/partnersim"
)

// takeImport stores what saved answers state, but only where nothing was collected. It
// neither replaces a collected value nor adds to one.
func (a *account) takeImport(t truth, root string) {
	collected := map[setKey]bool{}
	for key, c := range a.costs {
		if c.origin != "import" {
			collected[setKey{key.invoiceType, key.start}] = true
		}
	}
	told := map[setKey][]string{}
	for _, d := range t.details {
		key := setKey{d.invoiceType, d.key().start}
		if !collected[key] {
			a.costs[d.key()] = cost{d.end.UTC().Format(time.DateOnly), d.amounts, "import", [2]time.Time{d.start, d.end}}
		}
		told[key] = nil
	}
	if t.items == nil {
		return
	}
	for _, i := range t.items {
		start := root
		for key := range told {
			if key.invoiceType == i.invoiceType {
				start = key.start
			}
		}
		key := setKey{i.invoiceType, start}
		told[key] = append(told[key], i.line)
	}
	for key, lines := range told {
		if _, known := a.sets[key]; !known || a.imported[key] {
			slices.Sort(lines)
			a.sets[key] = lines
			a.imported[key] = true
		}
	}
}

// importSaved imports answers about a customer: today's answers, today's answers with other
// amounts and one more entry, or answers of long ago.
func (c *campaign) importSaved(t *testing.T) {
	t.Helper()
	id := c.pool[c.IntN(len(c.pool))]
	a := c.model[id]
	if a == nil || !a.named || c.away[id] || a.anyItems {
		return
	}
	c.sim.SetOddities()
	told := truth{details: slices.Clone(c.today[id].details)}
	dir := filepath.Join(t.TempDir(), id)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	save := func(name, body string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	what := "today's answers"
	switch c.IntN(3) {
	case 0:
		told.items = c.today[id].items
		for path, name := range map[string]string{"profiles/billing": "profile.json", "servicecosts/mostrecent": "summary.json"} {
			save(name, c.body(t, id, path))
		}
		if c.page == 0 { // otherwise it has several pages
			save("lineitems.json", c.body(t, id, "servicecosts/mostrecent/lineitems"))
		} else {
			told.items = nil
		}
	case 1:
		what = "other amounts for today"
		c.doctor(told.details, 0)
		save("summary.json", summaryOf(told.details))
		save("profile.json", `{"id":"x","companyName":"Nobody","defaultAddress":{"country":"XX"}}`)
	default:
		what = "answers of long ago"
		c.doctor(told.details, -10)
		save("summary.json", summaryOf(told.details))
	}
	if got := c.execute(t, "backfill", "--from", filepath.Dir(dir)); got.code != 0 {
		c.fail(t, id, fmt.Sprintf("the import of %s exits with %d:\n%s", what, got.code, got.stderr))
	}
	a.takeImport(told, c.today[id].details[0].key().start)
	c.odd = map[string]mishap{}
	c.did = "import of " + what
	c.compare(t)
}

// doctor changes the amounts of details, and moves them by years.
func (c *campaign) doctor(details []detail, years int) {
	for i := range details {
		d := &details[i]
		d.amounts = fmt.Sprintf("%d|0|%[1]d", 1+c.IntN(9))
		d.start, d.end = d.start.AddDate(years, 0, 0), d.end.AddDate(years, 0, 0)
	}
}

// summaryOf returns a saved answer with these details.
func summaryOf(details []detail) string {
	var entries []string
	for _, d := range details {
		amounts := strings.Split(d.amounts, "|")
		entries = append(entries, fmt.Sprintf(`{"invoiceType":%q,"summary":{"billingStartDate":%q,"billingEndDate":%q,"pretaxTotal":%s,"tax":%s,"afterTaxTotal":%s,"currencyCode":%q}}`,
			d.invoiceType, d.start.Format("2006-01-02T15:04:05.999999Z"), d.end.Format("2006-01-02T15:04:05.999999Z"), amounts[0], amounts[1], amounts[2], d.currency))
	}
	return `{"details":[` + strings.Join(entries, ",") + `]}`
}

// body returns the answer of the service about a customer.
func (c *campaign) body(t *testing.T, id, path string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.server.URL+"/v1/customers/"+id+"/"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer simulator")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s of %s: %s, %v", path, id, response.Status, err)
	}
	return string(body)
}

// runIntoClosedDoor is a night in which the sign-in has expired or lacks its role. A
// handful of requests shows it, and nothing is stored or retired.
func (c *campaign) runIntoClosedDoor(t *testing.T) {
	t.Helper()
	kind := c.pick([]partnersim.OddityKind{partnersim.Refuse401, partnersim.Refuse403})
	rules := []partnersim.Oddity{{Kind: kind, Resource: partnersim.BillingProfile}, {Kind: kind, Resource: partnersim.CostSummary}}
	if kind == partnersim.Refuse401 || c.chance(0.5) {
		rules = []partnersim.Oddity{{Kind: kind}}
	}
	c.odd, c.list, c.everyone = map[string]mishap{}, mishap{}, mishap{kind: kind}
	c.sim.SetOddities(rules...)
	before := c.requests.Load()
	ids := slices.Collect(c.sim.CustomerIDs())
	got := c.execute(t, "run", "--format", "json")
	const some = 80
	if made := c.requests.Load() - before; made > some {
		c.fail(t, "", fmt.Sprintf("%d requests into a closed door, want at most %d\n%s", made, some, got.stderr))
	}
	if got.code != 1 && (got.code != 3 || len(ids) > 5 || len(rules) == 1) {
		c.fail(t, "", fmt.Sprintf("a run into a closed door exits with %d:\n%s", got.code, got.stderr))
	}
	var status string
	if err := c.db.QueryRowContext(t.Context(), `SELECT status FROM finance.runs ORDER BY started_at DESC LIMIT 1`).Scan(&status); err != nil || status != "failed" {
		c.fail(t, "", fmt.Sprintf("a run into a closed door stands as %s (%v)", status, err))
	}
	if len(rules) > 1 { // the list was read
		for _, id := range ids {
			c.model.of(id).active = true
		}
	}
	for _, a := range c.model { // how many requests it made is random
		a.anyOutcome = true
	}
	c.compare(t)
}
