package main_test

import (
	"fmt"
	"testing"

	"partnercost/internal/partnersim"
)

func TestARenamedPartnerCountsOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 5, Seed: 81, NoCosts: -1})
	s.env = append(s.env, "COLLECTOR_RENAMED_TOKEN=simulator")
	called := func(name string) {
		s.write(t, "collector.yaml", fmt.Sprintf(`partners:
  - name: %s
    base_url: %s
    auth:
      mode: token
      tenant_id: 1f0e7a4c-2b52-4f2c-9d43-1c2b3a4d5e6f
    customers:
      discover: true
`, name, s.server.URL))
	}
	total := func() string {
		return s.one(t, `SELECT count(*) || ' ' || sum(after_tax_total) || ' ' || count(DISTINCT partner) FROM finance.costs`)
	}
	called("sim")
	s.collector(t, "run").want(t, 0)
	before := total()
	called("renamed")
	s.collector(t, "run", "--dry-run").want(t, 2).says(t, "collector partners rename sim renamed")
	s.collector(t, "run").want(t, 2).says(t, "collector partners rename sim renamed")
	if got := total(); got != before {
		t.Errorf("the refused run left costs of %s, want %s", got, before)
	}
	s.collector(t, "partners", "rename", "nobody", "renamed").want(t, 1).says(t, "nothing is stored")
	s.collector(t, "partners", "rename", "sim", "sim").want(t, 2)
	s.collector(t, "partners", "rename", "sim", "No Name!").want(t, 2).says(t, "NEW must be")
	s.collector(t, "partners", "rename", "sim", "renamed").want(t, 0).says(t, "belong to renamed")
	s.collector(t, "run").want(t, 0)
	if got := total(); got != before {
		t.Errorf("after the renaming there are costs of %s, want %s", got, before)
	}
	if got := s.one(t, `SELECT count(*) FROM finance.coverage WHERE partner = 'renamed'`); got != "5" {
		t.Errorf("%s customers are those of the new name, want 5", got)
	}
}
