package config

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// expose records a file with a secret that every account of the machine can read. A
// missing file, such as a refresh token before the sign-in, exposes nothing.
func (l *loader) expose(file, key string) {
	mode, readable := readableByAll(file)
	if !readable {
		return
	}
	l.exposed = append(l.exposed, Problem{
		File: l.file, Line: l.lines[key], Key: key,
		Message: fmt.Sprintf("%s holds a secret that every account of this machine can read (mode %#o); run chmod 600 on it, or close its directory to others", file, mode),
	})
}

// readableByAll reports whether the modes of the file, and of all directories above it,
// allow every account to read it.
func readableByAll(file string) (mode fs.FileMode, readable bool) {
	path, err := filepath.Abs(file)
	if err != nil {
		return 0, false
	}
	for need := fs.FileMode(0o004); ; need = 0o001 {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm()&need == 0 {
			return 0, false
		}
		if need == 0o004 {
			mode = info.Mode().Perm()
		}
		above := filepath.Dir(path)
		if above == path {
			return mode, true
		}
		path = above
	}
}
