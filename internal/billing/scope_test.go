package billing_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
)

func TestProfileWithin(t *testing.T) {
	t.Parallel()
	full := billing.Profile{
		ID: "i", FirstName: "f", LastName: "l", Email: "e", Culture: "c", Language: "g", CompanyName: "n", OrganizationRegistrationID: "o",
		Address: billing.Address{Country: "US", City: "c", FirstName: "f", PhoneNumber: "p"},
	}
	for scope, want := range map[billing.ProfileScope]billing.Profile{
		billing.FullProfile:    full,
		billing.NameAndCountry: {CompanyName: "n", Address: billing.Address{Country: "US"}},
		billing.CountryOnly:    {Address: billing.Address{Country: "US"}},
	} {
		if diff := cmp.Diff(want, *full.Within(scope)); diff != "" {
			t.Errorf("scope %d (-want +got):\n%s", scope, diff)
		}
	}
}
