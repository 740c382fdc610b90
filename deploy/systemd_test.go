package deploy_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	loadCredential = regexp.MustCompile(`(?m)^LoadCredential=([a-z-]+):/etc/collector/secrets/([a-z-]+)$`)
	credentialPath = regexp.MustCompile(`: /run/credentials/partnercost\.service/([a-z-]+)\n`)
)

// The configuration that docs/operations.md shows reads what the unit loads.
func TestUnitLoadsTheDocumentedSecrets(t *testing.T) {
	t.Parallel()
	var loaded, read []string
	for _, match := range loadCredential.FindAllStringSubmatch(text(t, "systemd/partnercost.service"), -1) {
		if match[1] != match[2] {
			t.Errorf("the secret %s is called %s", match[2], match[1])
		}
		loaded = append(loaded, match[1])
	}
	for _, match := range credentialPath.FindAllStringSubmatch(text(t, operationsFile), -1) {
		read = append(read, match[1])
	}
	if diff := cmp.Diff(loaded, read); diff != "" {
		t.Errorf("-loaded +read:\n%s", diff)
	}
}

// systemd's answers to the exit codes and the times of the program: make units checks
// the rest.
func TestUnitKnowsTheProgram(t *testing.T) {
	t.Parallel()
	unit := text(t, "systemd/partnercost.service")
	for _, line := range []string{
		"ExecStart=/usr/local/bin/collector daemon --config /etc/collector/collector.yaml --log-format json",
		"StateDirectory=collector", "TimeoutStopSec=40", "Restart=on-failure", "RestartPreventExitStatus=2", "SuccessExitStatus=130",
	} {
		if !strings.Contains(unit, "\n"+line+"\n") {
			t.Errorf("the unit does not say %s", line)
		}
	}
}
