package console

import (
	"testing"
	"time"
)

func TestMoneyIsShownInItsCurrency(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, code, want, change string }{
		{"0", "EUR", "0.00", "0.00"},
		{"17.2", "EUR", "17.20", "+17.20"},
		{"77385.600", "EUR", "77,385.60", "+77,385.60"},
		{"-1234567.5", "USD", "−1,234,567.50", "−1,234,567.50"},
		{"17.219999999999999", "EUR", "17.22", "+17.22"},
		{"-0.004", "EUR", "0.00", "0.00"},
		{"13792318", "JPY", "13,792,318", "+13,792,318"},
		{"12.5", "JPY", "13", "+13"},
		{"1.2345", "KWD", "1.235", "+1.235"},
		{"1000", "", "1,000.00", "+1,000.00"},
		{"99999999999999999999999999999999999999.99", "EUR", "99,999,999,999,999,999,999,999,999,999,999,999,999.99", "+99,999,999,999,999,999,999,999,999,999,999,999,999.99"},
		{"not a number", "EUR", "not a number", "+not a number"},
	} {
		got := money(test.text, test.code).Text
		if got != test.want {
			t.Errorf("money(%q, %q) = %q, want %q", test.text, test.code, got, test.want)
		}
		if got := signed(got); got != test.change {
			t.Errorf("signed(money(%q)) = %q, want %q", test.text, got, test.change)
		}
	}
}

// What is rounded says so in a tooltip, and only there.
func TestRoundedMoneyTellsTheExactAmount(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"17.219999999999999": "≈ exactly 17.219999999999999", "-1234.005": "≈ exactly −1,234.005", "17.2": "", "17.200": "", "x": ""} {
		if got := money(text, "EUR").Exact; got != want {
			t.Errorf("the tooltip of %s is %q, want %q", text, got, want)
		}
	}
}

func TestPercentagesThatMeanNothingAreNotShown(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"3.44": "+3.4 %", "-100": "−100.0 %", "-123.9": "", "999.9": "+999.9 %", "1000": "", "-63119900.0": "", "": ""} {
		if got := percentage(text); got != want {
			t.Errorf("percentage(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestPeriodsAreNamedShortly(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ from, to, want string }{
		{"2026-10-01", "2026-10-31", "Oct 2026"},
		{"2026-02-01", "2026-02-28", "Feb 2026"},
		{"2026-10-01", "2026-10-30", "1 Oct – 30 Oct 2026"},
		{"2026-10-05", "2026-11-04", "5 Oct – 4 Nov 2026"},
		{"2025-12-05", "2026-01-04", "5 Dec 2025 – 4 Jan 2026"},
		{"2026-10-05", "2026-10-05", "5 Oct 2026"},
		{"2026-10-05", "", "from 5 Oct 2026"},
		{"", "2026-10-05", "to 5 Oct 2026"},
		{"", "", ""},
	} {
		if got := span(test.from, test.to); got != test.want {
			t.Errorf("span(%q, %q) = %q, want %q", test.from, test.to, got, test.want)
		}
	}
}

func TestMachineWordsHaveTitles(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{"no_access": "No access", "OneTime": "One-time", "CYCLE FEE": "Cycle fee", "unchanged": "Unchanged", "é_x": "É x", "": ""} {
		if got := title(word); got != want {
			t.Errorf("title(%q) = %q, want %q", word, got, want)
		}
	}
	if got := kindTitle("Marketplace_v2"); got != "Marketplace_v2" {
		t.Errorf("an invoice type that nobody knows became %q", got)
	}
}

func TestTrendsHaveABarForEachMonthWithCosts(t *testing.T) {
	t.Parallel()
	last := month{time.Date(2026, time.March, 1, 0, 0, 0, 0, time.UTC)}
	s := newSparkline("2026-01:10 2026-03:5 2025-12:-4", &last, true)
	if want := "M48 19h4V20h-4zM54 0h4V20h-4z"; s.Earlier != want {
		t.Errorf("the bars before are %q, want %q", s.Earlier, want)
	}
	if want := "M66 10h4V20h-4z"; s.Last != want || !s.Open {
		t.Errorf("the last bar is %q, want %q", s.Last, want)
	}
	if newSparkline("", &last, false) != nil || newSparkline("2026-01:10", nil, false) != nil {
		t.Error("nothing has a trend")
	}
}
