//go:build unix

package localpg

import (
	"bytes"
	"context"
	"io"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// environment is the whole environment of a child: without PGHOST, PGDATA and the like,
// with English messages and a fixed time zone.
var environment = []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}

// process is a child that ends when we do.
type process struct {
	pid    int
	exited chan struct{} // closed when the child has ended
	err    error         // how it ended; set before exited is closed
}

// command describes a child.
type command struct {
	account        *account
	dir            string
	name           string
	args           []string
	atParentsDeath syscall.Signal
}

// spawn starts a child that prints to out.
func (c command) spawn(out io.Writer) (*process, error) {
	cmd := exec.Command(c.name, c.args...) //nolint:noctx // a context would kill the child and leave its children: see run
	cmd.Dir = c.dir
	cmd.Env = environment
	cmd.SysProcAttr = attributes(c.account, c.atParentsDeath)
	cmd.Stdout, cmd.Stderr = out, out

	p := &process{exited: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The child is tied to the life of the thread that starts it, so that thread is kept
		// as long as the child runs.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		p.pid = cmd.Process.Pid
		started <- nil
		p.err = cmd.Wait()
		close(p.exited)
	}()
	return p, <-started
}

// run executes a child to its end and returns its output. When ctx ends, the child and
// its children are ended first.
func (c command) run(ctx context.Context) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	var out bytes.Buffer
	p, err := c.spawn(&out)
	if err != nil {
		return "", err
	}
	select {
	case <-p.exited:
		return out.String(), p.err
	case <-ctx.Done():
		p.end(syscall.SIGTERM)
		return out.String(), ctx.Err()
	}
}

// signal sends a signal to the child's process group.
func (p *process) signal(s syscall.Signal) {
	select {
	case <-p.exited:
	default:
		_ = syscall.Kill(-p.pid, s) // fails only if the child has just ended
	}
}

// end signals the child and waits until it has ended. A child that does not end within
// a grace period is killed.
func (p *process) end(s syscall.Signal) {
	p.signal(s)
	grace := time.NewTimer(10 * time.Second)
	defer grace.Stop()
	select {
	case <-p.exited:
	case <-grace.C:
		p.signal(syscall.SIGKILL)
		<-p.exited
	}
}
