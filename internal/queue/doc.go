// Package queue distributes the nights of partners over the machines that share a
// database. It is the only package that knows River.
package queue
