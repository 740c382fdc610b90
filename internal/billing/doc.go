// Package billing is the domain of the collector: customers of a partner, what
// Partner Center says they cost, and the words for what can go wrong. It does no
// I/O and imports no other package of this module, so that the client that
// fetches and the store that keeps can share it without knowing each other.
package billing
