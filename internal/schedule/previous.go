package schedule

import "time"

// longestGap is more than the time between two ticks of any spec that ParseSpec
// accepts: the 29th of February recurs after eight years at the latest.
const longestGap = 9 * 366 * 24 * time.Hour

// Previous returns the last instant, not after t, at which s was due, or the zero
// time when there is none.
func (s Spec) Previous(t time.Time) time.Time {
	// Ticks can only be searched forwards, so the search begins further and further back.
	for back := time.Hour; back < 2*longestGap; back *= 2 {
		tick := s.Next(t.Add(-back))
		if tick.IsZero() || tick.After(t) {
			continue
		}
		for next := s.Next(tick); !next.IsZero() && !next.After(t); next = s.Next(next) {
			tick = next
		}
		return tick
	}
	return time.Time{}
}
