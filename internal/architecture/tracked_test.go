package architecture_test

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// largestTracked is the largest size in bytes of a tracked file. A larger file was
// probably generated, and can be generated again.
const largestTracked = 1_000_000

// programs are the first bytes of executable and object files.
var programs = []string{
	"\x7fELF", "MZ", "\x00asm", "!<arch>\n",
	"\xfe\xed\xfa\xce", "\xfe\xed\xfa\xcf", "\xce\xfa\xed\xfe", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe", // of macOS
}

// A program or a secret that is committed stays in the history for good.
func TestNothingLargeNoProgramAndNoSecretIsTracked(t *testing.T) {
	t.Parallel()

	for _, path := range tracked(t) {
		info, err := os.Lstat(path)
		if err != nil {
			continue // removed, but the removal is not committed yet
		}
		if strings.HasPrefix(info.Name(), ".env") {
			t.Errorf("%s is where secrets are kept; nobody looks for anything else in it, and somebody will add one", path)
		}
		if info.Size() > largestTracked {
			t.Errorf("%s has %d bytes; nothing over %d is kept in the repository", path, info.Size(), largestTracked)
		}
		if !info.Mode().IsRegular() {
			continue
		}
		if kind := programKind(t, path); kind != "" {
			t.Errorf("%s is a program (it begins with %q); keep what it is made from", path, kind)
		}
	}
}

// programKind returns the beginning by which a file is recognised as a program, or an
// empty string.
func programKind(t *testing.T, path string) string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	beginning, err := io.ReadAll(io.LimitReader(file, 8))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range programs {
		if bytes.HasPrefix(beginning, []byte(kind)) {
			return kind
		}
	}
	return ""
}

// tracked lists the files that git tracks. In an archive, which contains only those, it
// lists all files except what the tests and make have created since.
func tracked(t *testing.T) []string {
	t.Helper()
	var files []string
	if _, err := os.Stat(filepath.Join(root, ".git")); err == nil {
		listed, err := exec.CommandContext(t.Context(), "git", "-C", root, "ls-files", "-z").Output()
		if err != nil {
			t.Fatal(err)
		}
		for name := range strings.SplitSeq(strings.TrimSuffix(string(listed), "\x00"), "\x00") {
			files = append(files, filepath.Join(root, name))
		}
		return files
	}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "bin" || entry.Name() == "dist"):
			return fs.SkipDir
		case !entry.IsDir():
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
