package main_test

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

func TestConsolePasswd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := "database:\n  url: postgres://nobody@127.0.0.1:1/nothing\npartners:\n  - name: sim\n    auth: {mode: token}\n    customers: {discover: true}\n"
	passwd := func(config, stdin string, args ...string) result {
		s := &site{dir: dir, env: []string{"COLLECTOR_SIM_TOKEN=simulator"}}
		s.write(t, "collector.yaml", config)
		cmd, finish := s.start(t, append([]string{"console", "passwd"}, args...)...)
		cmd.Stdin = strings.NewReader(stdin)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return finish()
	}
	named := config + "console:\n  password_file: console.password\n"
	const password = "correct horse battery"
	file := filepath.Join(dir, "console.password")

	r := passwd(named, password+"\nnot this\n").want(t, 0)
	hash, err := os.ReadFile(file)
	if err != nil || !strings.HasPrefix(string(hash), "$2") || !strings.Contains(r.stdout, "console.password") {
		t.Errorf("the file holds %q (%v); the program said %q", hash, err, r.stdout)
	}
	if strings.Contains(r.stdout+r.stderr, password) || strings.Contains(string(hash), password) {
		t.Error("the password is told")
	}
	if r := passwd(named, "short\n").want(t, 2); !strings.Contains(r.stderr, "12 characters") {
		t.Errorf("a short password: %s", r.stderr)
	}
	if after, err := os.ReadFile(file); err != nil || string(after) != string(hash) {
		t.Errorf("a short password changed the file (%v)", err)
	}
	passwd(config, password).want(t, 2)
	other := filepath.Join(dir, "other")
	passwd("not: [valid", password, "--file", other).want(t, 0)
	if info, err := os.Stat(other); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("--file: %v, %v", info, err)
	}
	passwd(config, password, "--file", filepath.Join(dir, "none", "other")).want(t, 1)
}

func TestDemoKeepsTheConsole(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	// The server's account must be able to enter the directory when the test runs as root.
	if err := os.Chmod(home, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, "demo", "--keep", "--customers", "40")
	cmd.Dir, cmd.Env = home, []string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var address, configuration string
	lines := bufio.NewScanner(stdout)
	for configuration == "" && lines.Scan() {
		if address == "" {
			address = regexp.MustCompile(`http://127\.0\.0\.1:\d+/`).FindString(lines.Text())
		}
		if found := regexp.MustCompile(`COLLECTOR_CONFIG='(.*)'`).FindStringSubmatch(lines.Text()); found != nil {
			configuration = found[1]
		}
	}
	if address != "" {
		// The printed commands work.
		reader := &site{dir: home, env: []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "COLLECTOR_CONFIG=" + configuration}}
		reader.collector(t, "report", "month-states").want(t, 0).says(t, "closed")
		reader.collector(t, "status").want(t, 0).says(t, "demo")
		reader.collector(t, "migrate", "down", "1", "--yes").want(t, 1)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil || r.StatusCode != http.StatusOK || !strings.Contains(string(body), ">Costs after tax<") || strings.Count(string(body), `<svg class="chart"`) < 3 ||
			!strings.Contains(string(body), "No access") || !strings.Contains(string(body), `"/invoices`) {
			t.Errorf("the console: %s, %v\n%.2000s", r.Status, err, body)
		}
	}
	_ = cmd.Process.Signal(syscall.SIGINT) // an error means that it has ended
	_, _ = io.Copy(io.Discard, stdout)     // read everything before Wait closes the pipe
	err = cmd.Wait()
	if strings.Contains(stderr.String(), "no PostgreSQL server binaries") {
		t.Skip("the demo needs PostgreSQL server binaries:", stderr.String())
	}
	if address == "" || err != nil || strings.Contains(stderr.String(), "WARN") {
		t.Errorf("address %q, end %v\n%s", address, err, stderr.String())
	}
	if _, err := os.Stat(configuration); err == nil {
		t.Errorf("%s was left behind", configuration)
	}
}
