package fetch

import (
	"bytes"
	"testing"

	"partnercost/internal/billing"
)

// Lines of any form are read the same way each time, or refused; none is lost and no
// amount is a guess.
func FuzzInvoiceLines(f *testing.F) {
	f.Add([]byte("\ufeff" + `{"items":[{"customerId":"org:11111111-2222-3333-4444-555555555555","subtotal":"1.50","chargeEndDate":"2026-10-31T23:00:00-08:00","attributes":{"objectType":"OneTimeInvoiceLineItem"}}]}`))
	f.Add([]byte(`{"items":[{"pretaxCharges":1e-9,"attributes":null},{"invoiceLineItemType":"x","billingProvider":"y"}],"links":{"next":{"uri":"a"}}}`))
	f.Add([]byte(`{"Total":1,"CustomerId":5}` + "\n" + `{"Subtotal":"-0.1"}`))
	f.Add([]byte(`{"items":[{}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		lines, _, err := decodeInvoiceLines(body)
		again, _, errAgain := decodeInvoiceLines(body)
		if (err == nil) != (errAgain == nil) || len(lines) != len(again) {
			t.Fatalf("%d lines (%v), then %d (%v)", len(lines), err, len(again), errAgain)
		}
		for i := range lines {
			checkLine(t, &lines[i])
		}
		_ = readExport(bytes.NewReader(body), func(line billing.InvoiceLine) bool {
			checkLine(t, &line)
			return true
		})
		kept := withoutSecrets(body)
		if again := withoutSecrets(kept); !bytes.Equal(kept, again) {
			t.Fatalf("without secrets it is %q, then %q", kept, again)
		}
	})
}

func checkLine(t *testing.T, line *billing.InvoiceLine) {
	t.Helper()
	if line.CustomerID != "" {
		if id, err := billing.ParseCustomerID(string(line.CustomerID)); err != nil || id != line.CustomerID {
			t.Errorf("customer %q", line.CustomerID)
		}
	}
	if bytes.ContainsRune([]byte(line.ProductName+line.CustomerName+string(line.Class)), 0) {
		t.Error("a text with NUL, which the database refuses")
	}
	for _, day := range []struct{ h, m, s int }{{line.ChargeStart.Hour(), line.ChargeStart.Minute(), line.ChargeStart.Second()}, {line.ChargeEnd.Hour(), line.ChargeEnd.Minute(), line.ChargeEnd.Second()}} {
		if day.h+day.m+day.s != 0 {
			t.Errorf("%s to %s are no days", line.ChargeStart, line.ChargeEnd)
		}
	}
}
