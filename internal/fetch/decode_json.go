package fetch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"partnercost/internal/billing"
)

// errNotJSON marks a body that is not whole JSON: cut short, a web page, or
// followed by something else. Asking again may help.
var errNotJSON = errors.New("is not JSON")

// errNotUnderstood marks JSON that says something it should not. Asking again does
// not help.
var errNotUnderstood = errors.New("is not understood")

// decodeOne reads a body that is one JSON object.
func decodeOne(kind billing.DocumentKind, body []byte, into any) error {
	if err := json.Unmarshal(plain(body), into); err != nil {
		return describe(kind, err)
	}
	return nil
}

// decodePages reads a body that is one or more JSON objects, each but the last
// ended by a line feed, and calls page for each (billing.Document). Every page may
// have its own byte order mark.
func decodePages[P any](kind billing.DocumentKind, body []byte, page func(*P) error) error {
	for body = plain(body); ; {
		decoder := json.NewDecoder(bytes.NewReader(body))
		p := new(P)
		if err := decoder.Decode(p); err != nil {
			return describe(kind, err)
		}
		if err := page(p); err != nil {
			return placed(kind, err)
		}
		rest := bytes.TrimLeft(body[decoder.InputOffset():], " \t\r")
		if len(rest) > 0 && rest[0] != '\n' {
			return fmt.Errorf("%s: %w: something follows the end of the object", kind, errNotJSON)
		}
		body = bytes.TrimLeft(rest, " \t\r\n")
		body = bytes.TrimPrefix(body, markUTF8)
		if len(body) == 0 {
			return nil
		}
	}
}

// describe words an error of encoding/json without quoting the answer, which may
// hold personal data.
func describe(kind billing.DocumentKind, err error) error {
	if wrongType, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		field := strings.TrimSpace(wrongType.Field)
		if field == "" {
			field = "the answer"
		}
		found, _, _ := strings.Cut(wrongType.Value, " ") // a number comes with its digits
		return fmt.Errorf("%s: %s: a JSON %s does not belong there: the answer %w", kind, field, found, errNotUnderstood)
	}
	return fmt.Errorf("%s: the answer %w: %w", kind, errNotJSON, err)
}

// placed adds the document to an error that names a place in it.
func placed(kind billing.DocumentKind, err error) error { return fmt.Errorf("%s: %w", kind, err) }
