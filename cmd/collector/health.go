package main

import (
	"github.com/spf13/cobra"

	"partnercost/internal/health"
)

func (p *program) healthCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask the daemon on this machine whether it is healthy",
		Long: `Ask the daemon on this machine, at the address console.listen of the configuration, and
print its answer. The exit code is 0 if the daemon answers, and with --ready if all its
checks pass. Otherwise it is 1. Use it as the health check of a container without a
shell.`,
		Example: `  collector health            # does the daemon answer?
  collector health --ready    # can it reach its database, and is it on time?
  collector health --url http://127.0.0.1:8080`,
		Args: cobra.NoArgs,
	}
	var base string
	var ready bool
	cmd.Flags().StringVar(&base, "url", "", "ask this `address` instead of reading the configuration")
	cmd.Flags().BoolVar(&ready, "ready", false, "ask whether the daemon is ready (/readyz), not only whether it answers (/healthz)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		daemon, err := p.daemonAt(base)
		if err != nil {
			return err
		}
		path := "healthz"
		if ready {
			path = "readyz"
		}
		return daemon.Ask(cmd.Context(), path, p.stdout)
	}
	return cmd
}

// daemonAt returns the daemon at the address or, without one, at that of the
// configuration.
func (p *program) daemonAt(address string) (health.Daemon, error) {
	if address != "" {
		daemon, err := health.At(address)
		if err != nil {
			return daemon, usageError("--url: %w", err)
		}
		return daemon, nil
	}
	c, err := p.loadConfig()
	if err != nil {
		return health.Daemon{}, err
	}
	daemon, err := health.Of(c.Console)
	if err != nil {
		return daemon, configError(err)
	}
	return daemon, nil
}
