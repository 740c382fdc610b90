package collector

import "context"

// withLocks takes the locks of all these partners and calls work. If another process
// holds one of the locks, work is not called.
func (c *Collector) withLocks(ctx context.Context, partners []string, work func(context.Context) error) error {
	if len(partners) == 0 {
		return work(ctx)
	}
	locked, release, err := c.Store.LockPartner(ctx, partners[0])
	if err != nil {
		return err
	}
	defer release()
	return c.withLocks(locked, partners[1:], work)
}
