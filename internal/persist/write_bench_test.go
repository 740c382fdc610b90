package persist_test

import (
	"fmt"
	"testing"

	"partnercost/internal/billing"
	"partnercost/internal/persist"
	"partnercost/internal/persist/pgtest"
)

// BenchmarkWrite stores batches of 500 customers, each with a profile, two details
// and four line items; one operation is one batch.
func BenchmarkWrite(b *testing.B) {
	for _, kind := range []string{"new", "unchanged", "restated"} {
		b.Run(kind, func(b *testing.B) {
			store, err := persist.Open(b.Context(), persist.Options{URL: pgtest.New(b), MaxConnections: 2})
			if err != nil {
				b.Fatal(err)
			}
			defer store.Close()
			run := billing.Run{ID: "00000000-0000-4000-9000-000000000001", Partner: "contoso", Kind: billing.KindOnce}
			write := func(first, amount int) {
				_, err := store.Write(b.Context(), run, benchBatch(first, fmt.Sprintf("%d.17", amount)))
				if err != nil {
					b.Fatal(err)
				}
			}
			if kind != "new" {
				write(0, 0)
			}
			n := 0
			for b.Loop() {
				n++
				switch kind {
				case "new":
					write(500*n, 0)
				case "unchanged":
					write(0, 0)
				case "restated":
					write(0, n)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(500*n), "µs/customer")
		})
	}
}

func benchBatch(first int, total string) []billing.Statement {
	batch := make([]billing.Statement, 500)
	for i := range batch {
		r, o := recurring(9, total), oneTime(10, "2.2")
		id := billing.CustomerID(fmt.Sprintf("00000000-0000-4000-8000-%012d", first+i))
		batch[i] = statement(id, both(r, o), item(r, "A", total), item(r, "B", "0"), item(o, "C", "1.1"), item(o, "C", "1.1"))
		batch[i].FetchedAt = night(1)
	}
	return batch
}
