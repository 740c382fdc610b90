package atomicfile_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/atomicfile"
)

// replace writes text to path and commits it.
func replace(t *testing.T, path string, most fs.FileMode, text string) {
	t.Helper()
	file, err := atomicfile.Create(path, most)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Discard()
	if _, err := io.WriteString(file, text); err != nil {
		t.Fatal(err)
	}
	if err := file.Commit(); err != nil {
		t.Fatal(err)
	}
}

// tree returns the content of a directory: names with their kinds, modes, and contents
// or targets.
func tree(t *testing.T, folder string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	held := map[string]string{}
	for _, entry := range entries {
		path := filepath.Join(folder, entry.Name())
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		switch info.Mode().Type() {
		case 0:
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			held[entry.Name()] = info.Mode().String() + " " + string(content)
		case fs.ModeSymlink:
			link, err := os.Readlink(path)
			if err != nil {
				t.Fatal(err)
			}
			held[entry.Name()] = "-> " + link
		default:
			held[entry.Name()] = info.Mode().Type().String()
		}
	}
	return held
}

func write(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, to, path string) {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}

func TestFilesAreReplaced(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		most fs.FileMode
		set  func(t *testing.T, folder string)
		want map[string]string
	}{
		{"a new one", 0o666, func(*testing.T, string) {}, map[string]string{"x": "-rw------- new"}},
		{"an old one keeps its mode", 0o666, func(t *testing.T, folder string) {
			t.Helper()
			write(t, filepath.Join(folder, "x"), "old and longer", 0o640)
		}, map[string]string{"x": "-rw-r----- new"}},
		{"a secret is for its owner alone", 0o600, func(t *testing.T, folder string) {
			t.Helper()
			write(t, filepath.Join(folder, "x"), "old", 0o644)
		}, map[string]string{"x": "-rw------- new"}},
		{"a link stays", 0o666, func(t *testing.T, folder string) {
			t.Helper()
			write(t, filepath.Join(folder, "real"), "old", 0o600)
			link(t, "real", filepath.Join(folder, "middle"))
			link(t, filepath.Join(folder, "middle"), filepath.Join(folder, "x"))
		}, map[string]string{"real": "-rw------- new", "middle": "-> real", "x": "-> middle"}},
		{"a link to nothing yet stays", 0o666, func(t *testing.T, folder string) {
			t.Helper()
			link(t, "real", filepath.Join(folder, "x"))
		}, map[string]string{"real": "-rw------- new", "x": "-> real"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			test.set(t, folder)
			replace(t, filepath.Join(folder, "x"), test.most, "new")
			got := tree(t, folder)
			for name, is := range got {
				got[name] = strings.Replace(is, folder+"/", "", 1)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("the folder (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsDiscardedLeavesNothing(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "x")
	write(t, path, "old", 0o600)
	file, err := atomicfile.Create(path, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString("half of the n"); err != nil {
		t.Fatal(err)
	}
	file.Discard()
	file.Discard()
	if diff := cmp.Diff(map[string]string{"x": "-rw------- old"}, tree(t, folder)); diff != "" {
		t.Errorf("the folder (-want +got):\n%s", diff)
	}
}

func TestReservedSpaceIsNotPartOfTheContent(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "x")
	file, err := atomicfile.Create(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Reserve(10_000); err != nil {
		t.Fatal(err)
	}
	if info, err := file.Stat(); err != nil || info.Size() != 10_000 {
		t.Errorf("the file has %v (%v), want 10000 bytes", info, err)
	}
	if _, err := file.WriteString("new"); err != nil {
		t.Fatal(err)
	}
	if err := file.Commit(); err != nil {
		t.Fatal(err)
	}
	file.Discard() // like a deferred call
	if diff := cmp.Diff(map[string]string{"x": "-rw------- new"}, tree(t, folder)); diff != "" {
		t.Errorf("the folder (-want +got):\n%s", diff)
	}
}

func TestPipesAreWrittenInPlace(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	pipe := filepath.Join(folder, "pipe")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	link(t, "pipe", filepath.Join(folder, "x"))
	read := make(chan string)
	go func() {
		content, err := os.ReadFile(pipe)
		read <- string(content) + errorText(err)
	}()
	replace(t, filepath.Join(folder, "x"), 0o600, "new")
	if got := <-read; got != "new" {
		t.Errorf("the reader of the pipe got %q", got)
	}
	if diff := cmp.Diff(map[string]string{"pipe": "p---------", "x": "-> pipe"}, tree(t, folder)); diff != "" {
		t.Errorf("the folder (-want +got):\n%s", diff)
	}
}

func errorText(err error) string {
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestDevicesStay(t *testing.T) {
	t.Parallel()
	before, err := os.Stat(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	replace(t, os.DevNull, 0o600, "new")
	after, err := os.Stat(os.DevNull)
	if err != nil || after.Mode() != before.Mode() {
		t.Errorf("%s is %v (%v), was %v", os.DevNull, after, err, before.Mode())
	}
}

// A descriptor's name leads to the file with which it was opened. What other processes
// write to the descriptor must not be lost with that file.
func TestDescriptorsAreWrittenInPlace(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		return // only Linux has these
	}
	folder := t.TempDir()
	open, err := os.OpenFile(filepath.Join(folder, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	if _, err := open.WriteString("before, "); err != nil {
		t.Fatal(err)
	}
	link(t, fmt.Sprintf("/proc/self/fd/%d", open.Fd()), filepath.Join(folder, "x"))
	replace(t, filepath.Join(folder, "x"), 0o666, "new")
	if _, err := open.WriteString(", after"); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(folder, "log"))
	if err != nil || string(content) != "before, new, after" {
		t.Errorf("the file holds %q (%v)", content, err)
	}
}

func TestWhatCannotBeReplaced(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	link(t, "loop", filepath.Join(folder, "loop"))
	for path, want := range map[string]error{
		folder:                                syscall.EISDIR,
		filepath.Join(folder, "loop"):         syscall.ELOOP,
		filepath.Join(folder, "missing", "x"): fs.ErrNotExist,
		filepath.Join(folder, strings.Repeat("x", 255)): syscall.ENAMETOOLONG,
	} {
		if file, err := atomicfile.Create(path, 0o600); !errors.Is(err, want) {
			t.Errorf("Create(%s) = %v, %v, want %v", path, file, err, want)
		}
	}
	if diff := cmp.Diff(map[string]string{"loop": "-> loop"}, tree(t, folder)); diff != "" {
		t.Errorf("the folder (-want +got):\n%s", diff)
	}
}

func TestTargetIsTheSameByEveryName(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.MkdirAll(filepath.Join(folder, "a", "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	link(t, "a/b", filepath.Join(folder, "short"))
	link(t, "../file", filepath.Join(folder, "a", "b", "up"))
	link(t, "short/../file", filepath.Join(folder, "around")) // "short/.." is a, not the folder
	want, err := atomicfile.Target(filepath.Join(folder, "a", "file"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a/b/up", "short/up", "a/b/../file", "around"} {
		if got, err := atomicfile.Target(filepath.Join(folder, name)); err != nil || got != want {
			t.Errorf("Target(%s) = %s, %v, want %s", name, got, err, want)
		}
	}
}
