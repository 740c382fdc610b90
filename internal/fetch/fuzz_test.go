package fetch_test

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/shopspring/decimal"

	"partnercost/internal/billing"
	"partnercost/internal/fetch"
)

func FuzzNormalise(f *testing.F) {
	f.Add([]byte(documentedSummary), []byte(documentedItems), []byte(`{"id":"1","companyName":"A","defaultAddress":{"country":"US"}}`))
	f.Add([]byte("\ufeff{}"), []byte("{}\n\ufeff{}\n"), []byte("\xff\xfe{\x00}\x00"))
	f.Add([]byte(`{"details":[null,{"invoiceType":"X\u0000"},{"summary":{"tax":"-1.50","billingStartDate":"0001-01-01T00:00:00"}}]}`), []byte(`{"items":[{"tax":1e-9}],"totalCount":"2"}`), []byte(`null`))
	f.Fuzz(func(t *testing.T, summary, items, profile []byte) {
		docs := []billing.Document{
			{Kind: billing.SummaryDocument, Body: summary, HTTPStatus: 200},
			{Kind: billing.LineItemsDocument, Body: items, HTTPStatus: 200},
		}
		if len(profile) > 0 {
			docs = append(docs, billing.Document{Kind: billing.ProfileDocument, Body: profile, HTTPStatus: 200})
		}
		got, err := fetch.Normalise(asked, docs)
		again, errAgain := fetch.Normalise(asked, docs)
		if (err == nil) != (errAgain == nil) || err != nil && err.Error() != errAgain.Error() {
			t.Fatalf("first %v, then %v", err, errAgain)
		}
		if diff := cmp.Diff(got, again, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("the second time differs:\n%s", diff)
		}
		if err != nil {
			return
		}
		var stated struct{ Details []any }
		if json.Unmarshal([]byte(strings.TrimPrefix(string(summary), "\ufeff")), &stated) == nil {
			left := 0
			for _, finding := range got.Findings {
				if finding.Kind == billing.AmountMissing && strings.HasPrefix(finding.Subject, "details[") {
					left++
				}
			}
			if len(got.Costs.Details)+left != len(stated.Details) {
				t.Errorf("%d details and %d left out of %d", len(got.Costs.Details), left, len(stated.Details))
			}
		}
		if n, ok := countItems(items); ok && len(got.LineItems) != n {
			t.Errorf("%d line items of %d", len(got.LineItems), n)
		}
		checkTotals(t, got.Costs.Root)
		for _, d := range got.Costs.Details {
			checkTotals(t, d.CostTotals)
			checkText(t, string(d.InvoiceType))
		}
		for _, item := range got.LineItems {
			checkTimes(t, item.SetStart, item.StartDate, item.EndDate)
			checkAmounts(t, item.Quantity, item.UnitPrice, item.PretaxTotal, item.Tax, item.AfterTaxTotal)
			checkText(t, item.OfferName)
		}
		if got.Profile != nil {
			checkText(t, got.Profile.CompanyName)
		}
	})
}

// countItems counts the items of pages without a byte order mark; false when a plain
// decoder cannot read them.
func countItems(body []byte) (n int, ok bool) {
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	for {
		var page struct{ Items []any }
		err := decoder.Decode(&page)
		if errors.Is(err, io.EOF) {
			return n, true
		}
		if err != nil {
			return 0, false
		}
		n += len(page.Items)
	}
}

func checkTotals(t *testing.T, c billing.CostTotals) {
	t.Helper()
	checkTimes(t, c.Period.Start, c.Period.End)
	checkAmounts(t, c.PretaxTotal, c.Tax, c.AfterTaxTotal)
	checkText(t, c.CurrencyCode)
	checkText(t, c.CurrencySymbol)
	if strings.ToUpper(c.CurrencyCode) != c.CurrencyCode {
		t.Errorf("currency %q is not in upper case", c.CurrencyCode)
	}
}

func checkTimes(t *testing.T, times ...time.Time) {
	t.Helper()
	for _, at := range times {
		if at.Location() != time.UTC || at.Nanosecond()%1000 != 0 {
			t.Errorf("%v is not in UTC or finer than a microsecond", at)
		}
	}
}

func checkAmounts(t *testing.T, amounts ...billing.Amount) {
	t.Helper()
	for _, a := range amounts {
		if !a.Valid {
			continue
		}
		back, err := decimal.NewFromString(a.Decimal.String())
		if err != nil || !back.Equal(a.Decimal) {
			t.Errorf("%v comes back as %v, %v", a.Decimal, back, err)
		}
	}
}

func checkText(t *testing.T, s string) {
	t.Helper()
	if strings.ContainsRune(s, 0) || strings.ToValidUTF8(s, "") != s || strings.TrimSpace(s) != s {
		t.Errorf("%q holds what cannot be stored", s)
	}
}
