package persist

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/billing"
	"partnercost/internal/persist/dbsqlc"
)

// turnsPage is how many customers are read from the database at a time.
const turnsPage = 500

// Bounds say how old the parts of a partner's customers may become.
type Bounds struct {
	// Refresh applies to profiles and line items. Costs are read in every run.
	Refresh time.Duration
	// LineItems is set when line items are collected.
	LineItems bool
}

// SaveBounds records the bounds by which the views of finance judge the partner.
// SavePartner must have recorded the partner.
func (s *Store) SaveBounds(ctx context.Context, partner string, b Bounds) error {
	err := s.q.SaveBounds(ctx, s.pool, dbsqlc.SaveBoundsParams{Partner: partner, RefreshSeconds: b.Refresh.Seconds(), LineItems: b.LineItems})
	if err != nil {
		return fmt.Errorf("record the bounds of the partner %s: %w", partner, classify(err))
	}
	return nil
}

// saveReads records when the parts of a batch were read, in the transaction that stores
// them.
func (w writer) saveReads(ctx context.Context, batch []billing.Statement) error {
	reads := dbsqlc.SaveReadsParams{Partner: w.run.Partner}
	for i := range batch {
		s := &batch[i]
		refused := s.Failure != nil && isRefusal(s.Failure.Class)
		if s.Profile == nil && s.Costs == nil && !refused {
			continue
		}
		reads.CustomerIds = append(reads.CustomerIds, string(s.CustomerID))
		reads.ReadAt = append(reads.ReadAt, s.FetchedAt)
		reads.Profiles = append(reads.Profiles, s.Profile != nil)
		reads.LineItems = append(reads.LineItems, s.LineItems != nil || s.Costs != nil && !s.Costs.HasItems())
		reads.Refused = append(reads.Refused, refused)
		var hash []byte
		var next time.Time
		costs := s.Costs != nil && !s.CostsKept
		if costs {
			hash, next = s.Costs.Hash(), nextEnd(s)
		}
		reads.Costs, reads.CostsHashes, reads.NextEndAt = append(reads.Costs, costs), append(reads.CostsHashes, hash), append(reads.NextEndAt, next)
	}
	if len(reads.CustomerIds) == 0 {
		return nil
	}
	return w.store.q.SaveReads(ctx, w.tx, reads)
}

// isRefusal reports whether the service refuses to have the customer read.
func isRefusal(class billing.FailureClass) bool {
	switch class {
	case billing.NoAccess, billing.RoleMissing, billing.Refused, billing.UnknownCustomer:
		return true
	}
	return false
}

// nextEnd returns the end of the first of the customer's periods whose final amounts
// have not been read. If the period of a type had ended, a later period of that type
// counts, some months on. It returns zero if there is no period.
func nextEnd(s *billing.Statement) time.Time {
	var first time.Time
	for _, d := range s.Costs.Details {
		end := d.Period.End
		if end.IsZero() {
			continue
		}
		if months := monthsBetween(end, s.FetchedAt); months > 0 {
			end = end.AddDate(0, months, 0)
		}
		if !end.After(s.FetchedAt) {
			end = end.AddDate(0, 1, 0)
		}
		if first.IsZero() || end.Before(first) {
			first = end
		}
	}
	return first
}

// monthsBetween returns the number of calendar months from one time to another.
func monthsBetween(from, to time.Time) int {
	return 12*(to.Year()-from.Year()) + int(to.Month()) - int(from.Month())
}

// Done says which customers a run leaves out.
type Done struct {
	// In are the runs whose good results are enough.
	In []string
	// Since is the time from which on a good result is enough; the zero time means never.
	Since time.Time
}

// Turn is a customer whose statement a run reads.
type Turn struct {
	// Key identifies a customer across all partners.
	Key   int64
	Visit billing.Visit
	// IsDone means that an earlier run has collected the customer.
	IsDone bool
}

// PlanTurns stores the order in which a run reads the partner's active customers: those
// with the most to lose first. The caller holds the partner's lock.
func (s *Store) PlanTurns(ctx context.Context, partner string) error {
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		return inOrder(
			func() error { return s.q.ForgetTurns(ctx, tx, partner) },
			func() error {
				return s.q.PlanTurns(ctx, tx, dbsqlc.PlanTurnsParams{Partner: partner, PageSize: turnsPage})
			},
		)
	})
	if err != nil {
		return fmt.Errorf("put the customers of %s in order: %w", partner, classify(err))
	}
	return nil
}

// Turns returns a page of the order of PlanTurns, or an empty page after its end.
func (s *Store) Turns(ctx context.Context, partner string, page int, b Bounds, done Done) ([]Turn, error) {
	keys, err := s.q.Turns(ctx, s.pool, dbsqlc.TurnsParams{Partner: partner, Page: int32(page)})
	if err != nil {
		return nil, fmt.Errorf("read whose turn it is: %w", classify(err))
	}
	return s.turns(ctx, keys, b, done)
}

// TurnsOf returns the turns of some enrolled customers, those with the most to lose
// first.
func (s *Store) TurnsOf(ctx context.Context, partner string, customers []billing.CustomerID, b Bounds, done Done) ([]Turn, error) {
	keys, err := s.q.TurnsOf(ctx, s.pool, dbsqlc.TurnsOfParams{Partner: partner, CustomerIds: uuids(customers)})
	if err != nil {
		return nil, fmt.Errorf("read whose turn it is: %w", classify(err))
	}
	return s.turns(ctx, keys, b, done)
}

func (s *Store) turns(ctx context.Context, keys []int64, b Bounds, done Done) ([]Turn, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	since := done.Since
	if since.IsZero() {
		since = time.Date(9999, time.January, 1, 0, 0, 0, 0, time.UTC)
	}
	if done.In == nil {
		done.In = []string{}
	}
	rows, err := s.q.KnownOf(ctx, s.pool, dbsqlc.KnownOfParams{CustomerKeys: keys, LineItems: b.LineItems, DoneIn: done.In, DoneSince: since, Rules: billing.Rules})
	if err != nil {
		return nil, fmt.Errorf("read what is known of %d customers: %w", len(keys), classify(err))
	}
	turns := make([]Turn, len(rows))
	for i, row := range rows {
		turns[i] = Turn{Key: row.CustomerKey, IsDone: row.IsDone, Visit: billing.Visit{
			CustomerID: billing.CustomerID(row.CustomerID), KnownCosts: row.CostsHash, SkipProfile: row.HasProfile,
		}}
		if row.IsKnown {
			turns[i].Visit.Known = known(row.CustomerKey, row.ProfileDigest, row.SummaryDigest, row.LineItemsDigest, row.NoCosts, row.NoItems, row.NextEndAt)
		}
	}
	return turns, nil
}

func known(key int64, profile, summary, lineItems []byte, noCosts, noItems bool, nextEnd *time.Time) *billing.Known {
	k := &billing.Known{Key: key, Profile: profile, Summary: summary, LineItems: lineItems, Outcome: billing.OutcomeUnchanged, NextEnd: instant(nextEnd), NoItems: noItems}
	if noCosts {
		k.Outcome = billing.OutcomeNoCosts
	}
	return k
}

// Rest is a customer whose profile or line items the second part of a run reads.
type Rest struct {
	Visit billing.Visit
	// OldestAt is when the oldest part was read; the zero time if never.
	OldestAt time.Time
}

// PlanRest stores the order in which the second part of a run reads the remaining
// profiles and line items, oldest first. It covers the customers of the run, and of the
// runs that it resumes, with a part that was not read since the first of them began. It
// returns their number. The caller holds the partner's lock.
func (s *Store) PlanRest(ctx context.Context, run billing.Run, b Bounds) (customers int, err error) {
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		if err := s.q.ForgetTurns(ctx, tx, run.Partner); err != nil {
			return err
		}
		n, err := s.q.PlanRest(ctx, tx, dbsqlc.PlanRestParams{
			Partner: run.Partner, RunID: run.ID, RunIds: pieceOfWork(run), LineItems: b.LineItems, PageSize: turnsPage,
		})
		customers = int(n)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("find what is to be read again of %s: %w", run.Partner, classify(err))
	}
	return customers, nil
}

// pieceOfWork returns the run and the runs that it resumes.
func pieceOfWork(run billing.Run) []string { return append([]string{run.ID}, run.Resumes...) }

// Rests returns a page of the order of PlanRest, or an empty page after its end.
func (s *Store) Rests(ctx context.Context, run billing.Run, page int, b Bounds) ([]Rest, error) {
	began, err := s.q.FirstBegan(ctx, s.pool, pieceOfWork(run))
	if err != nil {
		return nil, fmt.Errorf("read when the run began: %w", classify(err))
	}
	keys, err := s.q.Turns(ctx, s.pool, dbsqlc.TurnsParams{Partner: run.Partner, Page: int32(page)})
	if err != nil {
		return nil, fmt.Errorf("read whose turn it is: %w", classify(err))
	}
	if len(keys) == 0 {
		return nil, nil
	}
	rows, err := s.q.RestOf(ctx, s.pool, dbsqlc.RestOfParams{CustomerKeys: keys, RunID: run.ID, Rules: billing.Rules})
	if err != nil {
		return nil, fmt.Errorf("read what is left of %d customers: %w", len(keys), classify(err))
	}
	hashes := make([]string, 0, len(rows))
	for _, row := range rows {
		if row.SummaryHash != "" {
			hashes = append(hashes, row.SummaryHash)
		}
	}
	bodies, err := s.Bodies(ctx, hashes)
	if err != nil {
		return nil, err
	}
	summaries := make(map[string][]byte, len(bodies))
	for _, body := range bodies {
		if body.State == BodyVerified {
			summaries[body.SHA256] = body.Content
		}
	}
	rests := make([]Rest, len(rows))
	for i, row := range rows {
		rest := Rest{Visit: billing.Visit{CustomerID: billing.CustomerID(row.CustomerID), Earlier: billing.Outcome(row.Earlier)}}
		if row.IsKnown {
			rest.Visit.Known = known(row.CustomerKey, row.ProfileDigest, row.SummaryDigest, row.LineItemsDigest, row.NoCosts, row.NoItems, row.NextEndAt)
		}
		profileAt, itemsAt := instant(row.ProfileAt), instant(row.LineItemsAt)
		rest.Visit.SkipProfile = !profileAt.Before(began)
		rest.Visit.SkipItems = !b.LineItems || !itemsAt.Before(began)
		rest.OldestAt = profileAt
		if b.LineItems && itemsAt.Before(profileAt) {
			rest.OldestAt = itemsAt
		}
		// Without the summary the customer is read completely.
		if body, kept := summaries[row.SummaryHash]; kept {
			rest.Visit.Summary = &billing.Document{Kind: billing.SummaryDocument, Body: body, HTTPStatus: int(row.SummaryStatus)}
		} else {
			rest.Visit.SkipProfile = false
		}
		rests[i] = rest
	}
	return rests, nil
}

// ForgetTurns removes the order of the customers at the end of a run.
func (s *Store) ForgetTurns(ctx context.Context, partner string) error {
	if err := s.q.ForgetTurns(ctx, s.pool, partner); err != nil {
		return fmt.Errorf("remove the order of the customers: %w", classify(err))
	}
	return nil
}

// noteOverdue updates the finding about profiles and line items that are older than
// allowed.
func (s *Store) noteOverdue(ctx context.Context, tx pgx.Tx, partner string) error {
	now := s.now()
	overdue, err := s.q.Overdue(ctx, tx, dbsqlc.OverdueParams{Partner: partner, Now: now})
	if err != nil {
		return err
	}
	kind := string(billing.RefreshOverdue)
	if overdue.Customers == 0 {
		return s.q.ResolvePartnerFinding(ctx, tx, dbsqlc.ResolvePartnerFindingParams{Partner: partner, Kind: kind, Now: now})
	}
	return s.q.OpenPartnerFinding(ctx, tx, dbsqlc.OpenPartnerFindingParams{
		Partner: partner, Kind: kind, Severity: string(billing.Warning), Now: now,
		Detail: fmt.Sprintf("Profiles or line items of %d customers are older than collect.refresh, the oldest of %s; their costs are current. finance.coverage says whose. "+
			"The quota does not suffice for more: raise limits.requests_per_minute if Partner Center allows it, or collect.refresh.",
			overdue.Customers, overdue.OldestAt.UTC().Format(time.DateOnly)),
	})
}
