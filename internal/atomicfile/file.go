// Package atomicfile replaces a file completely or leaves it as it was.
package atomicfile

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// File is new content for a file. The old content stays until Commit.
type File struct {
	*os.File

	path    string // the file that Commit replaces
	inPlace bool
	done    bool
	// mounted is the old file, open for writing, when it is mounted by itself and cannot
	// be replaced (mount.go).
	mounted *os.File
}

// Create begins new content for the file at path. Links at path stay links: the file to
// which they lead is replaced. most bounds the mode of the file. A replaced file keeps
// its owner and the part of its mode that most allows. A new file, and one whose owner
// cannot be kept, is for its owner alone.
//
// A path that is not a regular file, such as a device or a named pipe, is written in
// place, and so is a descriptor of the process, such as /dev/stdout. A file that is
// mounted by itself, as in containers, is overwritten by Commit.
func Create(path string, most fs.FileMode) (*File, error) {
	path, err := Target(path)
	if err != nil {
		return nil, err
	}
	old, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if old != nil && (!old.Mode().IsRegular() || isDescriptor(path)) {
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return nil, err
		}
		return &File{File: file, path: path, inPlace: true}, nil
	}
	if old != nil && isMountPoint(path) {
		return createMounted(path)
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // with mode 0600
	if err != nil {
		return nil, err
	}
	f := &File{File: file, path: path}
	if old == nil {
		return f, nil
	}
	if owner, ok := old.Sys().(*syscall.Stat_t); ok && file.Chown(int(owner.Uid), int(owner.Gid)) == nil {
		if err := file.Chmod(old.Mode().Perm() & most); err != nil {
			f.Discard()
			return nil, err
		}
	}
	return f, nil
}

// Reserve allocates n bytes on the disk, so that writing up to n bytes does not fail
// for lack of space. It must be called before anything is written.
func (f *File) Reserve(n int64) error {
	if f.inPlace {
		return nil
	}
	if _, err := f.WriteAt(make([]byte, n), 0); err != nil {
		return err
	}
	return f.Sync() // some file systems report a full disk only here
}

// Commit truncates the content at the last write, makes it durable, and replaces the
// file. After an error the old content remains, unless only the directory could not be
// synced.
func (f *File) Commit() error {
	defer f.Discard()
	if f.inPlace {
		f.done = true
		return f.Close()
	}
	end, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Truncate(end), f.Sync()); err != nil {
		return err
	}
	if f.mounted != nil {
		return f.overwrite()
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), f.path); err != nil {
		return err
	}
	f.done = true
	return syncFolder(filepath.Dir(f.path))
}

// Discard leaves the file as it was. After Commit it has no effect.
func (f *File) Discard() {
	if f.done {
		return
	}
	f.done = true
	_ = f.Close() // the file may already be closed
	if f.mounted != nil {
		_ = f.mounted.Close() // this one as well
	}
	if !f.inPlace {
		_ = os.Remove(f.Name()) // the error that led here is the one to report
	}
}

// Replace writes the file at path and replaces it only when the new one is complete, so
// that no reader sees a part of it. It is Create and Commit, for any mode.
func Replace(path string, write func(io.Writer) error) error {
	file, err := Create(path, fs.ModePerm)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer file.Discard()
	if err := write(file); err != nil {
		return err
	}
	if err := file.Commit(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// mostLinks is how many links may follow one another, as in the kernel.
const mostLinks = 40

// Target returns the file to which path leads, whether it exists or not: the name that
// all links to it share.
func Target(path string) (string, error) {
	for range mostLinks {
		folder, name := filepath.Split(path)
		folder, err := filepath.EvalSymlinks(cmp.Or(folder, "."))
		if err != nil {
			return "", err
		}
		if folder, err = filepath.Abs(folder); err != nil {
			return "", err
		}
		path = filepath.Join(folder, name)
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return path, nil
		case err != nil:
			return "", err
		case info.Mode().Type() != fs.ModeSymlink || isDescriptor(path):
			return path, nil
		}
		link, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(link) {
			link = folder + "/" + link // unlike Join this keeps ".." until links are followed
		}
		path = link
	}
	return "", fmt.Errorf("%s: %w", path, syscall.ELOOP)
}

// isDescriptor reports whether a path names an open file of a process. The target of
// such a link need not exist any longer.
func isDescriptor(path string) bool { return strings.HasPrefix(path, "/proc/") }

// syncFolder makes a rename in a directory durable. Some file systems do not support
// this and do not need it.
func syncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, d.Close())
}
