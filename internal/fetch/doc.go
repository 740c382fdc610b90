// Package fetch reads Partner Center: it obtains tokens, sends requests, waits when the
// service asks it to, and turns answers into billing types.
//
// Requesting and decoding are separate. Normalise and its parts are pure, so any stored
// body can be decoded again without a network. Client sends the requests. It decodes
// every body once, in the attempt that received it, because an answer that is not JSON
// is requested again.
package fetch
