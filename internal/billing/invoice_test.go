package billing_test

import (
	"testing"
	"time"

	"partnercost/internal/billing"
)

func day(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

func TestParseDayIsAsWritten(t *testing.T) {
	t.Parallel()
	tests := map[string]time.Time{
		"2025-02-28T23:59:59.9999999Z":      day(2025, 2, 28),
		"2025-02-28T23:00:00-08:00":         day(2025, 2, 28),
		"2025-03-01T01:00:00+02:00":         day(2025, 3, 1),
		"2017-06-09T00:00:00":               day(2017, 6, 9),
		" 2018-02-08T22:40:37.5897767Z ":    day(2018, 2, 8),
		"2019-01-03T19:53:55.1292512+00:00": day(2019, 1, 3),
		"0001-01-01T00:00:00":               {},
		"":                                  {},
	}
	for written, want := range tests {
		got, err := billing.ParseDay(written)
		if err != nil || !got.Equal(want) {
			t.Errorf("%q is %s (%v), want %s", written, got, err, want)
		}
	}
	if _, err := billing.ParseDay("yesterday"); err == nil {
		t.Error("yesterday is no day")
	}
}

func TestInvoiceMonth(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		invoice billing.Invoice
		want    time.Time
		assumed bool
	}{
		{"the month in which the period ends", billing.Invoice{Date: day(2026, 11, 8), PeriodEnd: day(2026, 10, 31)}, day(2026, 10, 1), false},
		{"a period across months", billing.Invoice{Date: day(2026, 11, 22), PeriodStart: day(2026, 10, 20), PeriodEnd: day(2026, 11, 19)}, day(2026, 11, 1), false},
		{"the month before the date", billing.Invoice{Date: day(2026, 1, 8)}, day(2025, 12, 1), true},
		{"the month before a long one", billing.Invoice{Date: day(2026, 3, 31)}, day(2026, 2, 1), true},
		{"nothing stated", billing.Invoice{}, time.Time{}, true},
	}
	for _, test := range tests {
		if month, assumed := test.invoice.Month(); !month.Equal(test.want) || assumed != test.assumed {
			t.Errorf("%s: %s, assumed %t", test.name, month, assumed)
		}
	}
}

func TestParseLineCustomer(t *testing.T) {
	t.Parallel()
	const id = "74221236-d09c-4870-ac1d-33e155e9aebe"
	tests := map[string]billing.CustomerID{
		"74221236-D09C-4870-AC1D-33E155E9AEBE":      id,
		"org:74221236-D09C-4870-AC1D-33E155E9AEBE":  id,
		" ORG:74221236-d09c-4870-ac1d-33e155e9aebe": id,
		"":          "",
		"org:":      "",
		"4390934":   "",
		"org:12345": "",
	}
	for written, want := range tests {
		if got := billing.ParseLineCustomer(written); got != want {
			t.Errorf("%q is %q, want %q", written, got, want)
		}
	}
}
