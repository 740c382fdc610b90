package main_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
	"partnercost/internal/partnersim"
	"partnercost/internal/persist"
)

// personalSite collects one customer whose profile has every field. If renamed is set, the
// service returns another family name. While refusing is set, the service refuses the
// costs, with a reason that contains the customer's e-mail address.
type personalSite struct {
	*site

	customer string
	renamed  atomic.Bool
	refusing atomic.Bool
	company  string
	// values are the personal data in the customer's profile.
	values []string
}

const formerName, laterName = "Planted-Formerly", "Planted-Later"

func newPersonalSite(t *testing.T) *personalSite {
	t.Helper()
	sim := partnersim.New(partnersim.Options{Customers: 3000, Seed: 61, NoCosts: -1})
	p := &personalSite{}
	var profile *billing.Profile
	for id := range sim.CustomerIDs() {
		expected, _ := sim.Expected(id)
		if profile = expected.Profile; profile.Address.EmailAddress != "" && profile.FirstName != "" && profile.OrganizationRegistrationID != "" &&
			profile.Address.PhoneNumber != "" && len(expected.LineItems) > 0 {
			p.customer = id
			break
		}
	}
	if p.customer == "" {
		t.Fatal("no simulated customer states a whole profile; take another seed")
	}
	p.company = profile.CompanyName
	p.values = append(texts(reflect.ValueOf(*profile), "CompanyName", "Country", "LastName"), formerName, laterName)
	p.site = newSiteAt(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.refusing.Load() && strings.Contains(r.URL.Path, "/servicecosts/") {
			http.Error(w, `{"code":"4001","description":"`+profile.Email+` is not valid"}`, http.StatusBadRequest)
			return
		}
		answer := httptest.NewRecorder()
		sim.ServeHTTP(answer, r)
		body := answer.Body.Bytes()
		if strings.HasSuffix(r.URL.Path, "/profiles/billing") {
			name := formerName
			if p.renamed.Load() {
				name = laterName
			}
			body = bytes.ReplaceAll(body, []byte(`"`+profile.LastName+`"`), []byte(`"`+name+`"`))
		}
		maps.Copy(w.Header(), answer.Header())
		w.Header().Del("Content-Length")
		w.WriteHeader(answer.Code)
		_, _ = w.Write(body) // an error means that the client is gone
	}))
	p.sim = sim
	p.only(t, "")
	return p
}

// only configures a site that collects this customer alone.
func (p *personalSite) only(t *testing.T, rest string) {
	t.Helper()
	p.configure(t, "    customers:\n      ids: ["+p.customer+"]\n", rest)
}

// texts returns the strings in v, except those of the named fields.
func texts(v reflect.Value, but ...string) []string {
	var found []string
	for i := range v.NumField() {
		field := v.Field(i)
		switch {
		case slices.Contains(but, v.Type().Field(i).Name):
		case field.Kind() == reflect.Struct:
			found = append(found, texts(field, but...)...)
		case field.String() != "":
			found = append(found, field.String())
		}
	}
	return found
}

// holders returns the columns of all tables that contain one of the values. A value as
// short as "en" counts only if it is a whole text, or a whole text in JSON.
func (s *site) holders(t *testing.T, values ...string) []string {
	t.Helper()
	var searches []string
	for _, column := range s.query(t, `SELECT format('%I.%I', n.nspname, c.relname), quote_ident(a.attname), format_type(a.atttypid, a.atttypmod)
		FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, 2`) {
		match := fmt.Sprintf(`CASE WHEN length(v) > 5 THEN strpos(%[1]s::text, v) > 0 ELSE %[1]s::text = v OR strpos(%[1]s::text, '"' || v || '"') > 0 END`, column[1])
		if column[2] == "bytea" {
			match = fmt.Sprintf(`position(convert_to(CASE WHEN length(v) > 5 THEN v ELSE '"' || v || '"' END, 'UTF8') IN %s) > 0`, column[1])
		}
		searches = append(searches, fmt.Sprintf(`SELECT '%[1]s.%[2]s' WHERE EXISTS (SELECT 1 FROM %[1]s, unnest($1::text[]) v WHERE %[3]s)`, column[0], column[1], match))
	}
	var held []string
	for _, row := range s.query(t, strings.Join(searches, "\nUNION ALL\n"), values) {
		held = append(held, row[0])
	}
	if s.archiveHolds(t, values...) {
		held = append(held, "collector.payloads.body")
	}
	return held
}

// archiveHolds reports whether an archived body contains a value.
func (s *site) archiveHolds(t *testing.T, values ...string) bool {
	t.Helper()
	store, err := persist.Open(t.Context(), persist.Options{URL: s.url, MaxConnections: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var hashes []string
	for _, row := range s.query(t, `SELECT encode(payload_hash, 'hex') FROM collector.payloads ORDER BY 1`) {
		hashes = append(hashes, row[0])
	}
	bodies, err := store.Bodies(t.Context(), hashes)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range bodies {
		if body.State != persist.BodyVerified {
			t.Errorf("the body %s is %s", body.SHA256, body.State)
		}
		for _, value := range values {
			if len(value) <= 5 {
				value = `"` + value + `"`
			}
			if strings.Contains(string(body.Content), value) {
				return true
			}
		}
	}
	return false
}

// forgot fails the test if the database or the output of the program contains one of the
// values.
func (p *personalSite) forgot(t *testing.T, when string, values ...string) {
	t.Helper()
	if held := p.holders(t, values...); len(held) > 0 {
		t.Errorf("%s, personal data stands in %v", when, held)
	}
	for _, printed := range p.printed {
		for _, value := range values {
			if len(value) > 5 && strings.Contains(printed, value) {
				t.Errorf("the program printed %q:\n%s", value, printed)
			}
		}
	}
}

// money returns everything that finance sees of the costs.
func (s *site) money(t *testing.T) map[string][][]string {
	t.Helper()
	seen := map[string][][]string{}
	for _, view := range []string{"costs", "line_items", "cost_changes", "cost_revisions", "monthly_costs", "customers"} {
		seen[view] = s.query(t, `SELECT (to_jsonb(v) - ARRAY['last_collected_at', 'last_outcome'])::text FROM finance.`+view+` v ORDER BY 1`)
	}
	return seen
}

// unmoved fails the test if another collection, replay and import change anything.
func (p *personalSite) unmoved(t *testing.T) {
	t.Helper()
	before := p.money(t)
	for _, args := range [][]string{{"run"}, {"backfill", "--replay"}, {"backfill", "--from", "saved"}, {"backfill", "--replay"}, {"run"}} {
		p.collector(t, args...).want(t, 0)
	}
	if diff := cmp.Diff(before, p.money(t)); diff != "" {
		t.Errorf("later runs changed what finance sees (-before +after):\n%s", diff)
	}
}

// live stores everything that can be stored: an earlier profile, a later one, an imported
// one, and the reason of a failure.
func (p *personalSite) live(t *testing.T) {
	t.Helper()
	p.savedAnswers(t, map[string]string{p.customer + "/profile.json": `{"firstName":"Planted-Imported","companyName":"` + p.company + `"}`})
	p.values = append(p.values, "Planted-Imported")
	p.refusing.Store(true)
	p.collector(t, "run").want(t, 1)
	p.refusing.Store(false)
	p.collector(t, "run").want(t, 0)
	p.renamed.Store(true)
	p.sim.Advance(partnersim.Step{Restate: 1})
	p.collector(t, "run").want(t, 0)
	p.collector(t, "backfill", "--from", "saved").want(t, 0)
	for _, column := range []string{"collector.billing_profiles.last_name", "collector.billing_profile_history.profile", "collector.payloads.body"} {
		if held := p.holders(t, p.values...); !slices.Contains(held, column) {
			t.Fatalf("before the erasure personal data stands in %v, want it in %s too", held, column)
		}
	}
	if got := p.one(t, `SELECT count(*) FROM collector.failures WHERE message LIKE '%[e-mail] is not valid%'`); got != "1" {
		t.Errorf("%s failures tell the service's reason, want 1", got)
	}
}

func TestErase(t *testing.T) {
	t.Parallel()
	p := newPersonalSite(t)
	p.live(t)
	before := p.money(t)
	p.collector(t, "erase", "--customer", strings.ToUpper(p.customer), "--dry-run").want(t, 0).says(t, "sim", "would erase", "1                 1       3         1")
	if held := p.holders(t, p.values...); len(held) == 0 {
		t.Error("the dry run erased")
	}
	if got := p.one(t, `SELECT count(*) FROM finance.erasures`); got != "0" {
		t.Errorf("the dry run recorded %s erasures", got)
	}

	p.collector(t, "erase", "--customer", p.customer).want(t, 0).says(t, "erased")
	p.forgot(t, "after the erasure", p.values...)
	if diff := cmp.Diff(before, p.money(t)); diff != "" {
		t.Errorf("the erasure changed what finance sees (-before +after):\n%s", diff)
	}
	p.unmoved(t)
	p.forgot(t, "after later runs", p.values...)

	var again []struct {
		Result           string
		Profiles, Bodies int
	}
	decode(t, p.collector(t, "erase", "--customer", p.customer, "--format", "json").want(t, 0).stdout, &again)
	if len(again) != 1 || again[0].Result != "nothing_left" {
		t.Errorf("erasing again: %+v", again)
	}
	want := [][]string{{"sim", p.customer, "false", "1", "1", "3", "v0.0.0-e2e"}}
	if diff := cmp.Diff(want, p.query(t, `SELECT partner, customer_id, company_name_too, profiles, earlier_profiles, bodies, version FROM finance.erasures`)); diff != "" {
		t.Errorf("finance.erasures (-want +got):\n%s", diff)
	}
}

func TestEraseTheCompanyNameToo(t *testing.T) {
	t.Parallel()
	p := newPersonalSite(t)
	p.live(t)
	p.collector(t, "erase", "--customer", p.customer).want(t, 0)
	if held := p.holders(t, p.company); len(held) < 3 {
		t.Fatalf("the company name stands only in %v", held)
	}
	items := p.query(t, `SELECT to_jsonb(i)::text FROM collector.line_items i ORDER BY set_id, ordinal`)
	p.collector(t, "erase", "--customer", p.customer, "--company-name").want(t, 0)
	p.forgot(t, "after the erasure", append(p.values, p.company)...)
	p.unmoved(t)
	p.sim.Advance(partnersim.Step{RecurringMonths: 1, OneTimeMonths: 1})
	p.collector(t, "run").want(t, 0)
	p.collector(t, "erase", "--customer", p.customer).want(t, 0).says(t, "nothing left")
	p.unmoved(t)
	p.forgot(t, "after later runs", append(p.values, p.company)...)
	if diff := cmp.Diff(items, p.query(t, `SELECT to_jsonb(i)::text FROM collector.line_items i ORDER BY set_id, ordinal`)[:len(items)]); diff != "" {
		t.Errorf("the line items changed (-before +after):\n%s", diff)
	}
	if got := p.one(t, `SELECT count(*) FROM finance.erasures`); got != "2" {
		t.Errorf("%s erasures are recorded, want 2", got)
	}
}

func TestEraseSparesOthers(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 10, Seed: 62})
	s.collector(t, "run").want(t, 0)
	ids := slices.Sorted(s.sim.CustomerIDs())
	others := `SELECT to_jsonb(b)::text FROM collector.billing_profiles b JOIN collector.customers c USING (customer_key) WHERE customer_id <> $1 ORDER BY 1`
	before := s.query(t, others, ids[0])
	bodies := s.one(t, `SELECT count(*) FROM collector.payloads`)
	s.collector(t, "erase", "--customer", ids[0], "--partner", "sim").want(t, 0).says(t, "erased")
	if diff := cmp.Diff(before, s.query(t, others, ids[0])); diff != "" {
		t.Errorf("the profiles of others (-before +after):\n%s", diff)
	}
	if got := s.one(t, `SELECT count(*) + 1 FROM collector.payloads`); got != bodies {
		t.Errorf("%s bodies and the erased one are left, want %s", got, bodies)
	}
	s.collector(t, "run").want(t, 0)
	if got := s.one(t, `SELECT rows_changed FROM finance.runs ORDER BY started_at DESC LIMIT 1`); got != "0" {
		t.Errorf("the run after the erasure changed %s rows", got)
	}

	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--customer", "7d3c0c4e-3f5b-4d0c-8a51-0a2f3b4c5d6e"}, 1, "nothing is stored for this customer"},
		{[]string{"--customer", ids[1], "--partner", "nobody"}, 1, "partner nobody"},
		{[]string{"--customer", "42"}, 2, "GUID"},
		{nil, 2, "customer"},
		{[]string{"--help"}, 0, "Examples:"},
	} {
		s.collector(t, append([]string{"erase"}, test.args...)...).want(t, test.code).says(t, test.says)
	}
}

func TestEraseWaitsForNobody(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 1, Seed: 63})
	s.collector(t, "run").want(t, 0)
	var held bool
	connection, err := openDB(t, s.url).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	if err := lockPartner(t, connection, &held); err != nil || !held {
		t.Fatal(held, err)
	}
	id := slices.Collect(s.sim.CustomerIDs())[0]
	s.collector(t, "erase", "--customer", id).want(t, 4).says(t, "another run of this partner is in progress")
	if got := s.one(t, `SELECT count(*) FROM collector.billing_profiles WHERE email IS NOT NULL`); got != "1" {
		t.Error("the profile was erased while the partner was locked")
	}
}

// lockPartner takes the lock of the partner as another collector does.
func lockPartner(t *testing.T, connection *sql.Conn, held *bool) error {
	t.Helper()
	return connection.QueryRowContext(t.Context(), `SELECT pg_try_advisory_lock(hashtextextended('partnercost/sim', 0))`).Scan(held)
}

func TestMinimalProfiles(t *testing.T) {
	t.Parallel()
	p := newPersonalSite(t)
	p.savedAnswers(t, map[string]string{p.customer + "/profile.json": `{"firstName":"Planted-Imported","companyName":"Example"}`})
	p.only(t, "collect:\n  profiles: minimal\n")
	p.collector(t, "backfill", "--from", "saved").want(t, 0)
	p.collector(t, "run", "--dry-run").want(t, 0)
	p.collector(t, "run").want(t, 0)
	p.renamed.Store(true)
	p.collector(t, "run").want(t, 0)
	p.unmoved(t)
	p.forgot(t, "with minimal profiles", append(p.values, "Planted-Imported")...)
	want := [][]string{{p.company, "1"}}
	if diff := cmp.Diff(want, p.query(t, `SELECT company_name, count(country) OVER () FROM finance.customers`)); diff != "" {
		t.Errorf("finance.customers (-want +got):\n%s", diff)
	}
	if got := p.one(t, `SELECT rows_changed FROM finance.runs ORDER BY started_at DESC LIMIT 1`); got != "0" {
		t.Errorf("the last run changed %s rows, want none", got)
	}
}

func TestTheSwitchToMinimalProfilesReducesWhatIsStored(t *testing.T) {
	t.Parallel()
	p := newPersonalSite(t)
	p.live(t)
	before := p.money(t)
	p.only(t, "collect:\n  profiles: minimal\n")
	p.collector(t, "backfill", "--replay").want(t, 0).says(t, "reduced stored billing profiles")
	p.forgot(t, "after the switch", p.values...)
	if diff := cmp.Diff(before, p.money(t)); diff != "" {
		t.Errorf("the switch changed what finance sees (-before +after):\n%s", diff)
	}
	if r := p.collector(t, "run").want(t, 0); strings.Contains(r.stderr, "reduced") {
		t.Errorf("a second run reduced again:\n%s", r.stderr)
	}
	p.unmoved(t)
	p.forgot(t, "after later runs", p.values...)
}

func TestMinimalProfilesAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 5, Seed: 64})
	s.configure(t, "    customers:\n      discover: true\n", "collect:\n  profiles: minimal\n  costs: false\n")
	s.collector(t, "run").want(t, 0)
	s.collector(t, "run").want(t, 0)
	want := [][]string{{"succeeded", "5"}, {"succeeded", "0"}}
	if diff := cmp.Diff(want, s.query(t, `SELECT status, rows_changed FROM finance.runs ORDER BY started_at`)); diff != "" {
		t.Errorf("the runs (-want +got):\n%s", diff)
	}
	if got := s.one(t, `SELECT count(*) FROM finance.customers WHERE company_name IS NOT NULL AND country IS NOT NULL`); got != "5" {
		t.Errorf("%s customers have a name and a country, want 5", got)
	}
}
