package partnersim

import (
	"net/http"
	"strconv"
)

const (
	jsonType       = "application/json; charset=utf-8"
	byteOrderMark  = "\ufeff"
	noRelationship = "No relationship between caller and account."
)

// answer is one answer of the REST API before it is written.
type answer struct {
	status      int
	contentType string
	retryAfter  string
	body        []byte
	// about is the index of the customer in the answer, if isAbout.
	about   uint64
	isAbout bool
	// framing is the oddity of the HTTP frame, if any.
	framing OddityKind
}

// refuse returns the documented form of an error. Its code is a number in reality
// (API.md 3.5 point 1). The description must need no escaping.
func refuse(dst []byte, status, code int, description string) answer {
	dst = append(dst, byteOrderMark+`{"code":`...)
	dst = strconv.AppendInt(dst, int64(code), 10)
	dst = append(dst, `,"description":"`...)
	dst = append(dst, description...)
	dst = append(dst, `","data":[],"source":"`...)
	if status == http.StatusForbidden || status == http.StatusNotFound {
		dst = append(dst, "PartnerFD"...)
	} else {
		dst = append(dst, "PartnerApiServiceControllers"...)
	}
	return answer{status: status, contentType: jsonType, body: append(dst, `"}`...)}
}

// refuseAtGateway returns the form of an error of the gateway: no byte order mark, and
// other keys (API.md 3.5 point 2).
func refuseAtGateway(dst []byte, status int, message string) answer {
	dst = append(dst, `{"statusCode":`...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, `,"message":"`...)
	dst = append(dst, message...)
	return answer{status: status, contentType: jsonType, body: append(dst, `"}`...)}
}
