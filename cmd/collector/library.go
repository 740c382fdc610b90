package main

import (
	"context"
	"log/slog"
	"strings"
)

// libraryLog is where what libraries print with the standard logger goes. net/http
// quotes there the beginning of an answer that nobody asked for, which may hold a
// billing profile: everything from the first quotation mark on is left out.
type libraryLog struct{ slog.Handler }

// redirectStandardLog sends the standard logger's output to log, at level debug.
func redirectStandardLog(log *slog.Logger) {
	slog.SetLogLoggerLevel(slog.LevelDebug)
	slog.SetDefault(slog.New(libraryLog{log.Handler()}))
}

// Handle implements slog.Handler.
func (l libraryLog) Handle(ctx context.Context, r slog.Record) error {
	text, _, _ := strings.Cut(r.Message, `"`)
	said := slog.NewRecord(r.Time, r.Level, "message of a library", r.PC)
	said.AddAttrs(slog.String("text", strings.TrimSpace(text)))
	return l.Handler.Handle(ctx, said)
}
