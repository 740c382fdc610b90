package localpg

import "syscall"

// attributes makes a child run as the account, in a process group of its own (a
// Ctrl-C in the terminal is for us to act on), and get the signal when the thread
// that started it ends, which is what the kernel takes for the parent's death.
func attributes(a *account, atParentsDeath syscall.Signal) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: atParentsDeath}
	if a != nil {
		attr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return attr
}
