package console

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The measures of a chart, in pixels of its own: its size, what lies between the bars and
// the edges, and about how wide a character of a label is.
const (
	chartWidth, chartHeight                     = 300, 120
	chartTop, chartRight, chartBottom, chartGap = 8, 4, 20, 6
	chartLeft                                   = 10
	characterWidth                              = 7
	// barShare is how much of the room of a month its bar takes.
	barShare = 0.72
)

// colours are the classes of the invoice types in the style sheet: Recurring, OneTime and
// others.
var colours = []string{"recurring", "onetime", "other", "another"}

// barChart is what the template of charts draws: a bar for each month, in which the
// invoice types are stacked, on lines that name a few round amounts.
type barChart struct {
	Title         string
	Width, Height int
	Lines         []chartLine
	Months        []chartLabel
	Bars          []chartBar
}

type chartLine struct {
	Label             string
	From, To, At, End pixels
}

type chartLabel struct {
	Label      string
	X, Y, half pixels
}

// chartBar is the part of a bar that an invoice type has. Says is its tooltip.
type chartBar struct {
	Class, Says         string
	Open                bool
	X, Y, Width, Height pixels
}

// pixels is a place or a length in a chart.
type pixels float64

// String writes the length as precisely as can be seen.
func (p pixels) String() string {
	return strconv.FormatFloat(math.Round(float64(p)*100)/100, 'f', -1, 64)
}

func newBarChart(all []series, from month, span int, code string) barChart {
	c := barChart{Width: chartWidth, Height: chartHeight}
	ticks := roundAmounts(reach(all, span))
	low, high := ticks[0], ticks[len(ticks)-1]
	left := pixels(0)
	for _, tick := range ticks {
		left = max(left, pixels(characterWidth*float64(len([]rune(shortAmount(tick))))+chartLeft))
	}
	bottom := pixels(chartHeight - chartBottom)
	height := func(amount float64) pixels {
		return bottom - pixels((amount-low)/(high-low))*(bottom-chartTop)
	}
	for _, tick := range ticks {
		c.Lines = append(c.Lines, chartLine{Label: shortAmount(tick), At: height(tick), End: left - chartGap, From: left, To: chartWidth - chartRight})
	}
	room := (chartWidth - chartRight - left) / pixels(span)
	for n := range span {
		up, down := 0.0, 0.0
		for _, s := range all {
			amount := length(s, n)
			if amount == 0 {
				continue
			}
			// What is more than nothing stands on what is, what is less hangs below.
			begin := &up
			if amount < 0 {
				begin = &down
			}
			a, b := height(*begin), height(*begin+amount)
			*begin += amount
			c.Bars = append(c.Bars, chartBar{
				Class: s.class, Open: s.open[n], X: left + room*(pixels(n)+(1-barShare)/2), Y: min(a, b), Width: room * barShare, Height: max(a, b) - min(a, b),
				Says: strings.TrimSpace(fmt.Sprintf("%s, %s: %s %s%s", kindName(s.kind), from.plus(n).label(), money(s.values[n].Decimal.String(), code).Text, code, map[bool]string{true: " (open)"}[s.open[n]])),
			})
		}
	}
	c.Months = monthLabels(from, span, left, room)
	return c
}

// length is the amount of a month as the length of a bar.
func length(s series, n int) float64 {
	return s.values[n].Decimal.InexactFloat64() //nolint:forbidigo // a length on the screen, not an amount: what is read is in the tables
}

// reach is from where to where the bars go, zero included.
func reach(all []series, span int) (low, high float64) {
	for n := range span {
		up, down := 0.0, 0.0
		for _, s := range all {
			amount := length(s, n)
			up, down = up+max(amount, 0), down+min(amount, 0)
		}
		low, high = min(low, down), max(high, up)
	}
	if high <= low {
		high = low + 1
	}
	return low, high
}

// monthLabels name the Januaries, with the year, and of the other months those that have
// room, from the last one on.
func monthLabels(from month, span int, left, room pixels) []chartLabel {
	var labels []chartLabel
	name := func(n int, form string) {
		l := chartLabel{Label: from.plus(n).Format(form), X: left + room*(pixels(n)+0.5), Y: chartHeight - chartGap}
		half := pixels(characterWidth * float64(len(l.Label)) / 2)
		l.X = min(l.X, chartWidth-half)
		for _, other := range labels {
			if l.X-other.X < half+other.half+chartGap && other.X-l.X < half+other.half+chartGap {
				return
			}
		}
		l.half = half
		labels = append(labels, l)
	}
	for n := range span {
		if from.plus(n).Month() == time.January {
			name(n, "Jan 2006")
		}
	}
	for n := span - 1; n >= 0; n-- {
		name(n, "Jan")
	}
	slices.SortFunc(labels, func(a, b chartLabel) int { return cmp.Compare(a.X, b.X) })
	return labels
}

// roundAmounts are a few round amounts that reach around two.
func roundAmounts(low, high float64) []float64 {
	step := math.Pow(10, math.Floor(math.Log10((high-low)/3)))
	for _, factor := range []float64{5, 2} {
		if (high-low)/(step*factor) >= 2 {
			step *= factor
			break
		}
	}
	var amounts []float64
	for n := math.Floor(low / step); n <= math.Ceil(high/step); n++ {
		amounts = append(amounts, n*step+0) // never the zero below zero
	}
	if last := amounts[len(amounts)-1]; last < high { // what rounding took away
		amounts = append(amounts, last+step)
	}
	return amounts
}

// shortAmount writes a round amount in few letters.
func shortAmount(v float64) string {
	unit := ""
	for _, u := range []struct {
		size float64
		name string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(v) >= u.size {
			v, unit = v/u.size, u.name
			break
		}
	}
	return strings.Replace(strconv.FormatFloat(v, 'g', 4, 64), "-", "−", 1) + unit
}
