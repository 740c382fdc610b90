package console

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"

	"partnercost/internal/atomicfile"
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
func WritePassword(file, password string) error {
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
	if err := replace(file, append(hash, '\n')); err != nil {
		return fmt.Errorf("write the password file: %w", err)
	}
	return nil
}

func replace(path string, content []byte) error {
	file, err := atomicfile.Create(path, 0o600)
	if err != nil {
		return err
	}
	defer file.Discard()
	if _, err := file.Write(content); err != nil {
		return err
	}
	return file.Commit()
}
