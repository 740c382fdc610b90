package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"partnercost/internal/collector"
	"partnercost/internal/fetch"
	"partnercost/internal/persist"
	"partnercost/internal/progress"
	"partnercost/internal/schedule"
	"partnercost/internal/telemetry"
)

// daemonProgressEvery is the interval at which a run of the daemon logs its progress.
const daemonProgressEvery = time.Minute

func (p *program) daemonCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "daemon",
		Short: "Collect every night, until stopped",
		Long: `Collect every partner at the times of schedule.cron, each time delayed by up to
schedule.jitter. The ledger in the database decides what is due. If runs were missed
while the daemon or the database was down, the daemon runs once at its start
(schedule.catch_up). It resumes an interrupted run. The first start collects at once.

Several daemons may share a database: a queue in it distributes the partners, and one
daemon takes over what another one had to leave.

The daemon serves the console, /healthz, /readyz and /metrics on console.listen.

On SIGTERM the daemon stores the current batch, records the run as interrupted and ends
within 30 seconds. A second signal ends it at once. The daemon reads the configuration
at its start: restart it after a change. A restart loses nothing.`,
		Example: `  collector daemon
  collector daemon --log-format json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.daemon(cmd.Context()) },
	}
}

// daemon collects until ctx ends. It returns an error if that interrupted a run.
func (p *program) daemon(ctx context.Context) error {
	c, err := p.loadConfig()
	if err != nil {
		return err
	}
	spec, err := schedule.ParseSpec(c.Schedule.Cron, c.Schedule.Timezone)
	if err != nil {
		return configError(err)
	}
	metrics := p.newMetrics(c.Partners)
	shown := progress.Logged(daemonProgressEvery)
	jobs := p.jobs(c, nil)
	jobs.Metrics, jobs.Large, jobs.Follow = metrics, fetch.NewLarge(), shown.Follow
	d := collector.NewDaemon(collector.DaemonOptions{
		Collector: jobs,
		Spec:      spec, Wait: p.wait,
		Open: func(ctx context.Context) (*persist.Store, error) { return p.openStore(ctx, c) },
	})
	p.watch(metrics, c.Partners, d.Store)
	pages, closePages, err := p.console(c, d.Store)
	if err != nil {
		return err
	}
	defer closePages()
	stop, err := p.serve(ctx, c.Console, mounted(telemetry.Handler(metrics, collector.NewHealth(c, spec, p.now, d.Store)), pages))
	if err != nil {
		return err
	}
	defer stop()
	return d.Run(ctx)
}
