package fetch_test

import (
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
	"partnercost/internal/fetch"
)

var update = flag.Bool("update", false, "write testdata/rules.json anew, after billing.Rules was raised")

// derivation is what testdata/rules.json holds: bodies of odd customers, and what the
// rules of a version derive from them.
type derivation struct {
	Rules     int
	Customers []struct {
		CustomerID                  billing.CustomerID
		Profile, Summary, LineItems string
		Derived                     json.RawMessage
	}
}

// Nothing else may be derived from the same bodies without a new version of the rules:
// what is known would never be derived again.
func TestRulesAreRaisedWhenDerivingChanges(t *testing.T) {
	t.Parallel()
	const file = "testdata/rules.json"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var held derivation
	if err := json.Unmarshal(text, &held); err != nil {
		t.Fatal(err)
	}
	raised := held.Rules != billing.Rules
	for i := range held.Customers {
		c := &held.Customers[i]
		var docs []billing.Document
		for _, d := range []billing.Document{profileDoc(c.Profile), summaryDoc(c.Summary), itemsDoc(c.LineItems)} {
			if len(d.Body) > 0 {
				docs = append(docs, d)
			}
		}
		s, err := fetch.Normalise(c.CustomerID, docs)
		if err != nil {
			t.Fatal(err)
		}
		derived, err := json.MarshalIndent(map[string]any{
			"Profile": s.Profile, "Costs": s.Costs, "LineItems": s.LineItems, "CustomerName": s.CustomerName, "Findings": s.Findings,
		}, "   ", " ")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(c.Derived), string(derived)); diff != "" && !raised {
			t.Errorf("%s: something else is derived; raise billing.Rules, then run this test with -update (-before +after):\n%s", c.CustomerID, diff)
		}
		c.Derived = derived
	}
	switch {
	case raised && !*update:
		t.Errorf("%s is of the rules %d, and billing.Rules is %d: run this test with -update", file, held.Rules, billing.Rules)
	case raised:
		held.Rules = billing.Rules
		text, err := json.MarshalIndent(held, "", " ")
		if err == nil {
			err = os.WriteFile(file, append(text, '\n'), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
