package deploy_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

const operationsFile = "../docs/operations.md"

// rule is an alert of deploy/prometheus/alerts.yml.
type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func rules(t *testing.T) []rule {
	t.Helper()
	var file struct {
		Groups []struct {
			Rules []rule `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal([]byte(text(t, "prometheus/alerts.yml")), &file); err != nil {
		t.Fatal(err)
	}
	var all []rule
	for _, group := range file.Groups {
		all = append(all, group.Rules...)
	}
	if len(all) == 0 {
		t.Fatal("there is no alert")
	}
	return all
}

func text(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

var (
	alertSection = regexp.MustCompile(`(?m)^#### (Partnercost\w+)\n\n(\S.{80,})`)
	ourMetric    = regexp.MustCompile(`\bpartnercost_[a-z_]+`)
)

// Every alert has a section that says what to do, in the same order, and there is none
// for a removed alert.
func TestEveryAlertHasItsSection(t *testing.T) {
	t.Parallel()
	var alerts, sections []string
	for _, r := range rules(t) {
		if len(alerts) == 0 || alerts[len(alerts)-1] != r.Alert { // an alert with two severities occurs twice
			alerts = append(alerts, r.Alert)
		}
	}
	for _, match := range alertSection.FindAllStringSubmatch(text(t, operationsFile), -1) {
		sections = append(sections, match[1])
	}
	if diff := cmp.Diff(alerts, sections); diff != "" {
		t.Errorf("alerts.yml and docs/operations.md differ (-alerts +sections):\n%s", diff)
	}
}

func TestAlertsSayWhatTheyMust(t *testing.T) {
	t.Parallel()
	tests := text(t, "prometheus/alerts_test.yml")
	operations := text(t, operationsFile)
	for _, r := range rules(t) {
		severity := r.Labels["severity"]
		if severity != "warning" && severity != "critical" {
			t.Errorf("%s: severity %q", r.Alert, severity)
		}
		for _, annotation := range []string{"summary", "description"} {
			if r.Annotations[annotation] == "" {
				t.Errorf("%s has no %s", r.Alert, annotation)
			}
		}
		if want := "docs/operations.md#" + strings.ToLower(r.Alert); r.Annotations["runbook"] != want {
			t.Errorf("%s: runbook %q, want %q", r.Alert, r.Annotations["runbook"], want)
		}
		// docs/operations.md lists the registered metrics, which the tests of internal/telemetry
		// check.
		for _, metric := range ourMetric.FindAllString(r.Expr, -1) {
			if !strings.Contains(operations, "| `"+metric+"` |") {
				t.Errorf("%s goes by %s, which does not exist", r.Alert, metric)
			}
		}
		fires := regexp.MustCompile(`alertname="` + r.Alert + `",alertstate="firing",.*severity="` + severity + `"`)
		if !fires.MatchString(tests) {
			t.Errorf("no test sees %s fire as %s", r.Alert, severity)
		}
	}
}
