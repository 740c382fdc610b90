package console_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"partnercost/internal/billing"
)

// Whoever asks for files and does not read them holds a transaction for each, but
// never all connections that pages need.
func TestPagesAnswerWhileFilesAreNotRead(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	// Some megabytes, more than lie unread on the way.
	var statements []billing.Statement
	for n := range 20 {
		var details []billing.CostDetail
		for month := range 60 {
			start := time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, month, 0)
			details = append(details, detail(billing.Recurring, start.Format("2006-01"), "USD", "1"))
		}
		statements = append(statements, statement(n, fmt.Sprint(n, strings.Repeat(" long", 1600)), details))
	}
	s.night(today.Add(-6*time.Hour), "contoso", statements...)

	const clients = 6
	first := make(chan error, clients)
	var open []net.Conn
	for range clients {
		connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = connection.Close() })
		open = append(open, connection)
		if err := connection.(*net.TCPConn).SetReadBuffer(4096); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(connection, "GET /csv/costs HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		go func() {
			_, err := connection.Read(make([]byte, 1))
			first <- err
		}()
	}
	for range 2 {
		if err := <-first; err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		s.get("/customers", http.StatusOK)
	}
	for _, connection := range open {
		_ = connection.Close()
	}
	s.get("/csv/runs", http.StatusOK)
}
