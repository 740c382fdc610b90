package localpg

import "syscall"

// attributes makes a child run as the account, in a process group of its own, because a
// Ctrl-C in the terminal must be handled by us. The child gets the signal when the
// thread that started it ends, which the kernel treats as the parent's death.
func attributes(a *account, atParentsDeath syscall.Signal) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: atParentsDeath}
	if a != nil {
		attr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return attr
}
