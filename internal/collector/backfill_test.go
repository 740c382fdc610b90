package collector

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"partnercost/internal/billing"
	"partnercost/internal/partnersim"
	"partnercost/internal/persist"
)

// save writes saved answers of customers to a directory: a summary with one cost each.
func save(t *testing.T, customers ...string) []SavedCustomer {
	t.Helper()
	dir := t.TempDir()
	for n, id := range customers {
		if err := os.Mkdir(filepath.Join(dir, id), 0o700); err != nil {
			t.Fatal(err)
		}
		summary := fmt.Sprintf(`{"billingStartDate":"2026-08-01T00:00:00Z","billingEndDate":"2026-08-31T23:59:59.9999999Z","pretaxTotal":%[1]d,"tax":0,"afterTaxTotal":%[1]d,
			"currencyCode":"USD","details":[{"invoiceType":"OneTime","summary":{"billingStartDate":"2026-08-01T00:00:00Z","billingEndDate":"2026-08-31T23:59:59.9999999Z",
			"pretaxTotal":%[1]d,"tax":0,"afterTaxTotal":%[1]d,"currencyCode":"USD"}}]}`, n+1)
		if err := os.WriteFile(filepath.Join(dir, id, "summary.json"), []byte(summary), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	saved, err := FindSaved(dir)
	if err != nil {
		t.Fatal(err)
	}
	return saved
}

// refuse makes the database refuse, with an SQLSTATE, every row for which a condition
// holds.
func (i *installation) refuse(table, event, condition, sqlstate string) {
	i.t.Helper()
	i.execute(`CREATE FUNCTION public.refuse_`+sqlstate+`() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF `+condition+` THEN RAISE 'refused' USING ERRCODE = '`+sqlstate+`'; END IF; RETURN NEW; END $$`,
		`CREATE TRIGGER refuse_`+sqlstate+` BEFORE `+event+` ON collector.`+table+` FOR EACH ROW EXECUTE FUNCTION public.refuse_`+sqlstate+`()`)
}

const (
	idA = "11111111-0000-4000-8000-000000000000"
	idB = "22222222-0000-4000-8000-000000000000"
	idC = "33333333-0000-4000-8000-000000000000"
)

func TestAnImportObeysTheFailurePolicy(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		refuse func(*installation)
		want   []string // one line per file
		tally  billing.Tally
	}{
		{"nothing is refused", func(*installation) {}, []string{"stored", "stored", "stored"}, billing.Tally{Total: 3, OK: 3, RowsChanged: 3}},
		{"one is refused", func(i *installation) { i.refuse("customers", "INSERT", "NEW.customer_id = '"+idB+"'", "23514") }, []string{"refused", "stored", "stored"}, billing.Tally{Total: 3, OK: 2, Failed: 1, RowsChanged: 2}},
		{"the database is away for a moment", func(i *installation) {
			i.execute(`CREATE SEQUENCE public.attempts`) // no rollback undoes a sequence
			i.refuse("customers", "INSERT", "nextval('public.attempts') <= 2", "53300")
		}, []string{"stored", "stored", "stored"}, billing.Tally{Total: 3, OK: 3, RowsChanged: 3}},
		{"all at once takes too long", func(i *installation) {
			i.refuse("customers", "INSERT", "(SELECT count(*) FROM collector.customers WHERE xmin::text = pg_current_xact_id()::text) > 1", "57014")
		}, []string{"stored", "stored", "stored"}, billing.Tally{Total: 3, OK: 3, RowsChanged: 3}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			i := install(t, partnersim.Options{Customers: 1})
			test.refuse(i)
			results := map[SavedResult]int{}
			r := i.Import(t.Context(), "sim", save(t, idA, idB, idC), func(f SavedFile) {
				if filepath.Ext(f.Path) == ".json" { // a refused customer's directory has a line of its own
					results[f.Result]++
				}
			})
			if r.Err != nil {
				t.Fatal(r.Err)
			}
			got := []string{}
			for _, result := range []SavedResult{SavedRefused, SavedStored} {
				for range results[result] {
					got = append(got, string(result))
				}
			}
			want(t, "files", test.want, got)
			want(t, "tally", test.tally, r.Tally)
		})
	}
}

// What an import logs names its partner and its run, like all logs of a run.
func TestAnImportedFindingNamesItsRun(t *testing.T) {
	t.Parallel()
	i := install(t, partnersim.Options{Customers: 1})
	saved := save(t, idA)
	if err := os.WriteFile(filepath.Join(saved[0].dir, "summary.json"), []byte(`{"pretaxTotal":1,"tax":0,"afterTaxTotal":1,"details":[{"invoiceType":"OneTime","summary":{"pretaxTotal":1}}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	r := i.Import(t.Context(), "sim", saved, func(SavedFile) {})
	said := 0
	for line := range strings.Lines(i.log.String()) {
		if strings.Contains(line, "imported with a finding") {
			said++
			if !strings.Contains(line, "partner=sim") || !strings.Contains(line, "run_id="+r.RunID) {
				t.Errorf("the line does not name its run: %s", line)
			}
		}
	}
	if said == 0 {
		t.Errorf("no finding was logged:\n%s", i.log)
	}
}

func TestAReplayObeysTheFailurePolicy(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		refuse func(*installation)
		tally  billing.Tally
	}{
		{"one is refused", func(i *installation) {
			i.refuse("cost_details", "UPDATE", "NEW.customer_key = (SELECT min(customer_key) FROM collector.customers)", "23514")
		}, billing.Tally{Total: 3, OK: 2, Failed: 1, RowsChanged: 2}},
		{"the database is away for a moment", func(i *installation) {
			i.execute(`CREATE SEQUENCE public.attempts`)
			i.refuse("cost_details", "UPDATE", "nextval('public.attempts') <= 2", "53300")
		}, billing.Tally{Total: 3, OK: 3, RowsChanged: 3}},
		{"all at once takes too long", func(i *installation) {
			i.refuse("cost_details", "UPDATE", "(SELECT count(*) FROM collector.cost_detail_history WHERE xmin::text = pg_current_xact_id()::text) > 1", "57014")
		}, billing.Tally{Total: 3, OK: 3, RowsChanged: 3}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			i := install(t, partnersim.Options{Customers: 1})
			if r := i.Import(t.Context(), "sim", save(t, idA, idB, idC), func(SavedFile) {}); r.Err != nil {
				t.Fatal(r.Err)
			}
			i.execute(`UPDATE collector.cost_details SET tax = 7`) // gives the replay something to correct
			test.refuse(i)
			shown := 0
			r := i.Replay(t.Context(), "sim", func(persist.ReplayResult) { shown++ }, nil)
			if r.Err != nil {
				t.Fatal(r.Err)
			}
			want(t, "tally", test.tally, r.Tally)
			want(t, "customers shown", test.tally.OK, shown)
		})
	}
}

// Earlier versions accepted any JSON as an answer: an error object with status 200
// blanked the profile and counted as "no costs". A replay corrects that.
func TestAReplayTakesNoFaultForAnAnswer(t *testing.T) {
	t.Parallel()
	i := install(t, partnersim.Options{Customers: 1, Seed: 11, NoCosts: -1})
	i.night(Request{})
	names := func() []string { return i.lines(`SELECT company_name FROM finance.customers`) }
	before := names()
	const fault = `'{"statusCode":500,"message":"trouble"}'`
	i.execute(`INSERT INTO collector.payloads (payload_hash, body, first_seen_at) VALUES (sha256(`+fault+`), `+fault+`, now())`,
		`INSERT INTO collector.statements (customer_key, run_id, collected_at, profile_hash, summary_hash, summary_status)
			SELECT customer_key, run_id, collected_at, sha256(`+fault+`), sha256(`+fault+`), 200 FROM collector.statements`,
		`UPDATE collector.customer_states SET statement_id = (SELECT max(statement_id) FROM collector.statements)`,
		`UPDATE collector.billing_profiles SET company_name = NULL, content_hash = sha256('blank')`)
	r := i.Replay(t.Context(), "sim", func(persist.ReplayResult) {}, nil)
	want(t, "tally", billing.Tally{Total: 1, OK: 1, RowsChanged: 1}, r.Tally)
	want(t, "names", before, names())
}
