// Package schedule says when collections are due. It is the only package that
// knows the cron library.
package schedule
