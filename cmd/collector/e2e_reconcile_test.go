package main_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/partnersim"
)

func TestEveryRunReconcilesWhatIsStored(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 4, Seed: 41})
	s.collector(t, "run").want(t, 0)
	ids := slices.Sorted(s.sim.CustomerIDs())
	s.exec(t, `UPDATE collector.customer_states SET last_success_at = last_success_at - interval '5 days'
		WHERE customer_key = (SELECT customer_key FROM collector.customers WHERE customer_id = '`+ids[0]+`')`)
	const findings = `SELECT customer_id, severity, resolved_at IS NULL FROM finance.findings WHERE kind = 'customer_unseen'`
	s.collector(t, "run", "--customer", ids[1]).want(t, 0)
	open := s.query(t, findings)
	if len(open) != 1 || open[0][0] != ids[0] || open[0][2] != "true" {
		t.Errorf("findings %v, want an open one about the customer unseen for 5 days", open)
	}
	s.collector(t, "report", "findings").want(t, 0).says(t, "customer_unseen", ids[0])
	s.collector(t, "run").want(t, 0)
	if diff := cmp.Diff([][]string{{ids[0], open[0][1], "false"}}, s.query(t, findings)); diff != "" {
		t.Errorf("findings once the customer is collected (-want +got):\n%s", diff)
	}
}
