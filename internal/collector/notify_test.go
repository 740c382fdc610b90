package collector

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// What was begun before an interruption is told all the same.
func TestDetachedSurvivesALaterInterruption(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		run, interrupt := context.WithCancel(t.Context())
		ctx, cancel := Detached(run)
		defer cancel()
		time.Sleep(time.Hour)
		interrupt()
		time.Sleep(notifyWithin - time.Nanosecond)
		synctest.Wait()
		if ctx.Err() != nil {
			t.Errorf("it ended with the run: %v", context.Cause(ctx))
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if ctx.Err() == nil {
			t.Error("it never ends")
		}
	})
}
