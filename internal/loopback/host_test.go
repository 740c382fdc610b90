package loopback_test

import (
	"testing"

	"partnercost/internal/loopback"
)

func TestHost(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST": true, "LocalHost.": true,
		"127.0.0.1": true, "127.255.255.254": true, "::1": true, "[::1]": true, "0:0:0:0:0:0:0:1": true,
		"::ffff:127.0.0.1": true, "[::ffff:127.9.9.9]": true, "::1%lo": true,

		"": false, ".": false, "localhost..": false, "localhost.example.com": false, "notlocalhost": false, "localhost:80": false, "loca1host": false,
		"127.0.0.1.example.com": false, "127.0.0.1.": false, "127.1": false, "2130706433": false, "0x7f.0.0.1": false, "127.0.0.01": false, "127.0.0.1:80": false,
		"0.0.0.0": false, "::": false, "[::1": false, "::1]": false, "[]": false, "[[::1]]": false, "[localhost]": false, "128.0.0.1": false, "::ffff:128.0.0.1": false,
		"fe80::1": false, "192.0.2.1": false, " 127.0.0.1": false,
	} {
		if got := loopback.Host(host); got != want {
			t.Errorf("Host(%q) = %t", host, got)
		}
	}
}
