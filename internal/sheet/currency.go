package sheet

import "golang.org/x/text/currency"

// Decimals returns the number of decimals of a currency, by ISO 4217; two if the
// currency is unknown.
func Decimals(code string) int32 {
	unit, err := currency.ParseISO(code)
	if err != nil {
		return 2
	}
	scale, _ := currency.Standard.Rounding(unit)
	return int32(scale)
}
