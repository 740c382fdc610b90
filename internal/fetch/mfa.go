package fetch

import (
	"context"
	"strings"
)

// MFA reports whether the sign-in used multi-factor authentication, by a request for
// one customer. told is false when the service does not say, as for an application
// alone. (Only third parties document these headers: API.md 2.4.)
func (c *Client) MFA(ctx context.Context) (compliant, told bool, err error) {
	r := request{
		endpoint: "customers", resource: "customers", url: c.address("/customers"),
		header: map[string]string{"ValidateMfa": "true"},
		decode: func(body []byte) error { _, _, err := decodeCustomers(body); return err },
	}
	r.url.RawQuery = "size=1"
	a, err := c.get(ctx, r)
	if err != nil {
		return false, false, err
	}
	said := a.header.Get("isMfaCompliant")
	return strings.EqualFold(said, "true"), said != "", nil
}
