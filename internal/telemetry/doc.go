// Package telemetry tells other programs how the collector is doing: metrics for
// Prometheus, scraped or pushed, pings for a dead-man's switch, and the answers to
// a supervisor's probes. It holds neither secrets nor personal data, so that what it
// serves needs no password.
package telemetry
