package billing_test

import (
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"partnercost/internal/billing"
)

func TestParseCustomerID(t *testing.T) {
	t.Parallel()
	const canonical = billing.CustomerID("ae1d5b32-f9ff-4252-b2bf-40e21937a51a")
	for _, text := range []string{"ae1d5b32-f9ff-4252-b2bf-40e21937a51a", "AE1D5B32-F9FF-4252-B2BF-40E21937A51A", "  ae1d5b32-F9ff-4252-b2bf-40e21937a51a\t"} {
		got, err := billing.ParseCustomerID(text)
		if err != nil || got != canonical {
			t.Errorf("ParseCustomerID(%q) = %q, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "contoso", "ae1d5b32f9ff4252b2bf40e21937a51a", "{ae1d5b32-f9ff-4252-b2bf-40e21937a51a}", "urn:uuid:ae1d5b32-f9ff-4252-b2bf-40e21937a51a",
		"ae1d5b32-f9ff-4252-b2bf-40e21937a51", "ae1d5b32-f9ff-4252-b2bf-40e21937a51g", "ae1d5b32-f9ff-4252-b2bf-40e21937a51aa", "ae1d5b32+f9ff-4252-b2bf-40e21937a51a",
	} {
		if got, err := billing.ParseCustomerID(text); err == nil {
			t.Errorf("ParseCustomerID(%q) = %q, want an error", text, got)
		}
	}
}

func TestParseAmountIsExact(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"0", "2", "0.2", "-87993.07", "17.219999999999999", "0.1999968000511991808131", "1234567890123456789012345678901234567890.5"} {
		got, err := billing.ParseAmount(text)
		if err != nil || !got.Valid || got.Decimal.String() != text {
			t.Errorf("ParseAmount(%q) = %v, %v", text, got, err)
		}
	}
	if got, err := billing.ParseAmount("1.5E+3"); err != nil || !got.Decimal.Equal(decimal.NewFromInt(1500)) {
		t.Errorf("ParseAmount(1.5E+3) = %v, %v", got, err)
	}
	for _, text := range []string{"", "abc", "NaN", "Infinity", "1e999999999", "1e-999999999", "1e41", strings.Repeat("9", 41), "0." + strings.Repeat("3", 41), strings.Repeat("0", 1000), "1,5", "0x10"} {
		if got, err := billing.ParseAmount(text); err == nil {
			t.Errorf("ParseAmount(%.20q) = %v, want an error", text, got)
		}
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	utc := func(y int, month time.Month, d, h, m, s, ns int) time.Time {
		return time.Date(y, month, d, h, m, s, ns, time.UTC)
	}
	tests := []struct {
		text string
		want time.Time
	}{
		{"2015-12-12T00:00:00Z", utc(2015, 12, 12, 0, 0, 0, 0)},
		{"2019-04-30T23:59:59.9999999Z", utc(2019, 4, 30, 23, 59, 59, 999999000)},
		{"2019-04-30T23:59:59.9999999", utc(2019, 4, 30, 23, 59, 59, 999999000)},
		{"2015-12-15T00:00:00", utc(2015, 12, 15, 0, 0, 0, 0)},
		{"2015-12-15", utc(2015, 12, 15, 0, 0, 0, 0)},
		{"2019-03-31T16:00:00-08:00", utc(2019, 4, 1, 0, 0, 0, 0)},
		{"0001-01-01T00:00:00", time.Time{}},
		{"0001-01-01T00:00:00Z", time.Time{}},
		{"9999-12-14T00:00:00Z", time.Time{}},
		{"9999-12-31T23:59:59.9999999", time.Time{}},
		{"", time.Time{}},
		{"  ", time.Time{}},
	}
	for _, test := range tests {
		got, err := billing.ParseTime(test.text)
		if err != nil || got != test.want {
			t.Errorf("ParseTime(%q) = %v, %v, want %v", test.text, got, err, test.want)
		}
	}
	for _, text := range []string{"yesterday", "2019-04-31T00:00:00Z", "2019-13-01", "2019-04-30T24:00:00Z", "30/04/2019"} {
		if got, err := billing.ParseTime(text); err == nil {
			t.Errorf("ParseTime(%q) = %v, want an error", text, got)
		}
	}
}

func TestParseInvoiceType(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]billing.InvoiceType{
		"Recurring": billing.Recurring, "recurring": billing.Recurring, "OneTime": billing.OneTime, "one_time": billing.OneTime, " ONETIME ": billing.OneTime,
		"": "", "Marketplace": "Marketplace", "one-time": "one-time",
	} {
		if got := billing.ParseInvoiceType(text); got != want {
			t.Errorf("ParseInvoiceType(%q) = %q, want %q", text, got, want)
		}
	}
}

func FuzzParseAmount(f *testing.F) {
	for _, seed := range []string{"17.219999999999999", "-0", "1e10", "1e-22", "9e99999", "00012", "."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := billing.ParseAmount(text)
		if err != nil {
			return
		}
		again, err := billing.ParseAmount(got.Decimal.String())
		if err != nil || !again.Decimal.Equal(got.Decimal) {
			t.Errorf("%q became %v and then %v, %v", text, got, again, err)
		}
	})
}

func FuzzParseTime(f *testing.F) {
	for _, seed := range []string{"2019-04-30T23:59:59.9999999Z", "0001-01-01T00:00:00", "2015-12-15", "9998-12-31T23:59:59-11:00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := billing.ParseTime(text)
		if err != nil || got.IsZero() {
			return
		}
		if got.Location() != time.UTC || got.Nanosecond()%1000 != 0 || got.Year() >= 9999 {
			t.Errorf("ParseTime(%q) = %v", text, got)
		}
	})
}
