package fetch

import (
	"errors"

	"partnercost/internal/billing"
)

// wireProfile is the answer of profiles/billing (API.md 6).
type wireProfile struct {
	ID                         text        `json:"id"`
	FirstName                  text        `json:"firstName"`
	LastName                   text        `json:"lastName"`
	Email                      text        `json:"email"`
	Culture                    text        `json:"culture"`
	Language                   text        `json:"language"`
	CompanyName                text        `json:"companyName"`
	OrganizationRegistrationID text        `json:"organizationRegistrationId"`
	DefaultAddress             wireAddress `json:"defaultAddress"`
}

type wireAddress struct {
	ID           text `json:"id"`
	Country      text `json:"country"`
	Region       text `json:"region"`
	City         text `json:"city"`
	State        text `json:"state"`
	District     text `json:"district"`
	AddressLine1 text `json:"addressLine1"`
	AddressLine2 text `json:"addressLine2"`
	AddressLine3 text `json:"addressLine3"`
	PostalCode   text `json:"postalCode"`
	FirstName    text `json:"firstName"`
	MiddleName   text `json:"middleName"`
	LastName     text `json:"lastName"`
	PhoneNumber  text `json:"phoneNumber"`
	EmailAddress text `json:"emailAddress"`
}

var profileForm = documentForm[wireProfile]()

// decodeProfile reads a billing profile. A profile without any content is an error,
// because it would blank what is stored. Errors name a field and never quote its value.
func decodeProfile(body []byte) (*billing.Profile, error) {
	var w wireProfile
	has, err := decodeOne(billing.ProfileDocument, profileForm, body, &w)
	if err != nil {
		return nil, err
	}
	a := w.DefaultAddress
	p := billing.Profile{
		ID: string(w.ID), FirstName: string(w.FirstName), LastName: string(w.LastName), Email: string(w.Email),
		Culture: string(w.Culture), Language: string(w.Language), CompanyName: string(w.CompanyName),
		OrganizationRegistrationID: string(w.OrganizationRegistrationID),
		Address: billing.Address{
			ID: string(a.ID), Country: string(a.Country), Region: string(a.Region), City: string(a.City),
			State: string(a.State), District: string(a.District), AddressLine1: string(a.AddressLine1),
			AddressLine2: string(a.AddressLine2), AddressLine3: string(a.AddressLine3), PostalCode: string(a.PostalCode),
			FirstName: string(a.FirstName), MiddleName: string(a.MiddleName), LastName: string(a.LastName),
			PhoneNumber: string(a.PhoneNumber), EmailAddress: string(a.EmailAddress),
		},
	}
	if p == (billing.Profile{}) {
		return nil, notDocument(billing.ProfileDocument, errors.New("it has no field of a billing profile"))
	}
	if p.CompanyName == "" && p.Address == (billing.Address{}) && profileForm.hasFaultKey(has) {
		return nil, notDocument(billing.ProfileDocument, errBlank)
	}
	return &p, nil
}
