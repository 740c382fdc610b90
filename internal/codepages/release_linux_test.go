package codepages_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"partnercost/internal/codepages"
)

// fromFile returns how many kilobytes of files the process has loaded.
func fromFile(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "RssFile:")
	size, _, _ := strings.Cut(rest, "kB")
	kilobytes, err := strconv.Atoi(strings.TrimSpace(size))
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes
}

func TestReleaseReturnsPages(t *testing.T) {
	before := fromFile(t)
	codepages.Release()
	if after := fromFile(t); after >= before {
		t.Errorf("%d kB of files are loaded, %d before", after, before)
	}
}
