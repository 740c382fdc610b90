package persist_test

import (
	"testing"
	"time"

	"partnercost/internal/billing"
)

// as sets the moment that the views judge by, for one query.
func (b *fixture) as(moment, sql string) []string {
	b.t.Helper()
	return b.query(`SELECT q.* FROM (SELECT set_config('finance.as_of', '` + moment + `', false)) s CROSS JOIN LATERAL (` + sql + ` OFFSET 0) q`)
}

const (
	states = `SELECT to_char(month, 'YYYY-MM') AS month, invoice_type, currency_code, state, customers, customers_expected, missing, comparable_before, comparable_now
		FROM finance.month_states WHERE month < '2026-11-01' ORDER BY month, invoice_type, currency_code`
	missing = `SELECT to_char(month, 'YYYY-MM') AS month, right(customer_id::text, 1) AS c, invoice_type, currency_code, last_period_end, last_after_tax, reason, overdue
		FROM finance.missing_costs WHERE month < '2026-11-01' ORDER BY month, customer_id, invoice_type, currency_code`
	reportingMonth = `SELECT finance.reporting_month() AS month`
)

func TestAMonthIsOpenUntilItsTypesHaveCome(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	// The Recurring periods of the fixture end in the month after the one they begin in.
	b.collect(
		statement(customerA, both(recurring(8, "10"), oneTime(9, "5"))),
		statement(customerB, both(recurring(8, "100"), oneTime(9, "7"))))
	wantLines(t, "with one month", b.as("2026-10-20", states),
		"2026-09 OneTime USD closed 2 0 0 null null", "2026-09 Recurring USD closed 2 0 0 null null")
	wantLines(t, "the month to report", b.as("2026-10-20", reportingMonth), "2026-09-01")
	wantLines(t, "before its closing day", b.as("2026-10-15 23:59:59Z", states),
		"2026-09 OneTime USD open 2 0 0 null null", "2026-09 Recurring USD open 2 0 0 null null")
	wantLines(t, "the only month", b.as("2026-10-15", reportingMonth), "2026-09-01")

	b.collect(statement(customerA, both(recurring(9, "12"))))
	half := []string{"2026-09 OneTime USD closed 2 0 0 null null", "2026-09 Recurring USD closed 2 0 0 null null"}
	wantLines(t, "half of October has come", b.as("2026-11-05", states), append(half,
		"2026-10 OneTime USD open 0 2 2 null null", "2026-10 Recurring USD open 1 2 1 10 12")...)
	wantLines(t, "the newest closed month", b.as("2026-11-05", reportingMonth), "2026-09-01")
	wantLines(t, "who is missing", b.as("2026-11-05", missing),
		"2026-10 a OneTime USD 2026-09-30 5 null false", "2026-10 b OneTime USD 2026-09-30 7 null false", "2026-10 b Recurring USD 2026-09-11 100 null false")
	wantLines(t, "past the closing day too many are missing", b.as("2026-11-16", states), append(half,
		"2026-10 OneTime USD open 0 2 2 null null", "2026-10 Recurring USD open 1 2 1 10 12")...)
	wantLines(t, "nothing can come any more", b.as("2026-12-16", states), append(half,
		"2026-10 OneTime USD closed 0 2 2 null null", "2026-10 Recurring USD closed 1 2 1 10 12")...)
	wantLines(t, "the newest closed month then", b.as("2026-12-16", reportingMonth), "2026-10-01")

	b.collect(statement(customerB, both(recurring(9, "90"))))
	wantLines(t, "all have come", b.as("2026-11-16", states), append(half,
		"2026-10 OneTime USD open 0 2 2 null null", "2026-10 Recurring USD closed 2 2 0 110 102")...)
}

// The costs of a customer that has left, or whose costs are now in another currency,
// are missing but not expected.
func TestWhyCostsAreMissing(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	const customerC, customerD, customerE billing.CustomerID = "00000000-0000-4000-8000-00000000000c", "00000000-0000-4000-8000-00000000000d", "00000000-0000-4000-8000-00000000000e"
	var first []billing.Statement
	for _, id := range []billing.CustomerID{customerA, customerB, customerC, customerD, customerE} {
		first = append(first, statement(id, both(recurring(8, "10"))))
	}
	b.collect(first...)
	euros := recurring(9, "9")
	euros.CurrencyCode = "EUR"
	b.collect(
		statement(customerA, both(recurring(9, "11"))),
		statement(customerB, both(euros)),
		billing.Statement{CustomerID: customerC, Failure: &billing.Failure{Class: billing.NoAccess, Resource: "servicecosts/mostrecent", HTTPStatus: 403, Message: "no"}},
		billing.Statement{CustomerID: customerD, Failure: &billing.Failure{Class: billing.Throttled, Resource: "servicecosts/mostrecent", HTTPStatus: 500, Message: "no"}},
		statement(customerE, nil))
	wantLines(t, "reasons", b.as("2026-11-16", missing),
		"2026-10 b Recurring USD 2026-09-11 10 moved true", "2026-10 c Recurring USD 2026-09-11 10 left true",
		"2026-10 d Recurring USD 2026-09-11 10 failed true", "2026-10 e Recurring USD 2026-09-11 10 no costs stated true")
	want := []string{
		"costs_missing warning Recurring 2026-10 USD: No Recurring costs in USD end in 2026-10, whose closing day is past; those of the month before end on 2026-09-11 and are 10 USD after tax.",
	}
	b.reconcile(date("2026-11-15"), usualRules)
	findings := `SELECT kind || ' ' || severity || ' ' || subject || ': ' || detail AS line FROM finance.findings
		WHERE kind = 'costs_missing' AND resolved_at IS NULL ORDER BY customer_id`
	wantLines(t, "before the closing day", b.query(findings))
	b.reconcile(date("2026-11-16"), usualRules)
	wantLines(t, "past the closing day", b.query(findings), want[0], want[0])
	b.reconcile(date("2026-12-16"), usualRules)
	wantLines(t, "when nothing can come any more", b.query(findings))
}

func TestWhoBuysNothingIsNotMissing(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(statement(customerA, both(oneTime(7, "5"), recurring(7, "1"))), statement(customerB, both(oneTime(7, "7"))))
	b.collect(statement(customerA, both(oneTime(7, "5"), recurring(8, "1"))))
	// A was collected in full after the closing day of August, so it bought nothing in August. So was
	// B, in the first night.
	wantLines(t, "missing", b.as("2026-11-16", `SELECT invoice_type FROM finance.missing_costs WHERE month = '2026-08-01'`))
	wantLines(t, "state", b.as("2026-11-16", `SELECT state, customers_expected, missing FROM finance.month_states WHERE month = '2026-08-01' AND invoice_type = 'OneTime'`), "closed 2 0")
}

func TestAnUnchangedNightLeavesTheStatesAlone(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(statement(customerA, both(recurring(8, "10"))), statement(customerB, both(recurring(8, "10"))))
	b.collect(statement(customerA, both(recurring(9, "10"))), statement(customerB, both(recurring(8, "10"))))
	before := b.query(`SELECT xmin::text AS x FROM collector.month_progress ORDER BY 1`)
	b.now = b.now.Add(time.Hour)
	b.collect(statement(customerA, both(recurring(9, "10"))), statement(customerB, both(recurring(8, "10"))))
	wantLines(t, "rows", b.query(`SELECT xmin::text AS x FROM collector.month_progress ORDER BY 1`), before...)
}
