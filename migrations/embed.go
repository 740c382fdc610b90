// Package migrations holds the versioned schema, embedded so that the binary
// brings its own. The files are read by golang-migrate.
package migrations

import "embed"

// FS holds the NNNNNN_name.{up,down}.sql files.
//
//go:embed *.sql
var FS embed.FS
