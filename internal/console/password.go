package console

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"
)

// What a password must be. bcrypt reads no more than 72 bytes.
const (
	leastCharacters = 12
	mostBytes       = 72
	hashingCost     = 12
)

// ErrPassword says that a password is not one to rely on, or not one to keep.
var ErrPassword = errors.New("the password is not usable")

// WritePassword replaces the password file: its owner alone may read it, and whoever
// reads it meanwhile finds the old hash or the new one.
func WritePassword(file, password string) (err error) {
	switch {
	case utf8.RuneCountInString(password) < leastCharacters:
		return fmt.Errorf("%w: it has less than %d characters", ErrPassword, leastCharacters)
	case len(password) > mostBytes:
		return fmt.Errorf("%w: it is longer than %d bytes", ErrPassword, mostBytes)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), hashingCost)
	if err != nil {
		return fmt.Errorf("hash the password: %w", err)
	}
	temporary, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*") // with mode 0600
	if err != nil {
		return fmt.Errorf("write the password file: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temporary.Name()) // what led here is the error to tell
		}
	}()
	_, err = temporary.Write(append(hash, '\n'))
	if err == nil {
		err = temporary.Sync()
	}
	err = errors.Join(err, temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("write the password file: %w", err)
	}
	return nil
}
