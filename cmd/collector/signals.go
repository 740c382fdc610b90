package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// untilSignal returns a context that ends at an interrupt, a termination or a hangup of
// the terminal. A second interrupt or termination ends the process at once.
func untilSignal() context.Context {
	// Writing to a closed pipe must be an ordinary error. The signal would end a run before
	// its batch and its end are stored.
	signal.Ignore(syscall.SIGPIPE)
	asked := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it
		asked = append(asked, syscall.SIGHUP)
		// When a session is closed, both the shell and the kernel send a hangup. This
		// subscription stays, because the second one would end the process.
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), asked...)
	context.AfterFunc(ctx, stop)
	return ctx
}
