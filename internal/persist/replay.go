package persist

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/billing"
	"partnercost/internal/persist/dbsqlc"
)

// ArchivedCustomer is the log of one customer's answers.
type ArchivedCustomer struct {
	CustomerID billing.CustomerID
	// Answers are in the order in which they arrived.
	Answers []ArchivedAnswer
}

// ArchivedAnswer is an entry of the log with the bodies that are still kept.
type ArchivedAnswer struct {
	StatementID int64
	// Imported means that the answer was not collected.
	Imported  bool
	Documents []billing.Document
	// Pruned means that the summary or the line items are no longer stored, so derived
	// facts may be incomplete.
	Pruned bool
}

// archivePage is how many customers are looked up at a time.
const archivePage = 1000

// Archive enumerates the partner's customers with their logs, one at a time.
func (s *Store) Archive(ctx context.Context, partner string) iter.Seq2[ArchivedCustomer, error] {
	return func(yield func(ArchivedCustomer, error) bool) {
		for after := int64(0); ; {
			page, err := s.q.ArchivedCustomers(ctx, s.pool, dbsqlc.ArchivedCustomersParams{Partner: partner, After: after, AtMost: archivePage})
			if err != nil {
				yield(ArchivedCustomer{}, fmt.Errorf("read the archive of %s: %w", partner, classify(err)))
				return
			}
			if len(page) == 0 {
				return
			}
			for _, c := range page {
				customer, err := s.archived(ctx, c)
				if !yield(customer, err) || err != nil {
					return
				}
				after = c.CustomerKey
			}
		}
	}
}

func (s *Store) archived(ctx context.Context, c dbsqlc.ArchivedCustomersRow) (ArchivedCustomer, error) {
	customer := ArchivedCustomer{CustomerID: billing.CustomerID(c.CustomerID)}
	rows, err := s.q.ArchivedStatements(ctx, s.pool, c.CustomerKey)
	if err != nil {
		return customer, fmt.Errorf("read the archive of customer %s: %w", c.CustomerID, classify(err))
	}
	for _, row := range rows {
		answer := ArchivedAnswer{
			StatementID: row.StatementID, Imported: row.Origin == "import",
			Pruned: row.SummaryHash != nil && row.Summary == nil || row.LineItemsHash != nil && row.LineItems == nil,
		}
		keep := func(kind billing.DocumentKind, stored []byte, encoding int16, status *int16) {
			if stored == nil {
				return
			}
			body, _ := decodeBody(stored, encoding) // a damaged body is not a document, and that customer fails
			d := billing.Document{Kind: kind, Body: body}
			if status != nil {
				d.HTTPStatus = int(*status)
			}
			answer.Documents = append(answer.Documents, d)
		}
		keep(billing.ProfileDocument, row.Profile, row.ProfileEncoding, nil)
		keep(billing.SummaryDocument, row.Summary, row.SummaryEncoding, row.SummaryStatus)
		if row.Summary != nil {
			keep(billing.LineItemsDocument, row.LineItems, row.LineItemsEncoding, nil)
		}
		customer.Answers = append(customer.Answers, answer)
	}
	return customer, nil
}

// Rederived is a customer's log of answers, derived again.
type Rederived struct {
	CustomerID billing.CustomerID
	// Answers are in the order of the archive.
	Answers []RederivedAnswer
	// Pruned means that some answers are no longer stored, so their facts cannot be
	// derived.
	Pruned bool
}

// RederivedAnswer is the content of a log entry.
type RederivedAnswer struct {
	StatementID int64
	Imported    bool
	billing.Statement
}

// ReplayResult is what replaying one customer changed.
type ReplayResult struct {
	billing.CustomerResult

	// Withdrawn details are no longer derived. They are set aside, with their history, in
	// collector.withdrawn_rows.
	Withdrawn int
}

// Replay updates the facts of these customers to what their answers say, in one
// transaction. Facts that do not change are not written; facts that are no longer
// derived are withdrawn. Findings and the states of the customers are left to the next
// collection.
func (s *Store) Replay(ctx context.Context, run billing.Run, batch []Rederived) ([]ReplayResult, error) {
	ids := make([]string, len(batch))
	for i := range batch {
		ids[i] = string(batch[i].CustomerID)
	}
	scopes, err := s.scopes(ctx, s.pool, run.Partner, ids)
	if err != nil {
		return nil, err
	}
	st, order := newReplayStage(batch, s.now(), scopes)
	var results []ReplayResult
	err = s.staged(ctx, st, func(tx pgx.Tx) error {
		w := writer{store: s, tx: tx, run: run}
		return inOrder(
			func() error { return s.q.PlanCustomers(ctx, tx, run.Partner) },
			func() error {
				return s.q.NameStatements(ctx, tx, dbsqlc.NameStatementsParams{Seqs: order.seqs, StatementIds: order.statements})
			},
			func() error { return s.q.PlanTypes(ctx, tx) },
			func() error { return w.compare(ctx) },
			func() error { return s.q.KeepUnderivable(ctx, tx) },
			func() (err error) { results, err = w.replayResults(ctx, st, batch, order); return err },
			func() error { return w.lockDerived(ctx) },
			func() error { return s.q.RederiveRoots(ctx, tx) },
			func() error { return w.withdraw(ctx, order, results) },
			func() error { return w.applyFacts(ctx, st) },
			func() error { return s.q.DeriveAnew(ctx, tx) },
		)
	})
	if err != nil {
		return nil, fmt.Errorf("replay %d customers of %s: %w", len(batch), run.Partner, classify(err))
	}
	return results, nil
}

// lockDerived protects the bodies from which facts are now derived against pruning.
func (w writer) lockDerived(ctx context.Context) error {
	hashes, err := w.store.q.DerivedHashes(ctx, w.tx)
	if err != nil || len(hashes) == 0 {
		return err
	}
	_, err = w.store.q.LockKnownPayloads(ctx, w.tx, hashes)
	return err
}

// replayResults reads the results of the replay from the plan.
func (w writer) replayResults(ctx context.Context, st *stage, batch []Rederived, order replayOrder) ([]ReplayResult, error) {
	rows, err := w.store.q.StageResults(ctx, w.tx)
	if err != nil {
		return nil, err
	}
	changed := make([]billing.CustomerResult, len(batch))
	for i, customer := range batch {
		changed[i].CustomerID = customer.CustomerID
	}
	for _, row := range rows {
		c := &changed[order.customers[row.Seq]]
		c.RowsChanged += int(row.DetailsChanged + row.SetsChanged)
		c.LineItemSetsChanged += int(row.SetsChanged)
		if row.ProfileChanged {
			c.ProfileChanged = true
			c.RowsChanged++
		}
	}
	err = w.detailChanges(ctx, st, changed)
	if err != nil {
		return nil, err
	}
	results := make([]ReplayResult, len(batch))
	for i, c := range changed {
		results[i].CustomerResult = c
		results[i].settle()
	}
	return results, nil
}

// settle sets the outcome from the counts.
func (r *ReplayResult) settle() {
	r.Outcome = billing.OutcomeUnchanged
	if r.RowsChanged > 0 {
		r.Outcome = billing.OutcomeStored
	}
}

// replayOrder maps the seqs of a replay's stage to statements and customers.
type replayOrder struct {
	seqs       []int32
	statements []int64 // by seq
	customers  []int   // by seq: index in the batch
	whole      []int32 // seqs of customers without pruned answers
}

// replayed collects what one customer's answers say, the later overriding the
// earlier, but what was imported nothing that was collected.
type replayed struct {
	profile         int32 // seq, or -1
	profileImported bool
	details         map[detailKey]detailsOf
	sets            map[setKey]setOf
}

type detailKey struct {
	invoiceType billing.InvoiceType
	start       time.Time
	currency    string
}

func (k detailKey) set() setKey { return setKey{k.invoiceType, k.start} }

func keyOf(d billing.CostDetail) detailKey {
	return detailKey{d.InvoiceType, midnight(d.Period.Start), d.CurrencyCode}
}

// detailsOf are the details of one key, with the last answer that has the key.
type detailsOf struct {
	seq      int32
	imported bool
	details  []billing.CostDetail
}

// setOf is a set, with the last answer that decides on it.
type setOf struct {
	seq      int32
	imported bool
	itemSet
}

// newReplayStage stages every answer, but only the newest state of each fact.
func newReplayStage(batch []Rederived, now time.Time, scopes profileScopes) (*stage, replayOrder) {
	st := newStage(nil, scopes)
	var order replayOrder
	for i, customer := range batch {
		latest := replayed{profile: -1, details: map[detailKey]detailsOf{}, sets: map[setKey]setOf{}}
		types, answers := billing.Spellings{}, slices.Clone(customer.Answers)
		first := int32(len(order.seqs))
		for j := range answers {
			answer := &answers[j]
			seq := int32(len(order.seqs))
			order.seqs = append(order.seqs, seq)
			order.statements = append(order.statements, answer.StatementID)
			order.customers = append(order.customers, i)
			if !customer.Pruned {
				order.whole = append(order.whole, seq)
			}
			answer.FetchedAt = now
			unify(&answer.Statement, types)
			st.addStatement(seq, &answer.Statement)
			latest.add(seq, answer)
		}
		for j := range answers {
			st.addLatest(first+int32(j), &answers[j].Statement, latest)
		}
		st.addLatestSets(latest)
	}
	return st, order
}

// add takes in the facts of a later answer.
func (r *replayed) add(seq int32, answer *RederivedAnswer) {
	s := &answer.Statement
	if s.Profile != nil && (!answer.Imported || r.profileImported || r.profile < 0) {
		r.profile, r.profileImported = seq, answer.Imported
	}
	if s.Costs == nil {
		return
	}
	said := map[detailKey][]billing.CostDetail{}
	for _, d := range s.Costs.Details {
		said[keyOf(d)] = append(said[keyOf(d)], d)
	}
	if answer.Imported {
		_, collected := r.costs()
		maps.DeleteFunc(said, func(key detailKey, _ []billing.CostDetail) bool { return collected[key.set()] })
	} else {
		r.dropImported(said)
	}
	for key, details := range said {
		r.details[key] = detailsOf{seq, answer.Imported, overlaid(r.details[key].details, details)}
	}
	given := map[setKey]bool{}
	switch {
	case answer.Imported && s.LineItems != nil:
		r.importSets(seq, s, given)
	case s.LineItems != nil && !r.isUnclear(s):
		r.collectSets(seq, s, given)
	default:
		given = nil
	}
	r.emptySets(seq, answer, given)
}

// costs are the types and periods that have a cost, and those with a collected one.
func (r *replayed) costs() (known, collected map[setKey]bool) {
	known, collected = map[setKey]bool{}, map[setKey]bool{}
	for key, of := range r.details {
		known[key.set()] = true
		collected[key.set()] = collected[key.set()] || !of.imported
	}
	return known, collected
}

// dropImported drops imported details of the types and periods that were collected, in
// every currency.
func (r *replayed) dropImported(collected map[detailKey][]billing.CostDetail) {
	stated := map[setKey]bool{}
	for key := range collected {
		stated[key.set()] = true
	}
	maps.DeleteFunc(r.details, func(key detailKey, of detailsOf) bool { return of.imported && stated[key.set()] })
}

// collectSets takes in the line items of a collected answer, and records their sets in
// given. It assigns them as PlaceSets does in a collection.
func (r *replayed) collectSets(seq int32, s *billing.Statement, given map[setKey]bool) {
	for _, set := range setsOf(s) {
		if set.stray {
			set.start = r.periodOf(&set, s.Costs.Root.Period.Start)
		}
		given[set.setKey] = true
		r.sets[set.setKey] = setOf{seq, false, set}
	}
}

// importSets takes in the line items of an imported answer, and records their sets in
// given. It decides as KeepCollected does in an import.
func (r *replayed) importSets(seq int32, s *billing.Statement, given map[setKey]bool) {
	known, collected := r.costs()
	besideCollected := func(key setKey) bool {
		for k, isCollected := range collected {
			if isCollected && (key.start.IsZero() || k.start.Equal(key.start) || k.invoiceType == key.invoiceType && key.invoiceType != "") {
				return true
			}
		}
		return false
	}
	for _, set := range setsOf(s) {
		key := set.setKey
		given[key] = true
		before, stands := r.sets[key]
		if stands && !before.imported || !known[key] && besideCollected(key) {
			continue
		}
		r.sets[key] = setOf{seq, true, set}
	}
}

// emptySets empties the sets that end with an answer whose sets are given. It decides
// as EmptySets does in a collection; given is nil when the line items are not known.
func (r *replayed) emptySets(seq int32, answer *RederivedAnswer, given map[setKey]bool) {
	costs := answer.Costs
	root, wereRead := midnight(costs.Root.Period.Start), given != nil
	periods, types := map[time.Time]bool{{}: len(costs.Details) > 0}, map[billing.InvoiceType]bool{}
	for _, d := range costs.Details {
		periods[midnight(d.Period.Start)] = true
		types[d.InvoiceType] = d.InvoiceType != ""
	}
	known, collected := r.costs()
	for key, set := range r.sets {
		isPlaced := collected[key] || set.imported && known[key]
		isOver := (set.imported || wereRead) && (periods[key.start] || types[key.invoiceType]) ||
			!set.imported && wereRead && (key.start.IsZero() || key.start.Equal(root))
		if !given[key] && !isPlaced && len(set.items) > 0 && isOver && (set.imported || !answer.Imported) {
			r.sets[key] = setOf{seq, answer.Imported, itemSet{setKey: key}}
		}
	}
}

// isUnclear reports whether the items without a type cannot be assigned to one. It
// decides as SetUnclearAside does in a collection.
func (r *replayed) isUnclear(s *billing.Statement) bool {
	untyped := itemSet{}
	types := map[billing.InvoiceType]bool{}
	for _, item := range s.LineItems {
		if item.InvoiceType == "" {
			untyped.items = append(untyped.items, item)
		}
		types[item.InvoiceType] = true
	}
	for _, d := range s.Costs.Details {
		types[d.InvoiceType] = true
	}
	if len(untyped.items) == 0 {
		return false
	}
	for key, set := range r.sets {
		if key.invoiceType == "" || types[key.invoiceType] || len(set.items) == 0 {
			continue
		}
		newest := r.newest(key.invoiceType)
		if !newest.Start.IsZero() && midnight(newest.Start).Equal(key.start) && !isOver(newest, s.Costs.Root.Period.Start, untyped.earliest()) {
			return true
		}
	}
	return false
}

// newest returns the newest collected period of a type; zero when there is none.
func (r *replayed) newest(invoiceType billing.InvoiceType) (newest billing.Period) {
	for key, of := range r.details {
		if key.invoiceType != invoiceType || of.imported {
			continue
		}
		for _, d := range of.details {
			start, known := midnight(d.Period.Start), midnight(newest.Start)
			if !start.IsZero() && (start.After(known) || start.Equal(known) && d.Period.End.After(newest.End)) {
				newest = d.Period
			}
		}
	}
	return newest
}

// isOver reports whether a period ended before an answer whose root begins at root and
// whose items begin at first. A period without an end counts as ended.
func isOver(p billing.Period, root, first time.Time) bool {
	return p.End.IsZero() || p.End.Before(root) || p.End.Before(first)
}

// periodOf returns the period start of items for whose type the answer has no detail:
// the newest collected period of the type, unless that is over. See PlaceSets.
func (r *replayed) periodOf(set *itemSet, root time.Time) time.Time {
	newest := r.newest(set.invoiceType)
	if !isOver(newest, root, set.earliest()) {
		return midnight(newest.Start)
	}
	for key, of := range r.details {
		if key.invoiceType == set.invoiceType && !of.imported && key.start.Equal(set.start) {
			return time.Time{} // that period has items of its own
		}
	}
	return set.start
}

// overlaid returns the details of a key, in the order of their ordinals, after a later
// answer with some of them. As in a collection, each of the answer's details replaces an
// identical one, or else the first that is left, or else takes the next place.
func overlaid(before, after []billing.CostDetail) []billing.CostDetail {
	said := slices.Clone(before)
	taken := make([]bool, len(said))
	var others []billing.CostDetail
	for _, d := range after {
		i := 0
		for i < len(before) && (taken[i] || !sameDetail(before[i], d)) {
			i++
		}
		if i == len(before) {
			others = append(others, d)
			continue
		}
		taken[i] = true
	}
	for i := range said {
		if !taken[i] && len(others) > 0 {
			said[i], others = others[0], others[1:]
		}
	}
	return append(said, others...)
}

func sameDetail(a, b billing.CostDetail) bool {
	same := func(a, b billing.Amount) bool { return a.Valid == b.Valid && (!a.Valid || a.Decimal.Equal(b.Decimal)) }
	return a.Period.Start.Equal(b.Period.Start) && a.Period.End.Equal(b.Period.End) && a.CurrencySymbol == b.CurrencySymbol &&
		same(a.PretaxTotal, b.PretaxTotal) && same(a.Tax, b.Tax) && same(a.AfterTaxTotal, b.AfterTaxTotal)
}

// addLatest stages the facts for which this answer is the one that counts.
func (st *stage) addLatest(seq int32, s *billing.Statement, latest replayed) {
	if latest.profile == seq {
		st.profiles = append(st.profiles, stageProfile(seq, s.Profile.Within(st.scopes.of(s.CustomerID))))
	}
	if s.Costs == nil {
		return
	}
	added := map[detailKey]bool{}
	for _, d := range s.Costs.Details {
		key := keyOf(d)
		if of := latest.details[key]; of.seq == seq && !added[key] {
			added[key] = true
			st.addDetails(seq, of.details)
		}
	}
}

// addLatestSets stages the newest state of each set, with the last answer that decides
// on it.
func (st *stage) addLatestSets(latest replayed) {
	keys := slices.SortedFunc(maps.Keys(latest.sets), func(a, b setKey) int {
		return cmp.Or(a.start.Compare(b.start), cmp.Compare(a.invoiceType, b.invoiceType))
	})
	for _, key := range keys {
		st.addSet(latest.sets[key].seq, latest.sets[key].itemSet)
	}
}

// withdraw removes facts that are no longer derived.
func (w writer) withdraw(ctx context.Context, order replayOrder, results []ReplayResult) error {
	if len(order.whole) == 0 {
		return nil
	}
	q, now := w.store.q, w.store.now()
	rows, err := q.WithdrawDetails(ctx, w.tx, dbsqlc.WithdrawDetailsParams{RunID: w.run.ID, Now: now, Seqs: order.whole})
	if err != nil {
		return err
	}
	ids := make([]int64, len(rows))
	of := func(customer string) *ReplayResult {
		return &results[slices.IndexFunc(results, func(r ReplayResult) bool { return string(r.CustomerID) == customer })]
	}
	for i, row := range rows {
		ids[i] = row.DetailID
		r := of(row.CustomerID)
		r.Withdrawn++
		r.RowsChanged++
		r.settle()
	}
	err = w.deleteDetails(ctx, ids)
	if err != nil {
		return err
	}
	sets, err := q.WithdrawSets(ctx, w.tx, dbsqlc.WithdrawSetsParams{Now: now, RunID: w.run.ID, Seqs: order.whole})
	for _, customer := range sets {
		r := of(customer)
		r.LineItemSetsChanged++
		r.RowsChanged++
		r.settle()
	}
	return err
}
