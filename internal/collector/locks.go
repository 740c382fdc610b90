package collector

import "context"

// withLocks calls work while it holds the locks of all these partners. If another
// process holds one of them, work is not called.
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
