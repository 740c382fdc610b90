package fetch_test

import (
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sync/errgroup"

	"partnercost/internal/billing"
	"partnercost/internal/fetch"
	"partnercost/internal/partnersim"
)

// serve starts a simulator.
func serve(t testing.TB, o partnersim.Options) (*partnersim.Simulator, string) {
	t.Helper()
	sim := partnersim.New(o)
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	return sim, server.URL
}

// client returns a client whose waits are short.
func client(t testing.TB, o fetch.Options) *fetch.Client {
	t.Helper()
	if o.Tokens == nil {
		o.Tokens = fetch.StaticToken("simulator")
	}
	if o.Rand == nil {
		o.Rand = func() float64 { return 0 }
	}
	c, err := fetch.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// wantStatements asks for the customer in some goroutines at once, so many times in each.
// Every statement must be complete.
func wantStatements(t *testing.T, c *fetch.Client, goroutines, times int) {
	t.Helper()
	var group sync.WaitGroup
	for range goroutines {
		group.Go(func() {
			for range times {
				if s, err := c.Statement(t.Context(), asked); err != nil || s.Failure != nil {
					t.Error(err, s.Failure)
				}
			}
		})
	}
	group.Wait()
}

// collectAll lists the customers and reads each.
func collectAll(t *testing.T, c *fetch.Client) map[billing.CustomerID]billing.Statement {
	t.Helper()
	var mu sync.Mutex
	statements := map[billing.CustomerID]billing.Statement{}
	var group errgroup.Group
	group.SetLimit(8)
	for id, err := range c.Customers(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		group.Go(func() error {
			s, err := c.Statement(t.Context(), id)
			mu.Lock()
			defer mu.Unlock()
			statements[id] = s
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	return statements
}

// compare checks every customer against the simulator's own data.
func compare(t *testing.T, sim *partnersim.Simulator, got map[billing.CustomerID]billing.Statement) {
	t.Helper()
	n := 0
	for id := range sim.CustomerIDs() {
		n++
		want, ok := sim.Expected(id)
		if !ok {
			t.Fatalf("the simulator does not know %s", id)
		}
		s, ok := got[want.CustomerID]
		if !ok {
			t.Errorf("%s is missing", id)
			continue
		}
		if want.Failure != nil {
			if s.Failure == nil || s.Failure.Class != want.Failure.Class {
				t.Errorf("%s: %v, want class %s", id, s.Failure, want.Failure.Class)
			}
			continue
		}
		if diff := cmp.Diff(want, s, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(billing.Statement{}, "FetchedAt", "Documents", "Findings")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
		replayed, err := fetch.Normalise(s.CustomerID, s.Documents)
		replayed.FetchedAt = s.FetchedAt
		if err != nil || !cmp.Equal(s, replayed) {
			t.Errorf("%s is not the same again from its documents, %v:\n%s", id, err, cmp.Diff(s, replayed))
		}
		if s.FetchedAt.IsZero() || len(s.Documents) < 2 {
			t.Errorf("%s: fetched at %v, %d documents", id, s.FetchedAt, len(s.Documents))
		}
	}
	if len(got) != n {
		t.Errorf("%d customers, want %d", len(got), n)
	}
}

func TestClientReadsWhatIsTrue(t *testing.T) {
	t.Parallel()

	for _, gzip := range []bool{false, true} {
		sim, url := serve(t, partnersim.Options{Customers: 80, Seed: 7, NoAccess: 0.05, NoCosts: 0.3, Gzip: gzip})
		c := client(t, fetch.Options{BaseURL: url, Costs: true, LineItems: true})
		compare(t, sim, collectAll(t, c))
	}
}

func TestCustomersListsEveryone(t *testing.T) {
	t.Parallel()

	for name, paging := range map[string]partnersim.Paging{
		"by link": partnersim.PageByLink, "by link without version": partnersim.PageByUnversionedLink, "by token": partnersim.PageByBodyToken,
	} {
		for _, spent := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				sim, url := serve(t, partnersim.Options{Customers: 1700, Seed: 7, Paging: paging, SpentToken: spent})
				var got []string
				for id, err := range client(t, fetch.Options{BaseURL: url}).Customers(t.Context()) {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, string(id))
				}
				if diff := cmp.Diff(slices.Collect(sim.CustomerIDs()), got); diff != "" {
					t.Errorf("ids (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestClientOvercomesFaults(t *testing.T) {
	t.Parallel()

	sim, url := serve(t, partnersim.Options{
		Customers: 60, Seed: 3,
		Faults: partnersim.Faults{ServerError: 0.06, Unavailable: 0.06, Reset: 0.06, Truncate: 0.06},
	})
	var mu sync.Mutex
	retried := 0
	c := client(t, fetch.Options{BaseURL: url, Costs: true, LineItems: true, Attempts: 12, Observe: func(a fetch.Attempt) {
		mu.Lock()
		defer mu.Unlock()
		if a.Retried {
			retried++
		}
	}})
	got := collectAll(t, c)
	compare(t, sim, got)
	faults := sim.Stats().Faults
	answered := int(faults["server_error"] + faults["unavailable"] + faults["truncate"])
	// net/http itself overcomes some resets, those on connections that may just have been
	// old.
	if answered == 0 || retried < answered || retried > answered+int(faults["reset"]) {
		t.Errorf("%d requests were sent again for %v", retried, faults)
	}
}

func TestClientFollowsTheSignIn(t *testing.T) {
	t.Parallel()

	sim, url := serve(t, partnersim.Options{Customers: 40, Seed: 5, Login: partnersim.Login{ClientID: "app", ClientSecret: "hush", Tenant: "partner"}})
	file := t.TempDir() + "/token"
	tokens, err := fetch.NewRefreshTokenSource(fetch.SignIn{
		LoginURL: url, TenantID: "partner", ClientID: "app", ClientSecret: "hush", Scope: "https://api.partnercenter.microsoft.com/user_impersonation",
	}, fetch.TokenFile(file), "simulator")
	if err != nil {
		t.Fatal(err)
	}
	c := client(t, fetch.Options{BaseURL: url, Costs: true, LineItems: true, Tokens: tokens})
	compare(t, sim, collectAll(t, c))
	if compliant, told, err := c.MFA(t.Context()); err != nil || !compliant || !told {
		t.Errorf("MFA %v %v %v", compliant, told, err)
	}
	if age, err := fetch.RefreshTokenAge(file, time.Now().Add(24*time.Hour)); err != nil || age < 23*time.Hour || age > 25*time.Hour {
		t.Errorf("age %v, %v", age, err)
	}

	before := sim.Stats()
	sim.ExpireAccessTokens()
	compare(t, sim, collectAll(t, c))
	after := sim.Stats()
	if n := after.Requests["token"] - before.Requests["token"]; n != 1 {
		t.Errorf("%d refreshes for one expiry; requests %v", n, after.Requests)
	}

	sim.ExpireAccessTokens()
	sim.RevokeRefreshTokens()
	ids := slices.Collect(sim.CustomerIDs())
	_, err = c.Statement(t.Context(), billing.CustomerID(ids[0]))
	checkFailure(t, err, billing.CredentialFailure, "AADSTS700082", "90 days")
}
