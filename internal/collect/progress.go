package collect

import (
	"time"

	"partnercost/internal/billing"
)

// Progress is the progress of a run. Total is 0 while the number of customers is
// unknown.
type Progress struct {
	billing.Tally
	// Fetched counts the customers whose answers have arrived, stored or not. Again counts
	// those whose unchanged parts were read again.
	Fetched, Again int
	Elapsed        time.Duration
}

// Rate returns the number of visits to customers per second since the run began.
func (p Progress) Rate() float64 {
	if p.Elapsed <= 0 {
		return 0
	}
	return float64(p.Fetched+p.Again) / p.Elapsed.Seconds()
}

// Progress returns a snapshot; it may be called at any time.
func (r *Run) Progress() Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Progress{Tally: r.tally, Fetched: r.fetched, Again: r.again, Elapsed: r.Now().Sub(r.started)}
}
