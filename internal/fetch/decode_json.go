package fetch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"partnercost/internal/billing"
)

// These errors mark answers that are not the requested document. Another request may
// help against both. It does not help against a document with a wrong value, such as a
// word instead of a number.
var (
	// errNotJSON marks a body that is not one complete JSON text: truncated, a web page,
	// or followed by other bytes.
	errNotJSON = errors.New("is not JSON")
	// ErrNotDocument marks a body that does not have the form of the requested document.
	ErrNotDocument = errors.New("is not the requested document")
)

// decodeOne reads a body that is one JSON object of a form, and returns the keys that
// it has.
func decodeOne(kind billing.DocumentKind, f *form, body []byte, into any) (keySet, error) {
	body = plain(body)
	if err := checkText(kind, body); err != nil {
		return 0, err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return 0, describe(kind, err)
	}
	has, err := f.check(body)
	if err != nil {
		return has, notDocument(kind, err)
	}
	return has, nil
}

// decodePages reads a body that is one or more JSON objects of a form, each but the
// last ended by a line feed (billing.Document). It calls page for each with the keys
// that it has. Every page may have its own byte order mark.
func decodePages[P any](kind billing.DocumentKind, f *form, body []byte, page func(*P, keySet) error) error {
	body = plain(body)
	if err := checkText(kind, body); err != nil {
		return err
	}
	for {
		decoder := json.NewDecoder(bytes.NewReader(body))
		p := new(P)
		if err := decoder.Decode(p); err != nil {
			return describe(kind, err)
		}
		has, err := f.check(body[:decoder.InputOffset()])
		if err != nil {
			return notDocument(kind, err)
		}
		if err := page(p, has); err != nil {
			return err
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

// checkText refuses a body that is empty or not UTF-8. encoding/json would replace
// invalid bytes, and the damaged name would be stored as if it were the customer's. All
// recorded answers are UTF-8, so such damage must have happened in transit.
func checkText(kind billing.DocumentKind, body []byte) error {
	switch {
	case len(bytes.TrimLeft(body, " \t\r\n")) == 0:
		return notDocument(kind, errors.New("it is empty"))
	case !utf8.Valid(body):
		return notDocument(kind, errors.New("it is not UTF-8"))
	}
	return nil
}

// notDocument says why an answer does not have the form that it must have.
func notDocument(kind billing.DocumentKind, why error) error {
	return fmt.Errorf("%s: the answer %w: %w", kind, ErrNotDocument, why)
}

// describe describes an error of encoding/json without quoting the answer, which may
// hold personal data.
func describe(kind billing.DocumentKind, err error) error {
	if wrongType, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		field := strings.TrimSpace(wrongType.Field)
		if field == "" {
			field = "the answer"
		}
		found, _, _ := strings.Cut(wrongType.Value, " ") // for a number, Value includes its digits
		return fmt.Errorf("%s: %s: a JSON %s does not belong there: the answer %w", kind, field, found, ErrNotDocument)
	}
	return fmt.Errorf("%s: the answer %w: %w", kind, errNotJSON, err)
}

// placed adds the document to an error that names a place in it.
func placed(kind billing.DocumentKind, err error) error { return fmt.Errorf("%s: %w", kind, err) }
