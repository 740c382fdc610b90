package collect

import (
	"time"

	"partnercost/internal/billing"
)

// Progress is how far a run is. Total is 0 while the number of customers is not
// known.
type Progress struct {
	billing.Tally
	// Fetched counts the customers whose answers are here, stored or not. Again counts
	// those of whom what is unchanged was read again.
	Fetched, Again int
	Elapsed        time.Duration
}

// Rate is the number of visits to customers per second since the run began.
func (p Progress) Rate() float64 {
	if p.Elapsed <= 0 {
		return 0
	}
	return float64(p.Fetched+p.Again) / p.Elapsed.Seconds()
}

// Progress takes a snapshot; it may be called at any time.
func (r *Run) Progress() Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Progress{Tally: r.tally, Fetched: r.fetched, Again: r.again, Elapsed: r.Now().Sub(r.started)}
}
