package collector

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"partnercost/internal/billing"
	"partnercost/internal/partnersim"
	"partnercost/internal/persist"
)

var (
	knownSeeds  = flag.Int("known.seeds", 2, "how many series of nights are compared with and without known answers")
	knownSeed   = flag.Uint64("known.seed", 103, "the first of the series")
	knownNights = flag.Int("known.nights", 20, "how many nights a series has")
)

// withoutKnowledge makes a database forget which answers are stored, so every night
// derives every answer again.
const withoutKnowledge = `CREATE FUNCTION collector.forget_rules() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN NEW.profile_rules := NULL; NEW.costs_rules := NULL; RETURN NEW; END';
CREATE TRIGGER forget_rules BEFORE INSERT OR UPDATE ON collector.customer_states FOR EACH ROW EXECUTE FUNCTION collector.forget_rules()`

// stored are all rows that collecting leaves, without the keys that two databases number
// otherwise.
var stored = []struct{ what, query string }{
	{"runs", `SELECT to_jsonb(r) - '{run_id,resumes,machine}'::text[] FROM collector.runs r ORDER BY started_at`},
	{"customers", `SELECT to_jsonb(c) - 'customer_key' FROM collector.customers c ORDER BY customer_id`},
	{"reads", `SELECT c.customer_id || ' ' || (to_jsonb(r) - 'customer_key') FROM collector.customer_reads r JOIN collector.customers c USING (customer_key) ORDER BY 1`},
	{"states", `SELECT c.customer_id || ' ' || (to_jsonb(s) - '{customer_key,statement_id,last_run_id,last_success_run_id,profile_rules,costs_rules}'::text[])
		FROM collector.customer_states s JOIN collector.customers c USING (customer_key) ORDER BY 1`},
	{"failures", `SELECT c.customer_id || ' ' || (to_jsonb(f) - '{customer_key,failure_id,run_id,request_id,correlation_id,message}'::text[])
		FROM collector.failures f JOIN collector.customers c USING (customer_key) ORDER BY 1`},
	{"costs", `SELECT c.customer_id || ' ' || (to_jsonb(d) - '{customer_key,detail_id,statement_id,run_id}'::text[])
		FROM collector.cost_details d JOIN collector.customers c USING (customer_key) ORDER BY 1`},
	{"earlier costs", `SELECT c.customer_id || ' ' || d.invoice_type || (to_jsonb(h) - '{detail_id,statement_id,run_id,superseded_by_run}'::text[])
		FROM collector.cost_detail_history h JOIN collector.cost_details d USING (detail_id) JOIN collector.customers c USING (customer_key) ORDER BY 1`},
	{"sets of line items", `SELECT c.customer_id || ' ' || (to_jsonb(l) - '{customer_key,set_id,statement_id,run_id,superseded_by_run}'::text[])
		FROM collector.line_item_sets l JOIN collector.customers c USING (customer_key) ORDER BY 1`},
	{"line items", `SELECT c.customer_id || ' ' || count(*) || ' ' || sum(i.after_tax_total) FROM collector.line_items i JOIN collector.line_item_sets l USING (set_id)
		JOIN collector.customers c USING (customer_key) GROUP BY c.customer_id, l.invoice_type, l.period_start, l.revision ORDER BY 1`},
	{"findings", `SELECT concat(c.customer_id, ' ', to_jsonb(f) - '{customer_key,finding_id}'::text[])
		FROM collector.findings f LEFT JOIN collector.customers c USING (customer_key) ORDER BY 1`},
	{"profiles", `SELECT c.customer_id || ' ' || (to_jsonb(p) - '{customer_key,statement_id,run_id}'::text[])
		FROM collector.billing_profiles p JOIN collector.customers c USING (customer_key) ORDER BY 1`},
	{"earlier profiles", `SELECT c.customer_id || ' ' || (to_jsonb(h) - '{customer_key,statement_id,superseded_by_run}'::text[])
		FROM collector.billing_profile_history h JOIN collector.customers c USING (customer_key) ORDER BY 1`},
	{"log", `SELECT c.customer_id || ' ' || (to_jsonb(q) - '{customer_key,statement_id,run_id,profile_hash,summary_hash,line_items_hash}'::text[])
		|| concat_ws(' ', q.profile_hash IS NULL, q.summary_hash IS NULL, q.line_items_hash IS NULL)
		FROM collector.statements q JOIN collector.customers c USING (customer_key) ORDER BY 1`},
}

// pair are two installations that live through the same nights. Only the first one knows
// which answers it has stored.
type pair struct {
	*rand.Rand
	knowing, forgetful *installation
	form               int // how tonight's answers are written
	done               []string
}

// both does the same to both installations.
func (p *pair) both(what string, do func(*installation)) {
	p.done = append(p.done, what)
	do(p.knowing)
	do(p.forgetful)
}

func newPair(t *testing.T, seed uint64) *pair {
	t.Helper()
	p := &pair{Rand: rand.New(rand.NewPCG(seed, 7))}
	o := partnersim.Options{
		Customers: 8, Seed: seed, NoCosts: 0.3, NoAccess: 0.05, Start: time.Date(2026, time.October, 1, 0, 0, 0, 0, time.UTC),
		LargestPage: []int{0, 0, 3}[p.IntN(3)], LineItemsPerCustomer: 4,
	}
	for _, i := range []**installation{&p.knowing, &p.forgetful} {
		*i = install(t, o)
		sim := (*i).sim
		service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if p.form == 0 || !strings.HasPrefix(r.URL.Path, "/v1/customers/") {
				sim.ServeHTTP(w, r)
				return
			}
			rec := httptest.NewRecorder()
			sim.ServeHTTP(rec, r)
			body := rec.Body.Bytes()
			if rec.Code == http.StatusOK {
				body = rewritten(body, p.form)
			}
			for key, values := range rec.Header() {
				if key != "Content-Length" {
					w.Header()[key] = values
				}
			}
			w.WriteHeader(rec.Code)
			_, _ = w.Write(body)
		}))
		t.Cleanup(service.Close)
		(*i).Config.Partners[0].BaseURL = service.URL
	}
	p.forgetful.execute(withoutKnowledge)
	return p
}

// rewritten returns a body that says the same in another form.
func rewritten(body []byte, form int) []byte {
	switch form {
	case 1: // another entity tag
		return bytes.ReplaceAll(body, []byte(`"etag":"`), []byte(`"etag":"x`))
	case 2:
		return append([]byte("\ufeff"), body...)
	case 3:
		out := []byte{0xff, 0xfe}
		for _, unit := range utf16.Encode([]rune(string(body))) {
			out = append(out, byte(unit), byte(unit>>8))
		}
		return out
	case 4: // sorted members
		var value map[string]json.RawMessage
		if json.Unmarshal(body, &value) != nil {
			return body
		}
		sorted, err := json.Marshal(value)
		if err != nil {
			return body
		}
		return sorted
	}
	return body
}

// prepare does what happens between two nights.
func (p *pair) prepare(t *testing.T) {
	t.Helper()
	ids := p.knowing.ids()
	someone := func() string { return ids[p.IntN(len(ids))] }
	if p.IntN(3) == 0 {
		step := partnersim.Step{OneTimeMonths: p.IntN(2), RecurringMonths: p.IntN(2)}
		if p.IntN(3) > 0 {
			step = partnersim.Step{Restate: 0.3}
		}
		if p.IntN(8) == 0 {
			step.Leave = 0.1
		}
		p.both(fmt.Sprintf("step %+v", step), func(i *installation) { i.sim.Advance(step) })
	}
	if p.IntN(2) == 0 {
		var rules []partnersim.Oddity
		for range p.IntN(4) {
			o := partnersim.Oddity{Kind: oddKinds[p.IntN(len(oddKinds))], Resource: partnersim.Resource(2 + p.IntN(3)), Customer: someone()}
			if p.IntN(6) == 0 {
				o.Customer = ""
			}
			rules = append(rules, o)
		}
		p.both(fmt.Sprintf("oddities %v", rules), func(i *installation) { i.sim.SetOddities(rules...) })
	}
	var away []string
	if p.IntN(4) == 0 {
		away = append(away, someone())
	}
	p.both(fmt.Sprintf("away %v", away), func(i *installation) { i.sim.SetAway(away...) })
	p.form = max(0, p.IntN(9)-4)
	p.both(fmt.Sprintf("form %d", p.form), func(*installation) {})
	for range 2 {
		p.intervene(t, someone())
	}
}

var oddKinds = func() (kinds []partnersim.OddityKind) {
	for k := partnersim.EmptyBody; k <= partnersim.Renamed; k++ {
		if k >= partnersim.ShortLength && k <= partnersim.BareBody || k == partnersim.Refuse401 || k == partnersim.RefuseThrottle ||
			k == partnersim.NextInCircle || k == partnersim.NextOfOther || k == partnersim.NextOnOtherHost || k == partnersim.RefuseServer {
			continue
		}
		kinds = append(kinds, k)
	}
	return kinds
}()

// intervene is what an operator does now and then.
func (p *pair) intervene(t *testing.T, id string) {
	t.Helper()
	switch p.IntN(20) {
	case 0:
		p.both("line items on or off", func(i *installation) { i.Config.Collect.LineItems = !i.Config.Collect.LineItems })
	case 1:
		p.both("costs on or off", func(i *installation) { i.Config.Collect.Costs = !i.Config.Collect.Costs })
	case 2, 3, 4:
		length := []time.Duration{0, 6 * time.Hour, 1}[p.IntN(3)]
		p.both(fmt.Sprint("night: ", length), func(i *installation) { i.Config.Collect.Night = length })
	case 5:
		name := p.IntN(2) == 0
		p.both("erase "+id, func(i *installation) {
			if _, err := i.Erase(t.Context(), EraseRequest{Customer: billing.CustomerID(id), CompanyName: name}); err != nil {
				t.Log(err)
			}
		})
	case 6:
		p.both("replay", func(i *installation) {
			i.clock.advance(time.Minute)
			if result := i.Replay(t.Context(), "sim", func(persist.ReplayResult) {}, nil); result.Err != nil {
				t.Log(result.Err)
			}
		})
	case 7:
		days := time.Duration(p.IntN(40)) * 24 * time.Hour
		p.both("days "+days.String(), func(i *installation) { i.clock.advance(days) })
	case 8:
		p.both("refresh", func(i *installation) { i.Config.Collect.Refresh = 3 * 24 * time.Hour })
	case 9:
		scope := billing.ProfileScope(p.IntN(2))
		p.both(fmt.Sprint("profiles ", scope), func(i *installation) {
			store, err := persist.Open(t.Context(), persist.Options{URL: i.url, MaxConnections: 4, Log: i.Log, Now: i.clock.Now, Profiles: scope})
			if err != nil {
				t.Fatal(err)
			}
			i.Store.Close()
			t.Cleanup(store.Close)
			i.Store = store
		})
	case 10, 11:
		pace := p.IntN(2) * 100_000
		p.both(fmt.Sprint("requests per minute ", pace), func(i *installation) { i.Config.Partners[0].Limits.RequestsPerMinute = pace })
	}
}

// A collector that knows which answers it has stored leaves the same rows as one that
// derives every answer again.
func TestKnownAnswersChangeNothing(t *testing.T) {
	t.Parallel()
	for n := range *knownSeeds {
		seed := *knownSeed + uint64(n)
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			p := newPair(t, seed)
			for night := range *knownNights {
				p.prepare(t)
				request := Request{Full: p.IntN(6) == 0}
				p.both(fmt.Sprintf("night %d, full: %t", night, request.Full), func(i *installation) { i.night(request) })
				for _, table := range stored {
					known, derived := p.knowing.lines(table.query), p.forgetful.lines(table.query)
					only := func(lines, others []string) string {
						return strings.Join(slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return slices.Contains(others, line) }), "\n")
					}
					if !slices.Equal(known, derived) {
						t.Errorf("%s: known\n%s\nderived\n%s", table.what, only(known, derived), only(derived, known))
					}
				}
				if t.Failed() {
					t.Fatalf("after:\n%s", strings.Join(p.done, "\n"))
				}
			}
		})
	}
}
