package collector

import (
	"fmt"
	"strings"

	"partnercost/internal/billing"
)

// SavedLine is the result for a saved file as JSON.
type SavedLine struct {
	Path       string             `json:"file"`
	CustomerID billing.CustomerID `json:"customer_id,omitempty"`
	Result     SavedResult        `json:"result"`
	// Detail says what is new, or why the file was refused.
	Detail string `json:"detail,omitempty"`
}

// Line returns the result as JSON.
func (f SavedFile) Line() SavedLine {
	var said []string
	for _, change := range f.Changes {
		said = append(said, NewCostChange(change).String())
	}
	if f.CostsKept > 0 {
		said = append(said, fmt.Sprintf("%d as collected", f.CostsKept))
	}
	if f.Why != "" {
		said = append(said, f.Why)
	}
	return SavedLine{Path: f.Path, CustomerID: f.CustomerID, Result: f.Result, Detail: strings.Join(said, "; ")}
}

// String returns the line of a text report.
func (l SavedLine) String() string {
	if l.Detail == "" {
		return l.Path + ": " + string(l.Result)
	}
	return l.Path + ": " + string(l.Result) + ": " + l.Detail
}
