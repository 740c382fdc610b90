package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// untilSignal returns a context that ends when the process is asked to: by an
// interrupt, a termination or a terminal that is gone. A second interrupt or
// termination ends the process at once.
func untilSignal() context.Context {
	// Writing to a pipe that nobody reads is an error like any other: it must not end
	// a run before its batch and its end are stored.
	signal.Ignore(syscall.SIGPIPE)
	asked := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		asked = append(asked, syscall.SIGHUP)
		// When a session is closed, shell and kernel each say so. This subscription stays,
		// because between two dispositions (notified, ignored) a signal is deadly.
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), asked...)
	context.AfterFunc(ctx, stop)
	return ctx
}
