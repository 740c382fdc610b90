package localpg

import (
	"os"
	"syscall"
	"testing"
)

// TestKilledProgram checks that the server of a program that was killed with SIGKILL
// ends, and that the next start removes the directory.
func TestKilledProgram(t *testing.T) {
	t.Parallel()
	// Orphans become children of this process, so that it can wait for them.
	const setChildSubreaper = 36 // PR_SET_CHILD_SUBREAPER, see prctl(2)
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0); errno != 0 {
		t.Fatal(errno)
	}
	dir := openDir(t)
	pid, path := serveUntilKilled(t, dir)
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(pid, &status, 0, nil)
		if err == nil {
			break
		}
		if err != syscall.EINTR {
			t.Fatalf("wait for the server: %v", err)
		}
	}
	if !status.Exited() {
		t.Errorf("the server ended with %v, want it to shut down in order", status)
	}

	s := startIn(t, dir)
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the killed program's directory after the next start: %v, want it gone", err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	wantNothingLeft(t, dir)
}
