// Package architecture holds no code, only tests that keep the rules of the
// repository: which package may import which, what the binary may link, where the
// environment and the clock may be read, how migrations are numbered, how Markdown is
// wrapped. The rules and their reasons are in docs/design.md; golangci-lint states the
// same import rules for editors, and these tests see what is linked, not only what is
// written.
package architecture
