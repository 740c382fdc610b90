package atomicfile

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// isMountPoint reports whether something is mounted at path; false where the system
// does not list its mounts.
func isMountPoint(path string) bool {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return false
	}
	// The fifth field, in which these are written as octal numbers.
	name := strings.NewReplacer(" ", `\040`, "\t", `\011`, "\n", `\012`, `\`, `\134`).Replace(path)
	for line := range bytes.Lines(mounts) {
		if fields := bytes.Fields(line); len(fields) > 4 && string(fields[4]) == name {
			return true
		}
	}
	return false
}

// createMounted begins new content for a file that is mounted by itself, and fails if
// that file cannot be written. The new content is kept beside it, or with the temporary
// files when the directory is read-only.
func createMounted(path string) (*File, error) {
	mounted, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		file, err = os.CreateTemp("", "."+filepath.Base(path)+".*")
	}
	if err != nil {
		return nil, errors.Join(err, mounted.Close())
	}
	return &File{File: file, path: path, mounted: mounted}, nil
}

// overwrite writes the new content into the mounted file. After a crash during the
// write, the file has a part of both contents.
func (f *File) overwrite() error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	n, err := io.Copy(f.mounted, f.File)
	if err != nil {
		return err
	}
	return errors.Join(f.mounted.Truncate(n), f.mounted.Sync(), f.mounted.Close())
}
