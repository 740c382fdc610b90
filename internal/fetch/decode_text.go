package fetch

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// The byte order marks of answers. The first is on all recorded answers (API.md 3.2); a
// user reported the others (API.md 5.4 point 11).
var (
	markUTF8    = []byte{0xEF, 0xBB, 0xBF}
	markUTF16LE = []byte{0xFF, 0xFE}
	markUTF16BE = []byte{0xFE, 0xFF}
)

// plain returns body in UTF-8 without its byte order mark. Only one mark is removed.
// Errors of the gateway have no mark.
func plain(body []byte) []byte {
	switch {
	case bytes.HasPrefix(body, markUTF8):
		return body[len(markUTF8):]
	case bytes.HasPrefix(body, markUTF16LE):
		return fromUTF16(body[2:], binary.LittleEndian)
	case bytes.HasPrefix(body, markUTF16BE):
		return fromUTF16(body[2:], binary.BigEndian)
	}
	return body
}

// isUTF16 reports whether body begins with a byte order mark of UTF-16.
func isUTF16(body []byte) bool {
	return bytes.HasPrefix(body, markUTF16LE) || bytes.HasPrefix(body, markUTF16BE)
}

// fromUTF16 converts body to UTF-8. Half a unit at the end becomes U+FFFD, which is not
// valid JSON, so a truncated body stays invalid.
func fromUTF16(body []byte, order binary.ByteOrder) []byte {
	text := make([]byte, 0, len(body))
	for len(body) >= 2 {
		unit := rune(order.Uint16(body))
		body = body[2:]
		if utf16.IsSurrogate(unit) && len(body) >= 2 {
			if pair := utf16.DecodeRune(unit, rune(order.Uint16(body))); pair != utf8.RuneError {
				unit, body = pair, body[2:]
			}
		}
		text = utf8.AppendRune(text, unit) // a lone surrogate becomes U+FFFD
	}
	if len(body) > 0 {
		text = utf8.AppendRune(text, utf8.RuneError)
	}
	return text
}

// text is a JSON string as the domain stores it: without surrounding white space and without NUL,
// which PostgreSQL cannot store. A lone surrogate in an escape is replaced. Null is empty. A number
// is read as its digits, because the API writes some ids both ways (API.md 7.2, mpnId).
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(literal []byte) error {
	*t = ""
	switch literal[0] {
	case 'n':
	case '"':
		inner := literal[1 : len(literal)-1]
		if bytes.IndexByte(inner, '\\') < 0 {
			*t = text(bytes.TrimSpace(inner)) // the usual case: nothing to unescape
			return nil
		}
		var s string
		if err := json.Unmarshal(literal, &s); err != nil {
			return err
		}
		*t = text(strings.TrimSpace(strings.ReplaceAll(s, "\x00", "")))
	case '{', '[', 't', 'f':
		return &json.UnmarshalTypeError{Value: kindOf(literal)}
	default:
		*t = text(literal)
	}
	return nil
}

// kindOf names the kind of a JSON value, for errors that must not quote it.
func kindOf(literal []byte) string {
	switch literal[0] {
	case '{':
		return "object"
	case '[':
		return "array"
	case 't', 'f':
		return "bool"
	case '"':
		return "string"
	case 'n':
		return "null"
	}
	return "number"
}
