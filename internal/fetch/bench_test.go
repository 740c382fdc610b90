package fetch_test

import (
	"strings"
	"testing"

	"partnercost/internal/billing"
	"partnercost/internal/fetch"
)

// BenchmarkNormalise is one customer with six line items.
func BenchmarkNormalise(b *testing.B) {
	_, item, _ := strings.Cut(documentedItems, "CYCLE FEE")
	item = documentedItems[strings.LastIndex(documentedItems[:len(documentedItems)-len(item)], `{"startDate"`):strings.Index(documentedItems, "],\n\t\"attributes\"")]
	docs := []billing.Document{
		profileDoc(`{"id":"8a1c7f0e-4c7e-4f35-9d1c-0f9f6c7f5b11","firstName":"Ada","lastName":"Byron","email":"ada@example.com","culture":"en-US","language":"en",
		"companyName":"Analytical Engines Ltd","defaultAddress":{"country":"GB","city":"London","addressLine1":"12 St James's Square","postalCode":"SW1Y 4JH"}}`),
		summaryDoc("\ufeff" + documentedSummary),
		itemsDoc("\ufeff" + `{"totalCount":6,"items":[` + strings.Repeat(item+",", 5) + item + `]}`),
	}
	if s, err := fetch.Normalise(asked, docs); err != nil || len(s.LineItems) != 6 {
		b.Fatal(len(s.LineItems), err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := fetch.Normalise(asked, docs); err != nil {
			b.Fatal(err)
		}
	}
}
