package sheet

import (
	"regexp"
	"strings"
)

// amounts says which columns of a sheet hold amounts, and which one their currency.
type amounts struct {
	is []bool
	// currency is the index of the column with the currency of a row, -1 without one.
	currency int
}

var amountNames = regexp.MustCompile(`(?i)tax|price|difference|comparable|costs?$|^(lines_)?total$|^invoiced$|^rate$`)

func amountsOf(columns []Column) amounts {
	a := amounts{is: make([]bool, len(columns)), currency: -1}
	for i, c := range columns {
		a.is[i] = c.Kind == Number && amountNames.MatchString(c.Name) && !strings.Contains(c.Name, "percent")
		if strings.EqualFold(c.Name, "currency_code") || c.Name == "BillingCurrency" {
			a.currency = i
		}
	}
	return a
}

// code is the currency of a row; empty where the row states none.
func (a amounts) code(cells [][]byte) string {
	if a.currency < 0 {
		return ""
	}
	return string(cells[a.currency])
}

// padded is an amount with the decimals of its currency, and with more only where it has
// more: no digit is lost.
func padded(text, currency string) string {
	if !isCode(currency) || !isJSONNumber([]byte(text)) || strings.ContainsAny(text, "eE") {
		return text
	}
	whole, fraction, _ := strings.Cut(text, ".")
	fraction = strings.TrimRight(fraction, "0")
	if missing := int(Decimals(currency)) - len(fraction); missing > 0 {
		fraction += strings.Repeat("0", missing)
	}
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}
