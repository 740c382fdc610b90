package persist_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/billing"
	"partnercost/internal/persist"
	"partnercost/internal/persist/pgtest"
)

var usualRules = persist.ReconcileRules{UnseenAfter: 72 * time.Hour, JumpFactor: 5, JumpPercent: 50, JumpAmount: 10, JumpPeriods: 4}

// reconcile reconciles the partner at a time, and checks that a second call changes
// nothing.
func (b *fixture) reconcile(at time.Time, rules persist.ReconcileRules) {
	b.t.Helper()
	store, err := persist.Open(b.t.Context(), persist.Options{URL: b.url, MaxConnections: 2, Now: func() time.Time { return at }})
	if err != nil {
		b.t.Fatal(err)
	}
	defer store.Close()
	run := billing.Run{Partner: "contoso"}
	if err := store.Reconcile(b.t.Context(), run, rules); err != nil {
		b.t.Fatal(err)
	}
	tracker := pgtest.Track(b.t, b.url)
	if err := store.Reconcile(b.t.Context(), run, rules); err != nil {
		b.t.Fatal(err)
	}
	if changes := tracker.Changes(b.t); changes != "" {
		b.t.Errorf("reconciling a second time changed:\n%s", changes)
	}
}

// reconciled reconciles after the nights so far and returns the open findings with
// their texts. Missing costs have tests of their own.
func (b *fixture) reconciled(rules persist.ReconcileRules) []string {
	b.t.Helper()
	b.reconcile(night(b.runs).Add(time.Hour), rules)
	return b.query(`SELECT kind || ' ' || severity || ' ' || coalesce(subject, '') || ': ' || detail AS line FROM finance.findings
		WHERE resolved_at IS NULL AND kind <> 'costs_missing' ORDER BY customer_id, kind, subject COLLATE "C"`)
}

// months collects one customer's costs of a type, a night for each month from January.
// An amount "-" is a month that is not collected, and one such as "5 EUR" has a
// currency other than USD.
func (b *fixture) months(id billing.CustomerID, invoiceType billing.InvoiceType, amounts ...string) {
	b.t.Helper()
	for i, amount := range amounts {
		if amount == "-" {
			continue
		}
		var details []billing.CostDetail
		for part := range strings.SplitSeq(amount, ", ") {
			total, currency, foreign := strings.Cut(part, " ")
			if !foreign {
				currency = "USD"
			}
			first := time.Date(2026, time.Month(1+i), 12, 0, 0, 0, 0, time.UTC)
			if invoiceType == billing.OneTime {
				first = first.AddDate(0, 0, -11)
			}
			last := first.AddDate(0, 1, -1)
			details = append(details, detail(invoiceType, first.Format(time.DateOnly), last.Format(time.DateOnly), strings.TrimSuffix(currency, "none"), total))
		}
		b.collect(statement(id, details))
	}
}

func TestReconcileCostJumps(t *testing.T) {
	t.Parallel()
	jump := func(subject, newest, periods, median, deviation string) string {
		part := strings.Split(subject, " ")
		return fmt.Sprintf("cost_jump warning %s: The %s cost of the period from %s is %s %s after tax; the median of the %s periods before is %s %s, from which half of them differ by no more than %s %s.",
			subject, part[0], part[1], newest, part[2], periods, median, part[2], deviation, part[2])
	}
	tests := []struct {
		name    string
		amounts []string
		rules   func(*persist.ReconcileRules)
		want    []string
	}{
		{name: "steady", amounts: []string{"100", "100", "100", "100", "100"}},
		{name: "up", amounts: []string{"100", "102", "98", "100", "300.5"}, want: []string{jump("Recurring 2026-05-12 USD", "300.5", "4", "100", "1")}},
		{name: "down", amounts: []string{"100", "100", "100", "100", "10"}, want: []string{jump("Recurring 2026-05-12 USD", "10", "4", "100", "0")}},
		{name: "to zero", amounts: []string{"100", "100", "100", "100", "0"}, want: []string{jump("Recurring 2026-05-12 USD", "0", "4", "100", "0")}},
		{name: "from credits", amounts: []string{"-100", "-100", "-100", "-100", "10"}, want: []string{jump("Recurring 2026-05-12 USD", "10", "4", "-100", "0")}},
		{name: "one outlier before harms no judgement", amounts: []string{"100", "5000", "100", "100", "100", "300"}, want: []string{jump("Recurring 2026-06-12 USD", "300", "5", "100", "0")}},
		{name: "usually so unsteady", amounts: []string{"100", "300", "20", "250", "600"}},
		{name: "too few periods", amounts: []string{"100", "100", "100", "1000"}},
		{name: "too few periods is a rule", amounts: []string{"100", "100", "100", "1000"}, rules: func(r *persist.ReconcileRules) { r.JumpPeriods = 3 }, want: []string{jump("Recurring 2026-04-12 USD", "1000", "3", "100", "0")}},
		{name: "too small a part", amounts: []string{"100", "100", "100", "100", "149.99"}},
		{name: "just the part", amounts: []string{"100", "100", "100", "100", "150"}, want: []string{jump("Recurring 2026-05-12 USD", "150", "4", "100", "0")}},
		{name: "limits as large as they come", amounts: []string{"1", "1", "1", "1", "1000"}, rules: func(r *persist.ReconcileRules) {
			r.JumpFactor, r.JumpPercent, r.JumpAmount = math.MaxInt, math.MaxInt, math.MaxInt
		}},
		{name: "too small an amount", amounts: []string{"1", "1", "1", "1", "10.99"}},
		{name: "without least distances every change counts", amounts: []string{"1", "1", "1", "1", "1.01"}, rules: func(r *persist.ReconcileRules) { r.JumpAmount, r.JumpPercent = 0, 0 }, want: []string{jump("Recurring 2026-05-12 USD", "1.01", "4", "1", "0")}},
		{
			name: "exactly at the spread", amounts: []string{"90", "100", "110", "100", "90", "110", "174.13"},
			rules: func(r *persist.ReconcileRules) { r.JumpPercent = 0 },
		},
		{
			name: "just beyond the spread", amounts: []string{"90", "100", "110", "100", "90", "110", "174.1300000000000000000001"},
			rules: func(r *persist.ReconcileRules) { r.JumpPercent = 0 },
			want:  []string{jump("Recurring 2026-07-12 USD", "174.1300000000000000000001", "6", "100", "10")},
		},
		{
			name: "currencies are judged apart", amounts: []string{"100, 5 EUR", "100, 5 EUR", "100, 5 EUR", "100, 5 EUR", "100, 100 EUR"},
			want: []string{jump("Recurring 2026-05-12 EUR", "100", "4", "5", "0")},
		},
		{name: "details of one key count together", amounts: []string{"50, 50", "100", "100", "40, 60", "60, 50"}},
		{name: "what was usual more than twelve periods ago does not count", amounts: slices.Concat(slices.Repeat([]string{"900"}, 14), slices.Repeat([]string{"100"}, 13))},
		{name: "an amount that is not stated is not judged", amounts: []string{"100", "100", "100", "100", ""}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t)
			b.months(customerA, billing.Recurring, test.amounts...)
			rules := usualRules
			if test.rules != nil {
				test.rules(&rules)
			}
			wantLines(t, "findings", b.reconciled(rules), test.want...)
		})
	}
}

func TestReconcileCurrencyChanges(t *testing.T) {
	t.Parallel()
	changed := func(severity, start, currencies, before string) []string {
		return []string{fmt.Sprintf("currency_changed %s Recurring %s: The Recurring costs of the period from %s are in %s; those of the period before, from 2026-01-12, are in %s. The two cannot be compared.",
			severity, start, start, currencies, before)}
	}
	tests := []struct {
		name    string
		amounts []string
		want    []string
	}{
		{name: "the same", amounts: []string{"10", "11"}},
		{name: "another", amounts: []string{"10", "10 EUR"}, want: changed("warning", "2026-02-12", "EUR", "USD")},
		{name: "after a gap", amounts: []string{"10", "-", "10 EUR"}, want: append(changed("warning", "2026-03-12", "EUR", "USD"),
			"period_gap warning Recurring 2026-03: No Recurring period ends in 2026-03, but one ends before, on 2026-02-11, and one after, on 2026-04-11.")},
		{name: "one more", amounts: []string{"10", "10, 5 EUR, 5 CHF"}, want: changed("info", "2026-02-12", "CHF and EUR and USD", "USD")},
		{name: "one less", amounts: []string{"10, 5 EUR", "10"}},
		{name: "two for one", amounts: []string{"10", "5 CHF, 5 EUR"}, want: changed("warning", "2026-02-12", "CHF and EUR", "USD")},
		{name: "it is the usual one by now", amounts: []string{"10", "10 EUR", "10 EUR"}},
		{name: "not stated", amounts: []string{"10", "10 none"}},
		{name: "not stated in between", amounts: []string{"10", "10 none", "10"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t)
			b.months(customerA, billing.Recurring, test.amounts...)
			wantLines(t, "findings", b.reconciled(usualRules), test.want...)
		})
	}
}

func TestReconcilePeriodGaps(t *testing.T) {
	t.Parallel()
	const recurringGap = "period_gap warning Recurring 2026-03: No Recurring period ends in 2026-03, but one ends before, on 2026-02-11, and one after, on 2026-04-11."
	tests := []struct {
		name    string
		of      billing.InvoiceType
		amounts []string
		want    []string
	}{
		{name: "none", of: billing.Recurring, amounts: []string{"1", "1", "1", "1"}},
		{name: "a month", of: billing.Recurring, amounts: []string{"1", "-", "1"}, want: []string{recurringGap}},
		{name: "a credit before and nothing after", of: billing.Recurring, amounts: []string{"-1", "-", "0"}, want: []string{recurringGap}},
		{name: "zero is a result", of: billing.Recurring, amounts: []string{"1", "0", "1"}},
		{name: "across currencies there is none", of: billing.Recurring, amounts: []string{"1, 1 EUR", "1 EUR", "1 EUR"}},
		{
			name: "a month without a purchase", of: billing.OneTime, amounts: []string{"1", "-", "1"},
			want: []string{"period_gap info OneTime 2026-02: No OneTime period ends in 2026-02, but one ends before, on 2026-01-31, and one after, on 2026-03-31."},
		},
		{
			name: "two gaps, one of them long, of a new type", of: "Marketplace", amounts: []string{"1", "-", "-", "1", "-", "1"},
			want: []string{
				"period_gap warning Marketplace 2026-03 to 2026-04: No Marketplace period ends in 2026-03 to 2026-04, but one ends before, on 2026-02-11, and one after, on 2026-05-11.",
				"period_gap warning Marketplace 2026-06: No Marketplace period ends in 2026-06, but one ends before, on 2026-05-11, and one after, on 2026-07-11.",
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t)
			b.months(customerA, test.of, test.amounts...)
			wantLines(t, "findings", b.reconciled(usualRules), test.want...)
		})
	}
}

func TestReconcilePeriodOverlaps(t *testing.T) {
	t.Parallel()
	overlap := func(start, currency, end string) string {
		return fmt.Sprintf("period_overlap serious Recurring %s %s: The Recurring period from %s in %s begins before an earlier one ends, on %s: the same costs may be counted twice.",
			start, currency, start, currency, end)
	}
	const november, earlier = "2026-11-01T00:00:00Z", "2026-11-01T00:00:00+01:00"
	of := func(start, end, currency string) billing.CostDetail {
		return detail(billing.Recurring, start, end, currency, "30")
	}
	tests := []struct {
		name    string
		details []billing.CostDetail // one per night
		want    []string
	}{
		{"months in a row", both(of("2026-09-12", "2026-10-11", "USD"), of("2026-10-12", "2026-11-11", "USD"), of("2026-11-12", "2026-12-11", "USD")), nil},
		{"an end that is the next beginning", both(of("2026-09-12", "2026-10-12", "USD"), of("2026-10-12", "2026-11-12", "USD")), nil},
		{
			"the same month in another offset", both(of(earlier, "2026-11-30T23:59:59+01:00", "USD"), of(november, "2026-11-30T23:59:59Z", "USD")),
			[]string{overlap("2026-11-01", "USD", "2026-11-30")},
		},
		{
			"the other way round", both(of(november, "2026-11-30T23:59:59Z", "USD"), of(earlier, "2026-11-30T23:59:59+01:00", "USD")),
			[]string{overlap("2026-11-01", "USD", "2026-11-30")},
		},
		{
			"in another offset and another currency", both(of(earlier, "2026-11-30T23:59:59+01:00", "USD"), of(november, "2026-11-30T23:59:59Z", "EUR")),
			[]string{overlap("2026-11-01", "EUR", "2026-11-30")},
		},
		{"the same period in two currencies", both(of(november, "2026-11-30T23:59:59Z", "USD"), of(november, "2026-11-30T23:59:59Z", "EUR")), nil},
		{
			"over another currency", both(of("2026-10-01", "2026-12-11", "EUR"), of("2026-10-20", "2026-11-19", "USD"), of("2026-11-12", "2026-12-11", "EUR")),
			[]string{overlap("2026-10-20", "USD", "2026-12-11"), overlap("2026-11-12", "EUR", "2026-12-11")},
		},
		{"without a currency", both(of("2026-10-01", "2026-10-31", ""), of("2026-10-02", "2026-11-01", "")), []string{overlap("2026-10-02", "(no currency)", "2026-10-31")}},
		{"details of one period", both(of("2026-10-01", "2026-10-31", "USD"), of("2026-10-01", "2026-10-30", "USD")), nil},
		{"no end", both(of("2026-10-01", "", "USD"), of("2026-10-20", "2026-11-19", "USD")), nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t)
			for _, d := range test.details {
				b.collect(statement(customerA, both(d)))
			}
			var got []string
			for _, line := range b.reconciled(usualRules) {
				if strings.HasPrefix(line, "period_overlap") {
					got = append(got, line)
				}
			}
			wantLines(t, "findings", got, test.want...)
		})
	}
}

// An overlap ends when a restated end removes it.
func TestReconcileResolvesOverlaps(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(statement(customerA, both(detail(billing.Recurring, "2026-09-12", "2026-11-11", "USD", "5"))))
	b.collect(statement(customerA, both(recurring(10, "5"))))
	b.reconciled(usualRules)
	wantLines(t, "findings", b.openFindings(), "period_overlap serious Recurring 2026-10-12 USD")
	b.collect(statement(customerA, both(recurring(9, "5"), recurring(10, "5"))))
	b.reconciled(usualRules)
	wantLines(t, "findings", b.openFindings())
}

func TestReconcileFollowsTheCause(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	findings := func() []string {
		return b.query(`SELECT right(customer_id::text, 1) AS c, kind, subject, first_seen_at::date AS first, resolved_at::date AS resolved FROM finance.findings
			WHERE kind NOT IN ('detail_vanished', 'costs_missing') ORDER BY kind, first_seen_at, subject`)
	}
	b.months(customerA, billing.Recurring, "100", "-", "100", "100", "100", "1000")
	b.months(customerB, billing.OneTime, "10", "10 EUR")
	b.reconciled(usualRules)
	wantLines(t, "opened", findings(),
		"a cost_jump Recurring 2026-06-12 USD 2026-11-08 null", "b currency_changed OneTime 2026-02-01 2026-11-08 null", "a period_gap Recurring 2026-03 2026-11-08 null")

	b.collect(statement(customerA, both(recurring(6, "2000.5"))))
	b.reconciled(usualRules)
	wantLines(t, "reworded", b.query(`SELECT first_seen_at::date AS first, last_seen_at::date AS last, substring(detail from 'is (.*) after tax') AS amount FROM finance.findings WHERE kind = 'cost_jump'`),
		"2026-11-08 2026-11-09 2000.5 USD")

	// Another partner's run does not concern them.
	if err := b.store.Reconcile(t.Context(), billing.Run{Partner: "fabrikam"}, usualRules); err != nil {
		t.Fatal(err)
	}
	b.collect(statement(customerA, both(recurring(2, "100"))))
	b.collect(statement(customerA, both(recurring(7, "100"))), statement(customerB, both(oneTime(3, "10"))))
	b.reconciled(usualRules)
	wantLines(t, "resolved, and changed back", findings(),
		"a cost_jump Recurring 2026-06-12 USD 2026-11-08 2026-11-11",
		"b currency_changed OneTime 2026-02-01 2026-11-08 2026-11-11", "b currency_changed OneTime 2026-03-01 2026-11-11 null",
		"a period_gap Recurring 2026-03 2026-11-08 2026-11-11")
}

func TestReconcileUnseenCustomers(t *testing.T) {
	t.Parallel()
	const (
		late  = "a serious The customer was last collected in full on 2026-11-02; what it costs since then may be missing."
		never = "b serious The customer was first asked for on 2026-11-02 and was never collected in full; what it costs since then may be missing."
	)
	b := newFixture(t)
	findings := func() []string {
		return b.query(`SELECT right(customer_id::text, 1) AS c, severity, detail FROM finance.findings WHERE resolved_at IS NULL ORDER BY customer_id`)
	}
	unread := billing.Statement{CustomerID: customerB, Failure: &billing.Failure{Class: billing.ServerFailure, HTTPStatus: 500, Message: "try later"}}
	b.collect(statement(customerA, nil), unread)
	limit := night(1).Add(usualRules.UnseenAfter)
	b.reconcile(limit, usualRules)
	wantLines(t, "just in time", findings())
	b.reconcile(limit.Add(time.Second), usualRules)
	wantLines(t, "too late", findings(), late, never)
	b.reconcile(limit.AddDate(1, 0, 0), usualRules)
	wantLines(t, "a year later", findings(), late, never)

	b.collect(statement(customerA, nil), unread)
	b.reconcile(limit.Add(time.Second), usualRules)
	wantLines(t, "one is back", findings(), never)
	b.change(`UPDATE collector.customers SET active = false`)
	b.reconcile(night(b.runs+9), usualRules)
	wantLines(t, "nobody waits for customers that left", findings())
}

func (b *fixture) change(sql string) {
	b.t.Helper()
	conn, err := pgx.Connect(b.t.Context(), b.url)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(b.t.Context(), sql); err != nil {
		b.t.Fatalf("%s: %v", sql, err)
	}
}

// Every kind of finding resolves when its cause is gone, and docs/finance.md says what
// to do about it.
func TestEveryKindOfFindingResolvesAndIsExplained(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../billing/finding.go")
	if err != nil {
		t.Fatal(err)
	}
	docs, err := os.ReadFile(financeDoc)
	if err != nil {
		t.Fatal(err)
	}
	b := newFixture(t)
	odd := statement(customerA, both(recurring(9, "10")))
	for _, kind := range regexp.MustCompile(`FindingKind\s+= "(\w+)"`).FindAllStringSubmatch(string(source), -1) {
		odd.Findings = append(odd.Findings, billing.Finding{Kind: billing.FindingKind(kind[1]), Severity: billing.Info, Detail: "A sentence."})
		if !strings.Contains(string(docs), "\n| `"+kind[1]+"` | ") {
			t.Errorf("docs/finance.md does not explain %s", kind[1])
		}
	}
	odd.Documents[1].Body = []byte("an odd summary")
	b.collect(odd)
	if got := len(b.openFindings()); got < 19 {
		t.Fatalf("%d kinds of findings were stored", got)
	}
	b.collect(statement(customerA, both(recurring(9, "10"))))
	if err := b.store.ReconcileInvoices(t.Context(), b.invoiceRun()); err != nil {
		t.Fatal(err)
	}
	wantLines(t, "open findings", b.reconciled(usualRules))
}
