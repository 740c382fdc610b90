package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"partnercost/internal/config"
	web "partnercost/internal/console"
	"partnercost/internal/persist"
	"partnercost/internal/schedule"
	"partnercost/internal/telemetry"
)

// runGrace is how long after it was due a run may come to its end before the daemon
// calls itself not ready: 100,000 customers take half a day at the default limits.
const runGrace = 12 * time.Hour

// errNotOpen is what everything that asks the database hears until it was reached.
var errNotOpen = errors.New("the database has not been reached since the start")

// serve answers on console.listen until stop is called.
func (d *daemon) serve(ctx context.Context, handler http.Handler) (stop func(), err error) {
	c := d.config.Console
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return nil, configError(fmt.Errorf("console.listen: %w; choose another port, or stop who listens there", err))
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(d.log.Handler(), slog.LevelDebug), // clients' trouble, mostly
	}
	served := make(chan error, 1)
	go func() {
		if c.TLSCertFile != "" {
			served <- server.ServeTLS(listener, c.TLSCertFile, c.TLSKeyFile)
			return
		}
		served <- server.Serve(listener)
	}()
	d.log.Info("listening", slog.String("address", listener.Addr().String()), slog.Bool("tls", c.TLSCertFile != ""))
	return func() {
		_ = server.Close() // its end is what counts
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			d.log.Error("the web server ended by itself", slog.Any("error", err))
		}
	}, nil
}

// consolePages is the console and its connections.
type consolePages struct {
	http.Handler

	reader *persist.Reader
	log    *slog.Logger
}

// console prepares the pages. It refuses a configuration that would show the costs to
// anybody.
func (d *daemon) console() (*consolePages, error) {
	reader, err := persist.NewReader(d.config.Database.URL.Reveal())
	if err != nil {
		return nil, err
	}
	c := d.config.Console
	pages, err := web.New(web.Options{
		Listen: c.Listen, PasswordFile: c.PasswordFile, TLS: c.TLSCertFile != "", BehindProxy: c.BehindProxy,
		Begin: reader.Begin, SignIns: d.consoleSignIns(d.config.Partners), Now: d.now, Log: d.log, Version: thisBuild().Version,
	})
	if err != nil {
		return nil, errors.Join(configError(err), reader.Close())
	}
	return &consolePages{pages, reader, d.log}, nil
}

func (p *consolePages) close() {
	if err := p.reader.Close(); err != nil {
		p.log.Warn("cannot close the console's connections", slog.Any("error", err))
	}
}

// mounted serves the probes and the metrics, which need no password, beside the pages.
func mounted(probes, pages http.Handler) http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		mux.Handle(path, probes)
	}
	mux.Handle("/", pages)
	return mux
}

// health are the checks of /readyz.
func (d *daemon) health(spec schedule.Spec, store func() (*persist.Store, error)) *telemetry.Health {
	return telemetry.NewHealth(
		telemetry.Check{Name: "database", Run: func(ctx context.Context) error {
			s, err := store()
			if err != nil {
				return err
			}
			return s.Ready(ctx)
		}},
		telemetry.OnTime(telemetry.Punctuality{
			Since: d.now(), Due: spec.Next, Grace: runGrace + d.config.Schedule.Jitter, Now: d.now,
			LastSuccess: func(ctx context.Context) (map[string]time.Time, error) {
				s, err := store()
				if err != nil {
					return nil, err
				}
				return lastSuccesses(ctx, s, d.config.Partners)
			},
		}),
	)
}

func lastSuccesses(ctx context.Context, store *persist.Store, partners []config.Partner) (map[string]time.Time, error) {
	newest, err := store.NewestCollections(ctx)
	if err != nil {
		return nil, err
	}
	last := make(map[string]time.Time, len(partners))
	for _, partner := range partners {
		last[partner.Name] = newest[partner.Name].LastSuccess
	}
	return last, nil
}
