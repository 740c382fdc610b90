//go:build unix

package localpg

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// serveIn names the environment variable that turns the test binary into a program
// that starts a server in that directory and waits to be killed.
const serveIn = "LOCALPG_TEST_SERVE_IN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(serveIn); dir != "" {
		s, err := Start(context.Background(), Options{Dir: dir})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(s.postmaster.pid, s.directory.path)
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// openDir returns a fresh directory that every user may enter: t.TempDir is closed to
// the account that runs the server for root.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "localpg-test-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func entries(t *testing.T, dir string) []string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, f := range files {
		names = append(names, f.Name())
	}
	return names
}

// wantNothingLeft checks that dir is empty and that no process has it on its command
// line.
func wantNothingLeft(t *testing.T, dir string) {
	t.Helper()
	if diff := cmp.Diff([]string{}, entries(t, dir)); diff != "" {
		t.Errorf("left in %s (-want +got):\n%s", dir, diff)
	}
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range lines {
		line, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(line), dir+"/"+prefix) {
			t.Errorf("left running: %s: %q", file, line)
		}
	}
}

func startIn(t *testing.T, dir string) *Server {
	t.Helper()
	s, err := Start(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	return s
}

func connect(t *testing.T, databaseURL string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func TestServer(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	s := startIn(t, dir)
	conn := connect(t, s.URL("postgres"))

	got := map[string]string{}
	for _, name := range []string{"listen_addresses", "unix_socket_directories", "fsync", "max_connections", "server_encoding", "lc_collate", "timezone", "data_directory"} {
		var value string
		if err := conn.QueryRow(t.Context(), "SELECT current_setting($1)", name).Scan(&value); err != nil {
			t.Fatal(err)
		}
		got[name] = value
	}
	want := map[string]string{
		"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off", "max_connections": "200",
		"server_encoding": "UTF8", "lc_collate": "C.UTF-8", "timezone": "UTC",
		"data_directory": filepath.Join(s.directory.path, "data"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"data", "server.log"}, entries(t, s.directory.path)); diff != "" {
		t.Errorf("files while it runs (-want +got):\n%s", diff)
	}

	// An open session does not delay the end.
	if err := s.Stop(t.Context()); err != nil {
		t.Errorf("Stop: %v", err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Errorf("second Stop: %v", err)
	}
	wantNothingLeft(t, dir)
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("the server answers after Stop")
	}
}

func TestServerAsksForThePassword(t *testing.T) {
	t.Parallel()
	s := startIn(t, openDir(t))
	for _, user := range []*url.Userinfo{url.User("postgres"), url.UserPassword("postgres", "postgres")} {
		u, err := url.Parse(s.URL("postgres"))
		if err != nil {
			t.Fatal(err)
		}
		u.User = user
		if conn, err := pgx.Connect(t.Context(), u.String()); err == nil {
			t.Errorf("%s was let in", user)
			_ = conn.Close(t.Context())
		}
	}
}

func TestServersDoNotShare(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	one, two := startIn(t, dir), startIn(t, dir)
	if one.URL("postgres") == two.URL("postgres") {
		t.Errorf("both have the URL %s", one.URL("postgres"))
	}
	if err := one.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := connect(t, two.URL("postgres")).Ping(t.Context()); err != nil {
		t.Errorf("the second server after the first one's end: %v", err)
	}
}

func TestStopWithEndedContext(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	s := startIn(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Stop(ctx); err != nil {
		t.Errorf("Stop: %v", err)
	}
	wantNothingLeft(t, dir)
}

func TestStopReportsAServerThatEndedByItself(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	s := startIn(t, dir)
	s.postmaster.signal(syscall.SIGTERM) // smart shutdown
	<-s.postmaster.exited
	err := s.Stop(t.Context())
	if err == nil || !strings.Contains(err.Error(), "received smart shutdown request") {
		t.Errorf("Stop: got %v, want an error with the end of the server's log", err)
	}
	wantNothingLeft(t, dir)
}

func TestStartOnATakenPort(t *testing.T) {
	t.Parallel()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	dir := openDir(t)
	_, err = Start(t.Context(), Options{Dir: dir, Port: l.Addr().(*net.TCPAddr).Port})
	if !errors.Is(err, errPortTaken) || !strings.Contains(err.Error(), "could not bind") {
		t.Errorf("got %v, want errPortTaken with the end of the server's log", err)
	}
	wantNothingLeft(t, dir)
}

func TestStartInNoDirectory(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(openDir(t), "missing")
	if _, err := Start(t.Context(), Options{Dir: missing}); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("got %v, want an error that names %s", err, missing)
	}
}

func TestStartAsRootInAClosedDirectory(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root runs the server as another user")
	}
	closed := t.TempDir()
	blocked := filepath.Dir(closed) // created with mode 0700
	_, err := Start(t.Context(), Options{Dir: closed})
	if err == nil || !strings.Contains(err.Error(), "may not enter "+blocked+";") {
		t.Errorf("got %v, want an error that names %s", err, blocked)
	}
	if diff := cmp.Diff([]string{}, entries(t, closed)); diff != "" {
		t.Errorf("left behind (-want +got):\n%s", diff)
	}
}

// TestStartCancelledInInitdb ends the context when initdb has just begun to write.
func TestStartCancelledInInitdb(t *testing.T) {
	t.Parallel()
	found, err := installed.find(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	tools := openDir(t)
	bin := filepath.Join(tools, "bin")
	reached := filepath.Join(tools, "reached")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(reached, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(reached, 0o666); err != nil {
		t.Fatal(err)
	}
	copyProgram(t, filepath.Join(found.dir, "initdb"), filepath.Join(bin, "initdb"))
	writeProgram(t, filepath.Join(bin, "postgres"), fmt.Sprintf("#!/bin/sh\nif [ \"$1\" = --boot ]; then echo reached >%s; fi\nexec %s/postgres \"$@\"\n", reached, found.dir))

	dir := openDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		s, err := start(ctx, Options{Dir: dir}, search{lookPath: pathOf(bin)})
		if err == nil {
			err = errors.Join(errors.New("it started"), s.Stop(context.Background()))
		}
		ended <- err
	}()
	fifo, err := os.OpenFile(reached, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = fifo.Close() }()
	go func() {
		_, _ = fifo.Read(make([]byte, 1))
		cancel()
	}()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	wantNothingLeft(t, dir)
}

func TestStartReportsWhatInitdbSays(t *testing.T) {
	t.Parallel()
	bin := openDir(t)
	writeProgram(t, filepath.Join(bin, "initdb"), "#!/bin/sh\necho initdb: error: no moon tonight >&2\nexit 3\n")
	writeProgram(t, filepath.Join(bin, "postgres"), "#!/bin/sh\necho 'postgres (PostgreSQL) 17.5'\n")
	dir := openDir(t)
	_, err := start(t.Context(), Options{Dir: dir}, search{lookPath: pathOf(bin)})
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "no moon tonight") {
		t.Errorf("got %v, want initdb's status and words", err)
	}
	wantNothingLeft(t, dir)
}

func TestSweep(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	log := slog.New(slog.DiscardHandler)
	used, err := newDirectory(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	stale, err := newDirectory(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(stale.join("data/base"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := stale.lock.Close(); err != nil { // what the kernel does for a killed program
		t.Fatal(err)
	}
	for _, file := range []string{prefix + "file", "other"} {
		if err := os.WriteFile(filepath.Join(dir, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/", filepath.Join(dir, prefix+"link")); err != nil {
		t.Fatal(err)
	}

	sweep(dir, log)
	want := map[string]bool{filepath.Base(used.path): true, prefix + "file": true, prefix + "link": true, "other": true}
	got := map[string]bool{}
	for _, name := range entries(t, dir) {
		got[name] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("after the sweep (-want +got):\n%s", diff)
	}
	if err := used.remove(); err != nil {
		t.Error(err)
	}
}

// serveUntilKilled runs a program that starts a server in dir, kills it with SIGKILL
// and returns the server's process id and directory.
func serveUntilKilled(t *testing.T, dir string) (pid int, path string) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), serveIn+"="+dir)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stdin.Close() }()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err == nil {
		_, err = fmt.Sscan(line, &pid, &path)
	}
	if err != nil {
		t.Fatalf("the program says %q: %v", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	return pid, path
}

func pathOf(bin string) func(string) (string, error) {
	return func(program string) (string, error) { return exec.LookPath(filepath.Join(bin, program)) }
}

func copyProgram(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	writeProgram(t, to, string(content))
}

func writeProgram(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
}
