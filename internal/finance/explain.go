package finance

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/billing"
	"partnercost/internal/finance/dbsqlc"
)

// Explanation says where the costs of a customer come from whose period ends in a month.
// Texts and dates (YYYY-MM-DD) that the service does not state are empty. Its JSON form
// is the output of "collector explain".
type Explanation struct {
	CustomerID billing.CustomerID `json:"customer_id"`
	Period     string             `json:"period"`
	Costs      []ExplainedCost    `json:"costs"`
	// Findings are the findings about the customer that concern no single cost.
	Findings []ExplainedFinding `json:"findings"`
	// Months are all months in which a cost of the customer ends.
	Months []string `json:"months_with_costs"`
	// Bodies are the answers from which the costs were derived, each once. Explain does not
	// read their contents.
	Bodies []Answer `json:"bodies"`
}

// ExplainedCost is the newest value of a cost and everything behind it.
type ExplainedCost struct {
	Partner          string             `json:"partner"`
	CompanyName      string             `json:"company_name,omitempty"`
	InvoiceType      string             `json:"invoice_type,omitempty"`
	PeriodStart      string             `json:"period_start,omitempty"`
	PeriodEnd        string             `json:"period_end"`
	CurrencyCode     string             `json:"currency_code,omitempty"`
	Ordinal          int                `json:"ordinal"`
	PretaxTotal      ExactAmount        `json:"pretax_total"`
	Tax              ExactAmount        `json:"tax"`
	AfterTaxTotal    ExactAmount        `json:"after_tax_total"`
	Origin           string             `json:"origin"`
	FirstCollectedAt time.Time          `json:"first_collected_at"`
	LastChangedAt    time.Time          `json:"last_changed_at"`
	Revisions        []CostRevision     `json:"revisions"`
	LineChanges      []LineChange       `json:"line_changes"`
	LineItemSets     []LineItemSet      `json:"line_item_sets"`
	LineItems        []ExplainedItem    `json:"line_items"`
	Findings         []ExplainedFinding `json:"findings"`
}

// CostRevision is a value of a cost. The last one is the newest.
type CostRevision struct {
	Revision        int           `json:"revision"`
	PeriodEnd       string        `json:"period_end,omitempty"`
	PretaxTotal     ExactAmount   `json:"pretax_total"`
	Tax             ExactAmount   `json:"tax"`
	AfterTaxTotal   ExactAmount   `json:"after_tax_total"`
	Origin          string        `json:"origin"`
	StoredAt        time.Time     `json:"stored_at"`
	Run             RunReference  `json:"run"`
	SupersededAt    *time.Time    `json:"superseded_at"`
	SupersededBy    *RunReference `json:"superseded_by"`
	SummarySHA256   string        `json:"summary_sha256,omitempty"`
	LineItemsSHA256 string        `json:"line_items_sha256,omitempty"`
}

// LineChange is a line item that was removed, added or changed by a restatement of the
// cost, or the part of the restatement that no line item explains. The line changes of
// one revision add up to the difference after tax.
type LineChange struct {
	// Revision is the number of the value that replaced another.
	Revision       int         `json:"revision"`
	Change         string      `json:"change"`
	Name           string      `json:"name,omitempty"`
	ChargeType     string      `json:"charge_type,omitempty"`
	SubscriptionID string      `json:"subscription_id,omitempty"`
	StartDate      string      `json:"start_date,omitempty"`
	EndDate        string      `json:"end_date,omitempty"`
	QuantityBefore ExactAmount `json:"quantity_before"`
	QuantityAfter  ExactAmount `json:"quantity_after"`
	AfterTaxBefore ExactAmount `json:"after_tax_before"`
	AfterTaxAfter  ExactAmount `json:"after_tax_after"`
	Difference     ExactAmount `json:"after_tax_difference"`
	SharePercent   ExactAmount `json:"share_percent"`
}

// LineItemSet is a set of line items of a cost. The last one is the newest: it holds the
// line items of the cost.
type LineItemSet struct {
	Revision        int           `json:"revision"`
	ItemCount       int           `json:"item_count"`
	Origin          string        `json:"origin"`
	StoredAt        time.Time     `json:"stored_at"`
	Run             RunReference  `json:"run"`
	SupersededAt    *time.Time    `json:"superseded_at"`
	SupersededBy    *RunReference `json:"superseded_by"`
	LineItemsSHA256 string        `json:"line_items_sha256,omitempty"`
}

// RunReference names a run. It has only an id if the ledger no longer holds the run.
type RunReference struct {
	ID        string     `json:"run_id"`
	Kind      string     `json:"kind,omitempty"`
	Status    string     `json:"status,omitempty"`
	StartedAt *time.Time `json:"started_at,omitempty"`
	Version   string     `json:"version,omitempty"`
}

// ExplainedItem is a line item of the newest set.
type ExplainedItem struct {
	Ordinal        int         `json:"ordinal"`
	InvoiceNumber  string      `json:"invoice_number,omitempty"`
	ChargeType     string      `json:"charge_type,omitempty"`
	StartDate      string      `json:"start_date,omitempty"`
	EndDate        string      `json:"end_date,omitempty"`
	SubscriptionID string      `json:"subscription_id,omitempty"`
	OfferName      string      `json:"offer_name,omitempty"`
	ProductName    string      `json:"product_name,omitempty"`
	SkuName        string      `json:"sku_name,omitempty"`
	Quantity       ExactAmount `json:"quantity"`
	UnitPrice      ExactAmount `json:"unit_price"`
	PretaxTotal    ExactAmount `json:"pretax_total"`
	Tax            ExactAmount `json:"tax"`
	AfterTaxTotal  ExactAmount `json:"after_tax_total"`
	CurrencyCode   string      `json:"currency_code,omitempty"`
}

// ExplainedFinding is a finding, open or resolved.
type ExplainedFinding struct {
	Partner     string     `json:"partner"`
	Kind        string     `json:"kind"`
	Severity    string     `json:"severity"`
	Subject     string     `json:"subject,omitempty"`
	Detail      string     `json:"detail"`
	FirstSeenAt time.Time  `json:"first_seen_at"`
	LastSeenAt  time.Time  `json:"last_seen_at"`
	ResolvedAt  *time.Time `json:"resolved_at"`
}

// ExactAmount is an amount whose JSON form is a number, or null.
type ExactAmount struct{ billing.Amount }

// MarshalJSON writes the amount with all its digits.
func (a ExactAmount) MarshalJSON() ([]byte, error) { return []byte(a.String()), nil }

// String returns the amount with all its digits, or null.
func (a ExactAmount) String() string {
	if !a.Valid {
		return "null"
	}
	return a.Decimal.String()
}

// Explain says where the costs of a customer come from that end in a month (YYYY-MM),
// under one partner or, if partner is empty, under all. If there is no such customer, the
// error is billing.ErrUnknownCustomer.
func (r *Reader) Explain(ctx context.Context, partner string, customer billing.CustomerID, month string) (Explanation, error) {
	e := Explanation{CustomerID: customer, Period: month, Costs: []ExplainedCost{}, Findings: []ExplainedFinding{}, Months: []string{}}
	err := r.read(ctx, func(tx pgx.Tx) error {
		x := explainer{q: r.q, tx: tx, customer: string(customer)}
		if partner != "" {
			x.partner = &partner
		}
		return x.explain(ctx, &e)
	})
	if err != nil {
		return Explanation{}, fmt.Errorf("explain customer %s: %w", customer, err)
	}
	e.Bodies = answersOf(e.Costs)
	return e, nil
}

// explainer reads one explanation.
type explainer struct {
	q        *dbsqlc.Queries
	tx       pgx.Tx
	customer string
	partner  *string
}

func (x explainer) explain(ctx context.Context, e *Explanation) error {
	known, err := x.q.ExplainedMonths(ctx, x.tx, dbsqlc.ExplainedMonthsParams{CustomerID: x.customer, Partner: x.partner})
	if err != nil {
		return err
	}
	if len(known) == 0 {
		return billing.ErrUnknownCustomer
	}
	for _, k := range known {
		e.Months = append(e.Months, k.Months...)
	}
	slices.Sort(e.Months)
	e.Months = slices.Compact(e.Months)
	for _, part := range []func(context.Context, *Explanation) error{x.costs, x.revisions, x.changes, x.sets, x.items, x.findings, x.runs} {
		if err := part(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

func (x explainer) costs(ctx context.Context, e *Explanation) error {
	rows, err := x.q.ExplainedCosts(ctx, x.tx, dbsqlc.ExplainedCostsParams{CustomerID: x.customer, Partner: x.partner, Month: e.Period})
	for _, r := range rows {
		e.Costs = append(e.Costs, ExplainedCost{
			Partner: r.Partner, CompanyName: r.CompanyName, InvoiceType: r.InvoiceType, PeriodStart: r.PeriodStart, PeriodEnd: r.PeriodEnd,
			CurrencyCode: r.CurrencyCode, Ordinal: int(r.Ordinal),
			PretaxTotal: ExactAmount{r.PretaxTotal}, Tax: ExactAmount{r.Tax}, AfterTaxTotal: ExactAmount{r.AfterTaxTotal},
			Origin: r.Origin, FirstCollectedAt: r.FirstCollectedAt.UTC(), LastChangedAt: r.LastChangedAt.UTC(),
			Revisions: []CostRevision{}, LineChanges: []LineChange{}, LineItemSets: []LineItemSet{}, LineItems: []ExplainedItem{}, Findings: []ExplainedFinding{},
		})
	}
	return err
}

func (x explainer) revisions(ctx context.Context, e *Explanation) error {
	rows, err := x.q.ExplainedRevisions(ctx, x.tx, dbsqlc.ExplainedRevisionsParams{CustomerID: x.customer, Partner: x.partner})
	for _, r := range rows {
		for i := range e.Costs {
			c := &e.Costs[i]
			if !c.inSet(r.Partner, r.InvoiceType, r.PeriodStart) || c.CurrencyCode != r.CurrencyCode || c.Ordinal != int(r.Ordinal) {
				continue
			}
			c.Revisions = append(c.Revisions, CostRevision{
				Revision: int(r.Revision), PeriodEnd: r.PeriodEnd,
				PretaxTotal: ExactAmount{r.PretaxTotal}, Tax: ExactAmount{r.Tax}, AfterTaxTotal: ExactAmount{r.AfterTaxTotal},
				Origin: r.Origin, StoredAt: r.ValidFrom.UTC(), Run: RunReference{ID: r.RunID},
				SupersededAt: inUTC(r.SupersededAt), SupersededBy: referTo(r.SupersededByRun), SummarySHA256: r.SummaryHash, LineItemsSHA256: r.LineItemsHash,
			})
		}
	}
	return err
}

// explainedChanges is not in sqlc, which cannot tell that its amounts are numeric and may
// be null.
const explainedChanges = `SELECT partner, coalesce(invoice_type, ''), coalesce(period_start::text, ''), coalesce(currency_code, ''), ordinal,
		revision, change, coalesce(name, ''), coalesce(charge_type, ''), coalesce(subscription_id, ''), coalesce(start_date::text, ''), coalesce(end_date::text, ''),
		quantity_before, quantity_after, after_tax_before, after_tax_after, after_tax_difference, share_percent
	FROM finance.cost_change_lines
	WHERE customer_id = $1::uuid AND partner = coalesce($2::text, partner) AND to_char(period_end, 'YYYY-MM') = $3
	ORDER BY partner, invoice_type, period_start, currency_code, ordinal, revision, change = 'unexplained', abs(after_tax_difference) DESC, name, charge_type, start_date`

func (x explainer) changes(ctx context.Context, e *Explanation) error {
	rows, err := x.tx.Query(ctx, explainedChanges, x.customer, x.partner, e.Period)
	if err != nil {
		return err
	}
	var l LineChange
	var partner, invoiceType, periodStart, currency string
	var ordinal int
	_, err = pgx.ForEachRow(rows, []any{
		&partner, &invoiceType, &periodStart, &currency, &ordinal,
		&l.Revision, &l.Change, &l.Name, &l.ChargeType, &l.SubscriptionID, &l.StartDate, &l.EndDate,
		&l.QuantityBefore.Amount, &l.QuantityAfter.Amount, &l.AfterTaxBefore.Amount, &l.AfterTaxAfter.Amount, &l.Difference.Amount, &l.SharePercent.Amount,
	}, func() error {
		for i := range e.Costs {
			c := &e.Costs[i]
			if c.inSet(partner, invoiceType, periodStart) && c.CurrencyCode == currency && c.Ordinal == ordinal {
				c.LineChanges = append(c.LineChanges, l)
			}
		}
		return nil
	})
	return err
}

func (x explainer) sets(ctx context.Context, e *Explanation) error {
	rows, err := x.q.ExplainedSets(ctx, x.tx, dbsqlc.ExplainedSetsParams{CustomerID: x.customer, Partner: x.partner})
	for _, r := range rows {
		for i := range e.Costs {
			c := &e.Costs[i]
			if c.inSet(r.Partner, r.InvoiceType, r.PeriodStart) {
				c.LineItemSets = append(c.LineItemSets, LineItemSet{
					Revision: int(r.Revision), ItemCount: int(r.ItemCount), Origin: r.Origin, StoredAt: r.CollectedAt.UTC(), Run: RunReference{ID: r.RunID},
					SupersededAt: inUTC(r.SupersededAt), SupersededBy: referTo(r.SupersededByRun), LineItemsSHA256: r.LineItemsHash,
				})
			}
		}
	}
	return err
}

func (x explainer) items(ctx context.Context, e *Explanation) error {
	starts := make([]string, 0, len(e.Costs))
	for _, c := range e.Costs {
		starts = append(starts, c.PeriodStart)
	}
	rows, err := x.q.ExplainedItems(ctx, x.tx, dbsqlc.ExplainedItemsParams{CustomerID: x.customer, Partner: x.partner, PeriodStarts: starts})
	for _, r := range rows {
		for i := range e.Costs {
			c := &e.Costs[i]
			if c.inSet(r.Partner, r.InvoiceType, r.PeriodStart) {
				c.LineItems = append(c.LineItems, ExplainedItem{
					Ordinal: int(r.Ordinal), InvoiceNumber: r.InvoiceNumber, ChargeType: r.ChargeType, StartDate: r.StartDate, EndDate: r.EndDate,
					SubscriptionID: r.SubscriptionID, OfferName: r.OfferName, ProductName: r.ProductName, SkuName: r.SkuName,
					Quantity: ExactAmount{r.Quantity}, UnitPrice: ExactAmount{r.UnitPrice}, PretaxTotal: ExactAmount{r.PretaxTotal}, Tax: ExactAmount{r.Tax},
					AfterTaxTotal: ExactAmount{r.AfterTaxTotal}, CurrencyCode: r.CurrencyCode,
				})
			}
		}
	}
	return err
}

// findings adds each finding to the costs that its subject names. Findings about the
// customer, an invoice type or this month are added to the explanation itself.
func (x explainer) findings(ctx context.Context, e *Explanation) error {
	rows, err := x.q.ExplainedFindings(ctx, x.tx, dbsqlc.ExplainedFindingsParams{CustomerID: x.customer, Partner: x.partner})
	for _, r := range rows {
		f := ExplainedFinding{
			Partner: r.Partner, Kind: r.Kind, Severity: r.Severity, Subject: r.Subject, Detail: r.Detail,
			FirstSeenAt: r.FirstSeenAt.UTC(), LastSeenAt: r.LastSeenAt.UTC(), ResolvedAt: inUTC(r.ResolvedAt),
		}
		for i := range e.Costs {
			if c := &e.Costs[i]; c.Partner == f.Partner && c.isSubject(f.Subject) {
				c.Findings = append(c.Findings, f)
			}
		}
		if isGeneral(f.Subject, e.Period) {
			e.Findings = append(e.Findings, f)
		}
	}
	return err
}

// runs fills in the runs that the ledger still holds.
func (x explainer) runs(ctx context.Context, e *Explanation) error {
	named := map[string][]*RunReference{}
	add := func(r *RunReference) {
		if r != nil {
			named[r.ID] = append(named[r.ID], r)
		}
	}
	for i := range e.Costs {
		for j := range e.Costs[i].Revisions {
			add(&e.Costs[i].Revisions[j].Run)
			add(e.Costs[i].Revisions[j].SupersededBy)
		}
		for j := range e.Costs[i].LineItemSets {
			add(&e.Costs[i].LineItemSets[j].Run)
			add(e.Costs[i].LineItemSets[j].SupersededBy)
		}
	}
	rows, err := x.q.ExplainedRuns(ctx, x.tx, slices.Sorted(maps.Keys(named)))
	for _, r := range rows {
		for _, reference := range named[r.RunID] {
			*reference = RunReference{ID: r.RunID, Kind: r.Kind, Status: r.Status, StartedAt: inUTC(&r.StartedAt), Version: r.Version}
		}
	}
	return err
}

// inSet reports whether line items of this partner, invoice type and period belong to the
// cost.
func (c *ExplainedCost) inSet(partner, invoiceType, periodStart string) bool {
	return c.Partner == partner && c.InvoiceType == invoiceType && c.PeriodStart == periodStart
}

// isSubject reports whether the subject of a finding is this cost, or its period in every
// currency.
func (c *ExplainedCost) isSubject(subject string) bool {
	period := cmp.Or(c.InvoiceType, "(no type)") + " " + cmp.Or(c.PeriodStart, "(no period)")
	whole := period + " " + cmp.Or(c.CurrencyCode, "(no currency)")
	return subject == period || subject == whole || c.Ordinal > 1 && subject == fmt.Sprintf("%s #%d", whole, c.Ordinal)
}

// isGeneral reports whether the subject of a finding is not a single cost: it is empty, an
// invoice type, or a range of months ("Recurring 2026-03 to 2026-04") that includes month.
func isGeneral(subject, month string) bool {
	if strings.Contains(subject, "(no period)") {
		return false
	}
	var months []string
	for word := range strings.FieldsSeq(subject) {
		if _, err := time.Parse(time.DateOnly, word); err == nil {
			return false
		}
		if _, err := time.Parse("2006-01", word); err == nil {
			months = append(months, word)
		}
	}
	return len(months) == 0 || months[0] <= month && month <= months[len(months)-1]
}

func referTo(runID string) *RunReference {
	if runID == "" {
		return nil
	}
	return &RunReference{ID: runID}
}

func inUTC(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	utc := t.UTC()
	return &utc
}

// answersOf returns the answers that the costs name, each once and in that order.
func answersOf(costs []ExplainedCost) []Answer {
	answers := []Answer{}
	add := func(kind billing.DocumentKind, hash string) {
		if hash != "" && !slices.ContainsFunc(answers, func(a Answer) bool { return a.SHA256 == hash }) {
			answers = append(answers, Answer{SHA256: hash, Kind: kind})
		}
	}
	for _, c := range costs {
		for _, r := range c.Revisions {
			add(billing.SummaryDocument, r.SummarySHA256)
			add(billing.LineItemsDocument, r.LineItemsSHA256)
		}
		for _, s := range c.LineItemSets {
			add(billing.LineItemsDocument, s.LineItemsSHA256)
		}
	}
	return answers
}
