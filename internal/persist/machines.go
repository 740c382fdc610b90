package persist

import (
	"context"
	"fmt"
	"time"

	"partnercost/internal/persist/dbsqlc"
)

// Machine is a daemon that takes part in collecting.
type Machine struct {
	// Process is the id of the process.
	Process string
	// Name is the name of the host.
	Name, Version string
	// PartnersAtOnce is the largest number of partners that it collects at the same time.
	PartnersAtOnce int
}

// SeeMachine records that the machine is alive.
func (s *Store) SeeMachine(ctx context.Context, m Machine) error {
	err := s.q.SeeMachine(ctx, s.pool, dbsqlc.SeeMachineParams{
		ProcessID: m.Process, Machine: m.Name, Version: m.Version, PartnersAtOnce: int32(m.PartnersAtOnce),
	})
	if err != nil {
		return fmt.Errorf("record the machine: %w", classify(err))
	}
	return nil
}

// ForgetMachine removes the record of a process that ends, and the records of processes that
// were not seen for a day.
func (s *Store) ForgetMachine(ctx context.Context, process string) error {
	if err := s.q.ForgetMachine(ctx, s.pool, process); err != nil {
		return fmt.Errorf("forget the machine: %w", classify(err))
	}
	return nil
}

// Nights are the machines and what they are doing.
type Nights struct {
	// Machines counts the machines whose daemon was seen within two minutes.
	Machines int
	Running  map[string]RunningNight
	// Waiting has the time since when each waiting partner waits.
	Waiting map[string]time.Time
}

// RunningNight is a partner's run that is under way.
type RunningNight struct {
	Since   time.Time
	Machine string
	// TakenOverFrom is another machine whose unfinished run this run continues.
	TakenOverFrom string
}

// Nights reads what all machines are doing.
func (s *Store) Nights(ctx context.Context) (Nights, error) {
	n := Nights{Running: map[string]RunningNight{}, Waiting: map[string]time.Time{}}
	machines, err := s.q.CountMachines(ctx, s.pool)
	if err != nil {
		return n, fmt.Errorf("count the machines: %w", classify(err))
	}
	n.Machines = int(machines)
	running, err := s.q.RunningNights(ctx, s.pool)
	if err != nil {
		return n, fmt.Errorf("read what runs: %w", classify(err))
	}
	for _, r := range running {
		n.Running[r.Partner] = RunningNight{Since: r.StartedAt.UTC(), Machine: r.Machine, TakenOverFrom: r.TakenOverFrom}
	}
	waiting, err := s.q.WaitingNights(ctx, s.pool)
	if err != nil {
		return n, fmt.Errorf("read what waits: %w", classify(err))
	}
	for _, w := range waiting {
		n.Waiting[w.Partner] = w.WaitsSince.UTC()
	}
	return n, nil
}
