package sheet

import "golang.org/x/text/currency"

// Decimals are those that a currency has, by ISO 4217; two where it is not known.
func Decimals(code string) int32 {
	unit, err := currency.ParseISO(code)
	if err != nil {
		return 2
	}
	scale, _ := currency.Standard.Rounding(unit)
	return int32(scale)
}
