// Package progress shows the progress of runs: bars on a terminal, elsewhere lines in the
// log.
package progress

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"partnercost/internal/collect"
)

// refreshBars is how often bars are redrawn.
const refreshBars = 200 * time.Millisecond

// Display shows the progress of runs.
type Display struct {
	bars     *mpb.Progress // nil without a terminal
	restore  func()
	interval time.Duration
}

// Logged writes a line to the log of each run at intervals.
func Logged(every time.Duration) *Display {
	return &Display{interval: every, restore: func() {}}
}

// Drawn draws bars on a terminal until Close.
func Drawn(on *Terminal) *Display {
	bars := mpb.New(mpb.WithOutput(on.to), mpb.WithAutoRefresh(), mpb.WithRefreshRate(refreshBars))
	return &Display{bars: bars, restore: on.through(bars), interval: refreshBars}
}

// Follow shows the progress of a run until the returned function is called.
func (s *Display) Follow(progress func() collect.Progress, partner string, log *slog.Logger) (finish func()) {
	show, end := logProgress(log), func() {}
	if s.bars != nil {
		show, end = s.bar(partner)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(s.interval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				show(progress())
			case <-stop:
				return
			}
		}
	}()
	return func() {
		close(stop)
		<-stopped
		if s.bars != nil {
			show(progress())
		}
		end()
	}
}

// Close draws the bars a last time.
func (s *Display) Close() {
	s.restore()
	if s.bars != nil {
		s.bars.Wait()
	}
}

func logProgress(log *slog.Logger) func(collect.Progress) {
	return func(p collect.Progress) {
		log.Info("progress", slog.Int("done", p.Done()), slog.Int("of", p.Total), slog.Int("fetched", p.Fetched), slog.Int("again", p.Again), slog.Int("ok", p.OK), slog.Int("unchanged", p.Unchanged),
			slog.Int("no_costs", p.NoCosts), slog.Int("failed", p.Failed), slog.String("per_second", fmt.Sprintf("%.1f", p.Rate())))
	}
}

// bar adds a bar for one partner. It counts fetched customers, because fetching takes
// most of the time.
func (s *Display) bar(partner string) (show func(collect.Progress), end func()) {
	var rate, failed string
	latest := make(chan collect.Progress, 1) // the newest snapshot, for the drawing goroutine
	bar := s.bars.AddBar(0,
		mpb.PrependDecorators(decor.Name(partner, decor.WCSyncSpaceR), decor.CountersNoUnit("%d/%d", decor.WCSyncSpace)),
		mpb.AppendDecorators(
			decor.Percentage(decor.WCSyncSpace),
			decor.Any(func(decor.Statistics) string {
				select {
				case p := <-latest:
					rate, failed = fmt.Sprintf(" %.1f/s", p.Rate()), fmt.Sprintf(" %d failed", p.Failed)
					if p.Again > 0 {
						failed += fmt.Sprintf(", %d read again", p.Again)
					}
				default:
				}
				return rate + failed
			}),
			decor.Name(" "), decor.AverageETA(decor.ET_STYLE_GO),
		))
	show = func(p collect.Progress) {
		select {
		case <-latest:
		default:
		}
		latest <- p
		bar.SetTotal(int64(p.Total), false)
		bar.SetCurrent(int64(p.Fetched))
	}
	return show, func() {
		if !bar.Completed() {
			bar.Abort(false)
		}
	}
}
