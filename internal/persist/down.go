package persist

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// erasuresVersion is the migration that creates collector.erasures.
const erasuresVersion = 8

var (
	// ErrTooFarDown means that fewer migrations are applied than should be taken back.
	ErrTooFarDown = errors.New("fewer migrations are applied")
	// ErrForgetsErasures means that taking migrations back would delete the record of the
	// customers whose personal data may not be stored again.
	ErrForgetsErasures = errors.New("the record of erased customers would be deleted, and the next run would store their personal data again")
)

// Last returns the names of the last n applied migrations, newest first, or
// ErrTooFarDown if fewer are applied.
func (m *Migrator) Last(n int) ([]string, error) {
	_, applied, err := m.applied()
	if err != nil {
		return nil, err
	}
	if n < 1 || n > len(applied) {
		return nil, fmt.Errorf("revert %d migrations: %w; %d are applied", n, ErrTooFarDown, len(applied))
	}
	names := applied[len(applied)-n:]
	slices.Reverse(names)
	return names, nil
}

// applied returns the versions of the applied migrations and their names, oldest
// first.
func (m *Migrator) applied() (versions []uint, names []string, err error) {
	state, err := m.State()
	if err != nil {
		return nil, nil, err
	}
	_, known, err := embeddedVersions()
	if err != nil {
		return nil, nil, err
	}
	for v := uint(1); v <= state.Version; v++ {
		if name, there := known[v]; there {
			versions, names = append(versions, v), append(names, name)
		}
	}
	return versions, names, nil
}

// Down takes the last n migrations back and deletes their data, or changes nothing. It
// returns ErrTooFarDown if fewer are applied, ErrLocked while a partner is being
// collected or a customer erased, and ErrForgetsErasures if recorded erasures would be
// deleted and forget is false.
func (m *Migrator) Down(ctx context.Context, n int, forget bool) error {
	if err := m.refuseOddSchema(); err != nil {
		return err
	}
	if _, err := m.Last(n); err != nil {
		return err
	}
	return m.alone(ctx, func() error {
		if !forget {
			if err := m.keepErasures(ctx, n); err != nil {
				return err
			}
		}
		if err := m.unpackBodies(ctx, n); err != nil {
			return err
		}
		return m.run(ctx, func() error { return m.m.Steps(-n) })
	})
}

// alone calls work while no process holds or gets the lock of a partner.
func (m *Migrator) alone(ctx context.Context, work func() error) (err error) {
	conn, err := m.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("open the session of the schema's lock: %w", classify(err))
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	var free bool
	if err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock("+schemaLock+")").Scan(&free); err != nil {
		return fmt.Errorf("take the schema's lock: %w", classify(err))
	}
	if !free {
		return busy("a run, an erasure or another migration is in progress; stop the daemon, or wait; collector status shows the runs")
	}
	defer func() {
		_, unlockErr := conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock("+schemaLock+")")
		err = errors.Join(err, unlockErr)
	}()
	return work()
}

// keepErasures returns ErrForgetsErasures if there are erasures that would be deleted.
func (m *Migrator) keepErasures(ctx context.Context, n int) error {
	versions, _, err := m.applied()
	if err != nil {
		return err
	}
	if !slices.Contains(versions[len(versions)-n:], erasuresVersion) {
		return nil
	}
	var erased int
	if err := m.db.QueryRowContext(ctx, "SELECT count(DISTINCT customer_key) FROM collector.erasures").Scan(&erased); err != nil {
		return fmt.Errorf("count the erasures: %w", classify(err))
	}
	if erased == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d erased customers; save the list in finance.erasures, and erase them again after collector migrate up, before the next run",
		ErrForgetsErasures, erased)
}
