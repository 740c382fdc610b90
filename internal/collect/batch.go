package collect

import (
	"time"

	"partnercost/internal/billing"
)

// gather collects statements into batches. While a complete batch waits for the writer
// it still accepts statements, up to its limits; a full batch stops the fetching.
func (r *Run) gather(statements <-chan billing.Statement, batches chan<- []billing.Statement) {
	var (
		batch []billing.Statement
		bytes int
		due   bool
	)
	flush := time.NewTimer(r.FlushEvery)
	defer flush.Stop()

	for statements != nil || len(batch) > 0 {
		full := len(batch) >= r.Batch || bytes >= r.MaxBatchBytes
		in, out := statements, batches
		if full {
			in = nil
		}
		if len(batch) == 0 || !full && !due && statements != nil {
			out = nil
		}
		select {
		case s, more := <-in:
			if !more {
				statements = nil
				continue
			}
			if len(batch) == 0 {
				flush.Reset(r.FlushEvery)
			}
			batch = append(batch, s)
			bytes += bodyBytes(s)
			due = due || s.Done != nil // the next large statement waits until this one is stored
		case out <- batch:
			batch, bytes, due = nil, 0, false
		case <-flush.C:
			due = len(batch) > 0
		}
	}
}

// bodyBytes returns the size of a statement's raw bodies, to which the size of the
// derived data is proportional.
func bodyBytes(s billing.Statement) int {
	n := 0
	for _, d := range s.Documents {
		n += len(d.Body)
	}
	return n
}
