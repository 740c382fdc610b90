package fetch

import (
	"fmt"
	"strings"
)

// Cloud has the addresses of a national instance of Partner Center and of its sign-in.
// The three values are independent of one another (API.md 1), so each can be overridden
// alone.
type Cloud struct {
	Name string
	// BaseURL is the root of the REST API, without /v1.
	BaseURL string
	// LoginURL is the root of the identity platform.
	LoginURL string
	// Resource is the audience of the tokens; the scopes are derived from it.
	Resource string
}

// AppScope is the scope of a token for an application alone.
func (c Cloud) AppScope() string { return strings.TrimSuffix(c.Resource, "/") + "/.default" }

// UserScope is the scope of a token for an application together with a user.
func (c Cloud) UserScope() string { return strings.TrimSuffix(c.Resource, "/") + "/user_impersonation" }

// clouds are the clouds in operation (API.md 1). US Government has the REST API of the
// global cloud and a login host of its own.
func clouds() []Cloud {
	const (
		global = "https://api.partnercenter.microsoft.com"
		china  = "https://partner.partnercenterapi.microsoftonline.cn"
	)
	return []Cloud{
		{Name: "global", BaseURL: global, LoginURL: "https://login.microsoftonline.com", Resource: global},
		{Name: "usgov", BaseURL: global, LoginURL: "https://login.microsoftonline.us", Resource: global},
		{Name: "china", BaseURL: china, LoginURL: "https://login.partner.microsoftonline.cn", Resource: china},
	}
}

// CloudNamed returns the cloud with the given name, as in the configuration.
func CloudNamed(name string) (Cloud, error) {
	for _, c := range clouds() {
		if c.Name == name {
			return c, nil
		}
	}
	return Cloud{}, fmt.Errorf("cloud %q is not one of global, usgov and china", name)
}
