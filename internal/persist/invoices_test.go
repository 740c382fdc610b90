package persist_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/billing"
	"partnercost/internal/persist"
	"partnercost/internal/persist/pgtest"
)

// invoiceFacts are the tables that an unchanged night must leave as they are.
var invoiceFacts = []string{
	"collector.invoices", "collector.invoice_history", "collector.invoice_line_sets", "collector.invoice_lines", "collector.invoice_bodies", "collector.invoice_set_bodies", "collector.findings",
}

// invoiceRun is the next night's run with invoices.
func (b *fixture) invoiceRun() billing.Run {
	b.t.Helper()
	b.runs++
	return billing.Run{ID: fmt.Sprintf("00000000-0000-4000-9000-%012d", b.runs), Partner: "contoso", Kind: billing.KindOnce, StartedAt: b.now, Version: "test"}
}

func plainDay(s string) time.Time {
	d, err := billing.ParseDay(s)
	if err != nil {
		panic(err)
	}
	return d
}

// october is an invoice for October in USD; its amendments are -1, -2, …
func october(id string, t billing.InvoiceType, total string) billing.Invoice {
	return billing.Invoice{
		ID: id, Type: t, DocumentType: "invoice", Date: plainDay("2026-11-08"), PeriodStart: plainDay("2026-10-01"), PeriodEnd: plainDay("2026-10-31"),
		Total: amount(total), CurrencyCode: "USD", Parts: []billing.InvoicePart{{Provider: "one_time", LineType: "billing_line_items"}},
	}
}

// billed is a line without tax.
func billed(id billing.CustomerID, total string) billing.InvoiceLine {
	return billing.InvoiceLine{Class: billing.ExportedLine, CustomerID: id, CustomerName: "Line " + string(id[35:]), PretaxTotal: amount(total), Tax: amount("0"), AfterTaxTotal: amount(total), CurrencyCode: "USD"}
}

func lineSet(etag string, lines ...billing.InvoiceLine) billing.LineSet {
	content := fmt.Append(nil, etag, lines)
	return billing.LineSet{
		Source: billing.FromV2, ETag: etag, Bodies: []billing.InvoiceBody{{Content: content, Hash: sha256.Sum256(content)}},
		Lines: func(yield func(billing.InvoiceLine, error) bool) {
			for _, line := range lines {
				if !yield(line, nil) {
					return
				}
			}
		},
	}
}

// bill stores invoices with their lines, and reconciles. An invoice without lines has no
// data yet.
func (b *fixture) bill(invoices []billing.Invoice, lines map[string][]billing.InvoiceLine) {
	b.t.Helper()
	run := b.invoiceRun()
	content := []byte("list")
	var wanted []persist.NewLoad
	for _, i := range invoices {
		for _, part := range i.Parts {
			wanted = append(wanted, persist.NewLoad{InvoiceID: i.ID, Source: billing.FromV2, Part: part, State: persist.LoadExpected})
		}
	}
	if _, err := b.store.SaveInvoices(b.t.Context(), run, invoices, []billing.InvoiceBody{{Content: content, Hash: sha256.Sum256(content)}}, wanted); err != nil {
		b.t.Fatal(err)
	}
	loads, err := b.store.InvoiceLoads(b.t.Context(), "contoso")
	if err != nil {
		b.t.Fatal(err)
	}
	for _, load := range loads {
		load.AskedAt, load.AskedTotal = b.now, load.Total
		set, there := lines[load.InvoiceID]
		if !there {
			load.State = persist.LoadNoData
			err = b.store.NoteLoad(b.t.Context(), run, load, nil)
		} else {
			_, err = b.store.SaveLines(b.t.Context(), run, load, lineSet("V1", set...))
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
	if err := b.store.ReconcileInvoices(b.t.Context(), run); err != nil {
		b.t.Fatal(err)
	}
}

func (b *fixture) reconciliation() []string {
	b.t.Helper()
	return b.query(`SELECT to_char(month, 'YYYY-MM') AS m, right(customer_id::text, 1) AS c, company_name, invoice_type, currency_code, invoiced, service_costs, difference, verdict, reason
		FROM finance.invoice_reconciliation ORDER BY month, customer_id, invoice_type, currency_code`)
}

const customerE billing.CustomerID = "00000000-0000-4000-8000-00000000000e"

func TestInvoicesAgainstServiceCosts(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(
		statement(customerA, both(oneTime(10, "10.005"))),
		statement(customerB, both(oneTime(10, "20"))),
		statement(customerC, both(oneTime(10, "30"))),
		statement(customerD, both(recurring(9, "5"))),
	)
	own := billed(customerE, "7")
	own.Own = true
	amendment := october("G2", billing.OneTime, "-3")
	amendment.Amends, amendment.PeriodStart, amendment.PeriodEnd = "G1", time.Time{}, time.Time{}
	amendment.Date = plainDay("2026-12-20")
	adjusted := october("G1", billing.OneTime, "75.01")
	b.bill([]billing.Invoice{adjusted, amendment}, map[string][]billing.InvoiceLine{
		"G1": {billed(customerA, "10.00500"), billed(customerB, "20"), billed(customerC, "29.99"), billed(customerD, "8"), own},
		"G2": {billed(customerB, "-3")},
	})
	wantLines(t, "reconciliation", b.reconciliation(),
		"2026-10 a Company a OneTime USD 10.00500 10.005 0.00000 matched null",
		"2026-10 b Company b OneTime USD 17 20 -3 differs adjustment",
		"2026-10 c Company c OneTime USD 29.99 30 -0.01 differs null",
		"2026-10 d Company d OneTime USD 8 null 8 invoice_only null",
		"2026-10 e Line e OneTime USD 7 null 7 invoice_only own subscription",
	)
	wantLines(t, "invoices", b.query(`SELECT invoice_id, amends, month, total, lines_total, difference, state FROM finance.invoices ORDER BY invoice_id`),
		"G1 null 2026-10-01 75.01 74.99500 0.01500 complete", "G2 G1 2026-10-01 -3 -3 0 complete")
	wantLines(t, "findings", b.query(`SELECT kind, subject, detail FROM finance.findings WHERE kind LIKE 'invoice\_%' AND resolved_at IS NULL ORDER BY kind, subject`),
		"invoice_difference OneTime 2026-10 USD Of 1 customers the OneTime invoices of 2026-10 and the service costs differ without a known reason, by 8 USD in all.",
		"invoice_total_mismatch G1 Invoice G1 is over 75.01 USD and its lines add up to 74.995 USD: 0.015 USD belong to no customer.")
	wantLines(t, "history", b.query(`SELECT right(customer_id::text, 1) AS c, invoice_type, after_tax_total, origin FROM finance.history ORDER BY customer_id, invoice_type`),
		"a OneTime 10.005 servicecosts", "b OneTime 20 servicecosts", "c OneTime 30 servicecosts", "d OneTime 8 invoice", "d Recurring 5 servicecosts", "e OneTime 7 invoice")

	// After the error is corrected, the findings resolve themselves and the former lines
	// stay.
	b.now = night(1)
	adjusted.Total = amount("74.995")
	b.bill([]billing.Invoice{adjusted, amendment}, map[string][]billing.InvoiceLine{
		"G1": {billed(customerA, "10.005"), billed(customerB, "20"), billed(customerC, "30"), own}, "G2": {billed(customerB, "-3")},
	})
	wantLines(t, "findings", b.query(`SELECT kind, subject FROM finance.findings WHERE kind LIKE 'invoice\_%' AND resolved_at IS NULL ORDER BY kind, subject`), "invoice_total_mismatch G1")
	wantLines(t, "sets", b.query(`SELECT invoice_id, revision, line_count, s.superseded_at IS NULL AS current FROM collector.invoice_line_sets s JOIN collector.invoices USING (invoice_key) ORDER BY 1, 2`),
		"G1 0 5 false", "G1 1 4 true", "G2 0 1 true")
	wantLines(t, "former totals", b.query(`SELECT invoice ->> 'total' AS total FROM collector.invoice_history`), "75.01")
}

// Lines that are not available yet, and lines that cannot be read.
func TestInvoicesThatAreLate(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(statement(customerA, both(oneTime(10, "10"), recurring(9, "4"))), statement(customerB, both(oneTime(10, "20"))))
	usd := october("G1", billing.OneTime, "30")
	b.bill([]billing.Invoice{usd}, nil)
	wantLines(t, "costs without data", b.reconciliation(),
		"2026-10 a Company a OneTime USD null 10 -10 costs_only late data", "2026-10 b Company b OneTime USD null 20 -20 costs_only late data")
	wantLines(t, "invoices", b.query(`SELECT invoice_id, lines_total, difference, state FROM finance.invoices`), "G1 null null no_data")
	wantLines(t, "findings", b.query(`SELECT kind, severity, subject FROM finance.findings WHERE kind LIKE 'invoice\_%'`), "invoice_no_data info G1")

	b.now = night(1)
	b.bill([]billing.Invoice{usd}, map[string][]billing.InvoiceLine{"G1": {billed(customerA, "10"), billed(customerC, "20")}})
	wantLines(t, "once there is data", b.reconciliation(),
		"2026-10 a Company a OneTime USD 10 10 0 matched null", "2026-10 b Company b OneTime USD null 20 -20 costs_only null",
		"2026-10 c Line c OneTime USD 20 null 20 invoice_only not collected")

	b.exec(b.session(), "UPDATE collector.customers SET active = false WHERE right(customer_id::text, 1) = 'b'")
	wantLines(t, "who is gone", b.reconciliation()[1:2], "2026-10 b Company b OneTime USD null 20 -20 costs_only customer gone")
	if err := b.store.SavePartnerScope(t.Context(), "contoso", false); err != nil {
		t.Fatal(err)
	}
	wantLines(t, "who is not configured", b.reconciliation()[1:2], "2026-10 b Company b OneTime USD null 20 -20 costs_only not collected")
}

func TestMissingInvoices(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	legacy := october("D1", billing.Recurring, "0")
	legacy.PeriodStart, legacy.PeriodEnd = plainDay("2026-09-20"), plainDay("2026-10-19")
	legacy.Parts, legacy.Date = nil, plainDay("2026-10-21")
	modern := october("G1", billing.OneTime, "0")
	modern.Parts = nil
	missing := func(day string) []string {
		b.now = plainDay(day).Add(3 * time.Hour)
		b.bill([]billing.Invoice{legacy, modern}, nil)
		return b.query(`SELECT subject, (regexp_match(detail, 'since ([-0-9]+)'))[1] AS since FROM finance.findings WHERE kind = 'invoice_missing' AND resolved_at IS NULL ORDER BY subject`)
	}
	wantLines(t, "in time", missing("2026-11-22"))
	wantLines(t, "four days after the next period", missing("2026-11-23"), "Recurring 2026-11 USD 2026-11-23")
	wantLines(t, "the 8th", missing("2026-12-08"), "Recurring 2026-11 USD 2026-11-23")
	wantLines(t, "the 9th", missing("2026-12-09"), "OneTime 2026-11 USD 2026-12-09", "Recurring 2026-11 USD 2026-11-23")
	wantLines(t, "after two months", missing("2027-02-08"))
}

func TestAnUnchangedNightWritesNoInvoices(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(statement(customerA, both(oneTime(10, "10"))))
	lines := map[string][]billing.InvoiceLine{"G1": {billed(customerA, "10"), billed(customerB, "1"), billed(customerB, "1")}}
	b.bill([]billing.Invoice{october("G1", billing.OneTime, "12.5")}, lines)
	tracker := pgtest.Track(t, b.url, invoiceFacts...)
	b.now = night(1)
	lines["G1"] = []billing.InvoiceLine{billed(customerB, "1.0"), billed(customerA, "10"), billed(customerB, "1")}
	again := october("G1", billing.OneTime, "12.50")
	again.PeriodStart, again.PeriodEnd = time.Time{}, time.Time{} // as in the list
	b.bill([]billing.Invoice{again}, lines)
	if changes := tracker.Changes(t); changes != "" {
		t.Errorf("an unchanged night wrote facts:\n%s", changes)
	}
	lines["G1"] = lines["G1"][1:] // one true duplicate less is a change
	b.bill([]billing.Invoice{again}, lines)
	wantLines(t, "sets", b.query(`SELECT revision, line_count FROM collector.invoice_line_sets ORDER BY revision`), "0 3", "1 2")
}

func TestErasureReachesInvoices(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(statement(customerA, both(oneTime(10, "10"))), statement(customerB, both(oneTime(10, "10"))))
	lines := map[string][]billing.InvoiceLine{"G1": {billed(customerA, "10"), billed(customerB, "10")}}
	b.bill([]billing.Invoice{october("G1", billing.OneTime, "20")}, lines)
	bodies := func() []string { return b.query(`SELECT count(*) AS n FROM collector.invoice_bodies`) }
	names := func() []string {
		return b.query(`SELECT right(customer_id::text, 1) AS c, customer_name FROM collector.invoice_lines ORDER BY set_id, ordinal`)
	}
	wantLines(t, "bodies", bodies(), "2")
	if gone := b.erase(customerA, billing.NameAndCountry); gone.Bodies != 2 {
		t.Errorf("%+v", gone)
	}
	wantLines(t, "the list stays", bodies(), "1")
	wantLines(t, "names", names(), "a Line a", "b Line b")
	b.erase(customerA, billing.CountryOnly)
	wantLines(t, "names", names(), "a null", "b Line b")
	lines["G1"] = append(lines["G1"], billed(customerB, "1"))
	b.bill([]billing.Invoice{october("G1", billing.OneTime, "21")}, lines)
	wantLines(t, "nothing comes back", names(), "a null", "b Line b", "a null", "b Line b", "b Line b")
	wantLines(t, "nothing comes back", bodies(), "1")
}

// A customer that only invoices name is erased like any other.
func TestErasureOfWhoIsOnInvoicesOnly(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(statement(customerA, both(oneTime(10, "10"))))
	lines := map[string][]billing.InvoiceLine{"G1": {billed(customerA, "10"), billed(customerB, "10")}}
	b.bill([]billing.Invoice{october("G1", billing.OneTime, "20")}, lines)
	partners, err := b.store.PartnersOf(t.Context(), customerB)
	if err != nil || len(partners) != 1 {
		t.Fatalf("%v, %v", partners, err)
	}
	reason := func() []string {
		return b.query(`SELECT verdict, reason FROM finance.invoice_reconciliation WHERE customer_id = $1`, customerB)
	}
	before := reason()
	b.erase(customerB, billing.CountryOnly)
	lines["G1"] = append(lines["G1"], billed(customerB, "1"))
	b.bill([]billing.Invoice{october("G1", billing.OneTime, "21")}, lines)
	wantLines(t, "names", b.query(`SELECT DISTINCT right(customer_id::text, 1) AS c, customer_name FROM collector.invoice_lines ORDER BY 1`), "a Line a", "b null")
	wantLines(t, "the reason", reason(), before...)
	wantLines(t, "nothing is asked for", b.query(`SELECT active FROM collector.customers WHERE customer_id = $1`, customerB), "false")
}

func TestMinimalProfilesKeepNoAnswersWithLines(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(statement(customerA, both(oneTime(10, "10"))))
	lines := map[string][]billing.InvoiceLine{"G1": {billed(customerA, "10")}}
	b.bill([]billing.Invoice{october("G1", billing.OneTime, "10")}, lines)
	b.store.Close()
	b.profiles = billing.NameAndCountry
	b.open()
	b.collect(statement(customerA, both(oneTime(10, "10"))))
	wantLines(t, "what was there", b.query(`SELECT count(*) AS n FROM collector.invoice_bodies`), "1")
	lines["G2"] = []billing.InvoiceLine{billed(customerA, "1")}
	b.bill([]billing.Invoice{october("G1", billing.OneTime, "10"), october("G2", billing.OneTime, "1")}, lines)
	wantLines(t, "what is new", b.query(`SELECT count(*) AS n FROM collector.invoice_bodies`), "1")
}

// The rows of the dataset Invoice Detail add up to the total of the invoice, whatever its
// lines state.
func TestInvoiceDetailOfFOCUS(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	taxed := billed(customerA, "10")
	taxed.Tax, taxed.AfterTaxTotal, taxed.ChargeType, taxed.ProductName, taxed.SkuID = amount("1.9"), amount("11.9"), "cycleCharge", "Widgets", "0001"
	refund := billed(customerB, "-2.5")
	refund.ChargeType = "removeQuantity"
	untaxed := billed(customerA, "3")
	untaxed.CustomerID, untaxed.CustomerName = "", ""
	untaxed.Tax, untaxed.AfterTaxTotal, untaxed.ChargeType = billing.Amount{}, billing.Amount{}, "offset"
	void := october("G1-1", billing.OneTime, "-1")
	void.Amends, void.DocumentType = "G1", "void_note"
	b.bill([]billing.Invoice{october("G1", billing.OneTime, "13.4"), void, october("G2", billing.OneTime, "7")},
		map[string][]billing.InvoiceLine{"G1": {taxed, refund, untaxed}, "G1-1": {billed(customerA, "-1")}})
	wantLines(t, "rows", b.query(`SELECT "InvoiceId", "BilledCost", "ChargeCategory", "InvoiceIssueStatus", "ReferenceInvoiceId", "InvoiceDetailDescription", "InvoiceDetailGrain" ->> 'SkuId' AS sku
		FROM finance.focus_invoice_detail ORDER BY "InvoiceId", "BilledCost", "InvoiceDetailId"`),
		"G1 -2.5 Purchase Voided G1 removeQuantity null",
		"G1 1.0 Adjustment Voided G1 Part of the total that no line states null",
		"G1 1.9 Tax Voided G1 Widgets, tax 0001",
		"G1 3 Adjustment Voided G1 offset null",
		"G1 10.0 Purchase Voided G1 Widgets, cycleCharge 0001",
		"G1-1 -1 Adjustment Issued G1 null null")
	wantLines(t, "sums", b.query(`SELECT i.invoice_id FROM finance.invoices i JOIN finance.focus_invoice_detail d ON d."InvoiceId" = i.invoice_id
		GROUP BY i.invoice_id, i.total HAVING sum(d."BilledCost") <> i.total`))
	wantLines(t, "nulls", b.query(`SELECT DISTINCT c.key FROM finance.focus_invoice_detail d, jsonb_each_text(to_jsonb(d)) c WHERE c.value IS NULL ORDER BY 1`),
		"InvoiceDetailDescription", "InvoiceDetailGrain", "PaymentDueDate")
	wantLines(t, "keys", b.query(`SELECT "InvoiceId", "InvoiceDetailId" FROM finance.focus_invoice_detail GROUP BY 1, 2 HAVING count(*) > 1`))
}

func TestRetentionOfInvoiceBodies(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.bill([]billing.Invoice{october("G1", billing.OneTime, "10")}, map[string][]billing.InvoiceLine{"G1": {billed(customerA, "10")}})
	b.now = night(1)
	b.bill([]billing.Invoice{october("G1", billing.OneTime, "11")}, map[string][]billing.InvoiceLine{"G1": {billed(customerA, "11")}})
	b.now = night(100)
	pruned, err := b.store.Prune(t.Context(), persist.Retention{Payloads: 24 * time.Hour})
	if err != nil || pruned.Payloads != 1 {
		t.Errorf("%+v, %v", pruned, err)
	}
	wantLines(t, "what stands", b.query(`SELECT count(*) AS n FROM collector.invoice_bodies`), "2")
}

// Another interface takes over what the first one could not read, and never what it did.
func TestLoadsByAnotherInterface(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	run := b.invoiceRun()
	invoice := october("G1", billing.OneTime, "10")
	save := func(source billing.LineSource) []string {
		t.Helper()
		parts := []persist.NewLoad{{InvoiceID: "G1", Source: source, Part: invoice.Parts[0], State: persist.LoadExpected}}
		if _, err := b.store.SaveInvoices(t.Context(), run, []billing.Invoice{invoice}, nil, parts); err != nil {
			t.Fatal(err)
		}
		return b.query(`SELECT source, part, state FROM collector.invoice_loads ORDER BY source`)
	}
	wantLines(t, "first", save(billing.FromV1), "v1 one_time/billing_line_items expected")
	wantLines(t, "then", save(billing.FromV2), "v2 graph/billed_reconciliation expected")
	loads, err := b.store.InvoiceLoads(t.Context(), "contoso")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.store.SaveLines(t.Context(), run, loads[0], lineSet("V1", billed(customerA, "10"))); err != nil {
		t.Fatal(err)
	}
	wantLines(t, "once read", save(billing.FromV1), "v2 graph/billed_reconciliation loaded")
}

// A cost without line items has the invoice that alone can be meant, if that was read before
// its billing period closed.
func TestInvoiceIDOfFOCUS(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	euro := oneTime(10, "4")
	euro.CurrencyCode = "EUR"
	b.collect(statement(customerA, both(oneTime(10, "10"), euro, oneTime(9, "3"), recurring(9, "5"))))
	rows := func() []string {
		b.t.Helper()
		return b.query(`SELECT DISTINCT f."x_InvoiceType" AS t, f."x_PeriodStart" AS p, f."BillingCurrency" AS c, f."InvoiceId", "InvoiceDetailId" IS NULL AS none FROM finance.focus_1_4 f JOIN finance.focus_1_2 g USING ("x_ChargeId", "x_CostPart")
			WHERE f."InvoiceId" IS NOT DISTINCT FROM g."InvoiceId" ORDER BY 1, 2, 3`)
	}
	wantLines(t, "without invoices", rows(), "OneTime 2026-09-01 USD null true", "OneTime 2026-10-01 EUR null true", "OneTime 2026-10-01 USD null true", "Recurring 2026-09-12 USD null true")

	b.now = night(2)
	amendment := october("G2", billing.OneTime, "-1")
	amendment.Amends = "G1"
	assumed := october("D1", billing.Recurring, "5")
	assumed.PeriodStart, assumed.PeriodEnd = time.Time{}, time.Time{}
	b.bill([]billing.Invoice{october("G1", billing.OneTime, "10"), amendment, assumed}, nil)
	want := []string{"OneTime 2026-09-01 USD null true", "OneTime 2026-10-01 EUR null true", "OneTime 2026-10-01 USD G1 false", "Recurring 2026-09-12 USD null true"}
	wantLines(t, "one invoice, its amendment and one of an assumed period", rows(), want...)

	late := october("G9", billing.OneTime, "1")
	late.PeriodStart, late.PeriodEnd = plainDay("2026-09-01"), plainDay("2026-09-30")
	b.now = night(40)
	b.bill([]billing.Invoice{late}, nil)
	wantLines(t, "one that was read after the closing", rows(), want...)

	b.now = night(4)
	b.bill([]billing.Invoice{october("G3", billing.OneTime, "10")}, nil)
	want[2] = "OneTime 2026-10-01 USD null true"
	wantLines(t, "two of them", rows(), want...)
}

// The list of invoices states what the lines add up to, and reads none of them.
func TestTheListOfInvoicesReadsNoLines(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	euro, nobody, unpriced, currencyless := billed(customerA, "5"), billed(customerA, "7"), billed(customerB, "9"), billed(customerB, "0.5")
	euro.CurrencyCode, nobody.CustomerID, currencyless.CurrencyCode = "EUR", "", ""
	unpriced.AfterTaxTotal, unpriced.Tax = billing.Amount{}, amount("1")
	lines := map[string][]billing.InvoiceLine{"G1": {billed(customerA, "10"), euro, nobody, unpriced, currencyless}, "G2": {}}
	b.bill([]billing.Invoice{october("G1", billing.OneTime, "21"), october("G2", billing.OneTime, "0")}, lines)
	const list = `SELECT invoice_id, lines_total, difference, lines FROM finance.invoices ORDER BY invoice_id`
	wantLines(t, "list", b.query(list), "G1 20.5 0.5 5", "G2 0 0 0")
	wantLines(t, "the lines", b.query(`SELECT sum(coalesce(after_tax_total, pretax_total + tax)) AS sum FROM finance.invoice_lines WHERE customer_id IS NOT NULL AND coalesce(currency_code, 'USD') = 'USD'`), "20.5")
	rows, err := b.session().Query(t.Context(), "EXPLAIN "+list)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || strings.Contains(strings.Join(plan, "\n"), "invoice_lines") || len(plan) < 3 {
		t.Errorf("the list reads the lines: %q, %v", plan, err)
	}
	lines["G1"] = lines["G1"][1:]
	b.now = night(1)
	b.bill([]billing.Invoice{october("G1", billing.OneTime, "10.5")}, lines)
	wantLines(t, "another set", b.query(list), "G1 10.5 0.0 4", "G2 0 0 0")
}

// Lines that state the number of another invoice count where they are listed, and are told.
func TestLinesOfAnotherInvoice(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	numbered := func(number string) billing.InvoiceLine {
		line := billed(customerA, "1")
		line.InvoiceNumber = number
		return line
	}
	amendment := october("G2", billing.OneTime, "2")
	amendment.Amends = "G1"
	b.bill([]billing.Invoice{october("G1", billing.OneTime, "4"), amendment}, map[string][]billing.InvoiceLine{
		"G1": {numbered("G1"), numbered("g1"), numbered(""), numbered("G9")}, "G2": {numbered("G2"), numbered("G1")},
	})
	wantLines(t, "findings", b.query(`SELECT severity, subject, detail FROM finance.findings WHERE kind = 'invoice_line_elsewhere'`),
		"info G1 1 lines that the service lists for invoice G1 state the number of another one, such as G9; they count for G1.")
	wantLines(t, "totals", b.query(`SELECT invoice_id, difference FROM finance.invoices ORDER BY invoice_id`), "G1 0", "G2 0")
}

// The finding says until when missing lines are requested.
func TestHowLongMissingLinesAreRequested(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	said := func(n int) []string {
		b.now = night(n)
		b.bill([]billing.Invoice{october("G1", billing.OneTime, "4")}, nil)
		return b.query(`SELECT detail FROM finance.findings WHERE kind = 'invoice_no_data' AND resolved_at IS NULL`)
	}
	wantLines(t, "at first", said(0), "The service has no lines of invoice G1 yet. They are requested every night until 2026-12-31.")
	wantLines(t, "later", said(59), "The service has no lines of invoice G1 yet. They are requested every night until 2026-12-31.")
	wantLines(t, "at last", said(60), "The service has no lines of invoice G1. They are not requested any more, except by collector backfill --invoices.")
}
