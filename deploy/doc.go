// Package deploy holds no code, only tests of what is in its folders: the alert rules
// and the systemd unit against docs/operations.md, the Kubernetes manifests against
// what the program and its image need.
package deploy
