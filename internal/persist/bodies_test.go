package persist_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"partnercost/internal/persist"
)

// archived are the bodies of the archive, in order.
func (b *fixture) archived() []string {
	b.t.Helper()
	kept, err := b.store.Bodies(b.t.Context(), b.query("SELECT encode(payload_hash, 'hex') AS hash FROM collector.payloads"))
	if err != nil {
		b.t.Fatal(err)
	}
	bodies := make([]string, len(kept))
	for i, body := range kept {
		if body.State != persist.BodyVerified {
			b.t.Errorf("the body %s is %s", body.SHA256, body.State)
		}
		bodies[i] = string(body.Content)
	}
	slices.Sort(bodies)
	return bodies
}

// unpack decompresses every body, so that SQL can read it.
func (b *fixture) unpack() {
	b.t.Helper()
	for _, body := range b.archived() {
		b.change(fmt.Sprintf("UPDATE collector.payloads SET encoding = 0, body = '\\x%x' WHERE payload_hash = '\\x%x'", body, sha256.Sum256([]byte(body))))
	}
}

// Bodies from before compression are read like later ones, and migrate down restores
// all of them as they were received.
func TestBodiesOfEitherEncodingAreRead(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	s := statement(customerA, both(recurring(9, "10")))
	for i := range s.Documents {
		s.Documents[i].Body = fmt.Appendf(nil, `{"kind":%q,"billingStartDate":"2026-01-01T00:00:00Z","customerId":%q,"details":[%s]}`, s.Documents[i].Kind, customerA, strings.Repeat("1,", 100)+"2")
	}
	b.collect(s)
	encodings := func() []string {
		return b.query("SELECT encoding, count(*) AS bodies, bool_and(octet_length(body) < 200) AS small FROM collector.payloads GROUP BY encoding ORDER BY encoding")
	}
	check := func(what string, encoded ...string) {
		t.Helper()
		wantLines(t, what, encodings(), encoded...)
		var hashes []string
		for _, d := range s.Documents {
			hashes = append(hashes, fmt.Sprintf("%x", sha256.Sum256(d.Body)))
		}
		bodies, err := b.store.Bodies(t.Context(), hashes)
		if err != nil {
			t.Fatal(err)
		}
		for i, body := range bodies {
			if body.State != persist.BodyVerified || !bytes.Equal(body.Content, s.Documents[i].Body) {
				t.Errorf("%s: body %d is %s: %s", what, i, body.State, body.Content)
			}
		}
		for customer, err := range b.store.Archive(t.Context(), "contoso") {
			if err != nil {
				t.Fatal(err)
			}
			for i, d := range customer.Answers[0].Documents {
				if !bytes.Equal(d.Body, s.Documents[i].Body) {
					t.Errorf("%s: the archive gives body %d as %s", what, i, d.Body)
				}
			}
		}
	}
	check("compressed", "1 3 true")
	b.change(fmt.Sprintf("UPDATE collector.payloads SET encoding = 0, body = convert_to('%s', 'UTF8') WHERE payload_hash = sha256(convert_to('%[1]s', 'UTF8'))", s.Documents[1].Body))
	check("one of before", "0 1 false", "1 2 true")

	m := b.migrator()
	if err := m.Down(t.Context(), latest(t, m)-16, false); err != nil {
		t.Fatal(err)
	}
	wantLines(t, "all of before", b.query("SELECT bool_and(payload_hash = sha256(body)) AS whole, count(*) FROM collector.payloads"), "true 3")
	if err := m.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("up again", "0 3 false")
}
