package persist

// defaultSettings are the settings of each session of the store, unless the connection
// string sets them.
var defaultSettings = map[string]string{
	// A longer wait for a lock becomes an error that can be reported.
	"lock_timeout": "30s",
	// The session that holds the partners' locks is idle during the runs.
	"idle_session_timeout": "0",
	// If the collector's machine dies, its sessions end within a minute, and with them the
	// locks.
	"tcp_keepalives_idle":     "30",
	"tcp_keepalives_interval": "10",
	"tcp_keepalives_count":    "3",
}
