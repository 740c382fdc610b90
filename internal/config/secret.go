package config

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a value that only Reveal returns. Printed with fmt, logged with slog, or
// marshalled to JSON or YAML, it is "[redacted]", or empty if it is not set.
type Secret struct {
	// A pointer, because fmt prints the bytes of a value in an unexported field without
	// calling the value's methods.
	value *string
}

// NewSecret returns a Secret that holds value. An empty value gives the zero
// Secret, which is not set.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{value: &value}
}

// IsSet reports whether s holds a value.
func (s Secret) IsSet() bool { return s.value != nil }

// Reveal returns the value itself.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// String returns "[redacted]", or "" if s is not set.
func (s Secret) String() string {
	if s.value == nil {
		return ""
	}
	return "[redacted]"
}

// Format implements fmt.Formatter: every verb prints what String returns.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText implements encoding.TextMarshaler, which JSON and YAML use.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
