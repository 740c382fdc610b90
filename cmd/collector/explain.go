package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"partnercost/internal/billing"
	"partnercost/internal/config"
	"partnercost/internal/finance"
	"partnercost/internal/persist"
	"partnercost/internal/sheet"
)

func (p *program) explainCommand() *cobra.Command {
	var customer, period, partner string
	var raw bool
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "Show where a customer's numbers come from",
		Long: `Show, for each cost of a customer whose period ends in the month, its amounts,
every value it had before with the time and the run that brought it, the line items
and the earlier sets of them, the findings about it, and the SHA-256 of the answers
it was derived from. The login needs no more than the role finance_reader, and
COLLECTOR_DATABASE_URL will do in place of a configuration file.

With --raw the answers are read from the archive, verified and printed byte for byte,
each between two lines that begin with "-----": "pruned" means that retention removed
one, "damaged" that it is not what was collected. They may hold personal data, so that
finance_reader has no right to them. The billing profile is not among them. In json,
"raw" holds the body as text, or "raw_base64" its bytes where they are no UTF-8, and
"json" what it says: an array where the answer took several pages.

A month without costs is no error: the result says so. An unknown customer and a
damaged body are, with exit code 1.`,
		Example: `  collector explain --customer 65726577-c208-40fd-9735-8c85ac9cac68 --period 2026-10
  collector explain --customer 65726577-c208-40fd-9735-8c85ac9cac68 --period 2026-10 --format json | jq '.costs[].revisions'
  collector explain --customer 65726577-c208-40fd-9735-8c85ac9cac68 --period 2026-10 --raw --format json | jq '.bodies[] | select(.kind == "summary") | .json'`,
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringVar(&customer, "customer", "", "the customer, a `GUID`")
	flags.StringVar(&period, "period", "", "the month in which the periods end, `YYYY-MM`")
	flags.StringVar(&partner, "partner", "", "only under this partner, by `name`")
	flags.BoolVar(&raw, "raw", false, "verify and print the bodies of the answers; they may hold personal data")
	_ = cmd.MarkFlagRequired("customer") // fails for unknown flags only
	_ = cmd.MarkFlagRequired("period")
	format := formatFlag(cmd, "table", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		id, err := billing.ParseCustomerID(customer)
		if err != nil {
			return usageError("--customer %w", err)
		}
		if _, err := time.Parse("2006-01", period); err != nil {
			return usageError("--period %q is not a month of the form YYYY-MM", period)
		}
		return p.withReader(func(r *finance.Reader, c *config.Config) error {
			explanation, err := r.Explain(cmd.Context(), partner, id, period)
			if err != nil {
				return err
			}
			full := fullExplanation{Explanation: explanation, Bodies: answersBehind(explanation)}
			if raw {
				err = p.readBodies(cmd.Context(), c, full.Bodies)
			}
			if err != nil && !errors.Is(err, errDamaged) {
				return err
			}
			if format.value == "json" {
				return errors.Join(writeJSON(p.stdout, full), err)
			}
			return errors.Join(full.write(p.stdout), err)
		})
	}
	return cmd
}

// errDamaged says that there are bodies which are not what was collected.
var errDamaged = errors.New("archived bodies do not have the SHA-256 they are kept under, so they are not what was collected; restore collector.payloads from a backup")

// readBodies reads answers from the archive, for which finance_reader has no right. An
// error is errDamaged when all were read.
func (p *program) readBodies(ctx context.Context, c *config.Config, answers []answer) error {
	bodies, err := p.archived(ctx, c, answers)
	if persist.Forbidden(err) {
		return fmt.Errorf("this login has no right to see bodies, which may hold personal data: explain without --raw, or with a login that may collect: %w", err)
	}
	if err != nil {
		return err
	}
	damaged := 0
	for i, body := range bodies {
		answers[i].show(body)
		if body.State == persist.BodyDamaged {
			damaged++
		}
	}
	if damaged > 0 {
		return fmt.Errorf("%d %w", damaged, errDamaged)
	}
	return nil
}

func (p *program) archived(ctx context.Context, c *config.Config, answers []answer) ([]persist.ArchivedBody, error) {
	store, err := p.openStore(ctx, c)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	hashes := make([]string, len(answers))
	for i, a := range answers {
		hashes[i] = a.SHA256
	}
	return store.Bodies(ctx, hashes)
}

// fullExplanation is where the numbers come from, and the answers behind them.
type fullExplanation struct {
	finance.Explanation

	Bodies []answer `json:"bodies"`
}

// answer is an archived body that numbers were derived from.
type answer struct {
	SHA256 string               `json:"sha256"`
	Kind   billing.DocumentKind `json:"kind"`
	// State and Bytes are those of the body in the archive, if it is asked for.
	State persist.BodyState `json:"state,omitempty"`
	Bytes *int              `json:"bytes,omitempty"`
	Raw   *string           `json:"raw,omitempty"`
	// Base64 stands in for Raw where a JSON string could not hold the bytes.
	Base64 []byte          `json:"raw_base64,omitempty"`
	JSON   json.RawMessage `json:"json,omitempty"`

	content []byte
}

// answersBehind lists each body that the explanation names once, in that order.
func answersBehind(e finance.Explanation) []answer {
	answers := []answer{}
	add := func(kind billing.DocumentKind, hash string) {
		if hash != "" && !slices.ContainsFunc(answers, func(a answer) bool { return a.SHA256 == hash }) {
			answers = append(answers, answer{SHA256: hash, Kind: kind})
		}
	}
	for _, c := range e.Costs {
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

// show takes over what the archive has.
func (a *answer) show(body persist.ArchivedBody) {
	a.State, a.Bytes = body.State, new(len(body.Content))
	if body.State == persist.BodyPruned {
		return
	}
	a.content = body.Content
	if utf8.Valid(body.Content) {
		text := string(body.Content)
		a.Raw = &text
	} else {
		a.Base64 = body.Content
	}
	a.JSON = parsed(body.Content)
}

// parsed is the only JSON value of a body, or an array of several: a body that took
// several pages is one after the other. It is nil for everything else. A byte order
// mark may precede each.
func parsed(body []byte) json.RawMessage {
	decoder := json.NewDecoder(bytes.NewReader(bytes.ReplaceAll(body, []byte("\ufeff"), nil)))
	var pages []json.RawMessage
	for {
		var page json.RawMessage
		err := decoder.Decode(&page)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil
		}
		pages = append(pages, page)
	}
	if len(pages) == 1 {
		return pages[0]
	}
	all, err := json.Marshal(pages)
	if err != nil || len(pages) == 0 {
		return nil
	}
	return all
}

// write prints the explanation for people.
func (e fullExplanation) write(w io.Writer) error {
	out := &report{w: w}
	if len(e.Costs) == 0 {
		out.line("Customer %s has no cost whose period ends in %s.", e.CustomerID, e.Period)
		if len(e.Months) > 0 {
			out.line("It has costs that end in %s.", strings.Join(e.Months, ", "))
		}
	}
	for i := range e.Costs {
		if i > 0 {
			out.line("")
		}
		out.cost(&e.Costs[i])
	}
	if len(e.Findings) > 0 {
		out.line("\nFindings about the customer:")
		out.findings(e.Findings)
	}
	if len(e.Bodies) > 0 {
		out.line("\nAnswers:")
		out.answers(e.Bodies)
	}
	return out.err
}

// report writes printable text until something fails.
type report struct {
	w   io.Writer
	err error
}

func (o *report) line(format string, args ...any) {
	for i, arg := range args {
		if text, isText := arg.(string); isText {
			args[i] = sheet.Printable(text)
		}
	}
	if o.err == nil {
		_, o.err = fmt.Fprintf(o.w, format+"\n", args...)
	}
}

func (o *report) table(t textTable) {
	if o.err == nil {
		o.err = t.write(o.w)
	}
}

func (o *report) cost(c *finance.ExplainedCost) {
	number := ""
	if c.Ordinal > 1 {
		number = fmt.Sprintf(" #%d", c.Ordinal)
	}
	o.line("%s %s to %s%s: %s %s after tax, %s before tax, %s of tax", cmp.Or(c.InvoiceType, "(no type)"), cmp.Or(c.PeriodStart, "(no start)"), c.PeriodEnd, number,
		shown(c.AfterTaxTotal), cmp.Or(c.CurrencyCode, "(no currency)"), shown(c.PretaxTotal), shown(c.Tax))
	o.line("Partner %s, customer %s", c.Partner, cmp.Or(c.CompanyName, "(name unknown)"))

	revisions := textTable{
		header: []string{"VALUE", "FROM", "UNTIL", "BEFORE TAX", "TAX", "AFTER TAX", "PERIOD END", "ORIGIN", "RUN", "KIND", "VERSION", "SUMMARY", "LINE ITEMS"},
		right:  []bool{true, false, false, true, true, true},
	}
	for _, r := range c.Revisions {
		revisions.rows = append(revisions.rows, []string{
			strconv.Itoa(r.Revision), toSecond(r.StoredAt), until(r.SupersededAt), shown(r.PretaxTotal), shown(r.Tax), shown(r.AfterTaxTotal), cmp.Or(r.PeriodEnd, "-"),
			r.Origin, r.Run.ID, cmp.Or(r.Run.Kind, "-"), cmp.Or(r.Run.Version, "-"), short(r.SummarySHA256), short(r.LineItemsSHA256),
		})
	}
	o.line("\nValues, the newest last:")
	o.table(revisions)

	sets := textTable{
		header: []string{"SET", "FROM", "UNTIL", "ITEMS", "ORIGIN", "RUN", "KIND", "VERSION", "REPLACED BY RUN", "LINE ITEMS"},
		right:  []bool{true, false, false, true},
	}
	for _, s := range c.LineItemSets {
		by := "-"
		if s.SupersededBy != nil {
			by = s.SupersededBy.ID
		}
		sets.rows = append(sets.rows, []string{
			strconv.Itoa(s.Revision), toSecond(s.StoredAt), until(s.SupersededAt), strconv.Itoa(s.ItemCount), s.Origin, s.Run.ID, cmp.Or(s.Run.Kind, "-"),
			cmp.Or(s.Run.Version, "-"), by, short(s.LineItemsSHA256),
		})
	}
	if len(sets.rows) == 0 {
		o.line("\nNo line items were collected.")
	} else {
		o.line("\nSets of line items, the newest last:")
		o.table(sets)
		o.items(c.LineItems)
	}
	if len(c.Findings) > 0 {
		o.line("\nFindings:")
		o.findings(c.Findings)
	}
}

func (o *report) items(items []finance.ExplainedItem) {
	table := textTable{
		header: []string{"ITEM", "CHARGE", "FROM", "TO", "INVOICE", "WHAT", "QUANTITY", "UNIT PRICE", "BEFORE TAX", "TAX", "AFTER TAX", "CURRENCY"},
		right:  []bool{true, false, false, false, false, false, true, true, true, true, true},
	}
	for _, i := range items {
		table.rows = append(table.rows, []string{
			strconv.Itoa(i.Ordinal), cmp.Or(i.ChargeType, "-"), cmp.Or(i.StartDate, "-"), cmp.Or(i.EndDate, "-"), cmp.Or(i.InvoiceNumber, "-"),
			cmp.Or(i.OfferName, i.ProductName, i.SkuName, "-"), shown(i.Quantity), shown(i.UnitPrice), shown(i.PretaxTotal), shown(i.Tax), shown(i.AfterTaxTotal),
			cmp.Or(i.CurrencyCode, "-"),
		})
	}
	if len(table.rows) > 0 {
		o.line("\nLine items of the newest set:")
		o.table(table)
	}
}

func (o *report) findings(findings []finance.ExplainedFinding) {
	table := textTable{header: []string{"SEVERITY", "KIND", "SINCE", "RESOLVED", "FINDING"}}
	for _, f := range findings {
		table.rows = append(table.rows, []string{f.Severity, f.Kind, toSecond(f.FirstSeenAt), until(f.ResolvedAt), f.Detail})
	}
	o.table(table)
}

// answers lists the answers, and prints the bodies that were asked for, framed.
func (o *report) answers(answers []answer) {
	table := textTable{header: []string{"KIND", "SHA-256"}}
	for _, a := range answers {
		table.rows = append(table.rows, []string{string(a.Kind), a.SHA256})
	}
	if answers[0].State != "" {
		table = textTable{header: []string{"KIND", "STATE", "BYTES", "SHA-256"}, right: []bool{false, false, true}}
		for _, a := range answers {
			table.rows = append(table.rows, []string{string(a.Kind), string(a.State), strconv.Itoa(*a.Bytes), a.SHA256})
		}
	}
	o.table(table)
	for _, a := range answers {
		if a.content != nil {
			o.line("\n----- begin %s %s, %d bytes, %s", a.Kind, a.SHA256, *a.Bytes, a.State)
			o.body(a.content)
			o.line("----- end %s %s", a.Kind, a.SHA256)
		}
	}
}

// body prints an answer byte for byte, which is what --raw is for.
func (o *report) body(content []byte) {
	if o.err == nil {
		_, o.err = fmt.Fprintf(o.w, "%s\n", content)
	}
}

func shown(a finance.ExactAmount) string {
	if !a.Valid {
		return "(not stated)"
	}
	return a.String()
}

func toSecond(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

func until(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return toSecond(*t)
}

// short is the beginning of a SHA-256, enough to find it in the list of answers.
func short(hash string) string {
	if hash == "" {
		return "-"
	}
	return hash[:12]
}
