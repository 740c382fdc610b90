package console

import (
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
		case amount, cost, change:
			cell = amountCell(cell, of("currency_code"), c.kind == change)
			if c.kind == cost {
				cell.Href = link("/origin", url.Values{
					"partner": {of("partner")}, "customer": {of("customer_id")}, "type": {orNone(of("invoice_type"))},
					"start": {orNone(of("period_start"))}, "currency": {orNone(of("currency_code"))}, "ordinal": {of("ordinal")},
				})
			}
		case price:
			if d, err := decimal.NewFromString(cell.Text); err == nil {
				cell.Text, cell.Unit = exactly(d, of("currency_code")), of("currency_code")
			}
			cell.Class = "num"
		case number:
			cell.Class, cell.Text = "num", grouped(cell.Text)
		case percent:
			cell.Class = "num"
			if cell.Text != "" {
				cell.Text = signed(cell.Text) + " %"
			}
		case company:
			if cell.Text == "" {
				cell.Text = of("customer_id")
			}
			if id := of("customer_id"); id != "" {
				cell.Href = customerAddress(of("partner"), id)
			}
		case truth:
			cell.Text = map[string]string{"true": "yes", "false": "no"}[cell.Text]
		case severity:
			cell.Class = "severity " + cell.Text
		case outcome:
			cell.Class = "outcome " + cell.Text
			cell.Text = strings.ReplaceAll(cell.Text, "_", " ")
		case oddity:
			cell.Text = billing.FindingKind(cell.Text).Title()
		case identifier:
			cell.Class = "id"
		case day:
			cell.Class = "when"
		case words:
			if at, ok := values[i].(time.Time); ok {
				cell.Text, cell.Class = moment(at), "when"
			}
		}
		if cell.Text == "" {
			cell.Text = c.absent
		}
		cells = append(cells, cell)
	}
	return cells
}

func customerAddress(partner, id string) string {
	return link("/customer", url.Values{"partner": {partner}, "customer": {id}})
}

func amountCell(cell cellView, code string, withSign bool) cellView {
	cell.Class = "num"
	if cell.Text == "" {
		return cell
	}
	if strings.HasPrefix(cell.Text, "-") {
		cell.Class += " minus"
	}
	exact := cell.Text
	cell.Text, cell.Unit = money(exact, code), code
	if strings.HasPrefix(cell.Text, "≈") {
		cell.Exact = exact
	}
	if withSign {
		cell.Text = signed(cell.Text)
	}
	if code == "" {
		cell.Unit = "?"
	}
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

// money writes an amount with its digits grouped and the decimals of its currency. One
// that has more, as sums of what the service computes in floats do, is marked as
// rounded: the exact one is in the CSV and where the number's origin is told.
func money(text, code string) string {
	d, err := decimal.NewFromString(text)
	if err != nil {
		return text
	}
	places := sheet.Decimals(code)
	shown := grouped(d.StringFixed(places))
	if !d.Equal(d.Round(places)) {
		return "≈" + shown
	}
	return shown
}

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
	bare := strings.TrimPrefix(text, "≈")
	if strings.HasPrefix(bare, "−") || strings.Trim(bare, "0.,") == "" {
		return text
	}
	return strings.TrimSuffix(text, bare) + "+" + bare
}

func count(n int) string { return grouped(strconv.Itoa(n)) }
