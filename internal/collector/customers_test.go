package collector

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
	"partnercost/internal/config"
)

const (
	first  billing.CustomerID = "11111111-0000-4000-8000-000000000000"
	second billing.CustomerID = "22222222-0000-4000-8000-000000000000"
	third  billing.CustomerID = "33333333-0000-4000-8000-000000000000"
)

func listing(name string, ids ...billing.CustomerID) config.Partner {
	return config.Partner{Name: name, Customers: config.Customers{IDs: ids}}
}

func discovering(name string, excluded ...billing.CustomerID) config.Partner {
	return config.Partner{Name: name, Customers: config.Customers{Discover: true, Exclude: excluded}}
}

func TestChooseCustomers(t *testing.T) {
	t.Parallel()
	type ids = []billing.CustomerID
	for _, test := range []struct {
		name     string
		partners []config.Partner
		named    ids
		want     map[string]ids
		says     string
	}{
		{name: "all of everyone", partners: []config.Partner{listing("a", first, second), discovering("b")}, want: map[string]ids{"a": nil, "b": nil}},
		{name: "one partner need not list them", partners: []config.Partner{listing("a", first)}, named: ids{third}, want: map[string]ids{"a": {third}}},
		{name: "nor when it discovers", partners: []config.Partner{discovering("a")}, named: ids{third}, want: map[string]ids{"a": {third}}},
		{
			name: "each goes to who lists it", partners: []config.Partner{listing("a", first, second), listing("b", second, third), listing("c")}, named: ids{first, second},
			want: map[string]ids{"a": {first, second}, "b": {second}},
		},
		{name: "nobody lists it", partners: []config.Partner{listing("a", first), listing("b", second)}, named: ids{third}, says: "--partner"},
		{name: "it may be a discovered one", partners: []config.Partner{listing("a", first), discovering("b")}, named: ids{third}, says: string(third)},
		{
			name: "a list that is gone", partners: []config.Partner{{Name: "a", Customers: config.Customers{File: "/does/not/exist"}}, listing("b", first)}, named: ids{first},
			says: "partner a: customers file",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			selections, err := ChooseCustomers(test.partners, test.named)
			if test.says != "" {
				if err == nil || !strings.Contains(err.Error(), test.says) {
					t.Fatalf("error %v, want one that says %q", err, test.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]ids{}
			for _, s := range selections {
				got[s.Partner.Name] = s.Customers
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("customers (-want +got):\n%s", diff)
			}
		})
	}
}

func TestChoosePartners(t *testing.T) {
	t.Parallel()
	partners := []config.Partner{listing("a"), listing("b"), listing("c")}
	chosen, err := ChoosePartners(partners, []string{"c", "a", "c"})
	if err != nil || len(chosen) != 2 || chosen[0].Name != "a" || chosen[1].Name != "c" {
		t.Errorf("got %v, %v, want a and c once each", chosen, err)
	}
	if all, err := ChoosePartners(partners, nil); err != nil || len(all) != 3 {
		t.Errorf("got %v, %v, want all", all, err)
	}
	if _, err := ChoosePartners(partners, []string{"A"}); err == nil || !strings.Contains(err.Error(), "a, b, c") {
		t.Errorf("error %v, want one that names a, b, c", err)
	}
}

// sequence yields ids, and then calls then.
func sequence(ids []billing.CustomerID, then func(yield func(billing.CustomerID, error) bool)) iter.Seq2[billing.CustomerID, error] {
	return func(yield func(billing.CustomerID, error) bool) {
		for _, id := range ids {
			if !yield(id, nil) {
				return
			}
		}
		then(yield)
	}
}

func TestAheadReadsTheListWithoutWaitingForTheCollection(t *testing.T) {
	t.Parallel()
	whole := make(chan struct{})
	listed := func(context.Context) iter.Seq2[billing.CustomerID, error] {
		return sequence([]billing.CustomerID{first, second, third}, func(func(billing.CustomerID, error) bool) { close(whole) })
	}
	var got []billing.CustomerID
	for id, err := range ahead(t.Context(), listed) {
		if err != nil {
			t.Fatal(err)
		}
		<-whole // the list is read to its end while the first customer is still in progress
		got = append(got, id)
	}
	if diff := cmp.Diff([]billing.CustomerID{first, second, third}, got); diff != "" {
		t.Errorf("customers (-want +got):\n%s", diff)
	}
}

func TestCollectingBeginsBeforeTheListIsRead(t *testing.T) {
	t.Parallel()
	var page []billing.CustomerID
	for i := range enrolAtOnce {
		page = append(page, billing.CustomerID(fmt.Sprintf("%08d-0000-4000-8000-000000000000", i)))
	}
	collected := make(chan struct{})
	listed := func(ctx context.Context) iter.Seq2[billing.CustomerID, error] {
		return sequence(page, func(yield func(billing.CustomerID, error) bool) {
			select {
			case <-collected:
				yield(second, nil)
			case <-ctx.Done():
			}
		})
	}
	n := 0
	for range ahead(t.Context(), listed) {
		n++
		if n == 1 {
			close(collected)
		}
	}
	if n != len(page)+1 {
		t.Errorf("%d customers, want %d", n, len(page)+1)
	}
	for range ahead(t.Context(), func(ctx context.Context) iter.Seq2[billing.CustomerID, error] {
		return sequence(page, func(func(billing.CustomerID, error) bool) { <-ctx.Done() }) // breaking out of the loop ends the list
	}) {
		break
	}
}

func TestListOfConfiguredCustomers(t *testing.T) {
	t.Parallel()
	type ids = []billing.CustomerID
	excluding := listing("a", first, second)
	excluding.Customers.Exclude = ids{first, second}
	for _, test := range []struct {
		name string
		s    Selection
		done map[billing.CustomerID]bool
		want ids
		says string
	}{
		{name: "named ones", s: Selection{Partner: discovering("a"), Customers: ids{third, first, third}}, want: ids{third, first}},
		{name: "listed", s: Selection{Partner: listing("a", third, first)}, want: ids{third, first}},
		{name: "but for those that are done", s: Selection{Partner: listing("a", third, first)}, done: map[billing.CustomerID]bool{third: true}, want: ids{first}},
		{name: "all done", s: Selection{Partner: listing("a", first)}, done: map[billing.CustomerID]bool{first: true}},
		{name: "everybody is excluded", s: Selection{Partner: excluding}, says: "every customer on the list is excluded"},
		{name: "the file is gone", s: Selection{Partner: config.Partner{Customers: config.Customers{File: "/does/not/exist"}}}, says: "customers file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got ids
			var ended error
			for visit, err := range test.s.whole(t.Context(), nil, test.done) {
				if err != nil {
					ended = err
					break
				}
				got = append(got, visit.CustomerID)
			}
			if test.says != "" {
				if _, configured := errors.AsType[*ConfigError](ended); !configured || !strings.Contains(ended.Error(), test.says) {
					t.Errorf("error %v, want a ConfigError that says %q", ended, test.says)
				}
				return
			}
			if diff := cmp.Diff(test.want, got); diff != "" || ended != nil {
				t.Errorf("ended with %v; customers (-want +got):\n%s", ended, diff)
			}
		})
	}
}

func TestAListWithoutAnybodyIsAnError(t *testing.T) {
	t.Parallel()
	none := noCustomers(discovering("a"))
	var ended error
	for _, err := range notEmpty(sequence(nil, func(func(billing.CustomerID, error) bool) {}), none) {
		ended = err
	}
	if !errors.Is(ended, none) {
		t.Errorf("ended with %v, want %v", ended, none)
	}
}
