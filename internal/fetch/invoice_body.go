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

// secretFields matches the values in answers about invoices that grant access by
// themselves: links to documents, which are signed for half an hour, and the signature of
// an export's blobs.
var secretFields = regexp.MustCompile(`(?i)("(?:pdfDownloadLink|taxReceiptPdfDownloadLink|sasToken)"\s*:\s*")(?:[^"\\]|\\.)*"`)

// withoutSecrets returns an answer without its secrets. They are removed before the answer
// is hashed, because they change with every request and an unchanged answer must keep its
// hash.
func withoutSecrets(body []byte) []byte {
	if isUTF16(body) {
		body = plain(body)
	}
	return secretFields.ReplaceAll(body, []byte(`${1}"`))
}

// pack removes the secrets of an answer and compresses it, in memory as in the
// database.
func pack(body []byte) billing.InvoiceBody {
	body = withoutSecrets(body)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write(body) // a bytes.Buffer never fails
	_ = w.Close()
	return billing.InvoiceBody{Content: packed.Bytes(), Packed: true, Hash: sha256.Sum256(body)}
}

// unpack decompresses an answer.
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
