package main

import (
	"context"
	"errors"
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
		totals   map[string]int
		says     string
	}{
		{name: "all of everyone", partners: []config.Partner{listing("a", first, second), discovering("b")}, want: map[string]ids{"a": nil, "b": nil}, totals: map[string]int{"a": 2, "b": 0}},
		{name: "one partner need not list them", partners: []config.Partner{listing("a", first)}, named: ids{third}, want: map[string]ids{"a": {third}}, totals: map[string]int{"a": 1}},
		{name: "nor when it discovers", partners: []config.Partner{discovering("a")}, named: ids{third}, want: map[string]ids{"a": {third}}, totals: map[string]int{"a": 1}},
		{
			name: "each goes to who lists it", partners: []config.Partner{listing("a", first, second), listing("b", second, third), listing("c")}, named: ids{first, second},
			want: map[string]ids{"a": {first, second}, "b": {second}}, totals: map[string]int{"a": 2, "b": 1},
		},
		{name: "nobody lists it", partners: []config.Partner{listing("a", first), listing("b", second)}, named: ids{third}, says: "--partner"},
		{name: "it may be a discovered one", partners: []config.Partner{listing("a", first), discovering("b")}, named: ids{third}, says: string(third)},
		{name: "a list that is gone", partners: []config.Partner{{Name: "a", Customers: config.Customers{File: "/does/not/exist"}}}, says: "partner a: customers file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			selections, err := chooseCustomers(test.partners, test.named)
			if test.says != "" {
				if err == nil || !strings.Contains(err.Error(), test.says) || exitCode(t.Context(), err) != exitUsage {
					t.Fatalf("error %v with code %d, want one that says %q, with code 2", err, exitCode(t.Context(), err), test.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, totals := map[string]ids{}, map[string]int{}
			for _, s := range selections {
				got[s.partner.Name], totals[s.partner.Name] = s.customers, s.total
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("customers (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.totals, totals); diff != "" {
				t.Errorf("totals (-want +got):\n%s", diff)
			}
		})
	}
}

func TestChoosePartners(t *testing.T) {
	t.Parallel()
	partners := []config.Partner{listing("a"), listing("b"), listing("c")}
	chosen, err := choosePartners(partners, []string{"c", "a", "c"})
	if err != nil || len(chosen) != 2 || chosen[0].Name != "a" || chosen[1].Name != "c" {
		t.Errorf("got %v, %v, want a and c once each", chosen, err)
	}
	if all, err := choosePartners(partners, nil); err != nil || len(all) != 3 {
		t.Errorf("got %v, %v, want all", all, err)
	}
	if _, err := choosePartners(partners, []string{"A"}); err == nil || !strings.Contains(err.Error(), "a, b, c") {
		t.Errorf("error %v, want one that names a, b, c", err)
	}
}

func TestAheadReadsTheListWithoutWaitingForTheCollection(t *testing.T) {
	t.Parallel()
	whole := make(chan struct{})
	listed := func(context.Context) iter.Seq2[billing.CustomerID, error] {
		return func(yield func(billing.CustomerID, error) bool) {
			_ = yield(first, nil) && yield(second, nil) && yield(third, nil)
			close(whole)
		}
	}
	var got []billing.CustomerID
	for id, err := range ahead(t.Context(), listed) {
		if err != nil {
			t.Fatal(err)
		}
		<-whole // the list is read to its end while the first customer is still in hand
		got = append(got, id)
	}
	if diff := cmp.Diff([]billing.CustomerID{first, second, third}, got); diff != "" {
		t.Errorf("customers (-want +got):\n%s", diff)
	}
}

func TestCollectingBeginsBeforeTheListIsRead(t *testing.T) {
	t.Parallel()
	collected := make(chan struct{})
	listed := func(ctx context.Context) iter.Seq2[billing.CustomerID, error] {
		return func(yield func(billing.CustomerID, error) bool) {
			if !yield(first, nil) {
				return
			}
			select {
			case <-collected:
				yield(second, nil)
			case <-ctx.Done():
			}
		}
	}
	n := 0
	for range ahead(t.Context(), listed) {
		n++
		if n == 1 {
			close(collected)
		}
	}
	if n != 2 {
		t.Errorf("%d customers, want 2", n)
	}
	for range ahead(t.Context(), func(ctx context.Context) iter.Seq2[billing.CustomerID, error] {
		return func(yield func(billing.CustomerID, error) bool) {
			yield(first, nil)
			<-ctx.Done() // who stops listening ends the list
		}
	}) {
		break
	}
}

func TestSequence(t *testing.T) {
	t.Parallel()
	broken := errors.New("the list broke off")
	listed := func(context.Context) iter.Seq2[billing.CustomerID, error] {
		return func(yield func(billing.CustomerID, error) bool) {
			_ = yield(first, nil) && yield(second, nil) && yield("", broken)
		}
	}
	for _, test := range []struct {
		name string
		s    selection
		want []billing.CustomerID
		err  error
	}{
		{"named", selection{partner: discovering("a"), customers: []billing.CustomerID{third}}, []billing.CustomerID{third}, nil},
		{"listed", selection{partner: listing("a", third, first)}, []billing.CustomerID{third, first}, nil},
		{"discovered but for the excluded", selection{partner: discovering("a", first)}, []billing.CustomerID{second}, broken},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got []billing.CustomerID
			var ended error
			for id, err := range test.s.sequence(t.Context(), listed) {
				if err != nil {
					ended = err
					continue
				}
				got = append(got, id)
			}
			if diff := cmp.Diff(test.want, got); diff != "" || !errors.Is(ended, test.err) {
				t.Errorf("error %v, customers (-want +got):\n%s", ended, diff)
			}
		})
	}
}
