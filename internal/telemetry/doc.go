// Package telemetry reports the state of the collector: the log, metrics for Prometheus,
// scraped or pushed, pings for a dead-man's switch, and answers to a supervisor's probes.
// It holds neither secrets nor personal data, so its pages need no password.
package telemetry
