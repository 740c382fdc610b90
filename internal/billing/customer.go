package billing

import (
	"errors"
	"fmt"
	"strings"
)

// ErrUnknownCustomer means that no data of a customer is stored.
var ErrUnknownCustomer = errors.New("nothing is stored for this customer; the view finance.customers lists all known customers")

// CustomerID is the tenant id of a customer: a GUID in lower case with hyphens.
// Partner Center writes the same id in both cases, so the canonical form is the
// only one that is ever compared or stored.
type CustomerID string

var errNotGUID = errors.New("is not a GUID of the form 00000000-0000-0000-0000-000000000000")

// ParseCustomerID reads a GUID in either case and returns its canonical form.
// Surrounding white space is ignored; anything else is an error that quotes the
// input.
func ParseCustomerID(s string) (CustomerID, error) {
	t := strings.ToLower(strings.TrimSpace(s))
	if !isGUID(t) {
		return "", fmt.Errorf("%q %w", s, errNotGUID)
	}
	return CustomerID(t), nil
}

// isGUID reports whether s is a GUID in lower case with hyphens. It is stricter
// than common UUID parsers, which also take URNs, braces and missing hyphens.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}
