//go:build !linux

package codepages

// Release does nothing on this system.
func Release() {}
