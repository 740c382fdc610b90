package billing

// ProfileScope says how much of a customer's billing profile is stored. A higher scope
// stores less.
type ProfileScope int

// The scopes.
const (
	// FullProfile keeps everything, the raw answer included.
	FullProfile ProfileScope = iota
	// NameAndCountry keeps the company name and the country. Neither is personal data,
	// unless the customer trades under a person's name.
	NameAndCountry
	// CountryOnly is for customers that trade under a person's name.
	CountryOnly
)

// Within returns the part of the profile that the scope allows.
func (p *Profile) Within(scope ProfileScope) *Profile {
	switch scope {
	case NameAndCountry:
		return &Profile{CompanyName: p.CompanyName, Address: Address{Country: p.Address.Country}}
	case CountryOnly:
		return &Profile{Address: Address{Country: p.Address.Country}}
	}
	return p
}
