package main_test

import (
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"partnercost/internal/partnersim"
)

// The command asks the running daemon at the address of the configuration.
func TestHealthAsksTheDaemon(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 3, Seed: 5})
	var free net.ListenConfig
	listener, err := free.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	s.configure(t, "    customers:\n      discover: true\n", "console:\n  listen: "+address+"\n")

	s.collector(t, "health").want(t, 1).says(t, "the daemon does not answer at http://"+address+"/healthz")
	stop := s.daemon(t, "next run scheduled")
	s.collector(t, "health").want(t, 0).says(t, "ok")
	s.collector(t, "health", "--ready").want(t, 0).says(t, "ok    database")
	s.collector(t, "health", "--url", "http://"+address).want(t, 0)
	s.exec(t, `UPDATE public.collector_schema_migrations SET version = 1`)
	s.collector(t, "health").want(t, 0)
	s.collector(t, "health", "--ready").want(t, 1).says(t, "FAIL  database", "the daemon is not healthy", "503")
	stop().want(t, 0)
}

// Whatever address the daemon listens on, the command asks it on this machine. With TLS it
// accepts only the certificate of the configuration.
func TestHealthFindsTheDaemon(t *testing.T) {
	t.Parallel()
	wells := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "well") })
	plain, secure := httptest.NewServer(wells), httptest.NewTLSServer(wells)
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	_, plainPort, _ := strings.Cut(strings.TrimPrefix(plain.URL, "http://"), ":")
	s := newSite(t, partnersim.Options{Customers: 1, Seed: 5})
	s.write(t, "password", "$2a$12$abcdefghijklmnopqrstuuJwSaOcxTAyNTJ3Y4rLkFYIPxBaSxuGm\n")
	s.write(t, "tls.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})))
	s.write(t, "other.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().RawTBSCertificate})))
	s.write(t, "tls.key", "not read here\n")

	const password = "  password_file: password\n"
	for name, tc := range map[string]struct {
		console string
		code    int
		says    string
	}{
		"every address":       {"  listen: \":" + plainPort + "\"\n  behind_proxy: true\n" + password, 0, "well"},
		"every IPv4 address":  {"  listen: 0.0.0.0:" + plainPort + "\n  behind_proxy: true\n" + password, 0, "well"},
		"a certificate":       {"  listen: " + strings.TrimPrefix(secure.URL, "https://") + "\n  tls_cert_file: tls.crt\n  tls_key_file: tls.key\n", 0, "well"},
		"another certificate": {"  listen: " + strings.TrimPrefix(secure.URL, "https://") + "\n  tls_cert_file: other.crt\n  tls_key_file: tls.key\n", 1, "its certificate is not the one in console.tls_cert_file"},
		"any port":            {"  listen: 127.0.0.1:0\n", 2, "--url"},
	} {
		s.configure(t, "    customers:\n      discover: true\n", "console:\n"+tc.console)
		t.Log(name)
		s.collector(t, "health").want(t, tc.code).says(t, tc.says)
	}
	s.collector(t, "health", "--url", "127.0.0.1").want(t, 2).says(t, "is not an address")
}
