package persist

// defaultSettings are what each session of the store has, unless the connection
// string asks for something else.
var defaultSettings = map[string]string{
	// A longer wait for a lock is an error, instead of silence.
	"lock_timeout": "30s",
	// The session of a partner's lock is idle for as long as a run takes.
	"idle_session_timeout": "0",
	// The sessions of a collector whose machine died end within a minute, and with them
	// the locks.
	"tcp_keepalives_idle":     "30",
	"tcp_keepalives_interval": "10",
	"tcp_keepalives_count":    "3",
}
