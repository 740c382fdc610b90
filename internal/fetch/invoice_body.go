package fetch

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"regexp"

	"partnercost/internal/billing"
)

// secretFields are the values in answers about invoices that give access to something by
// themselves: links to documents that are signed for half an hour, and the signature of an
// export's blobs.
var secretFields = regexp.MustCompile(`(?i)("(?:pdfDownloadLink|taxReceiptPdfDownloadLink|sasToken)"\s*:\s*")(?:[^"\\]|\\.)*"`)

// withoutSecrets is an answer as it may be kept. Cut out before it is hashed, what changes
// with every request does not make a new answer of an unchanged one.
func withoutSecrets(body []byte) []byte {
	if isUTF16(body) {
		body = plain(body)
	}
	return secretFields.ReplaceAll(body, []byte(`${1}"`))
}

// pack is an answer, without its secrets, as it is held and kept.
func pack(body []byte) billing.InvoiceBody {
	body = withoutSecrets(body)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write(body) // a bytes.Buffer never fails
	_ = w.Close()
	return billing.InvoiceBody{Content: packed.Bytes(), Packed: true, Hash: sha256.Sum256(body)}
}

// unpack reads a packed answer.
func unpack(b billing.InvoiceBody) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(b.Content))
	if err != nil {
		return nil, fmt.Errorf("unpack an answer: %w", err)
	}
	body, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("unpack an answer: %w", err)
	}
	return body, nil
}
