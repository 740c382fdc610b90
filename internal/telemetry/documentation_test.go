package telemetry

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

var update = flag.Bool("update", false, "write the metrics of docs/operations.md anew")

const operations = "../../docs/operations.md"

// The list of metrics in docs/operations.md is generated from the registry: all of our
// metrics, with their help texts.
func TestDocumentationListsEveryMetric(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile(operations)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(document), "<!-- metrics: go test ./internal/telemetry -run Documentation -update -->\n")
	listed, after, ended := strings.Cut(rest, "<!-- end -->\n")
	if !found || !ended {
		t.Fatal("docs/operations.md has no place for the list of metrics")
	}
	want := metricsTable(t)
	if *update {
		head := strings.TrimSuffix(string(document), rest)
		if err := os.WriteFile(operations, []byte(head+want+"<!-- end -->\n"+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Errorf("docs/operations.md lags behind; run go test ./internal/telemetry -run Documentation -update (-want +got):\n%s", diff)
	}
	for line := range strings.Lines(before + after) {
		for _, name := range strings.FieldsFunc(line, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') }) {
			if strings.HasPrefix(name, prefix) && name != prefix && !strings.Contains(want, "| `"+name+"` |") {
				t.Errorf("docs/operations.md speaks of %s, which does not exist", name)
			}
		}
	}
}

// metricsTable describes every metric of ours, in the registry's order.
func metricsTable(t *testing.T) string {
	t.Helper()
	m := newMetrics("contoso")
	m.Watch(goodState)
	m.Scheduled(night)
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("\n| metric | type | labels | meaning |\n|---|---|---|---|\n")
	described := 0
	for _, family := range families {
		if !strings.HasPrefix(family.GetName(), prefix) {
			continue
		}
		described++
		var labels []string
		for _, label := range family.GetMetric()[0].GetLabel() {
			labels = append(labels, "`"+label.GetName()+"`")
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", family.GetName(), strings.ToLower(family.GetType().String()), strings.Join(labels, ", "), family.GetHelp())
	}
	// A family without a series is not gathered, so it would be missing here.
	if registered := registered(m); described != registered {
		t.Fatalf("%d metrics are registered, and %d have a series from the start", registered, described)
	}
	table.WriteString("\n")
	return table.String()
}

// registered counts our metrics in the registry.
func registered(m *Metrics) int {
	descriptions := make(chan *prometheus.Desc)
	go func() {
		defer close(descriptions)
		m.registry.Describe(descriptions)
	}()
	count := 0
	for description := range descriptions {
		if strings.Contains(description.String(), `fqName: "`+prefix) {
			count++
		}
	}
	return count
}
