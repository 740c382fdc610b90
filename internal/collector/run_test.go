package collector

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
	"partnercost/internal/config"
	"partnercost/internal/partnersim"
)

func want[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestAListThatIsCutShortRetiresNobody(t *testing.T) {
	t.Parallel()
	i := install(t, partnersim.Options{Customers: 40, Seed: 3})
	write := i.customersFile()
	all := i.ids()
	active := func() string {
		return strings.Join(i.lines(`SELECT count(*)::text FROM finance.customers WHERE active`), "")
	}
	write(all...)
	if r := i.night(Request{}); r.Status != billing.StatusSucceeded {
		t.Fatalf("the first night: %+v", r)
	}
	write(all[:2]...)
	r := i.night(Request{})
	want(t, "kept", Unlisted{Customers: 38, Of: 40}, r.Kept)
	want(t, "status", billing.StatusPartial, r.Status)
	want(t, "active", "40", active())
	want(t, "the ledger", []string{"38 of 40 customers are no longer on the partner's list"},
		i.lines(`SELECT split_part(error, ',', 1) FROM collector.runs WHERE error IS NOT NULL`))

	write(all[:37]...) // three of 40 may leave in a night
	want(t, "status", billing.StatusSucceeded, i.night(Request{}).Status)
	want(t, "active", "37", active())

	write(all[:2]...)
	want(t, "status when told", billing.StatusSucceeded, i.night(Request{RetireAll: true}).Status)
	want(t, "active when told", "2", active())
	write(all[0]) // one may always leave
	want(t, "status", billing.StatusSucceeded, i.night(Request{}).Status)
	want(t, "active", "1", active())
}

// A service that has "no costs" for nearly all customers at once is not believed.
func TestCostsThatVanishAtOnceAreNoSuccess(t *testing.T) {
	t.Parallel()
	i := install(t, partnersim.Options{Customers: 20, Seed: 3})
	if r := i.night(Request{}); r.Status != billing.StatusSucceeded || r.Vanished != (Vanished{}) {
		t.Fatalf("the first night: %+v", r)
	}
	costs := `SELECT count(*)::text FROM finance.costs`
	before := i.lines(costs)
	i.noCosts.Store(true)
	r := i.night(Request{})
	want(t, "status", billing.StatusPartial, r.Status)
	if r.Vanished.Customers < 10 || r.Vanished.Customers != r.Vanished.Of {
		t.Errorf("%+v", r.Vanished)
	}
	want(t, "the ledger", []string{r.Vanished.Error()}, i.lines(`SELECT error FROM collector.runs WHERE status = 'partial'`))
	want(t, "costs", before, i.lines(costs))

	// Long after the last period the absence of costs is plausible.
	i.clock.advance(120 * 24 * time.Hour)
	want(t, "status after four months", billing.StatusSucceeded, i.night(Request{}).Status)
	i.noCosts.Store(false)
	want(t, "status of costs that come back", billing.StatusSucceeded, i.night(Request{}).Status)
}

// Customers that the operator excludes are absent on purpose, however many they are.
func TestExcludedCustomersSayNothingAgainstTheList(t *testing.T) {
	t.Parallel()
	i := install(t, partnersim.Options{Customers: 8, Seed: 12})
	i.night(Request{})
	for _, id := range i.ids()[:6] {
		i.Config.Partners[0].Customers.Exclude = append(i.Config.Partners[0].Customers.Exclude, billing.CustomerID(id))
	}
	r := i.night(Request{})
	want(t, "status", billing.StatusSucceeded, r.Status)
	want(t, "active", []string{"2"}, i.lines(`SELECT count(*)::text FROM finance.customers WHERE active`))
}

// R1 has collected A and is interrupted; a run of A alone fails; the rest is collected.
// A is still a customer, and its failure is visible.
func TestResumingHidesNobody(t *testing.T) {
	t.Parallel()
	i := install(t, partnersim.Options{Customers: 3, Seed: 4, NoCosts: -1})
	all := i.ids()
	i.night(Request{})
	i.execute(`UPDATE collector.runs SET status = 'interrupted'`,
		`UPDATE collector.customer_states st SET last_success_run_id = NULL FROM collector.customers c WHERE c.customer_key = st.customer_key AND c.customer_id <> '`+all[0]+`'`)
	i.down.Store(true)
	some := Selection{Partner: i.Config.Partners[0], Customers: []billing.CustomerID{billing.CustomerID(all[0])}}
	if r := i.Collect(t.Context(), Request{Kind: billing.KindOnce}, []Selection{some})[0]; r.Tally.Failed != 1 || r.Status != billing.StatusFailed {
		t.Fatalf("the run of one customer: %+v", r)
	}
	i.down.Store(false)
	r := i.Collect(t.Context(), Request{Kind: billing.KindOnce, LeaveOut: DoneByUnfinishedRun}, Everybody(i.Config.Partners))[0]
	want(t, "the rest", billing.Tally{Total: 2, Unchanged: 2}, r.Tally)
	want(t, "coverage", []string{"failed", "unchanged", "unchanged"}, i.lines(`SELECT last_outcome FROM finance.coverage ORDER BY 1`))
}

func TestARunOfNobodyHasFailed(t *testing.T) {
	t.Parallel()
	i := install(t, partnersim.Options{Customers: 2, Seed: 5})
	i.night(Request{})
	ids := []billing.CustomerID{billing.CustomerID(i.ids()[0])}
	i.Config.Partners[0].Customers = config.Customers{IDs: ids, Exclude: ids}
	r := i.night(Request{})
	if _, ok := errors.AsType[*ConfigError](r.Err); !ok || r.Status != billing.StatusFailed {
		t.Errorf("a run of nobody: status %s, error %v", r.Status, r.Err)
	}
	want(t, "active", []string{"2"}, i.lines(`SELECT count(*)::text FROM finance.customers WHERE active`))
}

func TestARunOfWhichNothingCouldBeReadIsNoSuccess(t *testing.T) {
	t.Parallel()
	i := install(t, partnersim.Options{Customers: 2, Seed: 6})
	i.customersFile()(i.ids()...)
	first := i.night(Request{})
	before, _, err := i.Store.LastCollection(t.Context(), "sim")
	if err != nil || first.Status != billing.StatusSucceeded {
		t.Fatal(first, err)
	}
	i.down.Store(true)
	r := i.night(Request{})
	want(t, "tally", billing.Tally{Total: 2, Failed: 2, Blank: 2}, r.Tally)
	want(t, "status", billing.StatusFailed, r.Status)
	if r.Err != nil {
		t.Errorf("it came to its end, with error %v", r.Err)
	}
	want(t, "the ledger", []string{ErrNothingRead.Error()}, i.lines(`SELECT error FROM collector.runs WHERE status = 'failed'`))
	after, _, err := i.Store.LastCollection(t.Context(), "sim")
	if err != nil || !after.Equal(before) {
		t.Errorf("the last collection moved from %s to %s, %v", before, after, err)
	}
	newest, err := i.Store.NewestCollections(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want(t, "newest status", billing.StatusFailed, newest["sim"].Status)
	want(t, "last success", true, newest["sim"].LastSuccess.Before(i.clock.Now().Add(-1)))
}

// A customers file that cannot be read ends a run, which is in the ledger.
func TestWhatKeepsARunFromBeginningIsInTheLedger(t *testing.T) {
	t.Parallel()
	i := install(t, partnersim.Options{Customers: 2, Seed: 7})
	i.customersFile()("not a GUID")
	r := i.night(Request{})
	if _, ok := errors.AsType[*ConfigError](r.Err); !ok {
		t.Errorf("error %v, want a ConfigError", r.Err)
	}
	want(t, "the ledger", []string{"all failed 0 0"}, i.ledger())
}
