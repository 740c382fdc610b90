//go:build !unix

package localpg

import (
	"context"
	"fmt"
	"runtime"
)

// Server is a running private PostgreSQL. This system has none.
type Server struct{}

// Start always fails on this system.
func Start(context.Context, Options) (*Server, error) {
	return nil, fmt.Errorf("%w can be started on %s; use a running PostgreSQL server", ErrNoBinaries, runtime.GOOS)
}

// URL returns nothing on this system.
func (*Server) URL(string) string { return "" }

// Stop does nothing on this system.
func (*Server) Stop(context.Context) error { return nil }

// Halt does nothing on this system.
func (*Server) Halt(context.Context) error { return nil }

// Continue does nothing on this system.
func (*Server) Continue(context.Context) error { return nil }
