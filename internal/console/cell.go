package console

import (
	"cmp"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"partnercost/internal/billing"
	"partnercost/internal/sheet"
)

// cells turns the values of a row into what is shown.
func (t table) cells(values []any, f filter) []cellView {
	of := func(name string) string {
		for i, c := range t.columns {
			if c.name == name {
				return plainText(values[i])
			}
		}
		return ""
	}
	cells := make([]cellView, 0, len(values))
	for i, c := range t.columns {
		if !c.shown(f) {
			continue
		}
		cell := cellView{Text: plainText(values[i]), Head: len(cells) == 0}
		switch c.kind {
		case amount, cost, change, gap:
			cell = amountCell(cell, of("currency_code"))
			if c.kind == change || c.kind == gap {
				cell.Text = signed(cell.Text)
			}
			if c.kind == change && strings.HasPrefix(cell.Text, "+") {
				cell.Class += " up"
			}
			if c.kind == cost {
				cell.Href = originAddress(of)
			}
		case price:
			if d, err := decimal.NewFromString(cell.Text); err == nil {
				cell.Text, cell.Unit = exactly(d, of("currency_code")), of("currency_code")
			}
			cell.Class = "num"
		case number:
			cell.Class, cell.Text = "num", grouped(cell.Text)
		case fromTo:
			cell.Class, cell.Text = "num", grouped(cell.Text)
			if after := of(c.until); after != "" && grouped(after) != cell.Text {
				cell.Text = strings.TrimSpace(cell.Text + " → " + grouped(after))
			}
		case percent:
			cell.Class, cell.Text = "num", percentage(cell.Text)
		case share:
			cell.Class = "num"
			if cell.Text != "" {
				cell.Text = grouped(cell.Text) + " %"
			}
		case company:
			if id := of("customer_id"); id != "" {
				if of("known") != "false" {
					cell.Href = customerAddress(of("partner"), id)
				}
				if cell.Text == "" {
					cell.Text, cell.Title = id[:shortID]+"…", id
				}
			}
		case invoice:
			cell.Href = invoiceAddress(of("partner"), cell.Text)
		case truth:
			cell.Text = map[string]string{"true": "Yes", "false": "No"}[cell.Text]
		case severity, outcome:
			cell.Marked, cell.Class = true, "state "+strings.ReplaceAll(cell.Text, " ", "_")
			cell.Text = title(cell.Text)
		case term:
			cell.Class, cell.Text = "short", title(cell.Text)
		case kindOfInvoice:
			cell.Class, cell.Text = "short", kindTitle(cell.Text)
		case source:
			cell.Class, cell.Text, cell.Href = "short", title(cell.Text), sourceAddress(of)
		case oddity:
			cell.Class, cell.Text = "short", billing.FindingKind(cell.Text).Title()
		case identifier:
			cell.Class = "id"
			if len(cell.Text) > shortID+1 {
				cell.Title, cell.Text = cell.Text, cell.Text[:shortID]+"…"
			}
		case day:
			cell.Class = "when"
		case period:
			cell.Class, cell.Text = "short", span(cell.Text, of(c.until))
		case bars:
			cell.Class, cell.Bars = "trend", newSparkline(cell.Text, f.month, len(f.open) > 0)
			cell.Text = ""
		case prose:
			cell.Class, cell.Long = "prose", len(cell.Text) > longText
		case duration:
			cell.Class = "when"
		case words:
			if at, ok := values[i].(time.Time); ok {
				cell.Text, cell.Class = moment(at), "when"
			}
			if c.name == "month" {
				cell.Class = "when"
			}
		}
		if cell.Text == "" && cell.Bars == nil {
			cell.Text = c.absent
		}
		if t.namesCurrency() {
			cell.Unit = ""
		}
		cell.Class = strings.TrimSpace(cell.Class + " " + c.roomClass())
		cells = append(cells, cell)
	}
	return cells
}

const (
	// shortID is how much of an id is shown, and longText how much of a text without a
	// fold.
	shortID  = 8
	longText = 60
)

func customerAddress(partner, id string) string {
	return link("/customer", url.Values{"partner": {partner}, "customer": {id}})
}

func invoiceAddress(partner, id string) string {
	return link("/invoice", url.Values{"partner": {partner}, "invoice": {id}})
}

// sourceAddress leads to the costs or the lines of invoices of which an amount of the
// history is the sum.
func sourceAddress(of func(string) string) string {
	q := url.Values{
		"partner": {of("partner")}, "customer": {of("customer_id")}, "month": {of("month")}, "type": {orNone(of("invoice_type"))}, "currency": {orNone(of("currency_code"))},
	}
	if of("origin") == "invoice" {
		return link("/invoice-lines", q)
	}
	return link("/costs", q)
}

// originAddress leads to where the cost of a row comes from. A row that does not say which
// of several it is means the first.
func originAddress(of func(string) string) string {
	q := url.Values{
		"partner": {of("partner")}, "customer": {of("customer_id")}, "type": {orNone(of("invoice_type"))},
		"start": {orNone(of("period_start"))}, "currency": {orNone(of("currency_code"))},
	}
	if ordinal := of("ordinal"); ordinal != "" {
		q.Set("ordinal", ordinal)
	}
	return link("/origin", q)
}

func amountCell(cell cellView, code string) cellView {
	cell.Class = "num"
	if cell.Text == "" {
		return cell
	}
	a := money(cell.Text, code)
	cell.Text, cell.Title, cell.Unit = a.Text, a.Exact, cmp.Or(code, "?")
	return cell
}

// plainText is a value as the CSV has it: amounts as they are stored, times in UTC.
func plainText(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case []byte:
		return string(v)
	case time.Time:
		return v.UTC().Format("2006-01-02T15:04:05Z")
	}
	return fmt.Sprint(value)
}

// moment is a time for people, in UTC.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

// span is a period of whole days for people: a month by its name.
func span(from, to string) string {
	start, errStart := time.Parse(time.DateOnly, from)
	end, errEnd := time.Parse(time.DateOnly, to)
	switch {
	case errStart != nil && errEnd != nil:
		return ""
	case errEnd != nil:
		return "from " + start.Format("2 Jan 2006")
	case errStart != nil:
		return "to " + end.Format("2 Jan 2006")
	case start.Equal(end):
		return start.Format("2 Jan 2006")
	case start.Day() == 1 && end.Equal(start.AddDate(0, 1, -1)):
		return start.Format("Jan 2006")
	case start.Year() == end.Year():
		return start.Format("2 Jan") + " – " + end.Format("2 Jan 2006")
	}
	return start.Format("2 Jan 2006") + " – " + end.Format("2 Jan 2006")
}

// shownAmount is an amount for people. Exact is for a tooltip, where Text is rounded.
type shownAmount struct{ Text, Exact string }

// money writes an amount with its digits grouped and the decimals of its currency. Sums
// of what the service computes in floats have more: the exact amount is in the tooltip, in
// the CSV, and where the number's origin is told.
func money(text, code string) shownAmount {
	d, err := decimal.NewFromString(text)
	if err != nil {
		return shownAmount{Text: text}
	}
	places := sheet.Decimals(code)
	a := shownAmount{Text: grouped(d.Round(places).StringFixed(places))}
	if !d.Equal(d.Round(places)) {
		a.Exact = "≈ exactly " + grouped(d.String())
	}
	return a
}

// percentage writes a change in percent, where that means something: not of one to ten
// times as much or more, nor where costs became a credit.
func percentage(text string) string {
	d, err := decimal.NewFromString(text)
	if err != nil || d.GreaterThanOrEqual(decimal.NewFromInt(senseless)) || d.LessThan(decimal.NewFromInt(-100)) {
		return ""
	}
	return signed(d.StringFixed(1)) + " %"
}

const senseless = 1000

// exactly writes an amount with all its decimals, and with those of its currency where
// it states fewer.
func exactly(d decimal.Decimal, code string) string {
	places := sheet.Decimals(code)
	if d.Equal(d.Round(places)) {
		return grouped(d.StringFixed(places))
	}
	return grouped(d.String())
}

// grouped puts commas between the thousands.
func grouped(text string) string {
	sign := ""
	if strings.HasPrefix(text, "-") {
		sign, text = "−", text[1:]
	}
	whole, fraction, hasFraction := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if hasFraction {
		whole += "." + fraction
	}
	return sign + whole
}

// signed puts a plus before what is more than nothing.
func signed(text string) string {
	text = strings.Replace(text, "-", "−", 1)
	if strings.HasPrefix(text, "−") || strings.Trim(text, "0.,") == "" {
		return text
	}
	return "+" + text
}

func count(n int) string { return grouped(strconv.Itoa(n)) }
