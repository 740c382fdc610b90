package finance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"partnercost/internal/billing"
	"partnercost/internal/sheet"
)

// Answer is an archived body that numbers were derived from.
type Answer struct {
	SHA256 string               `json:"sha256"`
	Kind   billing.DocumentKind `json:"kind"`

	// State and Bytes are those of the archived body. They are set by Show.
	State string  `json:"state,omitempty"`
	Bytes *int    `json:"bytes,omitempty"`
	Raw   *string `json:"raw,omitempty"`
	// Base64 replaces Raw if the bytes are not UTF-8.
	Base64 []byte          `json:"raw_base64,omitempty"`
	JSON   json.RawMessage `json:"json,omitempty"`
}

// Show sets what the archive has: the state of the body, whether it is kept, its bytes,
// and their content as JSON.
func (a *Answer) Show(state string, kept bool, content []byte, asJSON json.RawMessage) {
	a.State, a.Bytes = state, new(len(content))
	if !kept {
		return
	}
	a.JSON = asJSON
	if utf8.Valid(content) {
		text := string(content)
		a.Raw = &text
	} else {
		a.Base64 = content
	}
}

// writeAnswers lists the answers, and prints the bodies that were shown, framed and byte
// for byte.
func writeAnswers(w io.Writer, answers []Answer) error {
	if len(answers) == 0 {
		return nil
	}
	var out bytes.Buffer
	fmt.Fprintln(&out, "\nAnswers:")
	table := sheet.Table{Header: []string{"KIND", "SHA-256"}}
	for _, a := range answers {
		table.Rows = append(table.Rows, []string{string(a.Kind), a.SHA256})
	}
	if answers[0].State != "" {
		table = sheet.Table{Header: []string{"KIND", "STATE", "BYTES", "SHA-256"}, Right: []bool{false, false, true}}
		for _, a := range answers {
			table.Rows = append(table.Rows, []string{string(a.Kind), a.State, strconv.Itoa(*a.Bytes), a.SHA256})
		}
	}
	if err := table.Write(sheet.NewText(&out)); err != nil {
		return err
	}
	for _, a := range answers {
		content := a.Base64
		if a.Raw != nil {
			content = []byte(*a.Raw)
		}
		if content != nil {
			fmt.Fprintf(&out, "\n----- begin %s %s, %d bytes, %s\n%s\n----- end %s %s\n", a.Kind, a.SHA256, *a.Bytes, a.State, content, a.Kind, a.SHA256)
		}
	}
	_, err := out.WriteTo(w)
	return err
}
