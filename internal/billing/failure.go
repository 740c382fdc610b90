package billing

import (
	"errors"
	"fmt"
	"strings"
)

// FailureClass says what a failure means for the rest of the run (API.md 3.6).
type FailureClass string

// The classes that end a partner's run at once: it is proven that every further
// request would fail the same way.
const (
	// CredentialFailure: the refresh token or secret is dead, its access tokens are
	// accepted for nobody, MFA is missing, or access is blocked. A human must act.
	CredentialFailure FailureClass = "credential"
	// ConfigurationFailure: wrong audience, app-only token, programme state.
	ConfigurationFailure FailureClass = "configuration"
)

// The classes that concern one customer.
const (
	// NoAccess: the customer left or revoked the relationship.
	NoAccess FailureClass = "no_access"
	// RoleMissing: the user lacks a role. When nothing of the first customers can be
	// read for it, the run ends.
	RoleMissing FailureClass = "role_missing"
	// Refused: the sign-in is refused for this customer, and not proven to be for all.
	Refused FailureClass = "refused"
	// UnknownCustomer: no such tenant.
	UnknownCustomer FailureClass = "unknown_customer"
	// Throttled: still refused with 429 when the budget of retries was spent.
	Throttled FailureClass = "throttled"
	// ServerFailure: 5xx, 408, resets or truncated answers until the budget was spent.
	ServerFailure FailureClass = "server"
	// BadAnswer: an answer that cannot be understood.
	BadAnswer FailureClass = "bad_answer"
	// BadRequest: the service refuses our request; an error in this program.
	BadRequest FailureClass = "bad_request"
	// Rejected: the database refuses this customer's rows.
	Rejected FailureClass = "rejected"
)

// EndsRun reports whether a failure of this class ends the partner's run.
func (c FailureClass) EndsRun() bool {
	return c == CredentialFailure || c == ConfigurationFailure
}

// The ways in which storing can fail without the run being at fault; everything else
// a store returns ends the run.
var (
	// ErrRejected: the database refuses the data itself; fewer statements at a time find
	// out whose.
	ErrRejected = errors.New("the database refuses the data")
	// ErrUnavailable: the database cannot be reached, or not now; trying again may help.
	ErrUnavailable = errors.New("the database is not available")
	// ErrTooMuch is ErrUnavailable too: the database allows less time than so many
	// statements take; fewer at a time may pass.
	ErrTooMuch = fmt.Errorf("%w for so large a batch", ErrUnavailable)
)

// Failure is why a resource of a customer, or a whole run, could not be had. Its
// text holds neither secrets nor personal data.
type Failure struct {
	Class FailureClass
	// Resource is the path below the customer, such as "servicecosts/mostrecent".
	Resource string
	// HTTPStatus is 0 when there was no answer.
	HTTPStatus int
	// Code is the service's own code, such as "20002"; empty when it gave none.
	Code string
	// Message says what happened and, where a human must act, what to do.
	Message string
	// Said is what the service itself said, without e-mail addresses and tokens. It may
	// name persons: a store keeps it beside the failure, and nobody logs or shows it.
	Said string
	// RequestID and CorrelationID are the MS-RequestId and MS-CorrelationId of the last
	// attempt, for a support case.
	RequestID, CorrelationID string
	Attempts                 int
	// Err is the cause, if there is one beside the answer.
	Err error
}

// Error describes the failure in one line.
func (f *Failure) Error() string {
	var b strings.Builder
	if f.Resource != "" {
		fmt.Fprintf(&b, "%s: ", f.Resource)
	}
	switch {
	case f.HTTPStatus != 0 && f.Code != "":
		fmt.Fprintf(&b, "HTTP %d, code %s: ", f.HTTPStatus, f.Code)
	case f.HTTPStatus != 0:
		fmt.Fprintf(&b, "HTTP %d: ", f.HTTPStatus)
	}
	b.WriteString(f.Message)
	return b.String()
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }
