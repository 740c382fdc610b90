package persist_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"partnercost/internal/persist/pgtest"
)

const grafanaFolder = "../../deploy/grafana"

// grafanaDashboard is the part of the dashboard that contains queries.
type grafanaDashboard struct {
	Panels []struct {
		Title      string           `json:"title"`
		Datasource grafanaReference `json:"datasource"`
		Targets    []struct {
			Datasource grafanaReference `json:"datasource"`
			SQL        string           `json:"rawSql"`
		} `json:"targets"`
	} `json:"panels"`
	Templating struct {
		List []struct {
			Name       string           `json:"name"`
			Type       string           `json:"type"`
			Datasource grafanaReference `json:"datasource"`
			Query      string           `json:"query"`
			Definition string           `json:"definition"`
			Multi      bool             `json:"multi"`
			IncludeAll bool             `json:"includeAll"`
		} `json:"list"`
	} `json:"templating"`
}

type grafanaReference struct {
	UID string `json:"uid"`
}

// grafanaMacros are the values that Grafana inserts for the variables and the time
// range: here, everything that was collected in US dollars.
var grafanaMacros = []struct {
	pattern *regexp.Regexp
	by      string
}{
	{regexp.MustCompile(`\$__timeFilter\(([^()]+)\)`), `$1 BETWEEN '2026-01-01T00:00:00Z' AND '2026-12-31T23:59:59Z'`},
	{regexp.MustCompile(`\$__timeFrom\(\)`), `'2026-01-01T00:00:00Z'`},
	{regexp.MustCompile(`\$__timeTo\(\)`), `'2026-12-31T23:59:59Z'`},
	{regexp.MustCompile(`\$\{currency:sqlstring\}`), `'USD'`},
	{regexp.MustCompile(`\$\{partner:sqlstring\}`), `'contoso','fabrikam'`},
}

// TestGrafanaDashboardAsksWhatThereIs executes every query of the dashboard as a member
// of finance_reader. Each must return rows.
func TestGrafanaDashboardAsksWhatThereIs(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(filepath.Join(grafanaFolder, "dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard grafanaDashboard
	if err := json.Unmarshal(content, &dashboard); err != nil {
		t.Fatal(err)
	}
	b := newFixture(t)
	b.liveThreeNights()
	reader := &fixture{t: t, url: pgtest.Login(t, b.url, "finance_reader")}

	ask := func(what, sql string, from grafanaReference) []string {
		t.Helper()
		if from.UID != "${datasource}" {
			t.Errorf("%s asks the data source %q, not the chosen one", what, from.UID)
		}
		for _, macro := range grafanaMacros {
			sql = macro.pattern.ReplaceAllString(sql, macro.by)
		}
		if strings.Contains(sql, "$") {
			t.Errorf("%s has a macro that this test does not know: %s", what, sql)
		}
		rows := reader.query(sql)
		if len(rows) == 0 {
			t.Errorf("%s finds nothing: %s", what, sql)
		}
		return rows
	}
	for _, variable := range dashboard.Templating.List {
		if variable.Type != "query" {
			continue
		}
		rows := ask("variable "+variable.Name, variable.Query, variable.Datasource)
		switch {
		case variable.Definition != variable.Query:
			t.Errorf("variable %s shows another query than it asks", variable.Name)
		case variable.Name == "currency" && (variable.Multi || variable.IncludeAll):
			t.Error("more than one currency can be chosen, and amounts would be added across them")
		case variable.Name == "currency":
			wantLines(t, "currencies", rows, "EUR", "USD")
		}
	}
	if len(dashboard.Panels) < 10 {
		t.Errorf("the dashboard has %d panels", len(dashboard.Panels))
	}
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			ask("panel "+panel.Title, target.SQL, target.Datasource)
			amounts := strings.Contains(target.SQL, "after_tax") || strings.Contains(target.SQL, "pretax")
			if amounts && !strings.Contains(target.SQL, "currency_code = ${currency:sqlstring}") {
				t.Errorf("panel %s shows amounts of any currency", panel.Title)
			}
		}
	}
}

// The example reads what finance_reader reads, over a verified connection, and holds no
// password.
func TestGrafanaProvisioningHoldsNoSecret(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(filepath.Join(grafanaFolder, "provisioning", "datasources", "partnercost.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"IN ROLE finance_reader", "password: $__file{", "sslmode: verify-full", "type: grafana-postgresql-datasource"} {
		if !strings.Contains(string(content), line) {
			t.Errorf("the data source lacks %q", line)
		}
	}
}
