package atomicfile_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"partnercost/internal/atomicfile"
)

// inside is the environment variable with the directory for the process that has its
// own mounts.
const inside = "ATOMICFILE_TEST_MOUNTS"

// A file that is mounted by itself cannot be replaced, only overwritten. Whether it can
// be written is known before any content is lost.
func TestMountedFile(t *testing.T) {
	if folder := os.Getenv(inside); folder != "" {
		testMountedFile(t, folder)
		return
	}
	t.Parallel()
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMountedFile$", "-test.v")
	again.Env = append(os.Environ(), inside+"="+t.TempDir())
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	said, err := again.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || strings.Contains(string(said), "may not mount") {
		if os.Geteuid() == 0 || os.Getenv("CI") != "" {
			t.Fatalf("no mounts of its own, although this is root or CI: %v", err)
		}
		t.Skip("this test may not mount anything")
	}
	if err != nil {
		t.Errorf("%v\n%s", err, said)
	}
}

func testMountedFile(t *testing.T, folder string) {
	t.Helper()
	source, path := filepath.Join(folder, "source"), filepath.Join(folder, "the token")
	for _, file := range []string{source, path} {
		if err := os.WriteFile(file, []byte("an old and rather long token"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""), syscall.Mount(source, path, "", syscall.MS_BIND, "")); err != nil {
		t.Fatalf("may not mount: %v", err)
	}
	replace(t, path, 0o600, "a new one")
	for _, file := range []string{source, path} {
		if got, err := os.ReadFile(file); err != nil || string(got) != "a new one" {
			t.Errorf("%s holds %q, %v", file, got, err)
		}
	}
	if left := len(tree(t, folder)); left != 2 {
		t.Errorf("%d files in the folder, want 2", left)
	}

	if err := syscall.Mount("", path, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := atomicfile.Create(path, 0o600); !errors.Is(err, syscall.EROFS) {
		t.Errorf("a read-only mount is noticed as %v", err)
	}
}
