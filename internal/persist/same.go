package persist

import (
	"context"

	"partnercost/internal/billing"
	"partnercost/internal/persist/dbsqlc"
)

// noteSame records as collected the customers whose answers have the digests of the
// stored ones, and sets their results. It returns the other statements of the batch, all
// of them derived.
func (w writer) noteSame(ctx context.Context, batch []billing.Statement, results []billing.CustomerResult) (news, error) {
	arg := dbsqlc.NoteSameParams{RunID: w.run.ID, Rules: billing.Rules}
	places := make(map[int64]int)
	for i := range batch {
		s := &batch[i]
		if s.Same == nil {
			continue
		}
		outcome := s.Same.Outcome
		if s.Earlier == billing.OutcomeStored && outcome == billing.OutcomeUnchanged {
			outcome = billing.OutcomeStored
		}
		var said digests
		for _, d := range s.Documents {
			switch d.Kind {
			case billing.ProfileDocument:
				said.profile = s.Same.Profile
			case billing.SummaryDocument:
				said.summary = s.Same.Summary
			case billing.LineItemsDocument:
				said.lineItems = s.Same.LineItems
			}
		}
		places[s.Same.Key] = i
		results[i] = billing.CustomerResult{CustomerID: s.CustomerID, Outcome: outcome}
		arg.CustomerKeys = append(arg.CustomerKeys, s.Same.Key)
		arg.FetchedAt = append(arg.FetchedAt, s.FetchedAt)
		arg.Outcomes = append(arg.Outcomes, string(outcome))
		arg.ProfileDigests = append(arg.ProfileDigests, said.profile)
		arg.SummaryDigests = append(arg.SummaryDigests, said.summary)
		arg.LineItemsDigests = append(arg.LineItemsDigests, said.lineItems)
		arg.Costs = append(arg.Costs, said.summary != nil && !s.CostsKept)
		arg.LineItems = append(arg.LineItems, said.lineItems != nil || said.summary != nil && s.Same.NoItems)
	}
	if len(places) > 0 {
		noted, err := w.store.q.NoteSame(ctx, w.tx, arg)
		if err != nil {
			return news{}, err
		}
		if len(noted) == len(batch) {
			return news{}, nil
		}
		for _, key := range noted {
			delete(places, key)
		}
	}
	var rest news
	for i, s := range batch {
		if s.Same != nil {
			if _, changed := places[s.Same.Key]; !changed {
				continue
			}
			s = s.Derive()
		}
		rest.statements = append(rest.statements, s)
		rest.places = append(rest.places, i)
	}
	return rest, nil
}
