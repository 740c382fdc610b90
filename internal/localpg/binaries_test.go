//go:build unix

package localpg

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fakeBinaries makes a bin directory whose postgres says version.
func fakeBinaries(t *testing.T, bin, version string) {
	t.Helper()
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	writeProgram(t, filepath.Join(bin, "initdb"), "#!/bin/sh\n")
	writeProgram(t, filepath.Join(bin, "postgres"), fmt.Sprintf("#!/bin/sh\necho '%s'\n", version))
}

func notFound(string) (string, error) { return "", exec.ErrNotFound }

func TestFind(t *testing.T) {
	t.Parallel()
	root := openDir(t)
	for _, v := range []string{"9.6", "14", "15", "17", "18"} {
		fakeBinaries(t, filepath.Join(root, "packages", v, "bin"), "postgres (PostgreSQL) "+v+".3 (Debian)")
	}
	fakeBinaries(t, filepath.Join(root, "old/bin"), "postgres (PostgreSQL) 14.18")
	fakeBinaries(t, filepath.Join(root, "beta/bin"), "postgres (PostgreSQL) 19beta1")
	fakeBinaries(t, filepath.Join(root, "odd/bin"), "postgres (GreatSQL) 15.1")
	links := filepath.Join(root, "links")
	if err := os.Mkdir(links, 0o755); err != nil {
		t.Fatal(err)
	}
	// Only initdb is linked: the server is found beside the link's target.
	if err := os.Symlink("../packages/15/bin/initdb", filepath.Join(links, "initdb")); err != nil {
		t.Fatal(err)
	}
	packages := filepath.Join(root, "packages/*/bin")

	tests := []struct {
		name   string
		search search
		want   binaries
		says   []string // of the error
	}{
		{"a link on the path", search{pathOf(links), packages}, binaries{filepath.Join(root, "packages/15/bin"), 15}, nil},
		{"a beta version", search{pathOf(filepath.Join(root, "beta/bin")), packages}, binaries{filepath.Join(root, "beta/bin"), 19}, nil},
		{"the newest package", search{notFound, packages}, binaries{filepath.Join(root, "packages/18/bin"), 18}, nil},
		{"too old on the path", search{pathOf(filepath.Join(root, "old/bin")), packages}, binaries{filepath.Join(root, "packages/18/bin"), 18}, nil},
		{"not PostgreSQL", search{pathOf(filepath.Join(root, "odd/bin")), packages}, binaries{filepath.Join(root, "packages/18/bin"), 18}, nil},
		{"only old ones", search{notFound, filepath.Join(root, "packages/[19]*[46]/bin")}, binaries{}, []string{"packages/9.6/bin: version 9 is too old", "packages/14/bin: version 14 is too old"}},
		{"none", search{notFound, filepath.Join(root, "none/*/bin")}, binaries{}, []string{"15 or later", "PATH: executable file not found", "none/*/bin: no such directory", "install PostgreSQL"}},
	}
	account, err := serverAccount()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := test.search.find(t.Context(), account)
			if got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
			if missing := test.says != nil; errors.Is(err, ErrNoBinaries) != missing || (err != nil) != missing {
				t.Fatalf("error %v, want ErrNoBinaries: %t", err, missing)
			}
			for _, words := range test.says {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("error %q does not say %q", err, words)
				}
			}
		})
	}
}

func TestInstalledBinariesAreResolved(t *testing.T) {
	t.Parallel()
	got, err := installed.find(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	resolved, err := filepath.EvalSymlinks(filepath.Join(got.dir, "initdb"))
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Dir(resolved) != got.dir || got.major < MinVersion {
		t.Errorf("got %v, want the directory of %s and a version of at least %d", got, resolved, MinVersion)
	}
}
