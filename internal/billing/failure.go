package billing

import (
	"errors"
	"fmt"
	"strings"
)

// FailureClass is what a failure means for the rest of the run (API.md 3.6).
type FailureClass string

// The classes that end a partner's run at once, because every further request is proven
// to fail in the same way.
const (
	// CredentialFailure: the refresh token or secret is invalid, its access tokens are
	// accepted for no customer, MFA is missing, or access is blocked. An operator must
	// act.
	CredentialFailure FailureClass = "credential"
	// ConfigurationFailure: wrong audience, app-only token, programme state.
	ConfigurationFailure FailureClass = "configuration"
)

// The classes that concern one customer.
const (
	// NoAccess: the customer left or revoked the relationship.
	NoAccess FailureClass = "no_access"
	// RoleMissing: the user lacks a role. If no part of the first customers can be read
	// for this reason, the run ends.
	RoleMissing FailureClass = "role_missing"
	// Refused: the sign-in is refused for this customer, and not proven to be refused for
	// all.
	Refused FailureClass = "refused"
	// UnknownCustomer: no such tenant.
	UnknownCustomer FailureClass = "unknown_customer"
	// Throttled: still refused with 429 when the budget of retries was spent.
	Throttled FailureClass = "throttled"
	// ServerFailure: 5xx, 408, resets or truncated answers until the budget was spent.
	ServerFailure FailureClass = "server"
	// BadAnswer: the answer cannot be understood.
	BadAnswer FailureClass = "bad_answer"
	// BadRequest: the service refuses the request as wrong; an error in this program.
	BadRequest FailureClass = "bad_request"
	// Rejected: the database refuses this customer's rows.
	Rejected FailureClass = "rejected"
)

// EndsRun reports whether a failure of this class ends the partner's run.
func (c FailureClass) EndsRun() bool {
	return c == CredentialFailure || c == ConfigurationFailure
}

// The errors of a store that do not end the run; any other error does.
var (
	// ErrRejected: the database refuses the data itself; smaller batches find the customer
	// at fault.
	ErrRejected = errors.New("the database refuses the data")
	// ErrUnavailable: the database cannot be reached or used now; another attempt may
	// succeed.
	ErrUnavailable = errors.New("the database is not available")
	// ErrTooMuch is ErrUnavailable too: the batch takes longer than the database allows;
	// smaller batches may succeed.
	ErrTooMuch = fmt.Errorf("%w for so large a batch", ErrUnavailable)
)

// Failure is why a resource of a customer, or a whole run, could not be collected. Its
// text holds neither secrets nor personal data.
type Failure struct {
	Class FailureClass
	// Resource is the path below the customer, such as "servicecosts/mostrecent".
	Resource string
	// HTTPStatus is 0 when there was no answer.
	HTTPStatus int
	// Code is the service's own code, such as "20002"; empty when it gave none.
	Code string
	// Message says what happened and, where an operator must act, what to do.
	Message string
	// Said is the service's own message, without e-mail addresses and tokens. It may name
	// persons: a store keeps it beside the failure, and no other part of the program logs
	// or shows it.
	Said string
	// RequestID and CorrelationID are the MS-RequestId and MS-CorrelationId of the last
	// attempt, for a support case.
	RequestID, CorrelationID string
	Attempts                 int
	// Err is the cause, if there is one besides the answer.
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
