package persist

import (
	"context"
	"crypto/sha256"
	"net/http"
	"strconv"

	"partnercost/internal/billing"
	"partnercost/internal/persist/dbsqlc"
)

// digests are the digests of the parts of a statement; nil for a part that was not
// read.
type digests struct{ profile, summary, lineItems []byte }

// digestsOf returns the digests of a statement's bodies. If only a part of a profile may
// be stored, its digest covers that part, because nothing may be kept of the rest.
func digestsOf(s *billing.Statement, scope billing.ProfileScope) digests {
	var said digests
	for _, d := range s.Documents {
		switch d.Kind {
		case billing.ProfileDocument:
			if scope == billing.FullProfile {
				said.profile = digest(d)
			}
		case billing.SummaryDocument:
			said.summary = digest(d)
		case billing.LineItemsDocument:
			said.lineItems = digest(d)
		}
	}
	if scope > billing.FullProfile && s.Profile != nil {
		said.profile = hashProfile(s.Profile.Within(scope))
	}
	return said
}

// digest returns the digest of a body. It includes the status, because the same body
// with another status has another meaning.
func digest(d billing.Document) []byte {
	sum := billing.Digest(d.Body)
	if d.HTTPStatus != http.StatusOK {
		sum = sha256.Sum256(strconv.AppendInt(sum[:], int64(d.HTTPStatus), 10))
	}
	return sum[:]
}

// news is the rest of a batch without what is known: the statements without their known
// parts, and the place of each in the batch.
type news struct {
	statements []billing.Statement
	places     []int
}

// noteKnown records the customers whose statement is completely known as collected and
// sets their results. It returns the rest of the batch.
func (w writer) noteKnown(ctx context.Context, batch []billing.Statement, scopes profileScopes, results []billing.CustomerResult) (news, error) {
	arg := dbsqlc.NoteKnownParams{Partner: w.run.Partner, RunID: w.run.ID, Rules: billing.Rules}
	for i := range batch {
		s := &batch[i]
		said := digestsOf(s, scopes.of(s.CustomerID))
		known := "" // a failure must be stored in any case
		if s.Failure == nil {
			known = string(outcome(*s, 0))
		}
		arg.Seqs = append(arg.Seqs, int32(i))
		arg.CustomerIds = append(arg.CustomerIds, string(s.CustomerID))
		arg.FetchedAt = append(arg.FetchedAt, s.FetchedAt)
		arg.ProfileDigests = append(arg.ProfileDigests, said.profile)
		arg.SummaryDigests = append(arg.SummaryDigests, said.summary)
		arg.LineItemsDigests = append(arg.LineItemsDigests, said.lineItems)
		arg.Outcomes = append(arg.Outcomes, known)
	}
	rows, err := w.store.q.NoteKnown(ctx, w.tx, arg)
	if err != nil {
		return news{}, err
	}
	var left news
	for i := range batch {
		var known dbsqlc.NoteKnownRow
		if len(rows) > 0 && int(rows[0].Seq) == i {
			known, rows = rows[0], rows[1:]
		}
		if known.Noted {
			results[i] = billing.CustomerResult{CustomerID: batch[i].CustomerID, Outcome: outcome(batch[i], 0)}
			continue
		}
		left.statements = append(left.statements, without(batch[i], known))
		left.places = append(left.places, i)
	}
	return left, nil
}

// without returns the statement without its known parts, as if they had not been read.
func without(s billing.Statement, known dbsqlc.NoteKnownRow) billing.Statement {
	if !known.Profile && !known.Costs {
		return s
	}
	if known.Profile {
		s.Profile = nil
	}
	if known.Costs {
		s.Costs, s.LineItems, s.Findings = nil, nil, nil
	}
	var documents []billing.Document
	for _, d := range s.Documents {
		if d.Kind == billing.ProfileDocument && !known.Profile || d.Kind != billing.ProfileDocument && !known.Costs {
			documents = append(documents, d)
		}
	}
	s.Documents = documents
	return s
}
