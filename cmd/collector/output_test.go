package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
	"partnercost/internal/collector"
	"partnercost/internal/config"
	"partnercost/internal/persist"
)

const customer billing.CustomerID = "11111111-0000-4000-8000-000000000000"

// An invoice type comes from the service. It must not send escape sequences to a terminal.
func TestAPreviewIsPrintable(t *testing.T) {
	t.Parallel()
	for asJSON, want := range map[bool]string{false: "Re\ufffd[2Jcurring", true: `Re\u001b[2Jcurring`} {
		var b strings.Builder
		v := &preview{w: &b, asJSON: asJSON}
		result := billing.CustomerResult{CustomerID: customer, Outcome: billing.OutcomeStored, Changes: []billing.DetailChange{
			{InvoiceType: "Re\x1b[2Jcurring", After: billing.CostTotals{CurrencyCode: "USD"}},
		}}
		if err := v.print("sim", make([]billing.Statement, 1), []billing.CustomerResult{result}); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); !strings.Contains(got, want) || strings.Contains(got, "\x1b") {
			t.Errorf("a preview prints %q, want %q in it", got, want)
		}
	}
}

func TestPreviewAsJSONIsExact(t *testing.T) {
	t.Parallel()
	totals := func(afterTax string) billing.CostTotals {
		amount, err := billing.ParseAmount(afterTax)
		if err != nil {
			t.Fatal(err)
		}
		period := billing.Period{Start: time.Date(2026, 10, 5, 0, 0, 0, 0, time.UTC), End: time.Date(2026, 11, 4, 0, 0, 0, 0, time.UTC)}
		return billing.CostTotals{Period: period, CurrencyCode: "USD", AfterTaxTotal: amount}
	}
	before := totals("17.219999999999999")
	var b strings.Builder
	v := &preview{w: &b, asJSON: true}
	err := v.print("contoso", make([]billing.Statement, 1), []billing.CustomerResult{{CustomerID: customer, Outcome: billing.OutcomeStored, Changes: []billing.DetailChange{
		{InvoiceType: billing.Recurring, Before: &before, After: totals("17.22")},
	}}})
	if err = errors.Join(err, v.finish()); err != nil {
		t.Fatal(err)
	}
	want := `{"partner":"contoso","customer_id":"` + string(customer) + `","outcome":"restated","changes":[{"change":"restated","invoice_type":"Recurring","period_start":"2026-10-05","period_end":"2026-11-04","currency_code":"USD","before":17.219999999999999,"after":17.22,"difference":0.000000000000001}]}
{"totals":{"customers":1,"new":0,"restated":1,"changed":0,"unchanged":0,"no_costs":0,"failed":0}}
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("preview (-want +got):\n%s", diff)
	}
}

func TestExitCode(t *testing.T) {
	t.Parallel()
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	locked := fmt.Errorf("partner a: %w", persist.ErrLocked)
	for _, test := range []struct {
		name string
		ctx  context.Context
		err  error
		want int
	}{
		{"nothing", interrupted, nil, 0},
		{"fatal", t.Context(), errors.New("x"), 1},
		{"usage", t.Context(), usageError("x"), 2},
		{"configuration", t.Context(), fmt.Errorf("load: %w", config.Errors{{File: "f", Message: "x"}}), 2},
		{"lock", t.Context(), locked, 4},
		{"interrupted", interrupted, locked, 130},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := exitCode(test.ctx, test.err); got != test.want {
				t.Errorf("exit code %d, want %d", got, test.want)
			}
		})
	}
}

func TestTheExitCodeIsTheWorst(t *testing.T) {
	t.Parallel()
	good, partial := collector.Result{Partner: "a"}, collector.Result{Partner: "b", Tally: billing.Tally{Total: 2, OK: 1, Failed: 1}}
	locked, dead := collector.Result{Partner: "c", Err: persist.ErrLocked}, collector.Result{Partner: "d", Err: &billing.Failure{Class: billing.CredentialFailure, Message: "sign in"}}
	for _, test := range []struct {
		results []collector.Result
		want    int
		says    []string
	}{
		{[]collector.Result{good, good}, 0, nil},
		{[]collector.Result{good, partial}, 3, []string{"partner b: 1 of 2 customers failed"}},
		{[]collector.Result{locked, partial, good}, 4, []string{"partner b", "partner c"}},
		{[]collector.Result{{Partner: "e", Kept: collector.Unlisted{Customers: 3, Of: 5}}, good}, 3, []string{"partner e: 3 of 5 customers are no longer on the partner's list"}},
		{[]collector.Result{{Partner: "f", Vanished: collector.Vanished{Customers: 4, Of: 5}}, good}, 3, []string{"partner f: 4 of 5 customers with recent costs have no costs now"}},
		{[]collector.Result{{Partner: "g", Status: billing.StatusFailed, Tally: billing.Tally{Total: 2, Failed: 2, Blank: 2}}, partial}, 1, []string{"partner g: no customer's costs could be read"}},
		{[]collector.Result{dead, locked, partial}, 1, []string{"partner b", "partner c", "partner d: sign in"}},
	} {
		err := worst(t.Context(), test.results)
		if got := exitCode(t.Context(), err); got != test.want {
			t.Errorf("exit code %d, want %d (%v)", got, test.want, err)
		}
		for _, says := range test.says {
			if !strings.Contains(err.Error(), says) {
				t.Errorf("error %q does not say %q", err, says)
			}
		}
	}
}

func TestPrintResults(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	p := &program{stdout: &output{to: &b}}
	err := p.printResults([]collector.Result{
		{Partner: "contoso", RunID: "r1", Status: billing.StatusPartial, Took: 1234567 * time.Microsecond, Tally: billing.Tally{Total: 10, OK: 4, Unchanged: 3, NoCosts: 2, Failed: 1, RowsChanged: 12}},
		{Partner: "b", Err: persist.ErrLocked},
	}, "table")
	if err != nil {
		t.Fatal(err)
	}
	want := `PARTNER  STATUS   CUSTOMERS  OK  UNCHANGED  NO COSTS  FAILED  ROWS WRITTEN  DURATION  RUN
contoso  partial         10   4          3         2       1            12    1.235s  r1
b        not run          0   0          0         0       0             0        0s  -
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}
