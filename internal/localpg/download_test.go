//go:build unix

package localpg

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDownload simulates the Maven repository. Downloading is for normal users, so root
// runs the test as nobody.
func TestDownload(t *testing.T) {
	if os.Geteuid() == 0 {
		runAsNobody(t, "^TestDownload$")
		return
	}
	jar := archive(t)
	digest := sha256.Sum256(jar)
	checksum := hex.EncodeToString(digest[:])

	tests := []struct {
		name     string
		jar      []byte
		checksum string
		says     string // the error; empty for success
	}{
		{name: "whole", jar: jar, checksum: checksum},
		{name: "another checksum", jar: jar, checksum: strings.Repeat("0", len(checksum)), says: "checksums do not match"},
		{name: "no archive", jar: []byte("<html>"), checksum: "", says: "not a valid zip file"},
		{name: "no such version", says: "no version found matching"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			temp := openDir(t)
			t.Setenv("TMPDIR", temp)
			var asked []string
			repository := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = append(asked, r.URL.Path)
				content := string(test.jar)
				if strings.HasSuffix(r.URL.Path, ".sha256") {
					content = test.checksum
				}
				if content == "" {
					http.NotFound(w, r)
					return
				}
				_, _ = w.Write([]byte(content))
			}))
			defer repository.Close()

			s, err := start(t.Context(), Options{Download: DownloadOptions{Enabled: true, RepositoryURL: repository.URL}}, nowhere)
			if test.says != "" {
				if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), "install PostgreSQL") {
					t.Errorf("got %v, want an error that says %q and what to do", err, test.says)
				}
				wantNothingLeft(t, temp)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := connect(t, s.URL("postgres")).Ping(t.Context()); err != nil {
				t.Error(err)
			}
			if want := s.directory.join("postgresql/bin"); s.binaries.dir != want {
				t.Errorf("the server's binaries are in %s, want %s", s.binaries.dir, want)
			}
			if err := s.Stop(t.Context()); err != nil {
				t.Error(err)
			}
			wantNothingLeft(t, temp)
			const root = "/io/zonky/test/postgres/embedded-postgres-binaries-"
			if len(asked) != 2 || !strings.HasPrefix(asked[0], root+runtime.GOOS+"-") || asked[1] != asked[0]+".sha256" {
				t.Errorf("asked for %q, want a jar below %s and its checksum", asked, root)
			}
		})
	}

	t.Run("cancelled", func(t *testing.T) {
		temp := openDir(t)
		t.Setenv("TMPDIR", temp)
		ctx, cancel := context.WithCancel(t.Context())
		released := make(chan struct{})
		repository := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			cancel()
			<-released
		}))
		defer repository.Close()
		defer close(released)
		_, err := start(ctx, Options{Download: DownloadOptions{Enabled: true, RepositoryURL: repository.URL}}, nowhere)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
		wantNothingLeft(t, temp)
	})
}

func TestDownloadIsOptional(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	_, err := start(t.Context(), Options{Dir: dir}, nowhere)
	if !errors.Is(err, ErrNoBinaries) {
		t.Errorf("got %v, want ErrNoBinaries", err)
	}
	wantNothingLeft(t, dir)
}

func TestDownloadIsRefusedAsRoot(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only for root")
	}
	dir := openDir(t)
	_, err := start(t.Context(), Options{Dir: dir, Download: DownloadOptions{Enabled: true, RepositoryURL: "http://127.0.0.1:1"}}, nowhere)
	if !errors.Is(err, ErrNoBinaries) || !strings.Contains(err.Error(), "run as a normal user") || !strings.Contains(err.Error(), "install PostgreSQL") {
		t.Errorf("got %v, want ErrNoBinaries and what to do instead", err)
	}
	wantNothingLeft(t, dir)
}

// nowhere finds no server binaries.
var nowhere = search{lookPath: notFound, pattern: "/nonexistent/*/bin"}

// archive builds the repository's file, a jar with a .txz inside, from this machine's
// own binaries.
func archive(t *testing.T) []byte {
	t.Helper()
	b, err := installed.find(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	staging := t.TempDir()
	// The server's libraries are symbolic links: unpacking them takes most of a minute
	// under the race detector.
	if err := os.Symlink(filepath.Join(filepath.Dir(b.dir), "lib"), filepath.Join(staging, "lib")); err != nil {
		t.Fatal(err)
	}
	txz := filepath.Join(staging, "binaries.txz")
	tar := exec.CommandContext(t.Context(), "tar", "-cJf", txz, "-C", filepath.Dir(b.dir), "bin/initdb", "bin/postgres", "-C", staging, "lib")
	tar.Env = append(os.Environ(), "XZ_OPT=-0")
	if out, err := tar.CombinedOutput(); err != nil {
		t.Skipf("no archive can be built here, tar and xz are needed: %v: %s", err, out)
	}
	content, err := os.ReadFile(txz)
	if err != nil {
		t.Fatal(err)
	}
	var jar bytes.Buffer
	w := zip.NewWriter(&jar)
	file, err := w.Create("postgres.txz")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return jar.Bytes()
}

// runAsNobody runs tests of this binary as the user nobody, with its own home and
// directory for temporary files.
func runAsNobody(t *testing.T, tests string) {
	t.Helper()
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Skip(err)
	}
	uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr); err != nil {
		t.Fatal(err)
	}
	nobody := &account{name: u.Username, uid: uint32(uid), gid: uint32(gid)}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := openDir(t)
	copyProgram(t, program, filepath.Join(dir, "localpg.test"))
	home := filepath.Join(dir, "home")
	if err := errors.Join(os.Mkdir(home, 0o700), nobody.own(home)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "localpg.test"), "-test.run", tests, "-test.v")
	cmd.Dir = home
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home}
	cmd.SysProcAttr = attributes(nobody, 0)
	out, err := cmd.CombinedOutput()
	t.Logf("as %s:\n%s", u.Username, out)
	if err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{}, entries(t, home)); diff != "" {
		t.Errorf("left in its home (-want +got):\n%s", diff)
	}
}
