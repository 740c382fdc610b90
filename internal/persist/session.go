package persist

import (
	"context"
	"net"
	"time"
)

// sessionSettings are what each session asks of the server, unless the connection
// string asks for something else.
var sessionSettings = map[string]string{
	// Who waits longer for a lock is told so, instead of waiting without a word.
	"lock_timeout": "30s",
	// The session of a partner's lock is idle for as long as a run takes.
	"idle_session_timeout": "0",
	// The sessions of a collector whose machine died end within a minute, and with them
	// the locks.
	"tcp_keepalives_idle":     "30",
	"tcp_keepalives_interval": "10",
	"tcp_keepalives_count":    "3",
}

// dial connects to the server, and finds out within a minute when it is gone without
// having said so.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3}}
	return dialer.DialContext(ctx, network, address)
}
