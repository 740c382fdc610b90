package console

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

// amounts are those of an invoice type; what is empty is not there.
func amounts(kind, class string, texts ...string) series {
	s := series{kind: kind, class: class, open: make([]bool, len(texts))}
	for _, text := range texts {
		amount := decimal.NullDecimal{}
		if text != "" {
			amount = decimal.NewNullDecimal(decimal.RequireFromString(text))
		}
		s.values = append(s.values, amount)
	}
	return s
}

func TestRoundAmountsAreFewAndReachAroundAll(t *testing.T) {
	t.Parallel()
	for _, test := range [][2]float64{{0, 1}, {0, 460000}, {-1200, 300}, {0, 0.004}, {-5, -0.1}, {0, 1e15}, {0, 400000}, {0, 400000.01}, {0, 0.3}} {
		ticks := roundAmounts(test[0], test[1])
		if len(ticks) < 2 || len(ticks) > 8 {
			t.Errorf("%v has %d round amounts: %v", test, len(ticks), ticks)
		}
		if ticks[0] > test[0] || ticks[len(ticks)-1] < test[1] {
			t.Errorf("%v sticks out of %v", test, ticks)
		}
		for _, tick := range ticks {
			if shortAmount(tick) == "−0" {
				t.Errorf("%v has a line at −0", test)
			}
		}
	}
}

func TestBarsAreStackedOnZeroAndAsLongAsTheirAmounts(t *testing.T) {
	t.Parallel()
	from := month{time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)}
	all := []series{amounts("Recurring", "recurring", "100", "", "50"), amounts("Usage", "other", "-25", "0", "30")}
	all[1].open[2] = true
	c := newBarChart(all, from, 3, "EUR")
	if len(c.Bars) != 4 {
		t.Fatalf("%d bars, want one for each amount but zero: %v", len(c.Bars), c.Bars)
	}
	full, below, half, above := c.Bars[0], c.Bars[1], c.Bars[2], c.Bars[3]
	if got, want := []string{half.Height.String(), below.Height.String()}, []string{(full.Height / 2).String(), (full.Height / 4).String()}; !cmp.Equal(got, want) {
		t.Errorf("the bars of 50 and -25 are %v long, want %v", got, want)
	}
	near := func(a, b pixels) bool { return a-b < 0.001 && b-a < 0.001 }
	zero := full.Y + full.Height
	if !near(half.Y+half.Height, zero) || !near(below.Y, zero) || !near(above.Y+above.Height, half.Y) {
		t.Errorf("the bars stand on %v, %v and %v", zero, half.Y+half.Height, above.Y+above.Height)
	}
	if full.X != below.X || half.X != above.X || half.Width != above.Width {
		t.Error("the types of a month are not stacked")
	}
	if got := []string{full.Class, below.Class}; !cmp.Equal(got, []string{"recurring", "other"}) {
		t.Errorf("the colours are %v", got)
	}
	if !above.Open || half.Open {
		t.Error("what is open is not hatched, or what is closed is")
	}
	if want := "Usage, January 2027: 30.00 EUR (open)"; above.Says != want {
		t.Errorf("the bar says %q, want %q", above.Says, want)
	}
	var labels []string
	for _, m := range c.Months {
		labels = append(labels, m.Label)
	}
	if diff := cmp.Diff([]string{"Nov", "Dec", "Jan 2027"}, labels); diff != "" {
		t.Errorf("the months (-want +got):\n%s", diff)
	}
}

// In whatever month a chart of a year ends, its January has the year and no names overlap.
func TestJanuaryIsNamedWithItsYear(t *testing.T) {
	t.Parallel()
	for _, months := range []int{13, 24} {
		for n := range 12 {
			from := month{time.Date(2025, time.Month(n+1), 1, 0, 0, 0, 0, time.UTC)}
			values := make([]string, months)
			values[0] = "123456"
			c := newBarChart([]series{amounts("Recurring", "recurring", values...)}, from, months, "EUR")
			if !slices.ContainsFunc(c.Months, func(l chartLabel) bool { return l.Label == "Jan 2026" || l.Label == "Jan 2025" && n == 0 }) {
				t.Errorf("%s: no January in %v", from, c.Months)
			}
			for i, l := range c.Months {
				if i > 0 && l.X-l.half < c.Months[i-1].X+c.Months[i-1].half {
					t.Errorf("%s: %s overlaps with %s", from, l.Label, c.Months[i-1].Label)
				}
				if l.X+l.half > pixels(c.Width) {
					t.Errorf("%s: %s leaves the frame", from, l.Label)
				}
			}
		}
	}
}

// Whatever the amounts are, a chart stays in its frame.
func TestChartsStayInTheirFrame(t *testing.T) {
	t.Parallel()
	from := month{time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)}
	for name, all := range map[string][]series{
		"nothing":  nil,
		"zeros":    {amounts("Recurring", "recurring", "0", "0", "0")},
		"tiny":     {amounts("Recurring", "recurring", "1e-22", "", "")},
		"huge":     {amounts("Recurring", "recurring", "1e39", "-1e39", "")},
		"negative": {amounts("a", "other", "-1", "", ""), amounts("b", "other", "-2", "", ""), amounts("c", "other", "-3", "", "")},
	} {
		c := newBarChart(all, from, 3, "EUR")
		for _, b := range c.Bars {
			if b.X < 0 || b.X+b.Width > pixels(c.Width) || b.Y < -0.001 || b.Y+b.Height > pixels(c.Height) {
				t.Errorf("%s: a bar leaves the frame: %v", name, b)
			}
		}
		if text := fmt.Sprint(c); strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
			t.Errorf("%s: %s", name, text)
		}
	}
}
