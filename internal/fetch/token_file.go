package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"partnercost/internal/atomicfile"
	"partnercost/internal/billing"
)

// TokenFile is the path of a file that is a TokenStore. The file holds a refresh token
// and nothing else.
type TokenFile string

// String implements fmt.Stringer.
func (f TokenFile) String() string { return string(f) }

// largestToken bounds the bytes that are read as a token.
const largestToken = 64 << 10

// read returns the token. If the file does not exist, the error is fs.ErrNotExist.
func (f TokenFile) read() (string, error) {
	content, err := os.ReadFile(string(f))
	if err != nil {
		return "", err
	}
	if len(content) > largestToken {
		return "", errors.New("it is too large to be a refresh token")
	}
	return strings.TrimSpace(string(content)), nil
}

// Replace implements TokenStore. Before exchange is called, the file is locked and the
// space for the next token is reserved: a token that has been used must be replaceable.
func (f TokenFile) Replace(ctx context.Context, exchange func(kept Tokens) (Tokens, error)) error {
	unlock, err := f.lock(ctx)
	if err != nil {
		return f.notKept(err)
	}
	defer unlock()
	next, err := atomicfile.Create(string(f), 0o600)
	if err != nil {
		return f.notKept(err)
	}
	defer next.Discard()
	if err := next.Reserve(largestToken); err != nil {
		return f.notKept(err)
	}
	kept, unreadable := f.read()
	if errors.Is(unreadable, fs.ErrNotExist) {
		unreadable = nil
	} else if unreadable != nil {
		unreadable = f.notKept(unreadable)
	}
	tokens, err := exchange(Tokens{Refresh: kept, Unreadable: unreadable})
	if err != nil || tokens.Refresh == "" || tokens.Refresh == kept {
		return err
	}
	if _, err := next.WriteString(tokens.Refresh + "\n"); err != nil {
		return f.notKept(err)
	}
	if err := next.Commit(); err != nil {
		return f.notKept(err)
	}
	return nil
}

// MoveTo passes the token and its time of issue to take, while no other process uses the
// file, and removes the file if take succeeds. Without a token the error is
// fs.ErrNotExist.
func (f TokenFile) MoveTo(ctx context.Context, take func(token string, issued time.Time) error) error {
	unlock, err := f.lock(ctx)
	if err != nil {
		return f.notKept(err)
	}
	defer unlock()
	token, err := f.read()
	if err == nil && token == "" {
		err = fs.ErrNotExist
	}
	if err != nil {
		return fmt.Errorf("read the refresh token in %s: %w", f, err)
	}
	info, err := os.Stat(string(f))
	if err != nil {
		return err
	}
	if err := take(token, info.ModTime()); err != nil {
		return err
	}
	if err := os.Remove(string(f)); err != nil {
		return fmt.Errorf("the token was moved, but its file cannot be removed; remove it: %w", err)
	}
	return nil
}

// notKept returns the failure of the file itself. It ends the run although the old token
// may still be valid: if the new one could not be stored, the sign-in would be lost
// unnoticed some weeks later.
func (f TokenFile) notKept(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &billing.Failure{
		Class: billing.ConfigurationFailure, Resource: "sign-in", Err: err,
		Message: fmt.Sprintf("the refresh token cannot be stored in %s: %v; the collector must be able to read and write the file and its folder", f, err),
	}
}

// lockPoll is the interval between attempts to take a lock that another process holds.
const lockPoll = 100 * time.Millisecond

// lock keeps other processes from using the token until unlock, also if they reach the
// file through a link. It locks a file beside it, because the file itself is replaced.
func (f TokenFile) lock(ctx context.Context) (unlock func(), err error) {
	target, err := atomicfile.Target(string(f))
	if err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(target+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return func() { _ = lock.Close() }, nil // closing the file unlocks it
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

// RefreshTokenLife is how long a refresh token lives after it was issued. It cannot be
// configured (API.md 2.3).
const RefreshTokenLife = 90 * 24 * time.Hour

// RefreshTokenAge returns how long ago the refresh token in file was issued. The file
// is rewritten with every new token. At the age of RefreshTokenLife the token has
// expired.
func RefreshTokenAge(file string, now time.Time) (time.Duration, error) {
	info, err := os.Stat(file)
	if err != nil {
		return 0, err
	}
	return max(0, now.Sub(info.ModTime())), nil
}
