package collector

import "context"

// RenamePartner moves all stored data of a partner to another name, while it holds the
// locks of both.
func (c *Collector) RenamePartner(ctx context.Context, from, to string) error {
	return c.withLocks(ctx, []string{from, to}, func(ctx context.Context) error { return c.Store.RenamePartner(ctx, from, to) })
}
