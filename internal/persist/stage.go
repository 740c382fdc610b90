package persist

import (
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/billing"
	"partnercost/internal/persist/dbsqlc"
)

// stage is a batch as rows of the staging tables. seq, the position in the batch,
// identifies a statement.
type stage struct {
	statements []dbsqlc.StageStatementsParams
	profiles   []dbsqlc.StageProfilesParams
	details    []dbsqlc.StageDetailsParams
	sets       []dbsqlc.StageSetsParams
	findings   []dbsqlc.StageFindingsParams

	customers  []billing.CustomerID         // by seq
	rowDetails []billing.CostDetail         // by row_no
	setItems   map[int32][]billing.LineItem // by set_no
	bodies     map[[sha256.Size]byte][]byte // by hash
	scopes     profileScopes
}

func newStage(batch []billing.Statement, scopes profileScopes) *stage {
	st := &stage{scopes: scopes, setItems: make(map[int32][]billing.LineItem), bodies: make(map[[sha256.Size]byte][]byte, 3*len(batch))}
	for i, s := range batch {
		unify(&s, billing.Spellings{})
		st.add(int32(i), &s)
	}
	return st
}

func (st *stage) copy(ctx context.Context, q *dbsqlc.Queries, tx pgx.Tx) error {
	return inOrder(
		func() error { _, err := q.StageStatements(ctx, tx, st.statements); return err },
		func() error {
			return copySome(st.profiles, func() (int64, error) { return q.StageProfiles(ctx, tx, st.profiles) })
		},
		func() error {
			return copySome(st.details, func() (int64, error) { return q.StageDetails(ctx, tx, st.details) })
		},
		func() error { return copySome(st.sets, func() (int64, error) { return q.StageSets(ctx, tx, st.sets) }) },
		func() error {
			return copySome(st.findings, func() (int64, error) { return q.StageFindings(ctx, tx, st.findings) })
		},
	)
}

// copySome saves the round trips of an empty COPY.
func copySome[T any](rows []T, copyRows func() (int64, error)) error {
	if len(rows) == 0 {
		return nil
	}
	_, err := copyRows()
	return err
}

func (st *stage) add(seq int32, s *billing.Statement) {
	st.addStatement(seq, s)
	if s.Profile != nil {
		st.profiles = append(st.profiles, stageProfile(seq, s.Profile.Within(st.scopes.of(s.CustomerID))))
	}
	if s.Costs != nil {
		st.addDetails(seq, s.Costs.Details)
		if s.LineItems != nil {
			for _, set := range setsOf(s) {
				st.addSet(seq, set)
			}
		}
	}
	for _, f := range s.Findings {
		st.findings = append(st.findings, dbsqlc.StageFindingsParams{
			Seq: seq, Kind: string(f.Kind), Severity: string(f.Severity), Subject: f.Subject, Detail: f.Detail,
		})
	}
}

// addStatement stages everything but the facts: the bodies, the root and the failure.
func (st *stage) addStatement(seq int32, s *billing.Statement) {
	st.customers = append(st.customers, s.CustomerID)
	row := dbsqlc.StageStatementsParams{
		Seq: seq, CustomerID: string(s.CustomerID), FetchedAt: s.FetchedAt,
		HasProfile: s.Profile != nil, HasCosts: s.Costs != nil, HasLineItems: s.LineItems != nil, NoCosts: s.Costs != nil && !s.Costs.HasItems(),
	}
	scope := st.scopes.of(s.CustomerID)
	said := digestsOf(s, scope)
	row.ProfileDigest, row.SummaryDigest, row.LineItemsDigest = said.profile, said.summary, said.lineItems
	for _, d := range s.Documents {
		if d.Kind == billing.ProfileDocument && scope > billing.FullProfile {
			continue
		}
		hash := sha256.Sum256(d.Body)
		// Each line item repeats the customer's name: where even the name must go, the body
		// is not stored. The log has its hash.
		if d.Kind != billing.LineItemsDocument || scope < billing.CountryOnly {
			st.bodies[hash] = d.Body
		}
		switch d.Kind {
		case billing.ProfileDocument:
			row.ProfileHash = hash[:]
		case billing.SummaryDocument:
			row.SummaryHash = hash[:]
			status := int16(d.HTTPStatus)
			row.SummaryStatus = &status
		case billing.LineItemsDocument:
			row.LineItemsHash = hash[:]
		}
	}
	if scope < billing.CountryOnly {
		row.CustomerName = optional(s.CustomerName)
	}
	if s.Costs != nil {
		root := s.Costs.Root
		row.RootStartsAt, row.RootEndsAt = moment(root.Period.Start), moment(root.Period.End)
		row.RootCurrency = optional(root.CurrencyCode)
		row.RootPretax, row.RootTax, row.RootAfterTax = root.PretaxTotal, root.Tax, root.AfterTaxTotal
		row.BodyCustomerID = optional(s.Costs.BodyCustomerID)
	}
	if f := s.Failure; f != nil {
		class, message, status, attempts := string(f.Class), f.Error(), int32(f.HTTPStatus), int32(f.Attempts)
		row.FailureClass, row.Resource, row.Message, row.Attempts = &class, &f.Resource, &message, &attempts
		if status != 0 {
			row.HttpStatus = &status
		}
		if scope == billing.FullProfile { // it may name persons
			row.Said = optional(f.Said)
		}
		row.Code, row.RequestID, row.CorrelationID = optional(f.Code), optional(f.RequestID), optional(f.CorrelationID)
	}
	st.statements = append(st.statements, row)
}

func (st *stage) addDetails(seq int32, details []billing.CostDetail) {
	for _, d := range details {
		st.details = append(st.details, dbsqlc.StageDetailsParams{
			RowNo: int32(len(st.rowDetails)), Seq: seq,
			InvoiceType: optional(string(d.InvoiceType)), PeriodStart: day(d.Period.Start), CurrencyCode: optional(d.CurrencyCode),
			StartsAt: moment(d.Period.Start), EndsAt: moment(d.Period.End), CurrencySymbol: optional(d.CurrencySymbol),
			PretaxTotal: d.PretaxTotal, Tax: d.Tax, AfterTaxTotal: d.AfterTaxTotal,
		})
		st.rowDetails = append(st.rowDetails, d)
	}
}

// setKey identifies a line-item set of one customer.
type setKey struct {
	invoiceType billing.InvoiceType
	start       time.Time // midnight UTC; zero when unstated
}

// itemSet is a set of line items, in the order of the answer.
type itemSet struct {
	setKey

	// stray is set when the answer has no detail of this invoice type. The period is then
	// the root's.
	stray bool
	items []billing.LineItem
}

// setsOf groups the items of an answer into their sets. Every detail of the answer has a
// set, even an empty one: that is how a set shrinks to nothing. Stored sets that the
// answer does not contain are decided against the stored data: by PlaceSets and
// EmptySets in a collection, and by replayed.addSets in a replay.
func setsOf(s *billing.Statement) []itemSet {
	var sets []itemSet
	places := make(map[setKey]int)
	set := func(key setKey) *itemSet {
		place, known := places[key]
		if !known {
			place = len(sets)
			places[key] = place
			sets = append(sets, itemSet{setKey: key})
		}
		return &sets[place]
	}
	detailed := make(map[billing.InvoiceType]bool)
	for _, d := range s.Costs.Details {
		detailed[d.InvoiceType] = true
		set(setKey{d.InvoiceType, midnight(d.Period.Start)})
	}
	for _, item := range s.LineItems {
		s := set(setKey{item.InvoiceType, midnight(item.SetStart)})
		s.items = append(s.items, item)
		s.stray = item.InvoiceType != "" && !detailed[item.InvoiceType]
	}
	return sets
}

// earliest returns the earliest start of the items; zero if none states one.
func (s *itemSet) earliest() time.Time {
	var first time.Time
	for _, item := range s.items {
		if !item.StartDate.IsZero() && (first.IsZero() || item.StartDate.Before(first)) {
			first = item.StartDate
		}
	}
	return first
}

func (st *stage) addSet(seq int32, set itemSet) {
	setNo := int32(len(st.sets))
	st.setItems[setNo] = set.items
	st.sets = append(st.sets, dbsqlc.StageSetsParams{
		SetNo: setNo, Seq: seq, InvoiceType: optional(string(set.invoiceType)), PeriodStart: day(set.start),
		ContentHash: hashItems(set.items), ItemCount: int32(len(set.items)), Stray: set.stray, Earliest: moment(set.earliest()),
	})
}

// unify sets the first spelling of each invoice type throughout the statement. Details
// and items are copied before they are changed.
func unify(s *billing.Statement, types billing.Spellings) {
	if s.Costs == nil {
		return
	}
	costs, items := *s.Costs, s.LineItems
	for i, d := range s.Costs.Details {
		if first := types.First(d.InvoiceType); first != d.InvoiceType {
			if s.Costs != &costs {
				costs.Details = slices.Clone(costs.Details)
				s.Costs = &costs
			}
			costs.Details[i].InvoiceType = first
		}
	}
	for i := range items {
		if first := types.First(items[i].InvoiceType); first != items[i].InvoiceType {
			if &items[0] == &s.LineItems[0] {
				s.LineItems = slices.Clone(items)
			}
			s.LineItems[i].InvoiceType = first
		}
	}
}

func stageProfile(seq int32, p *billing.Profile) dbsqlc.StageProfilesParams {
	a := p.Address
	return dbsqlc.StageProfilesParams{
		Seq: seq, ContentHash: hashProfile(p),
		ProfileID: optional(p.ID), FirstName: optional(p.FirstName), LastName: optional(p.LastName), Email: optional(p.Email),
		Culture: optional(p.Culture), Language: optional(p.Language), CompanyName: optional(p.CompanyName),
		OrganizationRegistrationID: optional(p.OrganizationRegistrationID),
		AddressID:                  optional(a.ID), Country: optional(a.Country), Region: optional(a.Region), City: optional(a.City), State: optional(a.State),
		District: optional(a.District), AddressLine1: optional(a.AddressLine1), AddressLine2: optional(a.AddressLine2),
		AddressLine3: optional(a.AddressLine3), PostalCode: optional(a.PostalCode), AddressFirstName: optional(a.FirstName),
		AddressMiddleName: optional(a.MiddleName), AddressLastName: optional(a.LastName), PhoneNumber: optional(a.PhoneNumber),
		AddressEmail: optional(a.EmailAddress),
	}
}

func appendItems(rows []dbsqlc.InsertLineItemsParams, setID int64, items []billing.LineItem) []dbsqlc.InsertLineItemsParams {
	for i, item := range items {
		rows = append(rows, dbsqlc.InsertLineItemsParams{
			SetID: setID, Ordinal: int32(i + 1),
			InvoiceNumber: optional(item.InvoiceNumber), ChargeType: optional(item.ChargeType),
			StartDate: moment(item.StartDate), EndDate: moment(item.EndDate),
			SubscriptionID: optional(item.SubscriptionID), SubscriptionFriendlyName: optional(item.SubscriptionFriendlyName),
			OrderID: optional(item.OrderID), OfferID: optional(item.OfferID), OfferName: optional(item.OfferName),
			ProductID: optional(item.ProductID), ProductName: optional(item.ProductName), SkuID: optional(item.SkuID), SkuName: optional(item.SkuName),
			AvailabilityID: optional(item.AvailabilityID), PublisherID: optional(item.PublisherID), PublisherName: optional(item.PublisherName),
			ResellerMpnID: optional(item.ResellerMPNID), TermAndBillingCycle: optional(item.TermAndBillingCycle),
			DiscountDetails: optional(item.DiscountDetails),
			Quantity:        item.Quantity, UnitPrice: item.UnitPrice, PretaxTotal: item.PretaxTotal, Tax: item.Tax, AfterTaxTotal: item.AfterTaxTotal,
			CurrencyCode: optional(item.CurrencyCode), CurrencySymbol: optional(item.CurrencySymbol),
		})
	}
	return rows
}

// optional returns NULL for an empty string: absent, null and "" all occur in answers
// and mean the same.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// moment returns NULL for the zero time.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// day returns the UTC day of t, or NULL for the zero time.
func day(t time.Time) *time.Time { return moment(midnight(t)) }

func midnight(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	y, m, d := t.UTC().Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}
