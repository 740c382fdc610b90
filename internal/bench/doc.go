// Package bench measures the built program as a whole, against the simulator and a
// private PostgreSQL, and against a loop that only makes the HTTP requests. It holds
// benchmarks only: make bench runs them.
package bench
