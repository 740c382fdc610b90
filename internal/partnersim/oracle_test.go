package partnersim_test

import (
	"bytes"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"partnercost/internal/billing"
	"partnercost/internal/partnersim"
)

func TestAnswersTellTheTruth(t *testing.T) {
	t.Parallel()
	s := start(t, partnersim.Options{Customers: 150, Seed: 7, NoCosts: -1})
	for step := range 3 {
		for _, id := range s.ids() {
			want, ok := s.Expected(id)
			if !ok {
				t.Fatalf("nothing is expected of the listed customer %s", id)
			}
			base := "/v1/customers/" + id
			got := billing.Statement{CustomerID: billing.CustomerID(id)}
			got.Profile = decodeProfile(t, s.get(base+"/profiles/billing").body)
			got.Costs = decodeSummary(t, s.get(base+"/servicecosts/mostrecent").body)
			got.LineItems, got.CustomerName = decodeLineItems(t, s.get(base+"/servicecosts/mostrecent/lineitems").body, got.Costs.Details)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("step %d, customer %s (-expected +answered):\n%s", step, id, diff)
			}
		}
		s.Advance(partnersim.Step{Restate: 0.5, OneTimeMonths: step % 2})
	}
}

func TestLineItemsAddUpToTheirDetail(t *testing.T) {
	t.Parallel()
	s := partnersim.New(partnersim.Options{Customers: 3000, Seed: 1})
	s.Advance(partnersim.Step{Restate: 0.3})
	type key struct {
		invoiceType billing.InvoiceType
		currency    string
	}
	seen := map[string]int{}
	for id := range s.CustomerIDs() {
		statement, _ := s.Expected(id)
		if statement.NoCosts() {
			seen["no costs"]++
			continue
		}
		type sum struct{ pretax, tax, total decimal.Decimal }
		sums, details := map[key]sum{}, map[key]sum{}
		lines, types := map[string]bool{}, map[billing.InvoiceType]bool{}
		for i := range statement.LineItems {
			item := &statement.LineItems[i]
			k := key{item.InvoiceType, item.CurrencyCode}
			have := sums[k]
			sums[k] = sum{have.pretax.Add(item.PretaxTotal.Decimal), have.tax.Add(item.Tax.Decimal), have.total.Add(item.AfterTaxTotal.Decimal)}
			if item.CurrencyCode == "JPY" && item.PretaxTotal.Decimal.Exponent() < 0 && !item.PretaxTotal.Decimal.IsInteger() {
				t.Errorf("customer %s has %s yen", id, item.PretaxTotal.Decimal)
			}
			if item.PretaxTotal.Decimal.IsNegative() {
				seen["negative line"]++
			}
			if item.PretaxTotal.Decimal.Exponent() == -15 {
				seen["tail of a float"]++
			}
			line := item.SubscriptionID + item.OrderID + item.ChargeType + item.PretaxTotal.Decimal.String()
			if lines[line] {
				seen["duplicate"]++
			}
			lines[line] = true
		}
		for _, d := range statement.Costs.Details {
			k := key{d.InvoiceType, d.CurrencyCode}
			if types[d.InvoiceType] {
				seen["second currency"]++
			}
			types[d.InvoiceType] = true
			details[k] = sum{d.PretaxTotal.Decimal, d.Tax.Decimal, d.AfterTaxTotal.Decimal}
			seen[d.CurrencyCode]++
			if !d.Tax.Decimal.IsZero() {
				seen["taxed"]++
			}
		}
		switch {
		case len(types) == 2:
			seen["both types"]++
		default:
			seen["only "+string(statement.Costs.Details[0].InvoiceType)]++
		}
		if diff := cmp.Diff(details, sums, cmp.AllowUnexported(sum{})); diff != "" {
			t.Fatalf("customer %s (-details +lines):\n%s", id, diff)
		}
	}
	for _, want := range []string{"no costs", "negative line", "tail of a float", "duplicate", "second currency", "taxed", "both types", "only Recurring", "only OneTime", "USD", "EUR", "GBP", "CHF", "JPY", "CAD"} {
		if seen[want] == 0 {
			t.Errorf("among 3,000 customers there is none with %q", want)
		}
	}
	if share := float64(seen["no costs"]) / 3000; share < 0.08 || share > 0.12 {
		t.Errorf("%.3f of the customers have no costs, want about 0.1", share)
	}
}

func TestDeterministicBySeed(t *testing.T) {
	t.Parallel()
	bodies := func(seed uint64) []string {
		s := partnersim.New(partnersim.Options{Customers: 40, Seed: seed})
		s.Advance(partnersim.Step{OneTimeMonths: 2, Restate: 0.5})
		s.Advance(partnersim.Step{Restate: 0.5})
		var all []string
		for id := range s.CustomerIDs() {
			for _, path := range []string{"", "/profiles/billing", "/servicecosts/mostrecent", "/servicecosts/mostrecent/lineitems"} {
				all = append(all, ask(t.Context(), s, "/v1/customers/"+id+path).Body.String())
			}
		}
		return all
	}
	first := bodies(3)
	if diff := cmp.Diff(first, bodies(3)); diff != "" {
		t.Errorf("equal seeds differ:\n%s", diff)
	}
	if slices.Equal(first, bodies(4)) {
		t.Error("different seeds are equal")
	}
}

func TestAdvance(t *testing.T) {
	t.Parallel()
	const customers = 600
	s := partnersim.New(partnersim.Options{Customers: customers, Seed: 11})
	truth := func() map[string]billing.Statement {
		all := map[string]billing.Statement{}
		for id := range s.CustomerIDs() {
			all[id], _ = s.Expected(id)
		}
		return all
	}
	find := func(st billing.Statement, invoiceType billing.InvoiceType) []billing.CostDetail {
		var found []billing.CostDetail
		for _, d := range st.Costs.Details {
			if d.InvoiceType == invoiceType {
				found = append(found, d)
			}
		}
		return found
	}
	// changed counts the customers with a changed detail of one of the types.
	changed := func(before, after map[string]billing.Statement, types ...billing.InvoiceType) int {
		n := 0
		for id := range after {
			if slices.ContainsFunc(types, func(it billing.InvoiceType) bool {
				return !cmp.Equal(find(before[id], it), find(after[id], it))
			}) {
				n++
			}
		}
		return n
	}

	begin := truth()
	restated := s.Advance(partnersim.Step{Restate: 0.2})
	second := truth()
	if got := changed(begin, second, billing.Recurring, billing.OneTime); got != restated.Restated {
		t.Errorf("%d customers were restated, the step says %d", got, restated.Restated)
	}
	if share := float64(restated.Restated) / customers; share < 0.12 || share > 0.25 {
		t.Errorf("a fifth was to be restated, %.2f were", share)
	}
	for id, st := range second {
		for i, d := range st.Costs.Details {
			if was := begin[id].Costs.Details[i]; d.InvoiceType != was.InvoiceType || d.CurrencyCode != was.CurrencyCode || !d.Period.Start.Equal(was.Period.Start) {
				t.Fatalf("restating changed the key of a detail of %s: %v, was %v", id, d, was)
			}
		}
	}

	moved := s.Advance(partnersim.Step{OneTimeMonths: 1, Restate: 0.2})
	third := truth()
	if got := changed(second, third, billing.Recurring); got != moved.Restated {
		t.Errorf("%d recurring details were restated beside a one-time step, the step says %d", got, moved.Restated)
	}
	for id, st := range third {
		for i, d := range find(st, billing.OneTime) {
			if want := find(second[id], billing.OneTime)[0].Period.Start.AddDate(0, 1, 0); !d.Period.Start.Equal(want) {
				t.Fatalf("one-time detail %d of %s begins %s, want %s", i, id, d.Period.Start, want)
			}
		}
	}
	// A restatement of one period does not affect the next.
	fresh := partnersim.New(partnersim.Options{Customers: customers, Seed: 11})
	fresh.Advance(partnersim.Step{OneTimeMonths: 1})
	for id, st := range third {
		untouched, _ := fresh.Expected(id)
		if diff := cmp.Diff(find(untouched, billing.OneTime), find(st, billing.OneTime)); diff != "" {
			t.Fatalf("the new one-time period of %s (-never restated +restated before):\n%s", id, diff)
		}
	}
	if moved.OneTimeMonth != "2026-10" || moved.RecurringMonth != "2026-09" {
		t.Errorf("after a one-time month the calendar says %+v", moved)
	}

	s.Advance(partnersim.Step{RecurringMonths: 1})
	fourth := truth()
	if got := changed(third, fourth, billing.OneTime); got != 0 {
		t.Errorf("%d one-time details changed in a recurring step", got)
	}
	for id, st := range fourth {
		for _, d := range find(st, billing.Recurring) {
			if want := find(third[id], billing.Recurring)[0].Period.Start.AddDate(0, 1, 0); !d.Period.Start.Equal(want) {
				t.Fatalf("the recurring detail of %s begins %s, want %s", id, d.Period.Start, want)
			}
		}
	}

	left := s.Advance(partnersim.Step{Leave: 0.1})
	if got := len(truth()); left.Left == 0 || got != customers-left.Left {
		t.Errorf("%d customers are listed after %d of %d left", got, left.Left, customers)
	}
	for id := range fourth {
		if st, _ := s.Expected(id); st.Failure != nil {
			if answered := ask(t.Context(), s, "/v1/customers/"+id+"/servicecosts/mostrecent"); answered.Code != http.StatusForbidden {
				t.Errorf("a customer who left answers %d", answered.Code)
			}
		}
	}
}

func TestAdvanceIsAtomic(t *testing.T) {
	t.Parallel()
	s := start(t, partnersim.Options{Customers: 20, NoCosts: -1})
	id := s.ids()[0]
	path := "/v1/customers/" + id + "/servicecosts/mostrecent"
	states := map[string]bool{}
	note := func() { states[string(ask(t.Context(), s.Simulator, path).Body.Bytes())] = true }
	note()

	answers := make(chan string, 200)
	go func() {
		defer close(answers)
		for range cap(answers) {
			answers <- ask(t.Context(), s.Simulator, path).Body.String()
		}
	}()
	for range 50 {
		s.Advance(partnersim.Step{OneTimeMonths: 1, RecurringMonths: 1})
		note()
	}
	for body := range answers {
		if !states[body] {
			t.Fatalf("an answer is of no moment of the calendar: %s", body)
		}
	}
}

func TestNoCostsInEveryForm(t *testing.T) {
	t.Parallel()
	s := start(t, partnersim.Options{Customers: 120, NoCosts: 1})
	forms := map[string]int{}
	for _, id := range s.ids() {
		summary := s.get("/v1/customers/" + id + "/servicecosts/mostrecent")
		form := summary.Status
		switch {
		case summary.StatusCode == http.StatusNotFound:
			form = decodeCode(t, summary.body)
		case len(summary.body) > 0:
			o := decode[object](t, summary.body)
			details, present := o["details"]
			form = "absent"
			if list, isList := details.([]any); isList {
				form = "list of " + strconv.Itoa(len(list))
			} else if present {
				form = "null"
			}
			if _, ok := o["billingStartDate"]; !ok {
				t.Errorf("the root of %s lacks its fields", summary.body)
			}
		}
		forms[form]++
		want, _ := s.Expected(id)
		if !want.NoCosts() {
			t.Errorf("%s is expected to have costs", id)
		}
		items := s.get("/v1/customers/" + id + "/servicecosts/mostrecent/lineitems")
		if items.StatusCode != summary.StatusCode {
			t.Errorf("form %s: summary %d, line items %d", form, summary.StatusCode, items.StatusCode)
		}
		if profile := s.get("/v1/customers/" + id + "/profiles/billing"); profile.StatusCode != http.StatusOK {
			t.Errorf("form %s: the profile answers %d", form, profile.StatusCode)
		}
	}
	var got []string
	for form := range forms {
		got = append(got, form)
	}
	slices.Sort(got)
	want := []string{"1000", "3000", "absent", "list of 0", "list of 1", "null"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("forms (-want +got):\n%s", diff)
	}
}

func TestIdentities(t *testing.T) {
	t.Parallel()
	s := partnersim.New(partnersim.Options{Customers: 5000, Seed: 5})
	seen := map[string]bool{}
	for id := range s.CustomerIDs() {
		if canonical, err := billing.ParseCustomerID(id); err != nil || string(canonical) != id || id[14] != '4' || id[19] < '8' || id[19] > 'b' {
			t.Fatalf("%s is no version 4 GUID in lower case: %v", id, err)
		}
		if seen[id] {
			t.Fatalf("%s occurs twice", id)
		}
		seen[id] = true
		if got, ok := s.Expected(strings.ToUpper(id)); !ok || string(got.CustomerID) != id {
			t.Fatalf("%s is not found again in upper case", id)
		}
		// A changed digit, wherever it is, makes the id unknown.
		for at := range id {
			if id[at] == '-' {
				continue
			}
			other := []byte(id)
			other[at] = "123456789abcdef0"[strings.IndexByte("0123456789abcdef", id[at])]
			if _, ok := s.Expected(string(other)); ok {
				t.Fatalf("%s is taken for a customer", other)
			}
		}
	}
	if _, ok := partnersim.New(partnersim.Options{Customers: 4999, Seed: 5}).Expected(last(slices.Collect(s.CustomerIDs()))); ok {
		t.Error("a customer beyond the number is known")
	}
}

// Not parallel, so that nothing else allocates meanwhile.
func TestManyCustomersCostNoMemory(t *testing.T) {
	const customers = 100_000
	heap := func() uint64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	before := heap()
	s := partnersim.New(partnersim.Options{Customers: customers})
	n, sample := 0, ""
	for id := range s.CustomerIDs() {
		if n++; n%10 == 0 {
			sample = id
			if recorder := ask(t.Context(), s, "/v1/customers/"+id+"/profiles/billing"); recorder.Code != http.StatusOK {
				t.Fatalf("customer %d answers %d", n, recorder.Code)
			}
		}
	}
	s.Advance(partnersim.Step{Restate: 0.1})
	if grown := int64(heap()) - int64(before); grown > 1<<20 {
		t.Errorf("serving %d customers left %d bytes on the heap", customers, grown)
	}
	if n != customers {
		t.Errorf("%d customers, want %d", n, customers)
	}
	if stats := s.Stats(); stats.Customers != customers/10 {
		t.Errorf("%d customers were served, want %d", stats.Customers, customers/10)
	}
	if !bytes.Contains(ask(t.Context(), s, "/v1/customers/"+sample).Body.Bytes(), []byte(sample)) {
		t.Error("a customer does not name itself")
	}
}

func last(ids []string) string { return ids[len(ids)-1] }

func decodeCode(t *testing.T, body []byte) string {
	t.Helper()
	code := decode[map[string]any](t, body)["code"]
	number, ok := code.(interface{ String() string })
	if !ok {
		t.Fatalf("the code is %v, not a number: %s", code, body)
	}
	return number.String()
}
