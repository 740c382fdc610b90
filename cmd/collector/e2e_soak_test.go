package main_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"partnercost/internal/localpg"
)

// The soak test tries a few faults by default, and all of them with -soak ("make soak").
var (
	soak     = flag.Bool("soak", false, "bring about many faults among many customers")
	soakSeed = flag.Uint64("soak.seed", 0, "chooses the moments of the faults; 0 picks one")
)

// trials returns how many faults are tried, and with how many customers.
type trials struct {
	*rand.Rand
	seed                 uint64
	faults, customers    int
	tried, lost, doubled int
}

func newTrials(reduced, full int) *trials {
	n := &trials{seed: *soakSeed, faults: reduced, customers: 150}
	if *soak {
		n.faults, n.customers = full, 2000
	}
	if n.seed == 0 {
		n.seed = rand.Uint64()
	}
	n.Rand = rand.New(rand.NewPCG(n.seed, 0))
	return n
}

// between returns a random number from 1 to total.
func (n *trials) between(total int64) int64 { return 1 + n.Int64N(total) }

// check compares the rows of the site with those of the undisturbed night.
func (n *trials) check(t *testing.T, f *faultSite, want undisturbed, after string) {
	t.Helper()
	lost, doubled := f.holds(t, want.facts, after)
	n.lost += lost
	n.doubled += doubled
}

// report prints the figures.
func (n *trials) report(t *testing.T, what string, rows int) {
	t.Helper()
	t.Logf("%s: faults tried %d, customers %d, rows compared each time %d, rows lost %d, rows doubled %d, seed %d (-soak.seed)", what, n.tried, n.customers, rows, n.lost, n.doubled, n.seed)
	if n.tried == 0 {
		t.Error("no fault was tried")
	}
}

// The collector is killed at a random request to Partner Center or a random byte to
// PostgreSQL, in a first night or in one with restatements. A resume or an ordinary run
// follows at once.
func TestSoakKills(t *testing.T) { //nolint:tparallel // the trials draw their moments from one source, one after the other
	t.Parallel()
	n := newTrials(4, 20)
	nights := measure(t, n.customers)
	for i := range n.faults {
		t.Run(fmt.Sprint(i+1), func(t *testing.T) { n.kill(t, i, nights) })
	}
	n.report(t, "kill -9", nights[1].facts.rows())
}

// kill is the ith trial of TestSoakKills.
func (n *trials) kill(t *testing.T, i int, nights [2]undisturbed) {
	t.Helper()
	night, writing, resumes := i/2%2, i%2 == 1, i%5 != 4
	f := newFaultSite(t, n.customers)
	if night == 1 {
		f.collector(t, "run").want(t, 0)
		f.nextNight()
	}
	what, of, trap := "request", nights[night].requests, &f.proxy.faultPoint
	if writing {
		what, of, trap = "byte to the database", nights[night].bytes, &f.tcpProxy.faultPoint
	}
	at := n.between(of)
	trap.arm(at)
	b := f.background(t, "", "run")
	select {
	case <-trap.reached:
		if err := b.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		(<-b.ended).want(t, -1)
		n.tried++
	case r := <-b.ended: // this time it needed fewer
		r.want(t, 0)
	}
	t.Logf("night %d, killed at %s %d of %d", night+1, what, at, of)
	f.tcpProxy.cut()
	trap.release()
	again := []string{"run"}
	if resumes {
		again = append(again, "--resume")
	}
	f.collector(t, again...).want(t, 0)
	n.check(t, f, nights[night], "a kill")
	f.ledgerIsRight(t)
}

// ledgerIsRight fails the test unless every run has ended, and the last one with success.
func (f *faultSite) ledgerIsRight(t *testing.T) {
	t.Helper()
	if got := f.one(t, `SELECT count(*) FROM finance.runs WHERE status = 'running'`); got != "0" {
		t.Errorf("%s runs of dead processes stand as running", got)
	}
	if got := f.one(t, `SELECT status FROM finance.runs ORDER BY started_at DESC LIMIT 1`); got != "succeeded" {
		t.Errorf("the last run is recorded as %s", got)
	}
}

// The connections to PostgreSQL break at a random byte, several times in one run.
func TestSoakTornConnections(t *testing.T) {
	t.Parallel()
	n := newTrials(2, 10)
	nights := measure(t, n.customers)
	f := newFaultSite(t, n.customers)
	for night, want := range nights {
		if night > 0 {
			f.nextNight()
		}
		f.tcpProxy.arm(n.between(want.bytes / int64(n.faults)))
		b := f.background(t, waitsForDatabase, "run")
		for range n.faults / 2 {
			select {
			case <-f.tcpProxy.reached:
				f.tcpProxy.cut()
				f.tcpProxy.release()
				f.tcpProxy.arm(n.between(want.bytes / int64(n.faults)))
				n.tried++
			case r := <-b.ended:
				b.ended <- r
			}
		}
		f.tcpProxy.release()
		(<-b.ended).want(t, 0)
		n.check(t, f, want, "torn connections")
		f.ledgerIsRight(t)
	}
	n.report(t, "torn connections", nights[1].facts.rows())
}

// PostgreSQL stops in the middle of a run, in turn orderly and by a crash, and starts
// again. The first time it starts only after the collector has noticed.
func TestSoakPostgresStopsAndStarts(t *testing.T) {
	t.Parallel()
	n := newTrials(2, 10)
	nights := measure(t, n.customers)
	f := newFaultSite(t, n.customers)
	server := f.ownServer(t)
	for night, want := range nights {
		if night > 0 {
			f.nextNight()
		}
		part := want.requests / int64(n.faults)
		f.proxy.arm(n.between(part))
		b := f.background(t, waitsForDatabase, "run")
		for i := range n.faults / 2 {
			b.await(t, f.proxy.reached, "PostgreSQL was stopped")
			stop, cancel := context.WithCancel(t.Context())
			if (night+i)%2 == 1 {
				cancel() // as if it crashed
			}
			if err := server.Halt(stop); err != nil {
				t.Fatal(err)
			}
			cancel()
			f.proxy.release()
			if i == 0 { // the log has this line once
				b.await(t, b.heard, "it said that it waits for PostgreSQL")
			}
			if err := server.Continue(t.Context()); err != nil {
				t.Fatal(err)
			}
			n.tried++
			f.proxy.arm(n.between(part))
		}
		f.proxy.release()
		(<-b.ended).want(t, 0).says(t, "the database answers again")
		n.check(t, f, want, "PostgreSQL stopped and started")
		f.ledgerIsRight(t)
	}
	n.report(t, "PostgreSQL stopped and started", nights[1].facts.rows())
}

// ownServer gives the site a PostgreSQL of its own, which the test can stop.
func (f *faultSite) ownServer(t *testing.T) *localpg.Server {
	t.Helper()
	server, err := localpg.Start(t.Context(), localpg.Options{})
	if errors.Is(err, localpg.ErrNoBinaries) && os.Getenv("CI") == "" {
		t.Skip("stopping a server needs its binaries:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	f.useDatabase(server.URL("postgres"))
	f.proxyDatabase(t)
	f.collector(t, "migrate", "up").want(t, 0)
	// As in production, commits must survive a crash of the server.
	f.exec(t, `ALTER DATABASE postgres SET synchronous_commit = on`)
	return server
}
