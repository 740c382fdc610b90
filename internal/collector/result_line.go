package collector

import (
	"encoding/json"
	"strconv"

	"partnercost/internal/billing"
)

// ResultLine is a result as JSON.
type ResultLine struct {
	Partner         string            `json:"partner"`
	RunID           string            `json:"run_id,omitempty"`
	Status          billing.RunStatus `json:"status"`
	Customers       int               `json:"customers_total"`
	OK              int               `json:"customers_ok"`
	Unchanged       int               `json:"customers_unchanged"`
	NoCosts         int               `json:"customers_no_costs"`
	Failed          int               `json:"customers_failed"`
	RowsChanged     int64             `json:"rows_changed"`
	DurationSeconds json.Number       `json:"duration_seconds"`
	Error           string            `json:"error,omitempty"`

	Invoices *InvoiceTally `json:"invoices,omitempty"`
}

// Line is the result as JSON.
func (r *Result) Line() ResultLine {
	t := r.Tally
	line := ResultLine{
		Partner: r.Partner, RunID: r.RunID, Status: r.Status, Customers: t.Total, OK: t.OK, Unchanged: t.Unchanged, NoCosts: t.NoCosts,
		Failed: t.Failed, RowsChanged: t.RowsChanged, DurationSeconds: json.Number(strconv.FormatFloat(r.Took.Seconds(), 'f', 3, 64)),
		Invoices: r.Invoices,
	}
	if err := r.Cause(); err != nil {
		line.Error = err.Error()
	}
	return line
}
