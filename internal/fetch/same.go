package fetch

import (
	"bytes"

	"partnercost/internal/billing"
)

// Most answers of a night have the digest of the stored answer. They are not decoded.

// says reports whether an answer has the digest of the stored one.
func (v *visit) says(kind billing.DocumentKind, body []byte) bool {
	return v.known != nil && v.known.Says(kind, body)
}

// isSame reports whether every answer of the visit has the digest of the stored one.
func (v *visit) isSame() bool {
	read := false
	for _, res := range []*result{&v.profile, &v.summary, &v.items} {
		if res.asked && !(res.same && res.failure == nil) {
			return false
		}
		read = read || res.asked
	}
	return read
}

// same returns a statement whose answers are not decoded. Its Derive decodes them.
func (v *visit) same(earlier billing.Outcome) billing.Statement {
	docs, fetchedAt := v.documents()
	return billing.Statement{
		CustomerID: v.id, FetchedAt: fetchedAt, Documents: docs, CostsKept: v.summary.kept, Earlier: earlier,
		Same: v.known, Derive: func() billing.Statement {
			v.known = nil
			v.decodeRest()
			s := v.statement()
			s.CostsKept, s.Earlier = v.summary.kept, earlier
			return s
		},
	}
}

// decodeRest decodes the answers that are not decoded yet. It is called when another
// answer of the same customer differs from the stored one.
func (v *visit) decodeRest() {
	v.decodeSummary()
	if res := &v.profile; v.parts.profile == nil && res.isRead() {
		var err error
		v.parts.profile, err = decodeProfile(res.document.Body)
		res.broken(profileResource, err)
	}
	if res := &v.items; v.parts.items == nil && res.isRead() {
		var err error
		v.parts.items, err = decodeLineItems(res.document.Body)
		res.broken(lineItemsResource, err)
	}
}

func (v *visit) decodeSummary() {
	if res := &v.summary; v.parts.summary == nil && res.isRead() {
		var err error
		v.parts.summary, err = decodeSummary(res.document.Body)
		res.broken(summaryResource, err)
	}
}

func (res *result) isRead() bool { return res.asked && res.failure == nil }

// broken records that a body cannot be decoded. That does not happen to an answer with
// the digest of a stored one, because that one was decoded by the same rules.
func (res *result) broken(resource string, err error) {
	if err != nil {
		res.failure = &billing.Failure{Class: billing.BadAnswer, Resource: resource, HTTPStatus: res.answer.status, Message: err.Error(), Attempts: 1}
	}
}

// isOnlyPage reports whether a page of line items certainly has no next page. The link to
// a next page is not part of the digest.
func isOnlyPage(body []byte) bool {
	for _, sign := range signsOfNext {
		if bytes.Contains(body, sign) {
			return false
		}
	}
	for at := 2; at < len(body)-1; at++ {
		if body[at]|0x20 == 'x' && bytes.EqualFold(body[at-2:at+2], []byte("next")) {
			return false
		}
	}
	return true
}

// signsOfNext are the other forms of a reference to a next page, without the word "next":
// a continuation token, escaped letters, or UTF-16.
var signsOfNext = [][]byte{[]byte("ontinuation"), []byte(`\u004`), []byte(`\u005`), []byte(`\u006`), []byte(`\u007`), {0}}
