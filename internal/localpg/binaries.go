//go:build unix

package localpg

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// binaries are the server programs of one PostgreSQL version.
type binaries struct {
	dir   string
	major int
}

// search says where to look for server binaries.
type search struct {
	lookPath func(program string) (string, error)
	pattern  string
}

// installed is where packages install them.
var installed = search{lookPath: exec.LookPath, pattern: "/usr/lib/postgresql/*/bin"}

// find returns the binaries on the PATH, or else the newest ones that match the
// pattern. The account must be able to run them.
func (s search) find(ctx context.Context, a *account) (binaries, error) {
	var rejected []string
	reject := func(place string, err error) {
		rejected = append(rejected, fmt.Sprintf("%s: %v", place, err))
	}

	if initdb, err := s.lookPath("initdb"); err != nil {
		reject("PATH", err)
	} else if initdb, err = filepath.EvalSymlinks(initdb); err != nil {
		reject("PATH", err)
	} else if b, err := probe(ctx, filepath.Dir(initdb), a); err != nil {
		// The link is followed because a server finds its other files beside itself.
		reject("PATH, "+filepath.Dir(initdb), err)
	} else {
		return b, nil
	}

	dirs, err := filepath.Glob(s.pattern)
	if err != nil {
		return binaries{}, fmt.Errorf("look for PostgreSQL in %s: %w", s.pattern, err)
	}
	if len(dirs) == 0 {
		reject(s.pattern, fmt.Errorf("no such directory"))
	}
	var newest binaries
	for _, dir := range dirs {
		if b, err := probe(ctx, dir, a); err != nil {
			reject(dir, err)
		} else if b.major > newest.major {
			newest = b
		}
	}
	if err := ctx.Err(); err != nil {
		return binaries{}, err
	}
	if newest.major == 0 {
		return binaries{}, fmt.Errorf("%w of version %d or later: looked in %s; install PostgreSQL (on Debian: apt install postgresql) or put its bin directory on the PATH",
			ErrNoBinaries, MinVersion, strings.Join(rejected, "; "))
	}
	return newest, nil
}

var versionLine = regexp.MustCompile(`^postgres \(PostgreSQL\) (\d+)`)

// probe runs the binaries in dir to learn their version.
func probe(ctx context.Context, dir string, a *account) (binaries, error) {
	for _, program := range []string{"initdb", "postgres"} {
		if _, err := exec.LookPath(filepath.Join(dir, program)); err != nil {
			return binaries{}, err
		}
	}
	version := command{account: a, dir: "/", name: filepath.Join(dir, "postgres"), args: []string{"--version"}, atParentsDeath: syscall.SIGKILL}
	out, err := version.run(ctx)
	if err != nil {
		return binaries{}, fmt.Errorf("run postgres --version: %w", err)
	}
	match := versionLine.FindStringSubmatch(out)
	if match == nil {
		return binaries{}, fmt.Errorf("postgres --version says %q", strings.TrimSpace(out))
	}
	major, err := strconv.Atoi(match[1])
	if err != nil {
		return binaries{}, fmt.Errorf("postgres --version says %q: %w", strings.TrimSpace(out), err)
	}
	if major < MinVersion {
		return binaries{}, fmt.Errorf("version %d is too old", major)
	}
	return binaries{dir: dir, major: major}, nil
}
