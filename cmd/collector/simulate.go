package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"

	"partnercost/internal/partnersim"
)

// simulatedTenant is the tenant of the simulated partner.
const simulatedTenant = "50000000-0000-4000-8000-000000000000"

// simulateFlags are the flags of simulate.
type simulateFlags struct {
	listen, customersOut string
	customers            int
	latency              time.Duration
	faultRate            float64
	seed                 uint64
}

func (p *program) simulateCommand() *cobra.Command {
	var f simulateFlags
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Simulate Partner Center on a local port",
		Long: `Serve a simulated Partner Center with invented customers, to try the collector without a
partner account. It serves the list of customers, billing profiles, service costs, line
items, invoices with their exports and the sign-in. The invoices agree with the costs
but for some differences of each kind. The same seed gives the same data.

Its controls answer requests of this machine only:

  POST /simulator/advance?months=1      a month passes for both types; onetime=1 or
                                        recurring=1: for one type; restate=0.05: that
                                        share of customers is restated; leave=0.02: leaves
  POST /simulator/faults?rate=0.1       that share of requests fails; throttle,
                                        server_error, unavailable, reset, truncate:
                                        the share of one kind of failure
  POST /simulator/expire                access tokens expire
  POST /simulator/revoke                refresh tokens are revoked
  POST /simulator/approve?user_code=C   a device sign-in is approved
  GET  /simulator/stats                 the numbers of requests and answers
  GET  /simulator/customers             the customer ids, one per line

The simulator has no access control, so it listens on a loopback address by default.
Ctrl-C ends it.`,
		Example: `  collector simulate
  collector simulate --customers 50000 --latency 150ms --fault-rate 0.02
  collector simulate --customers-out customers.txt --seed 7
  curl -X POST 'http://127.0.0.1:8090/simulator/advance?months=1&restate=0.05'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.simulate(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8090", "`address` and port to listen on; port 0 picks a free one")
	flags.IntVar(&f.customers, "customers", 100, "number of customers")
	flags.DurationVar(&f.latency, "latency", 0, "delay of each answer, such as 150ms")
	flags.Float64Var(&f.faultRate, "fault-rate", 0, "share of requests, from 0 to 1, that fail: 429, 500, 503, resets, truncated bodies")
	flags.Uint64Var(&f.seed, "seed", 1, "seed of the invented data")
	flags.StringVar(&f.customersOut, "customers-out", "", "write the customer ids to this `file`, one per line")
	return cmd
}

func (p *program) simulate(ctx context.Context, f simulateFlags) error {
	switch {
	case f.customers < 0:
		return usageError("--customers must not be negative")
	case f.latency < 0:
		return usageError("--latency must not be negative")
	case f.faultRate < 0 || f.faultRate > 1:
		return usageError("--fault-rate must lie between 0 and 1")
	}
	sim := partnersim.New(partnersim.Options{
		Customers: f.customers, Seed: f.seed, Latency: f.latency, Faults: partnersim.MixedFaults(f.faultRate), Clock: p.now,
		Invoices: &partnersim.Invoices{Back: 2, Plant: true, Tenant: simulatedTenant, Polls: 1},
	})
	if f.customersOut != "" {
		if err := writeCustomers(f.customersOut, sim); err != nil {
			return err
		}
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", f.listen)
	if err != nil {
		return fmt.Errorf("%w; name another port with --listen", err)
	}
	p.introduce(listener.Addr(), f)
	return sim.Serve(ctx, listener)
}

// introduce prints how to use the simulator.
func (p *program) introduce(addr net.Addr, f simulateFlags) {
	if tcp, ok := addr.(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
		p.log.Warn("the simulator is reachable from other machines", "address", addr.String())
	}
	ids := "GET http://" + addr.String() + "/v1/customers with the header 'Authorization: Bearer simulator', or --customers-out FILE"
	if f.customersOut != "" {
		ids = f.customersOut
	}
	fmt.Fprintf(p.stderr, `Partner Center is simulated at http://%s with %d customers.
Customer ids: %s
Use this configuration, with COLLECTOR_SIMULATED_TOKEN=simulator in the environment:

database:
  url: postgres://localhost:5432/costs
partners:
  - name: simulated
    base_url: http://%[1]s
    auth:
      mode: token
    customers:
      discover: true
    limits:
      requests_per_minute: 60000   # Partner Center's own limit is far lower

`, addr, f.customers, ids)
}

func writeCustomers(path string, sim *partnersim.Simulator) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("customers file: %w", err)
	}
	out := bufio.NewWriter(file)
	for id := range sim.CustomerIDs() {
		_, _ = out.WriteString(id + "\n") // Flush returns the error
	}
	if err := errors.Join(out.Flush(), file.Close()); err != nil {
		return fmt.Errorf("customers file: %w", err)
	}
	return nil
}
