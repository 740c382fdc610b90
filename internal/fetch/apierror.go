package fetch

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"partnercost/internal/billing"
)

// refusal is the content of an answer without success, in any of its shapes (API.md
// 3.5).
type refusal struct {
	status int
	// code is the service's own code, in digits or as a word of the identity platform;
	// empty when the answer has none.
	code string
	// message is the service's own text, which must not be logged.
	message string
	// page reports that the body is a web page, which never comes from the service itself.
	page bool
}

// readRefusal reads the five shapes of error bodies. Text of any other shape becomes
// the message.
func readRefusal(status int, body []byte) refusal {
	r := refusal{status: status}
	body = bytes.TrimSpace(plain(body))
	if len(body) == 0 {
		return r
	}
	if body[0] != '{' {
		r.page = body[0] == '<'
		if !r.page && string(body) != "null" {
			r.message = string(body)
		}
		return r
	}
	var w struct {
		Code             text `json:"code"`
		Description      text `json:"description"`
		Message          text `json:"message"` // of the gateway; its statusCode repeats the status
		Error            word `json:"error"`
		ErrorDescription text `json:"error_description"`
	}
	// A field of the wrong kind leaves the others readable. A body that is not JSON has no
	// fields and is not quoted.
	_ = json.Unmarshal(body, &w)
	r.code = firstText(w.Code, w.Error.code)
	r.message = firstText(w.Description, w.Message, w.ErrorDescription, w.Error.message)
	return r
}

// word is the error code of the identity platform, or the object that Microsoft Graph
// uses instead.
type word struct{ code, message text }

// UnmarshalJSON implements json.Unmarshaler.
func (e *word) UnmarshalJSON(literal []byte) error {
	if literal[0] != '{' {
		return e.code.UnmarshalJSON(literal)
	}
	var w struct {
		Code    text `json:"code"`
		Message text `json:"message"`
	}
	err := json.Unmarshal(literal, &w)
	e.code, e.message = w.Code, w.Message
	return err
}

func firstText(texts ...text) string {
	for _, t := range texts {
		if t != "" {
			return string(t)
		}
	}
	return ""
}

// verdict is the meaning of a refusal for the request and for the run.
type verdict struct {
	class billing.FailureClass
	// advice says what happened and what the operator can do.
	advice string
	// retry: the same request may succeed later.
	retry bool
	// refresh: a new access token may help.
	refresh bool
	// throttled: the partner as a whole must slow down.
	throttled bool
}

// verdict distinguishes the cases of API.md 3.6.
func (r refusal) verdict() verdict {
	// These codes have the same meaning with every status.
	switch r.code {
	case "900420":
		return verdict{class: billing.ConfigurationFailure, advice: "the access token is for another service; set the partner's cloud, or the scope of its sign-in, to Partner Center"}
	case "900421":
		return verdict{class: billing.CredentialFailure, advice: "the sign-in was made without multi-factor authentication; sign in again with it (collector login)"}
	case "900329":
		return verdict{class: billing.ConfigurationFailure, advice: "an application without a user may not read service costs; use auth.mode app_user, or collect.costs: false to collect billing profiles only"}
	case "900309", "90000":
		return verdict{class: billing.CredentialFailure, advice: "a conditional access policy of the partner's tenant refuses the collector; ask the tenant's administrator to allow it, then sign in again (collector login)"}
	case "800039", "900149":
		return verdict{class: billing.ConfigurationFailure, advice: "the partner's reseller programme is not active; check its state in Partner Center"}
	case "900124":
		return verdict{class: billing.ConfigurationFailure, advice: "the Microsoft Partner Agreement is not accepted; the global administrator must accept it in Partner Center"}
	case "20002", "2032":
		return verdict{class: billing.NoAccess, advice: "the partner no longer has a relationship with this customer"}
	case "60003", "900118":
		return verdict{class: billing.UnknownCustomer, advice: "there is no such customer"}
	case "900308", "900150", "1002":
		if r.status != http.StatusUnauthorized {
			return lacksRole
		}
	}
	switch r.status {
	case http.StatusUnauthorized:
		return verdict{class: billing.CredentialFailure, refresh: true, advice: "the access token is refused, and so is a new one; sign in again (collector login), or replace the token"}
	case http.StatusForbidden:
		return lacksRole
	case http.StatusNotFound:
		if r.page {
			return verdict{class: billing.BadAnswer, retry: true, advice: "the answer is not from Partner Center; check base_url and the proxy"}
		}
		return verdict{class: billing.UnknownCustomer, advice: "not found"}
	case http.StatusRequestTimeout:
		return verdict{class: billing.ServerFailure, retry: true, advice: "the service timed out"}
	case http.StatusTooManyRequests:
		return verdict{class: billing.Throttled, retry: true, throttled: true, advice: "the service refuses requests above its limit; lower limits.requests_per_minute if this persists"}
	case http.StatusNotImplemented:
		return verdict{class: billing.ServerFailure, advice: "the service does not offer this"}
	}
	switch {
	case r.status >= http.StatusInternalServerError:
		return verdict{class: billing.ServerFailure, retry: true, advice: "the service reports an internal error"}
	case r.status >= http.StatusBadRequest:
		return verdict{class: billing.BadRequest, advice: "the service refuses the request, which is an error in this program; please report it"}
	}
	return verdict{class: billing.BadAnswer, advice: "the service gives an unexpected answer"}
}

// lacksRole is the verdict on every other 403: with a code, with plain text ("The
// supplied role …"), and without a body (API.md 3.5).
var lacksRole = verdict{
	class:  billing.RoleMissing,
	advice: "the user lacks the right to do this; give the user the role Admin agent or Billing admin in Partner Center",
}

// saysNoCosts reports whether a refusal of service costs means that the customer has
// none. No documentation describes this (API.md 3.6): such refusals are a code 3000
// that says so, and a 404 that does not concern the customer. Code 1000, a plain "not
// found", concerns the customer unless the customer is known to exist.
func (r refusal) saysNoCosts(customerKnown bool) bool {
	if r.code == "3000" && strings.Contains(strings.ToLower(r.message), "usage data") {
		return true
	}
	if r.status != http.StatusNotFound || r.page {
		return false
	}
	switch r.code {
	case "60003", "900118", "20002":
		return false
	case "1000":
		return customerKnown
	}
	return true
}

// endsList reports whether the refusal of a page that was requested with a token means
// that there is no such page (API.md 4).
func (r refusal) endsList() bool { return r.status == http.StatusBadRequest && r.code == "2000" }
