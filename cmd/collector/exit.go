package main

import (
	"context"
	"errors"
	"fmt"

	"partnercost/internal/collector"
	"partnercost/internal/config"
	"partnercost/internal/persist"
)

// The exit codes. The help of the program documents them.
const (
	exitOK          = 0
	exitFatal       = 1
	exitUsage       = 2
	exitPartial     = 3
	exitLocked      = 4
	exitInterrupted = 130
)

// codeError is an error with an exit code.
type codeError struct {
	code int
	err  error
	// hint makes the program refer to the help of the command.
	hint bool
}

func (e *codeError) Error() string { return e.err.Error() }
func (e *codeError) Unwrap() error { return e.err }

// usageError returns an error in the command line.
func usageError(format string, args ...any) error {
	return &codeError{code: exitUsage, err: fmt.Errorf(format, args...), hint: true}
}

// isUsage reports whether the help of the command explains the error.
func isUsage(err error) bool {
	if _, ok := errors.AsType[*collector.UsageError](err); ok {
		return true
	}
	coded, ok := errors.AsType[*codeError](err)
	return ok && coded.hint
}

// configError returns an error in the configuration, or in a file that it names.
func configError(err error) error { return &codeError{code: exitUsage, err: err} }

// exitCode returns the exit code of an error. After a signal, every error counts as a
// consequence of the signal.
func exitCode(ctx context.Context, err error) int {
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil {
		return exitInterrupted
	}
	if coded, ok := errors.AsType[*codeError](err); ok {
		return coded.code
	}
	if _, ok := errors.AsType[config.Errors](err); ok {
		return exitUsage
	}
	if _, ok := errors.AsType[*collector.ConfigError](err); ok || isUsage(err) {
		return exitUsage
	}
	if errors.Is(err, persist.ErrOtherName) {
		return exitUsage
	}
	if errors.Is(err, persist.ErrLocked) {
		return exitLocked
	}
	return exitFatal
}
