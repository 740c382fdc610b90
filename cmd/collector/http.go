package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"partnercost/internal/collector"
	"partnercost/internal/config"
	"partnercost/internal/console"
	"partnercost/internal/finance"
	"partnercost/internal/persist"
)

// serve answers on console.listen until stop is called.
func (p *program) serve(ctx context.Context, c config.Console, handler http.Handler) (stop func(), err error) {
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return nil, configError(fmt.Errorf("console.listen: %w; configure another port, or stop the program that uses this one", err))
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		WriteTimeout: time.Minute,                                         // except for files, for which the console sets its own
		ErrorLog:     slog.NewLogLogger(p.log.Handler(), slog.LevelDebug), // mostly errors of clients
	}
	served := make(chan error, 1)
	go func() {
		if c.TLSCertFile != "" {
			served <- server.ServeTLS(listener, c.TLSCertFile, c.TLSKeyFile)
			return
		}
		served <- server.Serve(listener)
	}()
	p.log.Info("listening", slog.String("address", listener.Addr().String()), slog.Bool("tls", c.TLSCertFile != ""))
	return func() {
		_ = server.Close() // the error does not matter: the process is ending
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			p.log.Error("the web server stopped unexpectedly", slog.Any("error", err))
		}
	}, nil
}

// console returns the pages; stop closes their connections. A configuration that would
// show the costs to everybody is an error.
func (p *program) console(all *config.Config, store func() (*persist.Store, error)) (pages http.Handler, stop func(), err error) {
	reader, err := finance.Open(all.Database.URL.Reveal())
	if err != nil {
		return nil, nil, err
	}
	c := all.Console
	pages, err = console.New(console.Options{
		Listen: c.Listen, PasswordFile: c.PasswordFile, TLS: c.TLSCertFile != "", BehindProxy: c.BehindProxy,
		Begin: reader.Begin, SignIns: p.consoleSignIns(all.Partners, store), Now: p.now, Log: p.log, Version: thisBuild().Version,
	})
	if err != nil {
		return nil, nil, errors.Join(configError(err), reader.Close())
	}
	return pages, func() {
		if err := reader.Close(); err != nil {
			p.log.Warn("cannot close the console's connections", slog.Any("error", err))
		}
	}, nil
}

// mounted adds the probes and the metrics, which need no password, to the pages.
func mounted(probes, pages http.Handler) http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		mux.Handle(path, probes)
	}
	mux.Handle("/", pages)
	return mux
}

// signInsWithin is how long a page waits for the age of refresh tokens.
const signInsWithin = 2 * time.Second

// consoleSignIns returns the state of the sign-ins for the console.
func (p *program) consoleSignIns(partners []config.Partner, store func() (*persist.Store, error)) func() []console.SignIn {
	return func() []console.SignIn {
		states, err := collector.SignInStates(partners, p.now(), func() (map[string]time.Time, error) {
			s, err := store()
			if err != nil {
				return nil, err
			}
			ctx, cancel := context.WithTimeout(context.Background(), signInsWithin)
			defer cancel()
			return s.RefreshTokensIssued(ctx)
		})
		if err != nil {
			p.log.Debug("cannot read the age of the refresh tokens that are not in files", slog.Any("error", err))
		}
		var views []console.SignIn
		for _, s := range states {
			views = append(views, console.SignIn{Partner: s.Partner, Mode: s.Mode, DaysLeft: s.DaysLeft, Warning: s.Warning})
		}
		return views
	}
}
