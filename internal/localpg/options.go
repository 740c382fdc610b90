// Package localpg starts a private, throw-away PostgreSQL from server binaries, for the
// demo and for tests. The server listens on the loopback address only, requires a
// random password, keeps all files in one directory of its own and leaves neither a
// process nor a directory behind.
package localpg

import (
	"errors"
	"log/slog"
)

// MinVersion is the oldest supported major version of PostgreSQL.
const MinVersion = 15

// ErrNoBinaries means that this machine has no usable server binaries. The error that
// wraps it says where they were looked for and what to do.
var ErrNoBinaries = errors.New("no PostgreSQL server binaries")

// Options says where and how the server runs. The zero value is usable.
type Options struct {
	// Dir is an existing directory for the server's own directory; empty means the
	// system's directory for temporary files.
	Dir string
	// Port is the TCP port on 127.0.0.1; 0 means a free one.
	Port int
	// Log receives the events; nil means no log.
	Log *slog.Logger
	// Download says what to do when there are no server binaries.
	Download DownloadOptions
}

// DownloadOptions says whether and from where server binaries may be downloaded when
// the machine has none.
type DownloadOptions struct {
	// Enabled allows the download. It is refused as root.
	Enabled bool
	// RepositoryURL is the root of a Maven repository that holds
	// io.zonky.test.postgres:embedded-postgres-binaries-*; empty means the public one.
	RepositoryURL string
}
