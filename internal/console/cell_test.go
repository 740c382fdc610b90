package console

import "testing"

func TestMoneyIsShownInItsCurrency(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, code, want, change string }{
		{"0", "EUR", "0.00", "0.00"},
		{"17.2", "EUR", "17.20", "+17.20"},
		{"77385.600", "EUR", "77,385.60", "+77,385.60"},
		{"-1234567.5", "USD", "−1,234,567.50", "−1,234,567.50"},
		{"17.219999999999999", "EUR", "≈17.22", "≈+17.22"},
		{"-0.004", "EUR", "≈0.00", "≈0.00"},
		{"13792318", "JPY", "13,792,318", "+13,792,318"},
		{"12.5", "JPY", "≈13", "≈+13"},
		{"1.2345", "KWD", "≈1.235", "≈+1.235"},
		{"1000", "", "1,000.00", "+1,000.00"},
		{"99999999999999999999999999999999999999.99", "EUR", "99,999,999,999,999,999,999,999,999,999,999,999,999.99", "+99,999,999,999,999,999,999,999,999,999,999,999,999.99"},
		{"not a number", "EUR", "not a number", "+not a number"},
	} {
		got := money(test.text, test.code)
		if got != test.want {
			t.Errorf("money(%q, %q) = %q, want %q", test.text, test.code, got, test.want)
		}
		if got := signed(got); got != test.change {
			t.Errorf("signed(money(%q)) = %q, want %q", test.text, got, test.change)
		}
	}
}
