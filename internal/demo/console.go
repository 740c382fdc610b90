package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"partnercost/internal/console"
	"partnercost/internal/finance"
)

// console serves the console until the context ends. On whatever address it listens, it
// answers only to the names of this machine. It needs no password, because all data is
// invented.
func (d *demonstration) console(ctx context.Context, tell func(address string)) (err error) {
	reader, err := finance.Open(d.config.Database.URL.Reveal())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", d.Listen)
	if err != nil {
		return fmt.Errorf("serve the console: %w", err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	address := net.JoinHostPort("127.0.0.1", port)
	handler, err := console.New(console.Options{
		Listen: address, Begin: reader.Begin, SignIns: signIns, Now: d.now, Log: d.Log, Version: d.Version,
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	tell("http://" + address + "/")
	select {
	case err = <-served:
		return fmt.Errorf("serve the console: %w", err)
	case <-ctx.Done():
		_ = server.Close() // the demo is over
		return nil
	}
}

// signIns returns the sign-in of the only partner, which uses a given token.
func signIns() []console.SignIn { return []console.SignIn{{Partner: "demo", Mode: "token"}} }
