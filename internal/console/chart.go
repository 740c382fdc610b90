package console

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"slices"

	"partnercost/internal/finance"
)

// pictureView is a chart in a page: one picture for each colour scheme and width, of
// which a browser loads the one that fits.
type pictureView struct {
	Alt                                  string
	Light, Dark, NarrowLight, NarrowDark string
}

func picture(f filter, alt string) pictureView {
	address := func(scheme, size string) string {
		q := f.values()
		q.Set("scheme", scheme)
		q.Set("size", size)
		return link("/chart", q)
	}
	return pictureView{
		Alt: alt, Light: address("light", "wide"), Dark: address("dark", "wide"),
		NarrowLight: address("light", "narrow"), NarrowDark: address("dark", "narrow"),
	}
}

// series are the amounts of one invoice type, a month each.
type series struct {
	kind   string
	values []float64
}

// knownKinds come first, so that each has the same colour everywhere.
var knownKinds = []string{"Recurring", "OneTime"}

// chart answers with a picture of the costs in one currency, by month and type.
func (c *console) chart(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	colours, known := schemes[q.Get("scheme")]
	narrow := q.Get("size") == "narrow"
	var picture []byte
	err := c.read(r.Context(), pageWithin, func(ctx context.Context, tx *sql.Tx) error {
		f, err := c.filter(q)
		switch {
		case err != nil:
			return err
		case f.month == nil || f.month.IsZero() || f.since == nil || f.currency == nil || !known || !narrow && q.Get("size") != "wide":
			return badRequest("a chart needs since, month, currency, scheme and size")
		}
		from := month{f.since.AddDate(0, 0, 1-f.since.Day())}
		span := months(from, *f.month) + 1
		if span < 1 || span > chartedMonths {
			return badRequest("a chart shows 1 to %d months", chartedMonths)
		}
		bars, err := charts(ctx, tx, f, from, span)
		if err != nil {
			return err
		}
		title := fmt.Sprintf("Costs in %s from %s to %s", orNone(*f.currency), from.label(), f.month.label())
		picture, err = c.assets.draw(newBarChart(bars, from, span, colours, narrow, title))
		return err
	})
	if err != nil {
		c.failed(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	// Its own style attributes are all it needs.
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	_, _ = w.Write(picture) // the client may be gone
}

// charts reads the series.
func charts(ctx context.Context, tx *sql.Tx, f filter, from month, span int) ([]series, error) {
	trend, err := finance.Trend(ctx, tx, f.selection(), from.Time, f.month.Time)
	if err != nil {
		return nil, err
	}
	var found []series
	for _, t := range trend {
		i := slices.IndexFunc(found, func(s series) bool { return s.kind == t.InvoiceType })
		if i < 0 {
			i = len(found)
			found = append(found, series{kind: t.InvoiceType, values: make([]float64, span)})
		}
		found[i].values[months(from, month{t.Month})] = t.AfterTax.Decimal.InexactFloat64() //nolint:forbidigo // a length on the screen, not an amount: what is read is in the tables
	}
	slices.SortStableFunc(found, func(a, b series) int { return placeOf(a.kind) - placeOf(b.kind) })
	return found, nil
}

func months(from, to month) int {
	return (to.Year()-from.Year())*12 + int(to.Month()) - int(from.Month())
}

func placeOf(kind string) int {
	if i := slices.Index(knownKinds, kind); i >= 0 {
		return i
	}
	return len(knownKinds)
}
