package fetch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// tokenFile is the path of a file that holds a refresh token and nothing else.
type tokenFile string

// largestToken bounds what is read as a token.
const largestToken = 64 << 10

// read returns the token. A file that does not exist is fs.ErrNotExist.
func (f tokenFile) read() (string, error) {
	content, err := os.ReadFile(string(f))
	if err != nil {
		return "", err
	}
	if len(content) > largestToken {
		return "", errors.New("it is too large to be a refresh token")
	}
	return strings.TrimSpace(string(content)), nil
}

// write replaces the token. The old one stands until the new one is on disk in full,
// whatever happens in between, and nobody else can read either.
func (f tokenFile) write(token string) (err error) {
	path := string(f)
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // replace the file, not the link to it
	}
	folder := filepath.Dir(path)
	temporary, err := os.CreateTemp(folder, "."+filepath.Base(path)+".*") // with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = temporary.Close()
			_ = os.Remove(temporary.Name())
		}
	}()
	if _, err := temporary.WriteString(token + "\n"); err != nil {
		return err
	}
	if err := temporary.Sync(); err != nil {
		return err
	}
	if err := temporary.Close(); err != nil {
		return err
	}
	if err := os.Rename(temporary.Name(), path); err != nil {
		return err
	}
	return syncFolder(folder)
}

// syncFolder makes a rename in a folder last.
func syncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// lockPoll is how often a lock that another process holds is tried.
const lockPoll = 100 * time.Millisecond

// lock keeps other processes from using the token until unlock. What is locked is a
// file beside it, because the file itself is replaced.
func (f tokenFile) lock(ctx context.Context) (unlock func(), err error) {
	lock, err := os.OpenFile(string(f)+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return func() { _ = lock.Close() }, nil // which unlocks it
		case errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR):
			err = sleep(ctx, lockPoll)
		default:
			err = fmt.Errorf("lock %s: %w", lock.Name(), err)
		}
		if err != nil {
			_ = lock.Close()
			return nil, err
		}
	}
}

// RefreshTokenLife is how long a refresh token lives after it was issued; nobody can
// change that (API.md 2.3).
const RefreshTokenLife = 90 * 24 * time.Hour

// RefreshTokenAge tells how long ago the refresh token in file was issued: it is
// rewritten with every new one. From RefreshTokenLife on it is dead.
func RefreshTokenAge(file string, now time.Time) (time.Duration, error) {
	info, err := os.Stat(file)
	if err != nil {
		return 0, err
	}
	return max(0, now.Sub(info.ModTime())), nil
}
