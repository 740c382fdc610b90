//go:build unix && !linux

package localpg

import "syscall"

// attributes makes a child run as the account and in a process group of its own.
// Only Linux can tie it to our death: elsewhere a server whose program was killed
// ends when the next Start takes its directory away.
func attributes(a *account, _ syscall.Signal) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if a != nil {
		attr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return attr
}
