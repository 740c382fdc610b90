package billing

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// Amount is an exact amount of money, a price or a quantity as the service states it.
// It is not Valid when the service states none, which is not the same as zero. The
// currency is a separate value.
type Amount = decimal.NullDecimal

// maxAmountDigits bounds both sides of the decimal point. Real answers carry up to
// 22 decimals (API.md 5.4 point 9); the bound keeps a hostile exponent such as
// 1e999999999 from becoming a gigabyte of digits.
const maxAmountDigits = 40

// ParseAmount reads a JSON number literal without ever passing through a float.
// Numbers of more than 40 digits before or after the decimal point are refused.
func ParseAmount(literal string) (Amount, error) {
	if len(literal) > 4*maxAmountDigits {
		return Amount{}, fmt.Errorf("a number of %d characters is too long for an amount", len(literal))
	}
	d, err := decimal.NewFromString(literal)
	if err != nil {
		return Amount{}, fmt.Errorf("%s is not a number", quoted(literal))
	}
	exponent := int64(d.Exponent())
	if exponent < -maxAmountDigits || exponent > maxAmountDigits || int64(d.NumDigits())+exponent > maxAmountDigits {
		return Amount{}, fmt.Errorf("%q has more than %d digits before or after the decimal point", literal, maxAmountDigits)
	}
	return decimal.NewNullDecimal(d), nil
}

// quoted returns a value of an answer for an error, if it consists of the characters of
// a number or a time. Any other value may be personal data, such as the name of a
// company.
func quoted(s string) string {
	if len(s) <= 64 && strings.Trim(s, "0123456789+-.,:/TZeE ") == "" {
		return strconv.Quote(s)
	}
	return fmt.Sprintf("a text of %d characters", utf8.RuneCountInString(s))
}

// IsZero reports whether a is a stated amount of zero.
func IsZero(a Amount) bool { return a.Valid && a.Decimal.IsZero() }
