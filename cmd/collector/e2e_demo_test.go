package main_test

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"partnercost/internal/partnersim"
	"partnercost/internal/persist/pgtest"
)

// demo runs the demo in an environment with nothing but the program.
func demo(t *testing.T, args ...string) result {
	t.Helper()
	home := t.TempDir()
	// The server's account must be able to enter the directory when the test runs as root.
	if err := os.Chmod(home, 0o755); err != nil {
		t.Fatal(err)
	}
	s := &site{dir: home, env: []string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}}
	r := s.collector(t, append([]string{"demo"}, args...)...)
	if strings.Contains(r.stderr, "no PostgreSQL server binaries") {
		t.Skip("the demo needs PostgreSQL server binaries:", r.stderr)
	}
	return r.want(t, 0)
}

// plain masks what differs in the output of every run.
func plain(line string) string {
	for _, mask := range []struct{ pattern, by string }{
		{`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`, "ID"},
		{`\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(\+00|Z)?`, "TIME"},
		{`\b[0-9.]+m?s\b`, "TOOK"},
		{`\s+`, " "},
	} {
		line = regexp.MustCompile(mask.pattern).ReplaceAllString(line, mask.by)
	}
	return strings.TrimSpace(line)
}

func TestDemoPrintsWhatTheReadmeShows(t *testing.T) {
	t.Parallel()
	r := demo(t)
	printed := map[string]bool{}
	for line := range strings.Lines(r.stdout) {
		printed[plain(line)] = true
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, transcript, found := strings.Cut(string(readme), "<!-- the demo -->\n\n```text\n")
	transcript, _, ended := strings.Cut(transcript, "```")
	if !found || !ended || strings.Count(transcript, "\n") < 10 {
		t.Fatal("README.md shows no transcript of the demo")
	}
	for line := range strings.Lines(transcript) {
		if line = plain(line); line != "" && line != "..." && !printed[line] {
			t.Errorf("README.md shows a line that the demo does not print:\n%s", line)
		}
	}
	if t.Failed() {
		t.Logf("the demo printed:\n%s", r.stdout)
	}
}

func TestDemoLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	for _, dir := range []string{temp, filepath.Dir(temp)} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s := &site{dir: temp, env: []string{"HOME=" + temp, "TMPDIR=" + temp, "PATH=" + os.Getenv("PATH")}}
	r := s.collector(t, "demo", "--customers", "3")
	if strings.Contains(r.stderr, "no PostgreSQL server binaries") {
		t.Skip("the demo needs PostgreSQL server binaries:", r.stderr)
	}
	r.want(t, 0)
	left, err := os.ReadDir(temp)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range left {
		t.Errorf("left behind: %s", entry.Name())
	}
	if out, err := exec.CommandContext(t.Context(), "pgrep", "-f", temp).Output(); err == nil {
		t.Errorf("processes left behind: %s", out)
	}
}

// As in Compose, a given database is filled once, and then only shown.
func TestDemoInADatabase(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 1})
	s.useDatabase(pgtest.NewEmpty(t))
	kept := func() (console string) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		cmd := exec.CommandContext(ctx, binary, "demo", "--keep", "--customers", "5", "--database", s.url, "--listen", "0.0.0.0:0")
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
		cmd.Dir, cmd.Env = t.TempDir(), []string{"PATH="}
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(stdout)
		for console == "" && lines.Scan() {
			console = regexp.MustCompile(`http://127\.0\.0\.1:\d+/`).FindString(lines.Text())
		}
		stop()
		_, _ = io.Copy(io.Discard, stdout) // read everything before Wait closes the pipe
		_ = cmd.Wait()                     // the error is that of the interrupt
		return console
	}
	if kept() == "" {
		t.Fatal("no console")
	}
	runs := s.one(t, `SELECT count(*) FROM finance.runs`)
	if months := s.one(t, `SELECT (count(DISTINCT month) >= 12)::text FROM finance.month_totals`); months != "true" {
		t.Error("the demo did not live through a year")
	}
	if kept() == "" || s.one(t, `SELECT count(*) FROM finance.runs`) != runs {
		t.Errorf("the year was lived again: %s runs, then more", runs)
	}
}
