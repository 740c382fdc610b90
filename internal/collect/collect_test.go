package collect_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"partnercost/internal/billing"
	"partnercost/internal/collect"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// customer is the n-th customer's id.
func customer(n int) billing.CustomerID {
	return billing.CustomerID(fmt.Sprintf("%08x-0000-4000-8000-000000000000", n))
}

// customers enumerates n customers.
func customers(n int) iter.Seq2[billing.Visit, error] {
	return func(yield func(billing.Visit, error) bool) {
		for i := range n {
			if !yield(billing.Visit{CustomerID: customer(i)}, nil) {
				return
			}
		}
	}
}

// source fetches with a function and counts the calls.
type source struct {
	answer func(ctx context.Context, id billing.CustomerID) (billing.Statement, error)

	mu                    sync.Mutex
	calls, inFlight, peak int
}

func (s *source) Visit(ctx context.Context, visit billing.Visit) (billing.Statement, error) {
	s.mu.Lock()
	s.calls++
	s.inFlight++
	s.peak = max(s.peak, s.inFlight)
	s.mu.Unlock()
	st, err := s.answer(ctx, visit.CustomerID)
	st.Earlier = visit.Earlier
	s.mu.Lock()
	s.inFlight--
	s.mu.Unlock()
	return st, err
}

// after answers with costs once d has passed, unless the context ends first.
func after(d time.Duration) func(context.Context, billing.CustomerID) (billing.Statement, error) {
	return func(ctx context.Context, id billing.CustomerID) (billing.Statement, error) {
		select {
		case <-time.After(d):
			return statement(id), nil
		case <-ctx.Done():
			return billing.Statement{}, ctx.Err()
		}
	}
}

func statement(id billing.CustomerID) billing.Statement {
	return billing.Statement{
		CustomerID: id,
		Profile:    &billing.Profile{CompanyName: "Contoso"},
		Costs:      &billing.CostSummary{},
		Documents:  []billing.Document{{Kind: billing.SummaryDocument, Body: make([]byte, 1000)}},
	}
}

func failed(id billing.CustomerID, class billing.FailureClass) billing.Statement {
	return billing.Statement{CustomerID: id, Failure: &billing.Failure{Class: class, Message: "refused"}}
}

// sink keeps the batches that it receives; refuse decides on a batch first.
type sink struct {
	refuse func(ctx context.Context, batch []billing.Statement) error

	mu      sync.Mutex
	stored  map[billing.CustomerID]billing.Statement
	batches []int
	at      []time.Time
}

func (k *sink) write(ctx context.Context, batch []billing.Statement) ([]billing.CustomerResult, error) {
	if k.refuse != nil {
		if err := k.refuse(ctx, batch); err != nil {
			return nil, err
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stored == nil {
		k.stored = map[billing.CustomerID]billing.Statement{}
	}
	k.batches = append(k.batches, len(batch))
	k.at = append(k.at, time.Now())
	var results []billing.CustomerResult
	for _, s := range batch {
		k.stored[s.CustomerID] = s
		result := billing.CustomerResult{CustomerID: s.CustomerID, Outcome: billing.OutcomeStored, RowsChanged: 2}
		if s.Failure != nil {
			result.Outcome, result.RowsChanged = billing.OutcomeFailed, 0
		}
		results = append(results, result)
	}
	return results, nil
}

func TestEveryCustomerIsCollectedOnce(t *testing.T) {
	t.Parallel()
	src := &source{answer: func(_ context.Context, id billing.CustomerID) (billing.Statement, error) {
		if id == customer(3) {
			return failed(id, billing.NoAccess), nil
		}
		return statement(id), nil
	}}
	var k sink
	tally, err := collect.New(collect.Options{Customers: customers(25), Source: src, Sink: k.write, Batch: 10}).Collect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := billing.Tally{Total: 25, OK: 24, Failed: 1, Blank: 1, RowsChanged: 48}
	if diff := cmp.Diff(want, tally); diff != "" {
		t.Errorf("tally (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{10, 10, 5}, k.batches); diff != "" {
		t.Errorf("batches (-want +got):\n%s", diff)
	}
	if len(k.stored) != 25 || src.calls != 25 {
		t.Errorf("stored %d customers with %d fetches, want 25 with 25", len(k.stored), src.calls)
	}
}

// A customer that a later part of the run reads again is counted once, by its last
// result. A customer of an earlier part alone is counted too.
func TestARunInTwoParts(t *testing.T) {
	t.Parallel()
	var k sink
	again := false
	src := &source{answer: func(_ context.Context, id billing.CustomerID) (billing.Statement, error) {
		if again && id == customer(2) {
			return failed(id, billing.ServerFailure), nil
		}
		return statement(id), nil
	}}
	first := collect.New(collect.Options{Customers: customers(25), Source: src, Sink: k.write, Batch: 10})
	if _, err := first.Collect(t.Context()); err != nil {
		t.Fatal(err)
	}
	again = true
	rest := func(yield func(billing.Visit, error) bool) {
		for visit, err := range customers(5) {
			if err != nil {
				yield(visit, err)
				return
			}
			visit.Earlier = billing.OutcomeStored
			if !yield(visit, nil) {
				return
			}
		}
		yield(billing.Visit{CustomerID: customer(99)}, nil)
	}
	second := collect.New(collect.Options{Customers: rest, Source: src, Sink: k.write, Batch: 10}).Follow(first)
	tally, err := second.Collect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := billing.Tally{Total: 26, OK: 25, Failed: 1, RowsChanged: 60}
	if diff := cmp.Diff(want, tally); diff != "" {
		t.Errorf("tally (-want +got):\n%s", diff)
	}
	if p := second.Progress(); p.Fetched != 26 || p.Again != 5 {
		t.Errorf("%d fetched and %d again, want 26 and 5", p.Fetched, p.Again)
	}
}

func TestFetchingAndStoringOverlap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := sink{refuse: func(context.Context, []billing.Statement) error {
			time.Sleep(time.Second)
			return nil
		}}
		src := &source{answer: after(time.Second)}
		began := time.Now()
		_, err := collect.New(collect.Options{Customers: customers(100), Source: src, Sink: k.write, Concurrency: 10, Batch: 10}).Collect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		// Ten rounds of fetching and ten writes of a second each take 20 s one after the other.
		if took := time.Since(began); took != 11*time.Second {
			t.Errorf("took %s, want 11s", took)
		}
		if src.peak != 10 {
			t.Errorf("%d customers in flight at most, want 10", src.peak)
		}
	})
}

func TestMemoryIsBoundedWhileTheSinkIsBusy(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name          string
		maxBatchBytes int
		alive         int
	}{
		{"by customers", 0, 2*50 + 4},
		{"by bytes", 20 * 1000, 2*20 + 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				k := sink{refuse: func(context.Context, []billing.Statement) error {
					<-release
					return nil
				}}
				run := collect.New(collect.Options{
					Customers: customers(2000), Source: &source{answer: after(time.Millisecond)}, Sink: k.write,
					Concurrency: 4, Batch: 50, MaxBatchBytes: test.maxBatchBytes,
				})
				done := make(chan error)
				go func() {
					_, err := run.Collect(t.Context())
					done <- err
				}()
				time.Sleep(time.Hour)
				if p := run.Progress(); p.Fetched != test.alive || p.Done() != 0 {
					t.Errorf("%d statements alive and %d stored, want %d and 0", p.Fetched, p.Done(), test.alive)
				}
				close(release)
				if err := <-done; err != nil {
					t.Error(err)
				}
				if p := run.Progress(); p.Done() != 2000 || p.Total != 2000 {
					t.Errorf("progress %+v, want all 2000 done", p)
				}
			})
		})
	}
}

func TestASlowRunStoresEarly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var k sink
		began := time.Now()
		_, err := collect.New(collect.Options{
			Customers: customers(5), Source: &source{answer: after(4 * time.Second)}, Sink: k.write,
			Concurrency: 1, Batch: 500, FlushEvery: 5 * time.Second,
		}).Collect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		// Answers come at 4, 8, 12, 16 and 20 s: the first batch closes 5 s after its first.
		var after []time.Duration
		for _, at := range k.at {
			after = append(after, at.Sub(began))
		}
		if diff := cmp.Diff([]time.Duration{9 * time.Second, 17 * time.Second, 20 * time.Second}, after); diff != "" {
			t.Errorf("batches stored at (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]int{2, 2, 1}, k.batches); diff != "" {
			t.Errorf("batches (-want +got):\n%s", diff)
		}
	})
}

func TestARefusedBatchIsDividedUntilTheBadCustomersAreFound(t *testing.T) {
	t.Parallel()
	bad := map[billing.CustomerID]bool{customer(3): true, customer(17): true}
	k := sink{refuse: func(_ context.Context, batch []billing.Statement) error {
		for _, s := range batch {
			if bad[s.CustomerID] && s.Costs != nil {
				return fmt.Errorf("numeric overflow: %w", billing.ErrRejected)
			}
		}
		return nil
	}}
	tally, err := collect.New(collect.Options{Customers: customers(40), Source: &source{answer: after(0)}, Sink: k.write, Batch: 40}).Collect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := billing.Tally{Total: 40, OK: 38, Failed: 2, Blank: 2, RowsChanged: 76}
	if diff := cmp.Diff(want, tally); diff != "" {
		t.Errorf("tally (-want +got):\n%s", diff)
	}
	for id, s := range k.stored {
		if refused := s.Failure != nil; refused != bad[id] {
			t.Errorf("%s stored with failure %v", id, s.Failure)
		}
	}
	got := k.stored[customer(3)]
	if got.Failure.Class != billing.Rejected || got.Costs != nil || got.Profile != nil || got.Documents != nil {
		t.Errorf("the bad customer was stored as %+v, want only a failure of class rejected", got)
	}
	if !strings.Contains(got.Failure.Error(), "numeric overflow") {
		t.Errorf("the failure %q does not say why", got.Failure)
	}
}

func TestABatchThatTakesTooLongIsHalved(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		allows  int // customers at a time
		batches []int
		is      error
	}{
		{"until it passes", 3, []int{2, 3, 2, 3}, nil},
		{"and waited for when a customer is alone", 0, nil, billing.ErrTooMuch},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := sink{refuse: func(_ context.Context, batch []billing.Statement) error {
					if len(batch) > test.allows {
						return fmt.Errorf("statement timeout: %w", billing.ErrTooMuch)
					}
					return nil
				}}
				began := time.Now()
				_, err := collect.New(collect.Options{Customers: customers(10), Source: &source{answer: after(0)}, Sink: k.write, Batch: 10, Concurrency: 1}).Collect(t.Context())
				if !errors.Is(err, test.is) {
					t.Errorf("error %v, want %v", err, test.is)
				}
				if diff := cmp.Diff(test.batches, k.batches); diff != "" {
					t.Errorf("batches (-want +got):\n%s", diff)
				}
				if took := time.Since(began); (took == 5*time.Minute) != (test.is != nil) {
					t.Errorf("took %s, want 5m only when nothing passes", took)
				}
			})
		})
	}
}

// An outage is logged when it begins, whenever its reason changes, and when it ends.
func TestWhatAWaitLogs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		reasons := []string{"refused", "refused", "starting up", "starting up", ""}
		err := collect.RetryWhileUnavailable(t.Context(), time.Minute, slog.New(slog.NewTextHandler(&log, nil)), func(context.Context) error {
			reason := reasons[0]
			reasons = reasons[1:]
			if reason == "" {
				return nil
			}
			return fmt.Errorf("%w: %s", billing.ErrUnavailable, reason)
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"waiting for it", "still waiting", "answers again"} {
			if n := strings.Count(log.String(), want); n != 1 {
				t.Errorf("%q was logged %d times, want once:\n%s", want, n, &log)
			}
		}
	})
}

// A server that accepts a batch and never answers is given up like one that cannot be
// reached.
func TestAnAttemptWithoutAnEndIsLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began, hung := time.Now(), false
		err := collect.RetryWhileUnavailable(t.Context(), time.Minute, slog.New(slog.DiscardHandler), func(ctx context.Context) error {
			if hung {
				return nil
			}
			hung = true
			<-ctx.Done()
			return fmt.Errorf("%w: %w", billing.ErrUnavailable, ctx.Err())
		})
		if took := time.Since(began); err != nil || took != 5*time.Minute+time.Second {
			t.Errorf("error %v after %s, want none and the next attempt after 5m1s", err, took)
		}
	})
}

func TestWhatEndsARun(t *testing.T) {
	t.Parallel()
	dead := &billing.Failure{Class: billing.CredentialFailure, Message: "sign in again"}
	crash := errors.New("relation does not exist")
	for _, test := range []struct {
		name      string
		customers iter.Seq2[billing.Visit, error]
		answer    func(context.Context, billing.CustomerID) (billing.Statement, error)
		refuse    func(context.Context, []billing.Statement) error
		calls     int // at most
		stored    int // at least
		is        error
		says      string
	}{
		{
			name: "a dead credential",
			answer: func(_ context.Context, id billing.CustomerID) (billing.Statement, error) {
				if id == customer(20) {
					return billing.Statement{}, dead
				}
				return statement(id), nil
			},
			calls: 60, stored: 20, is: dead, says: "sign in again",
		},
		{
			name: "a list that breaks off",
			customers: func(yield func(billing.Visit, error) bool) {
				for i := range 20 {
					if !yield(billing.Visit{CustomerID: customer(i)}, nil) {
						return
					}
				}
				yield(billing.Visit{}, dead)
			},
			answer: after(time.Second),
			calls:  20, stored: 20, is: dead, says: "list the customers",
		},
		{
			name:   "a broken store",
			refuse: func(context.Context, []billing.Statement) error { return crash },
			calls:  60, is: crash, says: "0 customers are stored",
		},
		{
			name: "a store that refuses everything",
			refuse: func(context.Context, []billing.Statement) error {
				return fmt.Errorf("no: %w", billing.ErrRejected)
			},
			calls: 60, is: billing.ErrRejected, says: "the record of a failure",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if test.answer == nil {
					test.answer = func(_ context.Context, id billing.CustomerID) (billing.Statement, error) { return statement(id), nil }
				}
				if test.customers == nil {
					test.customers = customers(10_000)
				}
				src, k := &source{answer: test.answer}, &sink{refuse: test.refuse}
				tally, err := collect.New(collect.Options{Customers: test.customers, Source: src, Sink: k.write, Concurrency: 4, Batch: 20}).Collect(t.Context())
				if err == nil {
					t.Fatal("the run ended without an error")
				}
				if test.is != nil && !errors.Is(err, test.is) {
					t.Errorf("error %v is not %v", err, test.is)
				}
				if !strings.Contains(err.Error(), test.says) {
					t.Errorf("error %q does not say %q", err, test.says)
				}
				if src.calls > test.calls {
					t.Errorf("%d customers were asked for, want at most %d", src.calls, test.calls)
				}
				if tally.Done() < test.stored || tally.Done() != len(k.stored) {
					t.Errorf("%d customers counted, %d stored, want at least %d", tally.Done(), len(k.stored), test.stored)
				}
			})
		})
	}
}

func TestTheDatabaseIsWaitedFor(t *testing.T) {
	t.Parallel()
	away := fmt.Errorf("connection refused: %w", billing.ErrUnavailable)

	t.Run("until it is back", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			k := sink{refuse: func(context.Context, []billing.Statement) error {
				if time.Since(began) < time.Minute {
					return away
				}
				return nil
			}}
			tally, err := collect.New(collect.Options{Customers: customers(100), Source: &source{answer: after(0)}, Sink: k.write, Batch: 10}).Collect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took < time.Minute || took > 90*time.Second {
				t.Errorf("took %s, want little more than a minute", took)
			}
			if tally.OK != 100 {
				t.Errorf("tally %+v, want 100 ok", tally)
			}
		})
	})

	t.Run("but not for ever", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			began, stored := time.Now(), false
			k := sink{refuse: func(context.Context, []billing.Statement) error {
				if stored {
					return away
				}
				stored = true
				return nil
			}}
			tally, err := collect.New(collect.Options{
				Customers: customers(1000), Source: &source{answer: after(0)}, Sink: k.write,
				Concurrency: 4, Batch: 10, StoreWait: 2 * time.Minute,
			}).Collect(t.Context())
			if !errors.Is(err, billing.ErrUnavailable) {
				t.Fatalf("error %v, want the database's", err)
			}
			if want := "10 customers are stored, 24 fetched customers are not: waited 2m0s for the database"; !strings.HasPrefix(err.Error(), want) {
				t.Errorf("error %q, want %q", err, want)
			}
			if took := time.Since(began); took != 2*time.Minute {
				t.Errorf("took %s, want 2m", took)
			}
			if tally.OK != 10 {
				t.Errorf("tally %+v, want 10 ok", tally)
			}
		})
	})

	t.Run("and only briefly once interrupted", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			began := time.Now()
			k := sink{refuse: func(context.Context, []billing.Statement) error { return away }}
			_, err := collect.New(collect.Options{Customers: customers(1000), Source: &source{answer: after(0)}, Sink: k.write, Batch: 10}).Collect(ctx)
			if !errors.Is(err, billing.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v, want both the interruption and the database's", err)
			}
			if took := time.Since(began); took != 25*time.Second {
				t.Errorf("took %s, want 10s and 15s of grace", took)
			}
		})
	})
}

func TestAnInterruptionStoresWhatIsFetched(t *testing.T) {
	t.Parallel()
	interrupted := errors.New("interrupted")
	for _, test := range []struct {
		name    string
		writing time.Duration
		stored  int
		took    time.Duration
	}{
		{"quick to store", time.Second, 20, 11 * time.Second},
		{"too slow to store", time.Minute, 0, 25 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				began := time.Now()
				time.AfterFunc(10*time.Second, func() { cancel(interrupted) })
				k := sink{refuse: func(ctx context.Context, _ []billing.Statement) error {
					select {
					case <-time.After(test.writing):
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				}}
				// With two customers at a time, the requests of the last two are cut off.
				src := &source{answer: after(960 * time.Millisecond)}
				tally, err := collect.New(collect.Options{Customers: customers(1000), Source: src, Sink: k.write, Concurrency: 2, Batch: 500, FlushEvery: time.Minute}).Collect(ctx)
				if !errors.Is(err, interrupted) {
					t.Errorf("error %v, want the cause of the interruption", err)
				}
				if tally.OK != test.stored || len(k.stored) != test.stored {
					t.Errorf("tally %+v with %d stored, want %d", tally, len(k.stored), test.stored)
				}
				if took := time.Since(began); took != test.took {
					t.Errorf("took %s, want %s", took, test.took)
				}
			})
		})
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var k sink
		run := collect.New(collect.Options{Customers: customers(100), Total: 100, Source: &source{answer: after(time.Second)}, Sink: k.write, Concurrency: 2, Batch: 10, Now: time.Now})
		done := make(chan error)
		go func() {
			_, err := run.Collect(t.Context())
			done <- err
		}()
		time.Sleep(10*time.Second + time.Millisecond)
		got := run.Progress()
		want := collect.Progress{Tally: billing.Tally{Total: 100, OK: 20, RowsChanged: 40}, Fetched: 20, Elapsed: 10*time.Second + time.Millisecond}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("progress (-want +got):\n%s", diff)
		}
		if rate := got.Rate(); rate < 1.9 || rate > 2 {
			t.Errorf("rate %f, want about 2 a second", rate)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A large statement is stored at once, and then the next one is admitted. No large
// statement waits for a batch to fill, and a broken sink does not hold back the next
// one.
func TestLargeStatementsAreStoredOneByOne(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]func(context.Context, []billing.Statement) error{
		"": nil, "a broken sink": func(context.Context, []billing.Statement) error { return errors.New("broken") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				room, released := make(chan struct{}, 1), 0
				large := &source{answer: func(ctx context.Context, id billing.CustomerID) (billing.Statement, error) {
					select {
					case room <- struct{}{}:
					case <-ctx.Done():
						return billing.Statement{}, ctx.Err()
					}
					s := statement(id)
					s.Done = func() { released++; <-room }
					return s, nil
				}}
				stored := &sink{refuse: refuse}
				begun := time.Now()
				tally, err := collect.New(collect.Options{Customers: customers(20), Source: large, Sink: stored.write, FlushEvery: time.Hour}).Collect(t.Context())
				if (err != nil) != (refuse != nil) || refuse == nil && tally.OK != 20 {
					t.Errorf("%+v, %v", tally, err)
				}
				if len(room) != 0 || released == 0 {
					t.Errorf("%d are held, %d were released", len(room), released)
				}
				if time.Since(begun) != 0 {
					t.Errorf("it took %s", time.Since(begun))
				}
			})
		})
	}
}
