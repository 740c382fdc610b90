package console

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRoundAmountsAreFewAndRound(t *testing.T) {
	t.Parallel()
	for _, test := range [][2]float64{{0, 1}, {0, 460000}, {-1200, 300}, {0, 0.004}, {-5, -0.1}, {0, 1e15}} {
		amounts := roundAmounts(test[0], test[1])
		if len(amounts) < 2 || len(amounts) > 12 {
			t.Errorf("%v has %d round amounts: %v", test, len(amounts), amounts)
		}
		for _, amount := range amounts {
			if shortAmount(amount) == "−0" {
				t.Errorf("%v has a line at −0", test)
			}
		}
	}
}

func TestBarsStandOnZeroAndAreAsLongAsTheirAmounts(t *testing.T) {
	t.Parallel()
	from := month{time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)}
	c := newBarChart([]series{
		{kind: "Recurring", values: []float64{100, 0, 50}},
		{kind: "Usage", values: []float64{-25, 0, 0}},
	}, from, 3, schemes["light"], false, "Costs")
	if len(c.Bars) != 3 {
		t.Fatalf("%d bars, want one for each amount but zero: %v", len(c.Bars), c.Bars)
	}
	full, half, below := c.Bars[0], c.Bars[1], c.Bars[2]
	if got, want := []string{half.Height.String(), below.Height.String()}, []string{(full.Height / 2).String(), (full.Height / 4).String()}; !cmp.Equal(got, want) {
		t.Errorf("the bars of 50 and -25 are %v long, want %v", got, want)
	}
	zero := full.Y + full.Height
	if half.Y+half.Height != zero || below.Y != zero {
		t.Errorf("the bars stand on %v, %v and %v, want one line", zero, half.Y+half.Height, below.Y)
	}
	if below.X != full.X+full.Width {
		t.Error("the types of a month do not stand side by side")
	}
	if full.Colour != schemes["light"].series[0] || below.Colour != schemes["light"].series[2] {
		t.Errorf("the colours are %s and %s", full.Colour, below.Colour)
	}
	var labels []string
	for _, m := range c.Months {
		labels = append(labels, m.Label)
	}
	if diff := cmp.Diff([]string{"2027", "Dec", "Nov"}, labels); diff != "" {
		t.Errorf("the months (-want +got):\n%s", diff)
	}
}

// Whatever the amounts are, a chart stays in its frame and is well formed.
func TestChartsStayInTheirFrame(t *testing.T) {
	t.Parallel()
	l, err := newAssets()
	if err != nil {
		t.Fatal(err)
	}
	from := month{time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)}
	for name, all := range map[string][]series{
		"nothing":  nil,
		"zeros":    {{kind: "Recurring", values: make([]float64, 36)}},
		"tiny":     {{kind: "Recurring", values: []float64{1e-22}}},
		"huge":     {{kind: "Recurring", values: []float64{1e39, -1e39}}},
		"negative": {{kind: "a", values: []float64{-1}}, {kind: "b", values: []float64{-2}}, {kind: "c", values: []float64{-3}}, {kind: "d", values: []float64{-4}}},
	} {
		for _, narrow := range []bool{false, true} {
			c := newBarChart(all, from, 36, schemes["dark"], narrow, `<b>"&`)
			for _, b := range c.Bars {
				if b.X < 0 || b.X+b.Width > pixels(c.Width) || b.Y < 0 || b.Y+b.Height > pixels(c.Height) {
					t.Errorf("%s: a bar leaves the frame: %v", name, b)
				}
			}
			svg, err := l.draw(c)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if text := string(svg); !strings.Contains(text, "<title>&lt;b&gt;") || strings.Contains(text, "NaN") || strings.Contains(text, "ZgotmplZ") {
				t.Errorf("%s:\n%s", name, text)
			}
		}
	}
}
