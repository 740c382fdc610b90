package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"partnercost/internal/billing"
	"partnercost/internal/collector"
	"partnercost/internal/config"
	web "partnercost/internal/console"
	"partnercost/internal/finance"
	"partnercost/internal/partnersim"
	"partnercost/internal/persist"
)

// yearMonths is how many months the kept demo has lived through before its two nights:
// enough for a trend of thirteen.
const yearMonths = 12

// calendar puts the program's clock into the past.
type calendar struct{ back atomic.Int64 }

// inThePast is the program with a clock that a calendar sets.
func (p *program) inThePast() (*program, *calendar) {
	past := &calendar{}
	lived := *p
	lived.now = func() time.Time { return p.now().Add(-time.Duration(past.back.Load())) }
	return &lived, past
}

func (c *calendar) set(back time.Duration) { c.back.Store(int64(back)) }

// yearAgo lets a simulated partner begin so long ago that its last month is the one
// before this, and lets some customers refuse access, as they do.
func yearAgo(o partnersim.Options, now time.Time) partnersim.Options {
	now = now.UTC()
	o.Start = time.Date(now.Year(), now.Month()-2-yearMonths, 1, 0, 0, 0, 0, time.UTC)
	o.NoAccess = 0.02
	return o
}

// demoYear collects each month of the year twice: when it is new, and when some of it
// has been restated. It ends with the month that the demo's first night collects.
func (p *program) demoYear(ctx context.Context, c *config.Config, store *persist.Store, sim *partnersim.Simulator, past *calendar) error {
	const night = 24 * time.Hour
	p.say("\nIt lives through %d months, of which each is collected twice, with restatements ...\n", yearMonths)
	quiet := *p
	quiet.terminal = false
	for month := yearMonths; month > 0; month-- {
		for _, again := range []bool{false, true} {
			age := time.Duration(month) * 30 * night
			if again {
				age -= 9 * night
				sim.Advance(partnersim.Step{Restate: 0.04})
			}
			past.set(age + 30*night)
			jobs := quiet.newCollector(c, store, quiet.newProgress())
			results := jobs.Collect(ctx, collector.Request{Kind: billing.OnceRun}, collector.Everybody(c.Partners))
			if err := tolerable(ctx, results[0]); err != nil {
				return err
			}
		}
		sim.Advance(partnersim.Step{OneTimeMonths: 1, RecurringMonths: 1})
	}
	past.set(30 * night)
	return nil
}

// tolerable is what ends the demo: not that some customers refuse access.
func tolerable(ctx context.Context, r collector.Result) error {
	err := worst(ctx, []collector.Result{r})
	if exitCode(ctx, err) == exitPartial {
		return nil
	}
	return err
}

// demoConsole serves the console on a free loopback port until the context ends.
func (p *program) demoConsole(ctx context.Context, c *config.Config, tell func(address string)) (err error) {
	reader, err := finance.Open(c.Database.URL.Reveal())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("serve the console: %w", err)
	}
	handler, err := web.New(web.Options{
		Listen: listener.Addr().String(), Begin: reader.Begin, SignIns: p.consoleSignIns(c.Partners), Now: p.now, Log: p.log, Version: thisBuild().Version,
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	tell("http://" + listener.Addr().String() + "/")
	select {
	case err = <-served:
		return fmt.Errorf("serve the console: %w", err)
	case <-ctx.Done():
		_ = server.Close() // the demo is over
		return nil
	}
}

// consoleSignIns tells the console how the sign-ins stand.
func (p *program) consoleSignIns(partners []config.Partner) func() []web.SignIn {
	return func() []web.SignIn {
		var views []web.SignIn
		for _, s := range p.signInStates(partners) {
			views = append(views, web.SignIn{Partner: s.Partner, Mode: s.Mode, DaysLeft: s.DaysLeft, Warning: s.Warning})
		}
		return views
	}
}
