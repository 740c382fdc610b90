package console

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// scheme holds the colours of a chart. The style sheet has the same.
type scheme struct {
	Paper, Ink, Grid string
	// series are those of Recurring, OneTime and any others.
	series []string
}

var schemes = map[string]scheme{
	"light": {Paper: "#ffffff", Ink: "#4a5560", Grid: "#dde3e9", series: []string{"#1f6fb2", "#c2630a", "#7a56b3", "#5b6b7a"}},
	"dark":  {Paper: "#182028", Ink: "#a9b6c2", Grid: "#2c3843", series: []string{"#5aa9e6", "#f0993e", "#b594ea", "#93a3b3"}},
}

// The measures of a chart, in pixels of its own: what lies between the bars and the
// edges, and about how wide a character of a label is.
const (
	chartTop, chartRight, chartBottom, chartGap = 8, 8, 20, 6
	characterWidth                              = 7
	// barShare is how much of the room of a month its bars take.
	barShare = 0.72
)

// barChart is what the template of charts draws: bars, side by side for the invoice
// types, on lines that name a few round amounts.
type barChart struct {
	Title         string
	Width, Height int
	Colours       scheme
	Lines         []chartLine
	Months        []chartLabel
	Bars          []chartBar
}

type chartLine struct {
	Label             string
	From, To, At, End pixels
}

type chartLabel struct {
	Label string
	X, Y  pixels
}

type chartBar struct {
	Colour              string
	X, Y, Width, Height pixels
}

// pixels is a place or a length in a chart.
type pixels float64

// String writes the length as precisely as can be seen.
func (p pixels) String() string {
	return strconv.FormatFloat(math.Round(float64(p)*100)/100, 'f', -1, 64)
}

func newBarChart(all []series, from month, span int, colours scheme, narrow bool, title string) barChart {
	c := barChart{Title: title, Width: 440, Height: 170, Colours: colours}
	every := 1
	if narrow {
		c.Width, every = 330, 2
	}
	if span > trendMonths {
		every *= 2 // month names need their room
	}
	low, high := reach(all)
	ticks := roundAmounts(low, high)
	left := 0
	for _, tick := range ticks {
		left = max(left, characterWidth*len([]rune(shortAmount(tick)))+chartGap)
	}
	bottom := c.Height - chartBottom
	height := func(amount float64) pixels {
		return pixels(bottom) - pixels((amount-low)/(high-low)*float64(bottom-chartTop))
	}
	for _, tick := range ticks {
		c.Lines = append(c.Lines, chartLine{
			Label: shortAmount(tick), At: height(tick), End: pixels(left - chartGap), From: pixels(left), To: pixels(c.Width - chartRight),
		})
	}
	room := pixels(c.Width-chartRight-left) / pixels(span)
	bar := room * barShare / pixels(max(1, len(all)))
	for i, s := range all {
		for n, amount := range s.values {
			if amount == 0 {
				continue
			}
			top, foot := height(max(amount, 0)), height(min(amount, 0))
			x := pixels(left) + room*(pixels(n)+(1-barShare)/2) + bar*pixels(i)
			c.Bars = append(c.Bars, chartBar{Colour: colours.series[seriesColour(all, i)], X: x, Y: top, Width: bar, Height: foot - top})
		}
	}
	for n := span - 1; n >= 0; n -= every { // so that the last month is named
		c.Months = append(c.Months, chartLabel{
			Label: monthLabel(from.plus(n), every), X: pixels(left) + room*(pixels(n)+0.5), Y: pixels(c.Height - chartGap),
		})
	}
	return c
}

// reach is from where to where the amounts go, zero included.
func reach(all []series) (low, high float64) {
	for _, s := range all {
		low, high = min(low, slices.Min(s.values)), max(high, slices.Max(s.values))
	}
	if high <= low {
		high = low + 1
	}
	return low, high
}

// seriesColour is the colour of the i-th series: that of its type, or the next free one.
func seriesColour(all []series, i int) int {
	if r := placeOf(all[i].kind); r < len(knownKinds) {
		return r
	}
	next := len(knownKinds)
	for _, s := range all[:i] {
		if placeOf(s.kind) == len(knownKinds) {
			next++
		}
	}
	return min(next, len(schemes["light"].series)-1)
}

// monthLabel names a month where one of so many is named.
func monthLabel(m month, every int) string {
	switch {
	case m.Month() == time.January:
		return m.Format("2006")
	case int(m.Month()) <= every:
		return m.Format("Jan ’06")
	}
	return m.Format("Jan")
}

// roundAmounts are a few round amounts between two.
func roundAmounts(low, high float64) []float64 {
	step := math.Pow(10, math.Floor(math.Log10((high-low)/3)))
	for _, factor := range []float64{5, 2} {
		if (high-low)/(step*factor) >= 3 {
			step *= factor
			break
		}
	}
	var amounts []float64
	for n := math.Ceil(low / step); n <= math.Floor(high/step); n++ {
		amounts = append(amounts, n*step+0) // never the zero below zero
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
