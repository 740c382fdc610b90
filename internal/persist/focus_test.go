package persist_test

import (
	"strings"
	"testing"

	"partnercost/internal/billing"
)

const (
	customerC billing.CustomerID = "00000000-0000-4000-8000-00000000000c"
	customerD billing.CustomerID = "00000000-0000-4000-8000-00000000000d"
	tenant                       = "7e3f1a52-0d4b-4f57-9a0e-2f7d4c9b6a10"
)

// totals returns a detail with other amounts; an empty text is a missing amount.
func totals(d billing.CostDetail, pretax, tax, afterTax string) billing.CostDetail {
	d.PretaxTotal, d.Tax, d.AfterTaxTotal = amount(pretax), amount(tax), amount(afterTax)
	return d
}

// line returns a line item of a detail, with a tax of a tenth unless stated otherwise.
func line(d billing.CostDetail, charge, quantity, price, pretax, tax string) billing.LineItem {
	i := item(d, charge, pretax)
	i.Tax, i.Quantity, i.UnitPrice = amount(tax), amount(quantity), amount(price)
	i.InvoiceNumber, i.OfferID, i.OfferName = "D000003163", "91FD106F", "Microsoft 365 Business Basic"
	if d.InvoiceType == billing.OneTime {
		i.InvoiceNumber = "T000003163"
	}
	i.StartDate, i.EndDate = d.Period.Start, d.Period.End
	i.SubscriptionFriendlyName = "Jo's seats"
	return i
}

func with(i billing.LineItem, change func(*billing.LineItem)) billing.LineItem {
	change(&i)
	return i
}

// keepOddBooks collects nights of three customers with the unusual data that the FOCUS
// views must handle. The nights begin on 2026-11-02: October's OneTime periods close on
// the 16th; the Recurring periods from September 12 are closed already, those from
// October 12 close on the 27th.
func (b *fixture) keepOddBooks() {
	b.t.Helper()
	if err := b.store.SavePartner(b.t.Context(), "contoso", tenant); err != nil {
		b.t.Fatal(err)
	}
	r10, o10 := recurring(10, "0"), oneTime(10, "0")
	euro := detail(billing.OneTime, "2026-10-01", "2026-10-31T23:59:59.9999999Z", "EUR", "100")
	seats := func(pretax, tax string) billing.LineItem {
		return line(r10, "CYCLE FEE", "10", "6", pretax, tax)
	}
	items := func() []billing.LineItem {
		twin := line(o10, "PURCHASE_FEE", "2", "5", "10", "1")
		return []billing.LineItem{
			seats("60", "6"), with(line(r10, "CYCLE PRORATE", "2", "1.61", "2.5", "0.25"), func(i *billing.LineItem) {
				i.StartDate, i.EndDate = date("2026-11-12T00:00:00"), date("2026-12-11T00:00:00")
			}),
			line(r10, "CREDIT", "1", "5", "-5", "-0.5"), line(r10, "CANCEL PRORATE", "1", "-3", "-3", "-0.3"),
			twin, twin,
			with(line(o10, "PURCHASE FEE", "1", "497", "497", "49.7"), func(i *billing.LineItem) {
				i.OfferName, i.ProductID, i.ProductName, i.SkuID, i.SkuName, i.AvailabilityID = "", "DZH318Z0BQ3Q", "Reserved VM Instance", "00JC", "Standard_D2s_v5, 1 Year", "DZH318Z0F2RN"
				i.PublisherName, i.PublisherID, i.OrderID, i.SubscriptionID, i.TermAndBillingCycle, i.DiscountDetails, i.ResellerMPNID = "Lantern & Sons, Inc.", "212336222", "R1", "S1", "1 Year", "N/A", "-1"
			}),
			with(line(o10, "ASSESS USAGE FEE FOR CURRENT CYCLE", "0.125", "17.219999999999999", "2.15", "0.21"), func(i *billing.LineItem) { i.OfferName = "Azure Plan" }),
			with(line(o10, "ONE_TIME_REFUND", "1", "-4", "-4", "-0.4"), func(i *billing.LineItem) {
				i.EndDate, i.DiscountDetails, i.ResellerMPNID = date("2026-09-01"), "20%", "4390934"
			}),
			with(line(o10, "CYCLE_DISCOUNT", "", "", "-1", "0"), func(i *billing.LineItem) { i.ProductID = "DZH318Z0BQ3Q" }), line(o10, "TAX_REFUND", "1", "0.3", "-0.3", "0"),
			with(line(o10, "", "", "", "7", ""), func(i *billing.LineItem) {
				i.OfferName, i.OfferID, i.InvoiceNumber = "", "", ""
				i.StartDate, i.EndDate = date(""), date("")
			}),
			line(o10, "PURCHASE FEE", "", "", "", "0.5"),
			with(line(o10, "PURCHASE FEE", "1", "9", "9", "0.9"), func(i *billing.LineItem) { i.CurrencyCode = "CHF" }), // a currency that no detail has
			with(line(o10, "PURCHASE FEE", "1", "9", "9", "0.9"), func(i *billing.LineItem) { i.CurrencyCode = "" }),
			with(line(o10, "PURCHASE FEE", "1", "80", "80", "16"), func(i *billing.LineItem) { i.CurrencyCode = "EUR" }),
		}
	}
	a := func(pretax, tax, afterTax string, r billing.CostDetail, items []billing.LineItem) billing.Statement {
		return statement(customerA, both(r, totals(o10, pretax, tax, afterTax), totals(euro, "80", "16", "96")), items...)
	}
	odd := statement(customerB, both(
		totals(recurring(9, "0"), "-12.5", "-1.25", "-13.75"),                             // a credit, first collected after closing
		totals(oneTime(10, "0"), "10", "1", "11.01"),                                      // does not add up
		totals(oneTime(10, "0"), "10", "1", "11.01"),                                      // its true duplicate
		totals(euro, "0", "0", "0"),                                                       // nothing to pay
		detail("Marketplace", "2026-10-01", "2026-10-31", "", "99.95"),                    // no currency
		detail("Marketplace", "2026-10-01", "2026-10-31", "EURO", "1"),                    // no existing currency
		detail("Marketplace", "2026-10-01", "2026-10-31", "XAU", "1"),                     // gold
		totals(detail("Marketplace", "2026-10-01", "2026-10-31", "GBP", ""), "", "", "5"), // not divided
		totals(detail("Support", "2026-10-01", "2026-10-31", "GBP", ""), "4", "", ""),     // no tax, no sum
		totals(detail("Support", "2026-10-01", "2026-10-31", "JPY", ""), "", "", ""),      // no amount
		detail("Support", "", "2026-10-31", "JPY", "3"), detail("Support", "2026-08-01", "", "JPY", "3"),
		detail("Support", "2026-08-01", "2026-07-01", "USD", "3"),
		detail("", "2026-10-05", "2026-11-04", "USD", "3.1415926535897932384626"), // no type
	))
	c := func(recurringTotal, oneTimePretax, oneTimeTax, oneTimeTotal string) billing.Statement {
		o := totals(oneTime(10, "0"), oneTimePretax, oneTimeTax, oneTimeTotal)
		r := recurring(10, recurringTotal)
		return statement(customerC, both(r, o), line(o, "PURCHASE FEE", "1", oneTimePretax, oneTimePretax, oneTimeTax))
	}
	d := func(end, total string) billing.Statement {
		return statement(customerD, both(detail(billing.Recurring, "2026-08-31", end, "CHF", total)))
	}

	r := totals(r10, "54", "5.4", "59.4")
	b.collect(a("530", "53", "583", r, items()), odd, c("10", "20", "2", "22"), d("2026-09-29", "10"))
	// While their periods are open, amounts and lines are replaced.
	r = totals(r10, "54.5", "5.45", "59.95")
	b.collect(a("531", "53", "584", r, items()), c("11", "21", "2.1", "23.1"), d("2026-09-29", "12"))
	// After the closing they stay, and changes become corrections.
	b.runs = 20
	b.collect(a("520", "52", "572.5", r, items()[:3]), c("12", "25", "2.5", "27.5"), d("2026-09-30", "12"))
	b.runs = 35
	b.collect(statement(customerA, both(totals(recurring(11, "0"), "1", "", "1"), oneTime(11, "2"))), c("12", "21", "2.1", "23.1"), d("2026-09-30", ""))
	b.runs = 100
	b.collect(c("14", "21", "2.1", "23.1"), d("2026-09-30", "-1"))
}

// focusColumns are the columns of a view in order, those of FOCUS first.
var focusColumns = map[string][]string{
	"focus_1_2": strings.Fields(`BilledCost EffectiveCost ContractedCost ListCost BillingCurrency BillingAccountId BillingAccountName BillingAccountType
		SubAccountId SubAccountName SubAccountType InvoiceIssuerName ProviderName PublisherName BillingPeriodStart BillingPeriodEnd ChargePeriodStart
		ChargePeriodEnd ChargeCategory ChargeClass ChargeDescription ChargeFrequency PricingCategory PricingQuantity PricingUnit ContractedUnitPrice
		ConsumedQuantity ConsumedUnit ServiceName ServiceCategory SkuId SkuMeter SkuPriceId SkuPriceDetails CommitmentDiscountCategory
		CommitmentDiscountId CommitmentDiscountName CommitmentDiscountQuantity CommitmentDiscountStatus CommitmentDiscountType CommitmentDiscountUnit
		InvoiceId Tags ResourceId ResourceName ResourceType RegionId RegionName`),
	"focus_1_4": strings.Fields(`BilledCost EffectiveCost ContractedCost ListCost BillingCurrency BillingAccountId BillingAccountName BillingAccountType
		SubAccountId SubAccountName SubAccountType InvoiceIssuerName ServiceProviderName HostProviderName BillingPeriodStart BillingPeriodEnd ChargePeriodStart
		ChargePeriodEnd ChargeCategory ChargeClass ChargeDescription ChargeFrequency PricingCategory PricingQuantity PricingUnit ContractedUnitPrice
		ConsumedQuantity ConsumedUnit ServiceName ServiceCategory SkuId SkuMeter SkuPriceId SkuPriceDetails CommitmentDiscountCategory
		CommitmentDiscountId CommitmentDiscountName CommitmentDiscountQuantity CommitmentDiscountStatus CommitmentDiscountType CommitmentDiscountUnit
		InvoiceId InvoiceDetailId Tags ResourceId ResourceName ResourceType RegionId RegionName`),
	"focus_invoice_detail": strings.Fields(`InvoiceId InvoiceDetailId ReferenceInvoiceId BilledCost BillingCurrency BillingAccountId BillingPeriodStart BillingPeriodEnd ChargeCategory
		InvoiceDetailDescription InvoiceDetailGrain InvoiceDetailCreated InvoiceDetailLastUpdated InvoiceIssueDate InvoiceIssueStatus InvoiceIssuerName PaymentDueDate PaymentTerms`),
	"focus_billing_period": strings.Fields(`BillingPeriodStart BillingPeriodEnd BillingPeriodCreated BillingPeriodLastUpdated BillingPeriodStatus InvoiceIssuerName`),
}

// focusRules are the rules of FOCUS and of its mapping. Each is a condition on the
// rows of a view, f, that breaks it.
var focusRules = map[string]string{
	"costs are stated": `"BilledCost" IS NULL OR "EffectiveCost" IS NULL OR "ContractedCost" IS NULL OR "ListCost" IS NULL`,
	"what is mandatory and not nullable is stated": `num_nulls("BillingCurrency", "BillingAccountId", "BillingAccountName", "BillingAccountType", "SubAccountId", "SubAccountName", "SubAccountType", "InvoiceIssuerName",
		"BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory", "ChargeDescription", "ChargeFrequency", "ServiceName", "ServiceCategory") > 0`,
	"no text is empty":                          `'' IN ("BillingAccountId", "BillingAccountName", "SubAccountName", "ChargeDescription", "ServiceName", "SkuId", "SkuPriceId", "InvoiceId", "PricingUnit")`,
	"currencies are those of ISO 4217":          `"BillingCurrency" NOT IN ('USD', 'EUR', 'GBP', 'CHF')`,
	"the billing account is the partner":        `("BillingAccountId", "BillingAccountName", "BillingAccountType") <> ('` + tenant + `', 'contoso', 'Partner')`,
	"the sub account is the customer":           `"SubAccountType" <> 'CSP customer' OR NOT EXISTS (SELECT FROM finance.customers c WHERE c.customer_id::text = f."SubAccountId" AND c.company_name = f."SubAccountName")`,
	"Microsoft issues the invoices":             `"InvoiceIssuerName" <> 'Microsoft'`,
	"allowed charge categories":                 `"ChargeCategory" NOT IN ('Usage', 'Purchase', 'Tax', 'Credit', 'Adjustment')`,
	"allowed charge classes":                    `"ChargeClass" <> 'Correction'`,
	"allowed charge frequencies":                `"ChargeFrequency" NOT IN ('One-Time', 'Recurring', 'Usage-Based')`,
	"no purchase is usage-based":                `"ChargeCategory" = 'Purchase' AND "ChargeFrequency" = 'Usage-Based'`,
	"the frequency follows the invoice type":    `"ChargeFrequency" <> 'Usage-Based' AND ("ChargeFrequency" = 'Recurring') <> ("x_InvoiceType" IS NOT DISTINCT FROM 'Recurring')`,
	"usage is usage-based":                      `"ChargeCategory" = 'Usage' AND "ChargeFrequency" <> 'Usage-Based'`,
	"allowed service categories":                `"ServiceCategory" NOT IN ('AI and Machine Learning', 'Analytics', 'Business Applications', 'Compute', 'Databases', 'Developer Tools', 'Multicloud', 'Identity', 'Integration', 'Internet of Things', 'Management and Governance', 'Media', 'Migration', 'Mobile', 'Networking', 'Security', 'Storage', 'Web', 'Other')`,
	"a service has one category":                `EXISTS (SELECT FROM finance.%s o WHERE o."ServiceName" = f."ServiceName" AND o."ServiceCategory" <> f."ServiceCategory")`,
	"periods end after they start":              `"BillingPeriodEnd" <= "BillingPeriodStart" OR "ChargePeriodEnd" <= "ChargePeriodStart"`,
	"periods are whole days":                    `EXISTS (SELECT FROM unnest(ARRAY["BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd"]) t WHERE t <> date_trunc('day', t, 'UTC'))`,
	"ends of billing periods are exclusive":     `"ChargeClass" IS NULL AND NOT EXISTS (SELECT FROM finance.cost_revisions c WHERE c.customer_id::text = f."SubAccountId" AND c.invoice_type IS NOT DISTINCT FROM f."x_InvoiceType" AND c.period_start = f."x_PeriodStart" AND c.currency_code = f."BillingCurrency" AND (c.period_end + 1)::timestamp AT TIME ZONE 'UTC' = f."BillingPeriodEnd")`,
	"charges start their own billing period":    `"ChargeClass" IS NULL AND "BillingPeriodStart" <> "x_PeriodStart"::timestamp AT TIME ZONE 'UTC'`,
	"a summary covers its billing period":       `"ChargeClass" IS NULL AND "x_Granularity" = 'summary' AND ("ChargePeriodStart", "ChargePeriodEnd") <> ("BillingPeriodStart", "BillingPeriodEnd")`,
	"every billing period is listed":            `NOT EXISTS (SELECT FROM finance.focus_billing_period p WHERE (p."BillingPeriodStart", p."BillingPeriodEnd", p."InvoiceIssuerName") = (f."BillingPeriodStart", f."BillingPeriodEnd", f."InvoiceIssuerName"))`,
	"tax rows are tax":                          `("x_CostPart" = 'tax') AND "ChargeCategory" <> 'Tax'`,
	"tax has no price":                          `"ChargeCategory" = 'Tax' AND num_nonnulls("PricingQuantity", "PricingUnit", "SkuId", "SkuPriceId", "ContractedUnitPrice") > 0`,
	"purchases and usage have a price":          `"ChargeCategory" IN ('Purchase', 'Usage') AND "x_Granularity" = 'line item' AND num_nulls("SkuId", "SkuPriceId", "PricingCategory", "PricingQuantity", "PricingUnit", "ContractedUnitPrice") > 0`,
	"corrections have no quantity":              `"ChargeClass" = 'Correction' AND num_nonnulls("PricingCategory", "PricingQuantity", "PricingUnit", "ContractedUnitPrice") > 0`,
	"only usage is consumed":                    `("ChargeCategory" = 'Usage') <> ("ConsumedQuantity" IS NOT NULL) OR ("ConsumedQuantity" IS NULL) <> ("ConsumedUnit" IS NULL)`,
	"a price of a SKU is that of one":           `"SkuPriceId" IS NOT NULL AND ("SkuId" IS NULL OR "ContractedUnitPrice" IS NULL OR EXISTS (SELECT FROM finance.%s o WHERE o."SkuPriceId" = f."SkuPriceId" AND o."SkuId" <> f."SkuId"))`,
	"a refund is a purchase":                    `"x_ChargeType" = 'ONE_TIME_REFUND' AND "x_CostPart" = 'pretax' AND "ChargeCategory" <> 'Purchase'`,
	"no placeholder":                            `EXISTS (SELECT FROM jsonb_each_text(to_jsonb(f)) c WHERE c.value IN ('N/A', '-1') AND jsonb_typeof(to_jsonb(f) -> c.key) = 'string')`,
	"a quantity has a unit":                     `("PricingQuantity" IS NULL) <> ("PricingUnit" IS NULL)`,
	"unit prices are not negative":              `"ContractedUnitPrice" < 0`,
	"contracted cost is price times quantity":   `"ContractedCost" <> "ContractedUnitPrice" * "PricingQuantity"`,
	"contracted cost of a credit is billed":     `"ChargeCategory" = 'Credit' AND "ContractedCost" <> "BilledCost"`,
	"list cost is billed cost":                  `"ListCost" <> "BilledCost"`,
	"without a price contracted cost is billed": `"ContractedUnitPrice" IS NULL AND "ChargeCategory" <> 'Tax' AND "ContractedCost" <> "BilledCost"`,
	"the difference to contracted cost is told": `"x_ContractedCostDifference" IS DISTINCT FROM "ContractedCost" - "BilledCost"`,
	"effective cost is billed or prepaid":       `"EffectiveCost" <> CASE "x_EffectiveCostBasis" WHEN 'billed' THEN "BilledCost" WHEN 'prepaid' THEN 0 END`,
	"usage and credits are not prepaid":         `"x_EffectiveCostBasis" = 'prepaid' AND "ChargeCategory" NOT IN ('Purchase', 'Adjustment', 'Tax')`,
	"a summary says that it is one":             `"x_Granularity" NOT IN ('line item', 'summary') OR "x_Granularity" = 'summary' AND num_nonnulls("SkuId", "SkuPriceId", "x_ChargeType") > 0`,
	"a summary is of no known service":          `"x_Granularity" = 'summary' AND ("ServiceName", "ServiceCategory") <> ('Microsoft CSP', 'Other')`,
	"what the service does not state is null":   `num_nonnulls("Tags", "ResourceId", "ResourceName", "ResourceType", "RegionId", "RegionName", "SkuPriceDetails") > 0`,
	"a row is there once":                       `(SELECT count(*) FROM finance.%s o WHERE o."x_ChargeId" = f."x_ChargeId" AND o."x_CostPart" = f."x_CostPart") > 1`,
	"a summary or its lines, never both":        `"x_ChargeId" LIKE '%/summary%' AND EXISTS (SELECT FROM finance.%s o WHERE o."x_ChargeId" LIKE '%/item %' AND (o."SubAccountId", o."x_PeriodStart", o."BillingCurrency") = (f."SubAccountId", f."x_PeriodStart", f."BillingCurrency") AND o."x_InvoiceType" IS NOT DISTINCT FROM f."x_InvoiceType")`,
	"lines and their tax have the invoice":      `"x_Granularity" = 'line item' AND "x_ChargeType" IS NOT NULL AND "InvoiceId" IS NULL`,
	"corrections come after the closing":        `"ChargeClass" = 'Correction' AND ("x_CollectedAt" < "ChargePeriodEnd" + interval '15 days' OR "BillingPeriodStart" < "ChargePeriodEnd")`,
	"corrections go where they were collected":  `"ChargeClass" = 'Correction' AND ("x_CollectedAt" < "BillingPeriodStart" OR "x_CollectedAt" >= "BillingPeriodEnd")`,
	"corrections belong to no invoice":          `"ChargeClass" = 'Correction' AND "InvoiceId" IS NOT NULL`,
	"corrections correct something":             `"ChargeClass" = 'Correction' AND "BilledCost" = 0`,
	"what was restated while open is no correction": `"ChargeClass" IS NULL AND "x_CollectedAt" >= "BillingPeriodEnd" + interval '15 days'
		AND EXISTS (SELECT FROM finance.cost_revisions c WHERE c.customer_id::text = f."SubAccountId" AND c.invoice_type IS NOT DISTINCT FROM f."x_InvoiceType" AND c.period_start = f."x_PeriodStart" AND c.currency_code = f."BillingCurrency" AND c.valid_from < f."x_CollectedAt")`,
	"nothing personal": `to_jsonb(f)::text ~* 'jo@example|Jo''s seats'`,
}

// focusTotals are rules on the views as a whole: queries that must return no row.
var focusTotals = map[string]string{
	"FOCUS adds up to finance.costs": `
		WITH focus AS (
			SELECT "x_Partner" AS partner, "SubAccountId" AS customer_id, "x_InvoiceType" AS invoice_type, "x_PeriodStart" AS period_start, "BillingCurrency" AS currency_code, sum("BilledCost") AS total,
				sum("BilledCost") FILTER (WHERE "x_CostPart" = 'pretax') AS pretax, sum("BilledCost") FILTER (WHERE "x_CostPart" = 'tax') AS tax
			FROM finance.%s GROUP BY 1, 2, 3, 4, 5
		), costs AS (
			SELECT partner, customer_id::text, invoice_type, period_start, currency_code,
				sum(coalesce(after_tax_total, coalesce(pretax_total, 0) + coalesce(tax, 0))) AS total, sum(pretax_total) AS pretax, sum(tax) AS tax
			FROM finance.costs c
			WHERE NOT EXISTS (SELECT FROM finance.focus_left_out l WHERE (l.partner, l.customer_id, l.ordinal) = (c.partner, c.customer_id, c.ordinal)
				AND (l.invoice_type, l.period_start, l.currency_code) IS NOT DISTINCT FROM (c.invoice_type, c.period_start, c.currency_code))
			GROUP BY 1, 2, 3, 4, 5
		)
		SELECT * FROM focus FULL JOIN costs ON (focus.partner, focus.customer_id, focus.period_start, focus.currency_code) = (costs.partner, costs.customer_id, costs.period_start, costs.currency_code)
			AND coalesce(focus.invoice_type, '') = coalesce(costs.invoice_type, '')
		WHERE focus.total IS DISTINCT FROM costs.total OR focus.pretax <> costs.pretax OR focus.tax <> costs.tax`,
	"what lines of one invoice leave over is of that invoice": `
		SELECT * FROM finance.%s r WHERE r."x_ChargeId" LIKE '%/reconciliation%' AND r."InvoiceId" IS DISTINCT FROM (
			SELECT CASE WHEN count(*) = count("InvoiceId") AND count(DISTINCT "InvoiceId") = 1 THEN min("InvoiceId") END
			FROM finance.%s i WHERE i."x_ChargeId" LIKE split_part(r."x_ChargeId", 'reconciliation', 1) || 'item %')`,
	"what is left out lacks what FOCUS demands": `
		SELECT * FROM finance.focus_left_out WHERE NOT (currency_code IS NULL OR currency_code IN ('EURO', 'XAU') OR period_start IS NULL OR period_end IS NULL
			OR period_end < period_start OR num_nonnulls(pretax_total, tax, after_tax_total) = 0)`,
	"billing periods": `
		SELECT * FROM finance.focus_billing_period WHERE num_nulls("BillingPeriodStart", "BillingPeriodEnd", "BillingPeriodCreated", "BillingPeriodLastUpdated", "BillingPeriodStatus", "InvoiceIssuerName") > 0
			OR "BillingPeriodStatus" <> CASE WHEN now() >= "BillingPeriodEnd" + interval '15 days' THEN 'Closed' ELSE 'Open' END
			OR "BillingPeriodLastUpdated" < "BillingPeriodCreated" OR "BillingPeriodEnd" <= "BillingPeriodStart"`,
	"a billing period is listed once": `SELECT "BillingPeriodStart", "BillingPeriodEnd" FROM finance.focus_billing_period GROUP BY 1, 2 HAVING count(*) > 1`,
}

// TestFocusConformance checks every rule on FOCUS views of data with credits, refunds,
// several currencies and none, duplicates, zero totals, lines that add up and lines
// that do not, and restatements before and after the closing.
func TestFocusConformance(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.keepOddBooks()
	for _, view := range []string{"focus_1_2", "focus_1_4"} {
		for name, broken := range focusRules {
			wantLines(t, view+": "+name, b.query(strings.ReplaceAll(`SELECT "x_ChargeId", "x_CostPart" FROM finance.%s f WHERE `+broken, "%s", view)))
		}
		for name, sql := range focusTotals {
			wantLines(t, view+": "+name, b.query(strings.ReplaceAll(sql, "%s", view)))
		}
	}
	for view, columns := range focusColumns {
		got := b.query(`SELECT attname FROM pg_attribute WHERE attrelid = ('finance.' || $1)::regclass AND attnum > 0 AND attname NOT LIKE 'x\_%' ORDER BY attnum`, view)
		wantLines(t, view+": columns", got, columns...)
	}
	wantLines(t, "the versions agree", b.query(`SELECT f."x_ChargeId", f."x_CostPart", k.key, k.value AS two, to_jsonb(g) ->> k.key AS four
		FROM finance.focus_1_2 f JOIN finance.focus_1_4 g USING ("x_ChargeId", "x_CostPart"), jsonb_each_text(to_jsonb(f)) k
		WHERE to_jsonb(g) ? k.key AND k.value IS DISTINCT FROM to_jsonb(g) ->> k.key
			AND NOT (g."ChargeCategory" = 'Tax' AND k.key IN ('EffectiveCost', 'x_EffectiveCostBasis') AND g."EffectiveCost" = g."BilledCost" AND f."EffectiveCost" = 0)
			AND NOT (g."SkuPriceId" IS NULL AND k.key IN ('PricingCategory', 'PricingQuantity', 'PricingUnit', 'ContractedUnitPrice') AND to_jsonb(g) ->> k.key IS NULL)`))
	wantLines(t, "rows of one version only", b.query(`SELECT count(*) FROM finance.focus_1_2 f FULL JOIN finance.focus_1_4 g USING ("x_ChargeId", "x_CostPart") WHERE f."BilledCost" IS NULL OR g."BilledCost" IS NULL`), "0")
	wantLines(t, "what has no price of a SKU has no quantity in 1.4", b.query(`SELECT "x_ChargeId" FROM finance.focus_1_4 WHERE ("SkuPriceId" IS NULL) <> ("PricingQuantity" IS NULL) OR ("PricingQuantity" IS NULL) <> ("ContractedUnitPrice" IS NULL)`))
	wantLines(t, "providers", b.query(`SELECT DISTINCT "ProviderName", "PublisherName" FROM finance.focus_1_2 ORDER BY 2`), "Microsoft Lantern & Sons, Inc.", "Microsoft Microsoft")
	wantLines(t, "providers of 1.4", b.query(`SELECT DISTINCT "ServiceProviderName", "HostProviderName" FROM finance.focus_1_4 ORDER BY 1`), "Lantern & Sons, Inc. Lantern & Sons, Inc.", "Microsoft Microsoft")
	wantLines(t, "an invoice without its line", b.query(`SELECT "x_ChargeId" FROM finance.focus_1_4 WHERE ("InvoiceId" IS NULL) <> ("InvoiceDetailId" IS NULL)`))
}

// TestFocusRows compares some rows with their exact expected values.
func TestFocusRows(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.keepOddBooks()
	const a, c, d = "contoso/" + string(customerA), "contoso/" + string(customerC), "contoso/" + string(customerD)
	tests := []struct {
		name, columns, charges string
		want                   []string
	}{
		{"a licence", `"x_CostPart", "BilledCost", "ContractedCost", "ChargeCategory", "ChargeFrequency", "PricingQuantity", "PricingUnit", "SkuPriceId", "InvoiceId", "ServiceName", "ServiceCategory"`, a + "/Recurring/2026-10-12/USD/item 1", []string{
			"pretax 60 60 Purchase Recurring 10 Licenses 91FD106F D000003163 Microsoft 365 Business Applications",
			"tax 6 6 Tax Recurring null null null D000003163 Microsoft 365 Business Applications",
		}},
		{"a proration, billed in advance at a promotional price", `"x_CostPart", "BilledCost", "ContractedCost", "ListCost", "x_ContractedCostDifference", "BillingPeriodEnd"::date AS bills, "ChargePeriodStart"::date AS starts, "ChargePeriodEnd"::date AS ends`, a + "/Recurring/2026-10-12/USD/item 2", []string{
			"pretax 2.5 3.22 2.5 0.72 2026-11-12 2026-11-12 2026-12-12", "tax 0.25 0.3220000000 0.25 0.0720000000 2026-11-12 2026-11-12 2026-12-12",
		}},
		{"a reservation", `"x_CostPart", "BilledCost", "EffectiveCost", "x_EffectiveCostBasis", "SkuId", "SkuPriceId", "PublisherName", "ChargeDescription"`, a + "/OneTime/2026-10-01/USD/item 3", []string{
			"pretax 497 0 prepaid DZH318Z0BQ3Q:00JC DZH318Z0BQ3Q:00JC:DZH318Z0F2RN Lantern & Sons, Inc. Reserved VM Instance Standard_D2s_v5, 1 Year PURCHASE FEE",
			"tax 49.7 0 prepaid null null Lantern & Sons, Inc. Tax on Reserved VM Instance Standard_D2s_v5, 1 Year PURCHASE FEE",
		}},
		{"usage", `"x_CostPart", "BilledCost", "ContractedCost", "ChargeCategory", "ChargeFrequency", "PricingQuantity", "PricingUnit"`, a + "/OneTime/2026-10-01/USD/item 4", []string{
			"pretax 2.15 2.152499999999999875 Usage Usage-Based 0.125 Units", "tax 0.21 0.2102441860 Tax Usage-Based null null",
		}},
		{"a credit, a refund, a discount, a refund of tax and no charge type", `split_part("x_ChargeId", '/', 6) AS item, "BilledCost", "ChargeCategory", "SkuPriceId", "ContractedUnitPrice", "x_UnitPrice"`, a + `/%/item [35678]`, []string{
			"item 3 497 Purchase DZH318Z0BQ3Q:00JC:DZH318Z0F2RN 497 497", "item 5 -4 Purchase 91FD106F 4 -4", "item 6 -1 Adjustment null null null",
			"item 7 -0.3 Tax null null 0.3", "item 8 7 Adjustment null null null", "item 3 -5 Credit null null 5",
		}},
		{"what the lines leave over", `"x_CostPart", "BilledCost", "ChargeCategory", "InvoiceId", "x_Reconciliation"`, a + "/%/reconciliation 1", []string{
			"pretax 10.15 Adjustment null true", "tax 0.99 Tax null true", "pretax -3.0 Adjustment D000003163 true", "tax -0.30 Tax D000003163 true",
		}},
		{"a summary", `"x_CostPart", "BilledCost", "ChargeCategory", "PricingQuantity", "PricingUnit", "x_Granularity", "ChargeDescription"`, c + "/Recurring/%/summary 1", []string{
			"pretax 12 Purchase 1 Billing Periods summary Recurring service costs 2026-10-12..11-11", "tax 0 Tax null null summary Tax on Recurring service costs 2026-10-12..11-11",
		}},
		{"lines stay as they were when the period closed", `"x_CostPart", "BilledCost", "ChargeClass"`, c + "/OneTime/%/item 1", []string{"pretax 21 null", "tax 2.1 null"}},
		{"corrections there and back", `"x_CostPart", "BilledCost", "ChargeClass", "BillingPeriodStart"::date AS bills, "ChargePeriodStart"::date AS starts, "ChargePeriodEnd"::date AS ends, "InvoiceId"`, c + "/OneTime/%/correction %", []string{
			"pretax 4 Correction 2026-11-01 2026-10-01 2026-11-01 null", "tax 0.4 Correction 2026-11-01 2026-10-01 2026-11-01 null",
			"pretax -4 Correction 2026-12-01 2026-10-01 2026-11-01 null", "tax -0.4 Correction 2026-12-01 2026-10-01 2026-11-01 null",
		}},
		{"a cycle that begins on the 31st, an end that moved, an amount that went", `"BilledCost", "BillingPeriodStart"::date AS bills, "BillingPeriodEnd"::date AS ends, split_part("x_ChargeId", '/', 6) AS charge`, d + "/Recurring/2026-08-31/CHF/%", []string{
			"2 2026-10-31 2026-11-30 correction 1.1", "-12 2026-11-30 2026-12-31 correction 1.3", "-1 2027-01-31 2027-02-28 correction 1.4",
			"10 2026-08-31 2026-09-30 summary 1", "0 2026-08-31 2026-09-30 summary 1",
		}},
	}
	for _, test := range tests {
		got := b.query(`SELECT `+test.columns+` FROM finance.focus_1_2 WHERE "x_ChargeId" SIMILAR TO $1
			AND ($2 OR "x_CostPart" = 'pretax') ORDER BY "x_ChargeId" COLLATE "C", "x_CostPart"`, test.charges, !strings.Contains(test.charges, "["))
		wantLines(t, test.name, got, test.want...)
	}
	wantLines(t, "charges of one row: an amount is not stated, or not corrected", b.query(`SELECT string_agg("x_CostPart", ' ') AS part, "x_ChargeId" FROM finance.focus_1_2
		GROUP BY "x_ChargeId" HAVING count(*) < 2 ORDER BY "x_ChargeId" COLLATE "C"`),
		"pretax "+a+"/OneTime/2026-10-01/USD/item 8", "tax "+a+"/OneTime/2026-10-01/USD/item 9", "pretax "+a+"/Recurring/2026-11-12/USD/summary 1",
		"unexplained contoso/"+string(customerB)+"/Marketplace/2026-10-01/GBP/summary 1", "pretax contoso/"+string(customerB)+"/Support/2026-10-01/GBP/summary 1",
		"pretax "+c+"/Recurring/2026-10-12/USD/correction 1.3",
		"pretax "+d+"/Recurring/2026-08-31/CHF/correction 1.1", "pretax "+d+"/Recurring/2026-08-31/CHF/correction 1.3", "pretax "+d+"/Recurring/2026-08-31/CHF/correction 1.4")
	wantLines(t, "invoices", b.query(`SELECT "InvoiceId", "BillingCurrency", sum("BilledCost") AS payable FROM finance.focus_1_2 WHERE "SubAccountId" = $1 AND "InvoiceId" IS NOT NULL
		GROUP BY 1, 2 ORDER BY 1, 2`, customerA), "D000003163 USD 59.95", "T000003163 EUR 96", "T000003163 USD 565.86")
	wantLines(t, "left out", b.query(`SELECT invoice_type, period_start, currency_code, reason FROM finance.focus_left_out ORDER BY invoice_type, period_start, currency_code`),
		"Marketplace 2026-10-01 EURO the currency is no ISO 4217 code", "Marketplace 2026-10-01 XAU the currency is no ISO 4217 code", "Marketplace 2026-10-01 null no currency is stated",
		"Support 2026-08-01 JPY no end of the period is stated", "Support 2026-08-01 USD the period ends before it starts",
		"Support 2026-10-01 JPY no amount is stated", "Support null JPY no start of the period is stated")
}

func TestFocusBillingPeriodsCloseByThemselves(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(statement(customerA, both(detail(billing.OneTime, "2020-01-01", "2020-01-31T23:59:59.9999999Z", "USD", "1"), detail(billing.Recurring, "2998-12-12", "2999-01-11", "USD", "1"))))
	wantLines(t, "billing periods", b.query(`SELECT "BillingPeriodStart"::date AS starts, "BillingPeriodEnd"::date AS ends, "BillingPeriodStatus", "BillingPeriodCreated"::date AS created FROM finance.focus_billing_period ORDER BY 1`),
		"2020-01-01 2020-02-01 Closed 2026-11-02", "2998-12-12 2999-01-12 Open 2026-11-02")
}

func TestSavePartner(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(statement(customerA, both(recurring(10, "1"))))
	account := func() []string { return b.query(`SELECT DISTINCT "BillingAccountId" FROM finance.focus_1_2`) }
	wantLines(t, "before anything is known", account(), "contoso")
	for _, step := range []struct{ given, want string }{{"", "contoso"}, {tenant, tenant}, {"", tenant}, {string(customerD), string(customerD)}} {
		if err := b.store.SavePartner(t.Context(), "contoso", step.given); err != nil {
			t.Fatal(err)
		}
		wantLines(t, "after "+step.given, account(), step.want)
	}
}

// TestFocusNamesACustomerAsItWas checks that SubAccountName is the name at the closing.
func TestFocusNamesACustomerAsItWas(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	named := func(id billing.CustomerID, profile, item string, month int) billing.Statement {
		s := statement(id, both(oneTime(month, "10")))
		s.CustomerName = item
		s.Documents[0].Body, s.Documents[2].Body = append(s.Documents[0].Body, profile...), append(s.Documents[2].Body, item...)
		if s.Profile.CompanyName = profile; profile == "" {
			s.Profile = nil
		}
		return s
	}
	names := func(what string, want ...string) {
		t.Helper()
		for _, view := range []string{"focus_1_2", "focus_1_4"} {
			wantLines(t, view+": "+what, b.query(`SELECT DISTINCT right("SubAccountId", 1) AS c, "BillingPeriodStart"::date AS month, "SubAccountName" FROM finance.`+view+` ORDER BY 1, 2`), want...)
		}
	}
	// The nights begin on 2026-11-02: October closes on the 16th, November on December
	// 16th.
	b.collect(named(customerA, "First", "", 10), named(customerB, "", "Of the lines", 10), named(customerC, "", "", 10))
	b.runs = 10
	b.collect(named(customerA, "Second", "", 10), named(customerB, "", "Of the lines, again", 10))
	names("while open, the newest name", "a 2026-10-01 Second", "b 2026-10-01 Of the lines, again", "c 2026-10-01 "+string(customerC))
	b.runs = 30
	b.collect(named(customerA, "Third", "", 11), named(customerB, "", "Later", 11), named(customerC, "Late", "", 11))
	names("once closed, the name of then", "a 2026-10-01 Second", "a 2026-11-01 Third", "b 2026-10-01 Of the lines, again", "b 2026-11-01 Later", "c 2026-10-01 "+string(customerC), "c 2026-11-01 Late")
	b.collect(named(customerB, "Of the profile", "Ignored", 11))
	names("a profile comes before the lines", "a 2026-10-01 Second", "a 2026-11-01 Third", "b 2026-10-01 Of the lines, again", "b 2026-11-01 Of the profile", "c 2026-10-01 "+string(customerC), "c 2026-11-01 Late")
	b.erase(customerA, billing.NameAndCountry)
	names("the name is no personal data", "a 2026-10-01 Second", "a 2026-11-01 Third", "b 2026-10-01 Of the lines, again", "b 2026-11-01 Of the profile", "c 2026-10-01 "+string(customerC), "c 2026-11-01 Late")
	for _, id := range []billing.CustomerID{customerA, customerB, customerC} {
		b.erase(id, billing.CountryOnly)
	}
	b.collect(named(customerB, "", "Back", 11), named(customerC, "Back", "Back", 11))
	names("unless it is erased", "a 2026-10-01 "+string(customerA), "a 2026-11-01 "+string(customerA), "b 2026-10-01 "+string(customerB), "b 2026-11-01 "+string(customerB),
		"c 2026-10-01 "+string(customerC), "c 2026-11-01 "+string(customerC))
}

// TestFocusHoldsACostWhoseEndWasAMistake: an end before the start closes no period, so
// the cost is included once the end is right.
func TestFocusHoldsACostWhoseEndWasAMistake(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	at := func(end, total string) billing.Statement {
		return statement(customerA, both(detail(billing.Recurring, "2026-10-12", end, "USD", total)))
	}
	rows := func(what string, want ...string) {
		t.Helper()
		wantLines(t, what, b.query(`SELECT "BilledCost", "ChargeClass", "BillingPeriodStart"::date AS starts, "BillingPeriodEnd"::date AS ends FROM finance.focus_1_2 WHERE "x_CostPart" = 'pretax' ORDER BY 3, 2`), want...)
		wantLines(t, what+": what is left out", b.query(`SELECT reason FROM finance.focus_left_out`), map[bool][]string{true: {"the period ends before it starts"}}[want == nil]...)
	}
	b.collect(at("2026-09-11", "10"))
	rows("the end is a mistake")
	b.collect(at("2026-11-11", "10"))
	rows("the end is right", "10 null 2026-10-12 2026-11-12")
	b.runs = 30
	b.collect(at("2026-11-11", "12"))
	rows("a change after the closing is a correction", "10 null 2026-10-12 2026-11-12", "2 Correction 2026-11-12 2026-12-12")
}
