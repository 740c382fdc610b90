package console

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"html"
	"image/color"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
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

// scheme holds the colours of a chart. The style sheet has the same.
type scheme struct {
	paper, ink, grid color.Color
	// series are those of Recurring, OneTime and any others.
	series []color.Color
}

var schemes = map[string]scheme{
	"light": {
		paper: rgb(0xffffff), ink: rgb(0x4a5560), grid: rgb(0xdde3e9),
		series: []color.Color{rgb(0x1f6fb2), rgb(0xc2630a), rgb(0x7a56b3), rgb(0x5b6b7a)},
	},
	"dark": {
		paper: rgb(0x182028), ink: rgb(0xa9b6c2), grid: rgb(0x2c3843),
		series: []color.Color{rgb(0x5aa9e6), rgb(0xf0993e), rgb(0xb594ea), rgb(0x93a3b3)},
	},
}

func rgb(hex uint32) color.Color {
	return color.RGBA{R: uint8(hex >> 16), G: uint8(hex >> 8), B: uint8(hex), A: 255}
}

// series are the amounts of one invoice type, a month each.
type series struct {
	kind   string
	values plotter.Values
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
		picture, err = drawn(bars, from, span, colours, narrow, title)
		return err
	})
	if err != nil {
		c.failed(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	// Its own style attributes are all it needs.
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	_, _ = w.Write(picture) // whoever asked may be gone
}

// charts reads the series: of one customer from the costs, else from the summary.
func charts(ctx context.Context, tx *sql.Tx, f filter, from month, span int) ([]series, error) {
	var c conditions
	var query string
	first := c.parameter(from.parameter())
	last := c.parameter(f.month.plus(1).parameter())
	c.whose("v", f)
	c.equal("v.currency_code", f.currency, "text")
	if f.customer != "" {
		c.terms = append(c.terms, "v.period_end >= "+first+"::date", "v.period_end < "+last+"::date")
		query = "SELECT to_char(v.period_end, 'YYYY-MM'), coalesce(v.invoice_type, ''), sum(v.after_tax_total) FROM finance.costs v" + c.where()
	} else {
		c.terms = append(c.terms, "v.month >= "+first+"::date", "v.month < "+last+"::date")
		query = "SELECT to_char(v.month, 'YYYY-MM'), coalesce(v.invoice_type, ''), sum(v.after_tax_total) FROM finance.month_totals v" + c.where()
	}
	var found []series
	err := each(ctx, tx, query+" GROUP BY 1, 2 ORDER BY 2, 1", c.args, func(scan func(...any) error) error {
		var text, kind string
		var sum *string
		if err := scan(&text, &kind, &sum); err != nil {
			return err
		}
		m, err := parseMonth(text)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(found, func(s series) bool { return s.kind == kind })
		if i < 0 {
			i = len(found)
			found = append(found, series{kind: kind, values: make(plotter.Values, span)})
		}
		if sum != nil {
			// A length on the screen, not an amount: what is read is in the tables.
			found[i].values[months(from, m)], err = strconv.ParseFloat(*sum, 64)
		}
		return err
	})
	slices.SortStableFunc(found, func(a, b series) int { return placeOf(a.kind) - placeOf(b.kind) })
	return found, err
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

// drawn draws bars, side by side for the types, as an SVG with a title.
func drawn(bars []series, from month, span int, s scheme, narrow bool, title string) ([]byte, error) {
	width, height := vg.Length(440), vg.Length(170)
	every := 1
	if narrow {
		width, height, every = 330, 170, 2
	}
	if span > trendMonths {
		every *= 2 // month names need their room
	}
	p := plot.New()
	p.BackgroundColor = s.paper
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Color, axis.Tick.Color, axis.Tick.Label.Color = s.grid, s.grid, s.ink
		axis.Tick.Label.Font = font.Font{Typeface: "Liberation", Variant: "Sans", Size: 10.5}
		axis.Tick.Length = 0
		axis.Width = 0
		axis.Padding = 6
	}
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	grid.Horizontal.Color, grid.Horizontal.Width = s.grid, 0.75
	p.Add(grid)
	bar := (width - 60) / vg.Length(span) * 0.72 / vg.Length(max(1, len(bars)))
	for i, b := range bars {
		chart, err := plotter.NewBarChart(b.values, bar)
		if err != nil {
			return nil, fmt.Errorf("draw a chart: %w", err)
		}
		chart.Color, chart.LineStyle.Width = s.series[seriesColour(bars, i)], 0
		chart.Offset = bar * (vg.Length(i) - vg.Length(len(bars)-1)/2)
		p.Add(chart)
	}
	p.X.Min, p.X.Max = -0.6, float64(span)-0.4
	if p.Y.Min > 0 || math.IsInf(p.Y.Min, 0) {
		p.Y.Min = 0
	}
	if p.Y.Max <= p.Y.Min {
		p.Y.Max = p.Y.Min + 1
	}
	p.X.Tick.Marker = plot.TickerFunc(func(_, _ float64) []plot.Tick { return monthTicks(from, span, every) })
	p.Y.Tick.Marker = plot.TickerFunc(amountTicks)
	canvas := vgsvg.NewWith(vgsvg.UseWH(width, height))
	p.Draw(draw.Crop(draw.New(canvas), 4, -8, 2, -8))
	var out bytes.Buffer
	if _, err := canvas.WriteTo(&out); err != nil {
		return nil, fmt.Errorf("draw a chart: %w", err)
	}
	svg := strings.Replace(out.String(), "<g ", "<title>"+html.EscapeString(title)+"</title>\n<g ", 1)
	svg = strings.Replace(svg, "<svg ", `<svg role="img" `, 1)
	// Arial is as wide as the font that was measured with, and more common.
	return []byte(strings.ReplaceAll(svg, "font-family:Liberation Sans", "font-family:Liberation Sans,Arial,Helvetica,sans-serif")), nil
}

// seriesColour is the colour of the i-th series: that of its type, or the next free one.
func seriesColour(bars []series, i int) int {
	if r := placeOf(bars[i].kind); r < len(knownKinds) {
		return r
	}
	next := len(knownKinds)
	for _, b := range bars[:i] {
		if placeOf(b.kind) == len(knownKinds) {
			next++
		}
	}
	return min(next, len(schemes["light"].series)-1)
}

// monthTicks names every so many months, counted back from the last one.
func monthTicks(from month, span, every int) []plot.Tick {
	var ticks []plot.Tick
	for i := span - 1; i >= 0; i -= every {
		m := from.plus(i)
		label := m.Format("Jan")
		switch {
		case m.Month() == time.January:
			label = m.Format("2006")
		case int(m.Month()) <= every:
			label = m.Format("Jan ’06")
		}
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: label})
	}
	return ticks
}

// amountTicks are a few round amounts between two.
func amountTicks(low, high float64) []plot.Tick {
	step := math.Pow(10, math.Floor(math.Log10((high-low)/3)))
	for _, factor := range []float64{5, 2} {
		if (high-low)/(step*factor) >= 3 {
			step *= factor
			break
		}
	}
	var ticks []plot.Tick
	for n := math.Ceil(low / step); n <= math.Floor(high/step); n++ {
		value := n*step + 0 // never the zero below zero
		ticks = append(ticks, plot.Tick{Value: value, Label: short(value)})
	}
	return ticks
}

// short writes the amount of a tick in few letters.
func short(v float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(v) >= unit.size {
			return strings.Replace(strconv.FormatFloat(v/unit.size, 'g', 4, 64), "-", "−", 1) + unit.name
		}
	}
	return strings.Replace(strconv.FormatFloat(v, 'g', 4, 64), "-", "−", 1)
}
