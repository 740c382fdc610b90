package partnersim

import (
	"net"
	"net/http"
	"strconv"
	"time"
)

// Faults are the shares of requests to the REST API, each from 0 to 1, that are
// answered with a fault instead.
type Faults struct {
	// Throttle is 429 with Retry-After.
	Throttle float64
	// ServerError is 500 with code 800003.
	ServerError float64
	// Unavailable is 503 with a page of HTML.
	Unavailable float64
	// Reset resets the connection before any answer.
	Reset float64
	// Truncate breaks the connection half way through the body.
	Truncate float64
	// RetryAfter is the wait that Throttle states, in whole seconds, at least 1 s.
	RetryAfter time.Duration
}

// MixedFaults spreads a rate evenly over the five kinds.
func MixedFaults(rate float64) Faults {
	share := rate / 5
	return Faults{Throttle: share, ServerError: share, Unavailable: share, Reset: share, Truncate: share}
}

// fault is a kind of faulty answer.
type fault int

const (
	noFault fault = iota
	throttle
	serverError
	unavailable
	reset
	truncate
	rateLimit // the request limit is exceeded; not drawn by chance
	faultKinds
)

var faultNames = [faultKinds]string{throttle: "throttle", serverError: "server_error", unavailable: "unavailable", reset: "reset", truncate: "truncate", rateLimit: "rate_limit"}

// pick chooses the fault of a request.
func (f *Faults) pick(draw float64) fault {
	for _, candidate := range [...]struct {
		kind  fault
		share float64
	}{{throttle, f.Throttle}, {serverError, f.ServerError}, {unavailable, f.Unavailable}, {reset, f.Reset}, {truncate, f.Truncate}} {
		if candidate.share <= 0 {
			continue
		}
		if draw < candidate.share {
			return candidate.kind
		}
		draw -= candidate.share
	}
	return noFault
}

// spoil returns the answer that a fault sends instead of the right one; a reset has
// none.
func (f *Faults) spoil(dst []byte, kind fault) answer {
	switch kind {
	case throttle:
		return throttled(dst, f.RetryAfter)
	case serverError:
		return refuse(dst, http.StatusInternalServerError, 800003, "Unexpected service error")
	case unavailable:
		return answer{status: http.StatusServiceUnavailable, contentType: "text/html", body: append(dst, "<html><body><h1>503 Service Unavailable</h1></body></html>"...)}
	default:
		return answer{body: dst}
	}
}

// throttled returns the gateway's answer to a request beyond the limit.
func throttled(dst []byte, wait time.Duration) answer {
	seconds := max(1, int((wait+time.Second-1)/time.Second))
	text := strconv.Itoa(seconds)
	dst = append(dst, `{ "statusCode": 429, "message": "Rate limit is exceeded. Try again in `...)
	dst = append(dst, text...)
	return answer{status: http.StatusTooManyRequests, contentType: jsonType, retryAfter: text, body: append(dst, ` seconds." }`...)}
}

// resetConnection ends the connection without an answer, with a TCP reset if possible.
func resetConnection(w http.ResponseWriter) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	conn, _, err := hijacker.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		// Without lingering, closing sends a reset. Where that is not possible, the plain end
		// of the connection is a fault too.
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
