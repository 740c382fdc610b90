// Package deploy holds no code, only tests of the files in its directories: the alert
// rules and the systemd unit against docs/operations.md, the Kubernetes manifests
// against the needs of the program and its image.
package deploy
