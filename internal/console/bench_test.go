package console_test

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"partnercost/internal/console"
	"partnercost/internal/finance"
	"partnercost/internal/persist/pgtest"
)

//go:embed testdata/generate.sql
var generate string

// The partner of the benchmark. Inventing it takes ten minutes.
const (
	benchCustomers = 100_000
	benchMonths    = 24
)

// BenchmarkPages measures each page of a large partner from a warm database, from the
// request to the last byte:
//
//	go test -run '^$' -bench Pages -benchtime 50x -timeout 30m ./internal/console
func BenchmarkPages(b *testing.B) {
	url := pgtest.New(b)
	db, err := sql.Open("pgx", url)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	for _, statement := range []string{
		fmt.Sprintf("SET bench.customers = %d; SET bench.months = %d", benchCustomers, benchMonths), generate, "VACUUM ANALYZE",
	} {
		if _, err := db.ExecContext(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
	}
	reader, err := finance.Open(url)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	handler, err := console.New(console.Options{Listen: "127.0.0.1:0", Begin: reader.Begin, Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()

	newest := time.Now().UTC()
	month := newest.Format("2006-01")
	yesterday := newest.AddDate(0, 0, -1).Format(time.DateOnly)
	const who = "partner=contoso&customer=00000000-0000-4000-8000-00000000c350"
	for _, page := range []struct{ name, path string }{
		{"overview", "/"},
		{"earlier month", "/?month=" + newest.AddDate(0, -6, -newest.Day()+1).Format("2006-01")},
		{"customers", "/customers?month=" + month},
		{"customers by name", "/customers?sort=company_name&currency=every"},
		{"customer", "/customer?" + who},
		{"origin", "/origin?" + who + "&type=Recurring&currency=USD&ordinal=1&start=" + month + "-01"},
		{"search", "/customers?q=hotels"},
		{"movers", "/movers?month=" + month},
		{"restatements", "/restatements?since=" + yesterday},
		{"costs of a month", "/costs?month=" + month},
		{"missing costs", "/missing-costs?month=" + month},
		{"coverage", "/uncovered"},
		{"totals", "/totals?month=every"},
		{"invoices", "/invoices"},
		{"reconciliation", "/reconciliation?month=" + month},
		{"findings", "/findings"},
		{"runs", "/runs"},
	} {
		b.Run(page.name, func(b *testing.B) { measure(b, server.URL+page.path) })
	}
}

// measure reports the median and the largest time of the requests.
func measure(b *testing.B, address string) {
	b.Helper()
	request := func() time.Duration {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, address, nil)
		if err != nil {
			b.Fatal(err)
		}
		begun := time.Now()
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			b.Fatal(err)
		}
		if answer.StatusCode != http.StatusOK {
			b.Fatalf("%s: %s", address, answer.Status)
		}
		return time.Since(begun)
	}
	for range 3 {
		request() // to warm
	}
	var took []time.Duration
	for b.Loop() {
		took = append(took, request())
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "median-ms")
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
	b.ReportMetric(0, "ns/op")
}
