package pgtest

import (
	"bufio"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Pooler starts PgBouncer in front of the database until the test ends, and returns the
// URL there. Without PgBouncer a test is skipped, or fails when CI is set.
func Pooler(t testing.TB, databaseURL string, settings ...string) *url.URL {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program = "/usr/sbin/pgbouncer"
	}
	if _, err := os.Stat(program); err != nil {
		if process.ladder.getenv("CI") == "" {
			t.Skip("needs PgBouncer (apt-get install pgbouncer)")
		}
		t.Fatal("needs PgBouncer:", err)
	}
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	password, _ := u.User.Password()
	dir := t.TempDir()
	file := filepath.Join(dir, "pgbouncer.ini")
	lines := append([]string{
		"[databases]", fmt.Sprintf("* = host=%s port=%s user=%s password='%s'", u.Hostname(), u.Port(), u.User.Username(), password),
		"[pgbouncer]", "listen_addr = 127.0.0.1", fmt.Sprintf("listen_port = %d", port), "unix_socket_dir =", "auth_type = any",
		"log_connections = 0", "log_disconnections = 0", // nobody reads the log before the test ends
	}, settings...)
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), program, file)
	if os.Geteuid() == 0 { // which PgBouncer refuses to run as
		command = exec.CommandContext(t.Context(), program, "-u", "nobody", file)
		for _, dir := range []string{dir, filepath.Dir(dir)} {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	log, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	output := bufio.NewScanner(log)
	var said strings.Builder
	for output.Scan() && !strings.Contains(output.Text(), "process up") {
		said.WriteString(output.Text() + "\n")
	}
	t.Cleanup(func() {
		for output.Scan() {
			said.WriteString(output.Text() + "\n")
		}
		_ = command.Wait()
		if t.Failed() {
			t.Logf("PgBouncer said:\n%s", said.String())
		}
	})
	through := *u
	through.Host = fmt.Sprintf("127.0.0.1:%d", port)
	through.RawQuery = "sslmode=disable"
	return &through
}
