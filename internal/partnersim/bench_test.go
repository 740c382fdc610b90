package partnersim_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"partnercost/internal/partnersim"
)

// discard is a response that is not read.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

func BenchmarkAnswer(b *testing.B) {
	s := partnersim.New(partnersim.Options{Customers: 100_000})
	var ids []string
	for id := range s.CustomerIDs() {
		if ids = append(ids, id); len(ids) == 1000 {
			break
		}
	}
	for name, path := range map[string]string{
		"profile":   "/profiles/billing",
		"summary":   "/servicecosts/mostrecent",
		"lineitems": "/servicecosts/mostrecent/lineitems",
	} {
		b.Run(name, func(b *testing.B) {
			requests := make([]*http.Request, len(ids))
			for i, id := range ids {
				requests[i] = httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/v1/customers/"+id+path, nil)
				requests[i].Header.Set("Authorization", "Bearer simulator")
			}
			w := &discard{header: http.Header{}}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				clear(w.header)
				s.ServeHTTP(w, requests[i%len(requests)])
				i++
			}
		})
	}
}
