package fetch_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"partnercost/internal/billing"
	"partnercost/internal/fetch"
)

// garbled answers every request with the given bytes.
func garbled(t *testing.T, answer string) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
				_, _ = conn.Read(make([]byte, 4096))
				_, _ = io.WriteString(conn, answer)
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

// When HTTP is out of step, net/http quotes received data: a profile or a token.
func TestWhatArrivedIsNotQuoted(t *testing.T) {
	t.Parallel()

	const secret = `{"firstName":"Ana","phoneNumber":"+49 planted"}`
	for name, answer := range map[string]string{
		"a body alone":       secret + "\r\n\r\n",
		"a status":           "HTTP/1.1 " + secret + "\r\n\r\n",
		"a status in words":  "HTTP/1.1 2x0 " + secret + "\r\n\r\n",
		"a header":           "HTTP/1.1 200 OK\r\n" + strings.ReplaceAll(secret, ":", ";") + "\r\n\r\n",
		"a length":           "HTTP/1.1 200 OK\r\nContent-Length: " + secret + "\r\n\r\n",
		"an encoding":        "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + secret + "\r\n\r\n",
		"a chunk":            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + secret + "\r\n\r\n",
		"a compressed body":  "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 47\r\n\r\n" + secret,
		"a redirect":         "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://[" + secret + "\r\n\r\n",
		"a body that is cut": "HTTP/1.1 200 OK\r\nContent-Length: 4700\r\n\r\n" + secret,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := garbled(t, answer)
			var log bytes.Buffer
			s, err := client(t, fetch.Options{BaseURL: url, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}).Statement(t.Context(), asked)
			if err != nil || s.Failure == nil {
				t.Fatalf("%+v, %v", s, err)
			}
			source, err := fetch.NewRefreshTokenSource(fetch.SignIn{
				LoginURL: url, TenantID: "t", ClientID: "c", Scope: "s", Rand: func() float64 { return 0 },
			}, fetch.TokenFile(filepath.Join(t.TempDir(), "token")), "seed")
			if err != nil {
				t.Fatal(err)
			}
			_, err = source.Token(t.Context())
			checkFailure(t, err, billing.CredentialFailure, "", "cannot be reached")
			for _, said := range []string{s.Failure.Error(), fmt.Sprintf("%+v", *s.Failure), log.String(), err.Error()} {
				if strings.Contains(said, "Ana") || strings.Contains(said, "planted") || strings.Contains(said, "firstName") {
					t.Errorf("%q quotes what arrived", said)
				}
			}
		})
	}
}

// Advice for the operator is still given.
func TestTransportErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()

	closed, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	_, plain := newPartner(t, nil)
	for url, want := range map[string]string{
		"http://" + closed.Addr().String():         "connection refused",
		strings.Replace(plain, "http", "https", 1): http.ErrSchemeMismatch.Error(),
		garbled(t, ""): "EOF",
	} {
		s, err := client(t, fetch.Options{BaseURL: url}).Statement(t.Context(), asked)
		if err != nil || s.Failure == nil || !strings.Contains(s.Failure.Error(), want) {
			t.Errorf("%v, %v; want %q", s.Failure, err, want)
		}
	}
}
