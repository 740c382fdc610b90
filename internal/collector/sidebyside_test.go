package collector

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"partnercost/internal/billing"
	"partnercost/internal/partnersim"
	"partnercost/internal/persist"
)

// Forty partners are collected at the same time, however few connections there are: no
// list is answered before all have been requested.
func TestPartnersSideBySideShareTheConnections(t *testing.T) {
	t.Parallel()
	const partners, connections = 40, 8
	i := install(t, partnersim.Options{Customers: 6, Seed: 40})
	i.Store.Close()
	store, err := persist.Open(t.Context(), persist.Options{URL: i.url, MaxConnections: connections, Log: i.Log, Now: i.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	i.Store = store

	db := i.database()
	db.SetMaxOpenConns(1) // every request in flight runs a query
	t.Cleanup(func() { _ = db.Close() })
	var most atomic.Int64
	look := func() {
		var now int64
		err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'partnercost'`).Scan(&now)
		if err != nil {
			t.Error(err)
		}
		for before := most.Load(); now > before && !most.CompareAndSwap(before, now); before = most.Load() {
		}
	}
	var arrived sync.Map
	var count atomic.Int64
	all := make(chan struct{})
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		r.URL.Path = "/" + path
		if path == "v1/customers" {
			if _, again := arrived.LoadOrStore(name, true); !again && count.Add(1) == partners {
				close(all)
			}
			select {
			case <-all:
			case <-r.Context().Done():
				return
			}
		}
		if strings.HasSuffix(path, "/mostrecent") {
			look()
		}
		i.sim.ServeHTTP(w, r)
	}))
	t.Cleanup(service.Close)
	one := i.Config.Partners[0]
	i.Config.Partners = nil
	for n := range partners {
		partner := one
		partner.Name = fmt.Sprintf("partner-%d", n+1)
		partner.BaseURL = service.URL + "/" + partner.Name
		i.Config.Partners = append(i.Config.Partners, partner)
	}
	for _, result := range i.Collect(t.Context(), Request{Kind: billing.KindOnce}, Everybody(i.Config.Partners)) {
		if result.Err != nil || result.Status != billing.StatusSucceeded || result.Tally.Done() != 6 {
			t.Errorf("%s: %s, %+v, %v", result.Partner, result.Status, result.Tally, result.Err)
		}
	}
	if got := most.Load(); got > connections || got < 2 {
		t.Errorf("%d connections at the most, want no more than %d", got, connections)
	}
}
