package telemetry

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// gateway is a Pushgateway: it keeps the newest families of each group, by name.
type gateway struct {
	*httptest.Server
	mu       sync.Mutex
	groups   map[string]map[string]*dto.MetricFamily // by partner, then by name
	asked    []string
	status   int // the status of the next refusals
	refusals int
}

func newGateway(t *testing.T) *gateway {
	t.Helper()
	g := &gateway{groups: map[string]map[string]*dto.MetricFamily{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /metrics/job/{job}/partner/{partner}", func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		defer g.mu.Unlock()
		user, password, _ := r.BasicAuth()
		g.asked = append(g.asked, fmt.Sprintf("%s %s %s:%s", r.Method, r.URL.Path, user, password))
		if g.refusals > 0 {
			g.refusals--
			http.Error(w, "no, "+r.URL.String()+" "+password, g.status)
			return
		}
		if err := g.take(r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
	g.Server = httptest.NewServer(mux)
	t.Cleanup(g.Close)
	return g
}

// take reads a request as a Pushgateway does.
func (g *gateway) take(r *http.Request) error {
	partner := r.PathValue("partner")
	if g.groups[partner] == nil {
		g.groups[partner] = map[string]*dto.MetricFamily{}
	}
	decoder := expfmt.NewDecoder(r.Body, expfmt.ResponseFormat(r.Header))
	for {
		var family dto.MetricFamily
		err := decoder.Decode(&family)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		g.groups[partner][family.GetName()] = &family
	}
}

// refuse makes the next n requests fail.
func (g *gateway) refuse(status, n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.status, g.refusals = status, n
}

func (g *gateway) requests() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asked
}

// value returns the value of a series in the group of a partner; labels are as in
// "class=2xx,endpoint=customers".
func (g *gateway) value(partner, name, labels string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, metric := range g.groups[partner][name].GetMetric() {
		found := map[string]bool{}
		for _, label := range metric.GetLabel() {
			found[label.GetName()+"="+label.GetValue()] = true
		}
		if strings.Join(slices.Sorted(maps.Keys(found)), ",") != labels {
			continue
		}
		switch {
		case metric.GetHistogram() != nil:
			return fmt.Sprintf("sum %v of %d", metric.GetHistogram().GetSampleSum(), metric.GetHistogram().GetSampleCount())
		case metric.GetGauge() != nil:
			return fmt.Sprintf("%.0f", metric.GetGauge().GetValue())
		}
		return fmt.Sprintf("%.0f", metric.GetCounter().GetValue())
	}
	return "absent"
}
