package billing_test

import (
	"testing"

	"partnercost/internal/billing"
)

func TestNoCosts(t *testing.T) {
	t.Parallel()
	amount := func(text string) billing.Amount {
		a, err := billing.ParseAmount(text)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	detail := func(pretax, tax, total string) billing.CostDetail {
		return billing.CostDetail{CostTotals: billing.CostTotals{PretaxTotal: amount(pretax), Tax: amount(tax), AfterTaxTotal: amount(total)}}
	}
	tests := []struct {
		name  string
		costs *billing.CostSummary
		want  bool
	}{
		{"not read", nil, false},
		{"no detail", &billing.CostSummary{}, true},
		{"root totals do not count", &billing.CostSummary{Root: billing.CostTotals{PretaxTotal: amount("5")}}, true},
		{"all zero", &billing.CostSummary{Details: []billing.CostDetail{detail("0", "0.00", "0")}}, true},
		{"tax only", &billing.CostSummary{Details: []billing.CostDetail{detail("0", "0", "0"), detail("0", "1", "1")}}, false},
		{"a credit", &billing.CostSummary{Details: []billing.CostDetail{detail("-5", "0", "-5")}}, false},
		{"amounts not stated", &billing.CostSummary{Details: []billing.CostDetail{{}}}, false},
	}
	for _, test := range tests {
		s := billing.Statement{Costs: test.costs}
		if got := s.NoCosts(); got != test.want {
			t.Errorf("%s: NoCosts() = %t, want %t", test.name, got, test.want)
		}
	}
}

func TestFailureText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		failure billing.Failure
		want    string
	}{
		{billing.Failure{Message: "the token is missing"}, "the token is missing"},
		{billing.Failure{Resource: "profiles/billing", HTTPStatus: 500, Message: "try later"}, "profiles/billing: HTTP 500: try later"},
		{billing.Failure{Resource: "servicecosts/mostrecent", HTTPStatus: 403, Code: "20002", Message: "no relationship"}, "servicecosts/mostrecent: HTTP 403, code 20002: no relationship"},
	}
	for _, test := range tests {
		if got := test.failure.Error(); got != test.want {
			t.Errorf("Error() = %q, want %q", got, test.want)
		}
	}
}

func TestTallyCountsEveryOutcome(t *testing.T) {
	t.Parallel()
	var tally billing.Tally
	for _, outcome := range []billing.Outcome{billing.OutcomeStored, billing.OutcomeUnchanged, billing.OutcomeNoCosts, billing.OutcomeNoAccess, billing.OutcomeUnknownCustomer, billing.OutcomeFailed} {
		tally.Add(billing.CustomerResult{Outcome: outcome, RowsChanged: 2})
	}
	if want := (billing.Tally{OK: 1, Unchanged: 1, NoCosts: 1, Failed: 3, RowsChanged: 12}); tally != want || tally.Done() != 6 {
		t.Errorf("tally %+v with %d done, want %+v with 6", tally, tally.Done(), want)
	}
}
