package telemetry

import (
	"context"
	"io"
	"log/slog"
	"strings"
)

// NewLogger returns a logger that writes to w in a format, "text" or "json". level is the
// lowest level to log, in slog's words.
func NewLogger(w io.Writer, format, level string) *slog.Logger {
	var least slog.Level
	_ = least.UnmarshalText([]byte(level)) // the flag accepts only slog's words
	options := &slog.HandlerOptions{Level: least}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// RedirectStandardLog sends what libraries print with the standard logger to log, at
// level debug.
func RedirectStandardLog(log *slog.Logger) {
	slog.SetLogLoggerLevel(slog.LevelDebug)
	slog.SetDefault(slog.New(libraryLog{log.Handler()}))
}

// libraryLog cuts each message at its first quotation mark: net/http quotes the
// beginning of an unexpected answer, which may hold a billing profile.
type libraryLog struct{ slog.Handler }

// Handle implements slog.Handler.
func (l libraryLog) Handle(ctx context.Context, r slog.Record) error {
	text, _, _ := strings.Cut(r.Message, `"`)
	said := slog.NewRecord(r.Time, r.Level, "message of a library", r.PC)
	said.AddAttrs(slog.String("text", strings.TrimSpace(text)))
	return l.Handler.Handle(ctx, said)
}
