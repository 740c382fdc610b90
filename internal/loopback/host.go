// Package loopback tells which hosts are this machine.
package loopback

import (
	"net/netip"
	"strings"
)

// Host reports whether a host, as written before the port of an address, can be reached
// from this machine only: localhost, 127.0.0.0/8 or ::1, in any spelling. It asks no
// resolver.
func Host(host string) bool {
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		host, ok = strings.CutSuffix(inner, "]")
		if !ok {
			return false
		}
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}
