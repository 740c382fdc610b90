package console

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/shopspring/decimal"

	"partnercost/internal/finance"
)

// sparkline is the trend of a row: a bar for each month, the last one by itself.
type sparkline struct {
	Earlier, Last string
	Label         string
	// Open says that the last month is not complete.
	Open bool
}

// The measures of a sparkline, in pixels.
const (
	sparkStep, sparkBar = 6, 4
	sparkHeight         = 20
)

// newSparkline draws amounts such as "2026-09:1.5 2026-10:2", up to a month.
func newSparkline(text string, last *month, open bool) *sparkline {
	if text == "" || last == nil || last.IsZero() {
		return nil
	}
	amounts := map[string]float64{}
	most := 0.0
	for pair := range strings.FieldsSeq(text) {
		name, number, _ := strings.Cut(pair, ":")
		d, err := decimal.NewFromString(number)
		if err != nil {
			continue
		}
		amounts[name] = max(0, d.InexactFloat64()) //nolint:forbidigo // a length on the screen, not an amount
		most = max(most, amounts[name])
	}
	most = cmp.Or(most, 1)
	s := &sparkline{Label: fmt.Sprintf("Trend of %d months", finance.TrendMonths), Open: open}
	for n := range finance.TrendMonths {
		amount, there := amounts[last.plus(n+1-finance.TrendMonths).String()]
		if !there {
			continue
		}
		height := max(1, pixels(amount/most*sparkHeight))
		bar := fmt.Sprintf("M%d %vh%dV%dh-%dz", n*sparkStep, pixels(sparkHeight)-height, sparkBar, sparkHeight, sparkBar)
		if n == finance.TrendMonths-1 {
			s.Last = bar
		} else {
			s.Earlier += bar
		}
	}
	return s
}
