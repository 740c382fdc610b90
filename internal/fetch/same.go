package fetch

import (
	"bytes"

	"partnercost/internal/billing"
)

// Most answers of a night say what is stored already. Their digests show it, and they
// are not decoded.

// says reports whether an answer says what is stored.
func (v *visit) says(kind billing.DocumentKind, body []byte) bool {
	return v.known != nil && v.known.Says(kind, body)
}

// isSame reports whether every answer says what is stored.
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

// same returns a statement of which nothing is decoded.
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

// decodeRest decodes the answers that are not decoded yet, because another answer of
// the same customer has news.
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

// broken notes that a body cannot be decoded. An answer that was decoded before, by the
// same rules, can be.
func (res *result) broken(resource string, err error) {
	if err != nil {
		res.failure = &billing.Failure{Class: billing.BadAnswer, Resource: resource, HTTPStatus: res.answer.status, Message: err.Error(), Attempts: 1}
	}
}

// isOnlyPage reports whether a page of line items certainly refers to no next one. The
// link to it is no part of the digest.
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

// signsOfNext are what a reference to a next page may have instead of "next" in letters:
// a token beside the items, escaped letters, or UTF-16.
var signsOfNext = [][]byte{[]byte("ontinuation"), []byte(`\u004`), []byte(`\u005`), []byte(`\u006`), []byte(`\u007`), {0}}
