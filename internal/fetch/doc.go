// Package fetch reads Partner Center: it holds the tokens, sends the requests,
// waits when it is told to wait, and turns the answers into billing types.
//
// Fetching and understanding are separate. Normalise and what it is made of are
// pure, so that any stored body can be understood again without a network; Client
// adds the requests, and decodes every body once, at the attempt that brought it,
// because an answer that is no JSON is asked for again.
package fetch
