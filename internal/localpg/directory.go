//go:build unix

package localpg

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
)

// prefix is the beginning of the name of every directory of ours. It identifies the
// directories that a killed program left behind.
const prefix = "collector-postgres-"

// directory holds all files of one server. It is locked as long as the program that
// made it lives: the kernel releases the lock however the program ends.
type directory struct {
	path string
	lock *os.File
}

// makeDirectory creates a directory that the account may enter, in parent or, if that
// is empty, in a directory for temporary files.
func makeDirectory(parent string, a *account, log *slog.Logger) (*directory, error) {
	parents := []string{parent}
	if parent == "" {
		// Root's own TMPDIR may be closed to others.
		parents = []string{os.TempDir(), "/tmp", "/var/tmp"}
	}
	var reason error
	for _, parent := range parents {
		parent, err := filepath.Abs(parent)
		if err != nil {
			return nil, err
		}
		blocked, err := a.blockedAt(parent)
		if err == nil && blocked != "" {
			err = fmt.Errorf("PostgreSQL runs as the user %s, who may not enter %s; allow it, or choose another directory", a.name, blocked)
		}
		if err != nil {
			reason = errors.Join(reason, err)
			continue
		}
		sweep(parent, log)
		return newDirectory(parent, a)
	}
	return nil, fmt.Errorf("no directory for a private PostgreSQL: %w", reason)
}

func newDirectory(parent string, a *account) (*directory, error) {
	for {
		path, err := os.MkdirTemp(parent, prefix)
		if err != nil {
			return nil, fmt.Errorf("make a directory for a private PostgreSQL: %w", err)
		}
		lock, err := lockDirectory(path, syscall.LOCK_EX)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another program's sweep removed it before we had locked it
		}
		if err == nil && a != nil {
			err = os.Chmod(path, 0o711) //nolint:gosec // the account may pass through; only we may list it
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("prepare %s: %w", path, err), os.RemoveAll(path))
		}
		return &directory{path: path, lock: lock}, nil
	}
}

func (d *directory) join(name string) string { return filepath.Join(d.path, name) }

func (d *directory) remove() error {
	return errors.Join(os.RemoveAll(d.path), d.lock.Close())
}

// sweep removes the directories in parent that killed programs left behind. Those that
// cannot be removed now are left to the next sweep.
func sweep(parent string, log *slog.Logger) {
	paths, err := filepath.Glob(filepath.Join(parent, prefix+"*"))
	if err != nil {
		return // the pattern of a parent with brackets in its name
	}
	for _, path := range paths {
		info, err := os.Lstat(path)
		if err != nil || !info.IsDir() {
			continue
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != os.Geteuid() {
			continue
		}
		lock, err := lockDirectory(path, syscall.LOCK_EX|syscall.LOCK_NB)
		if err != nil {
			continue // in use, or just gone
		}
		if err := os.RemoveAll(path); err != nil {
			log.Warn("a directory left by a killed program cannot be removed", "directory", path, "error", err)
		} else {
			log.Info("removed a directory left by a killed program", "directory", path)
		}
		_ = lock.Close()
	}
}

// lockDirectory locks a directory. It returns fs.ErrNotExist if the directory was
// removed while it waited for the lock.
func lockDirectory(path string, how int) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), how); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if _, err := os.Lstat(path); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}
