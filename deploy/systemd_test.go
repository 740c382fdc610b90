package deploy_test

import (
	"regexp"
	"strings"
	"testing"
)

var credentialPath = regexp.MustCompile(`: /run/credentials/partnercost\.service/(.+)\n`)

// The configuration in docs/operations.md reads the copies that the unit makes of the
// files named there.
func TestUnitLoadsTheDocumentedSecrets(t *testing.T) {
	t.Parallel()
	if !strings.Contains(text(t, "systemd/partnercost.service"), "\nLoadCredential=secret:/etc/collector/secrets\n") {
		t.Error("the unit does not load the folder of the secrets")
	}
	operations := text(t, operationsFile)
	read := credentialPath.FindAllStringSubmatch(operations, -1)
	if len(read) == 0 {
		t.Error("no secret is read")
	}
	for _, match := range read {
		file, ok := strings.CutPrefix(match[1], "secret_")
		if !ok || !strings.Contains(operations, "/etc/collector/secrets/"+file) {
			t.Errorf("nothing says to put %s into /etc/collector/secrets", match[1])
		}
	}
}

// The unit handles the program's exit codes and durations; make units checks the rest.
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
