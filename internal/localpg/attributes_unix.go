//go:build unix && !linux

package localpg

import "syscall"

// attributes makes a child run as the account, in a process group of its own. Only
// Linux can tie the child to our death: elsewhere the server of a killed program ends
// when the next Start removes its directory.
func attributes(a *account, _ syscall.Signal) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if a != nil {
		attr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return attr
}
