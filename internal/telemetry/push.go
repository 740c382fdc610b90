package telemetry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/push"
	dto "github.com/prometheus/client_model/go"
)

// Push sends the metrics of a one-shot to the Pushgateway at address, in a group per
// partner, labelled with the job and the partner. Metrics that are in a group already
// and unknown to this process stay, so the time of the last success survives a run that
// could not reach the database. Each group is tried three times. A user and password in
// the address are sent as such. The error contains neither them nor the path.
func (m *Metrics) Push(ctx context.Context, address, job string) error {
	return m.push(ctx, address, job, pauses)
}

func (m *Metrics) push(ctx context.Context, address, job string, pauses []time.Duration) error {
	to, err := parseDestination(address)
	if err != nil {
		return fmt.Errorf("push gateway: %w", err)
	}
	if to.RawQuery != "" || to.Fragment != "" {
		return errors.New("push gateway: its address must have no query and no fragment")
	}
	families, err := m.registry.Gather()
	if err != nil {
		return fmt.Errorf("gather the metrics: %w", err)
	}
	var failed []error
	for _, partner := range m.options.Partners {
		pusher := m.pusher(to, job, partner, families)
		if err := deliver(ctx, pauses, pusher.AddContext); err != nil {
			failed = append(failed, fmt.Errorf("push the metrics of %s to %s: %w", partner, to, err))
		}
	}
	return errors.Join(failed...)
}

func (m *Metrics) pusher(to destination, job, partner string, families []*dto.MetricFamily) *push.Pusher {
	// The user is sent in a header; the other secret parts are kept out of errors
	// (webhook).
	bare := *to.URL
	bare.User = nil
	pusher := push.New(bare.String(), job).Grouping("partner", partner).Client(newWebhook(true)).
		Gatherer(prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return ofPartner(partner, families), nil }))
	if to.User != nil {
		password, _ := to.User.Password()
		pusher.BasicAuth(to.User.Username(), password)
	}
	return pusher
}

// ofPartner returns the metrics of a partner, without the label that the group has, and
// those of the program. The process's own metrics are left out, because they mean
// nothing after its end.
func ofPartner(partner string, families []*dto.MetricFamily) []*dto.MetricFamily {
	var kept []*dto.MetricFamily
	for _, family := range families {
		if !strings.HasPrefix(family.GetName(), prefix) {
			continue
		}
		part := &dto.MetricFamily{Name: family.Name, Help: family.Help, Type: family.Type, Unit: family.Unit}
		for _, metric := range family.GetMetric() {
			i := slices.IndexFunc(metric.GetLabel(), func(l *dto.LabelPair) bool { return l.GetName() == "partner" })
			if i >= 0 && metric.GetLabel()[i].GetValue() != partner {
				continue
			}
			labels := slices.Clone(metric.GetLabel())
			if i >= 0 {
				labels = slices.Delete(labels, i, i+1)
			}
			part.Metric = append(part.Metric, &dto.Metric{
				Label: labels, Gauge: metric.Gauge, Counter: metric.Counter, Summary: metric.Summary,
				Histogram: metric.Histogram, TimestampMs: metric.TimestampMs,
			})
		}
		if len(part.Metric) > 0 {
			kept = append(kept, part)
		}
	}
	return kept
}
