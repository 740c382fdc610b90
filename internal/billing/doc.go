// Package billing is the domain of the collector: the customers of a partner, their
// costs as Partner Center states them, and the failures that can occur. It does no I/O
// and imports no other package of this module, so that the client and the store can
// share it without knowing each other.
package billing
