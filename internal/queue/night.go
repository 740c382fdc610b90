package queue

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"partnercost/internal/schedule"
)

// Night is the work on a partner that is due since a tick of the schedule.
type Night struct {
	Partner string    `json:"partner"`
	Tick    time.Time `json:"tick"`
}

// Kind is River's name of these jobs.
func (Night) Kind() string { return "night" }

// InsertOpts keeps one job for each night. A completed one is no hindrance: if the ledger
// says that the night is not done, it is due.
func (Night) InsertOpts() river.InsertOpts {
	return river.InsertOpts{
		MaxAttempts: maxAttempts,
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
			rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning, rivertype.JobStateRetryable, rivertype.JobStateScheduled,
			rivertype.JobStateCancelled,
		}},
	}
}

const (
	// maxAttempts is never reached: the next night comes first.
	maxAttempts = 10_000
	// busyPause is how long a night that is not for this machine now goes back into the queue.
	// Machines look at the queue every second, a little later each time. After four looks this
	// one has just missed the night, so another machine sees it first.
	busyPause = 4400 * time.Millisecond
	// laterPause is when a night that failed for a reason that may pass is tried again, if
	// the machine on which it failed does not try again before.
	laterPause = 10 * time.Minute
)

// What River keeps of an error. The ledger and the log have the error itself.
var (
	errLater   = errors.New("the night cannot be worked on now; the log of the machine has the reason")
	errGivenUp = errors.New("the night failed; the ledger has the reason")
	errPanic   = errors.New("the work on the night broke off; the log has the reason")
)

// worker works on nights for River.
type worker struct {
	river.WorkerDefaults[Night]
	*Queue
}

// Timeout is none, so River neither ends a job nor takes it for dead because it takes
// long. The partner's lock shows who is dead, and sooner.
func (w *worker) Timeout(*river.Job[Night]) time.Duration { return -1 }

// NextRetry is when a night is tried again on which no machine has an eye any more.
func (w *worker) NextRetry(*river.Job[Night]) time.Time { return w.Now().Add(laterPause) }

func (w *worker) Work(ctx context.Context, job *river.Job[Night]) error {
	w.working.RLock()
	defer w.working.RUnlock()
	if ctx.Err() != nil {
		return river.JobSnooze(0)
	}
	n := job.Args
	n.Tick = n.Tick.UTC()
	w.begin(n)
	defer w.end(n)
	err := w.Options.Work(ctx, n)
	w.note(job.ID, n, err)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return river.JobSnooze(0)
	case errors.Is(err, schedule.ErrElsewhere):
		return river.JobSnooze(busyPause)
	case errors.Is(err, schedule.ErrLater):
		return errLater
	}
	if err := river.MetadataSet(ctx, "refused", errors.Is(err, ErrRefused)); err != nil {
		return err
	}
	return river.JobCancel(errGivenUp)
}

func (q *Queue) begin(n Night) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.attended[n] = true
}

func (q *Queue) end(n Night) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.attended, n)
}

// note keeps what came of a night until River has recorded it.
func (q *Queue) note(job int64, n Night, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.outcomes[job] = err
	if errors.Is(err, schedule.ErrLater) {
		q.later[n] = true
	} else {
		delete(q.later, n)
	}
}

// recorded tells those who await the night what came of it.
func (q *Queue) recorded(event *river.Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	err, known := q.outcomes[event.Job.ID]
	delete(q.outcomes, event.Job.ID)
	if !known {
		err = errPanic
	}
	var n Night
	if json.Unmarshal(event.Job.EncodedArgs, &n) != nil {
		return // then River could not give it to the worker either
	}
	n.Tick = n.Tick.UTC()
	for ended := range q.waiting[n] {
		select {
		case ended <- err:
		default: // it has been told before
		}
	}
}

// panics gives a night up whose work panicked. River has caught that, so that the other
// nights go on.
type panics struct{ log *slog.Logger }

func (panics) HandleError(context.Context, *rivertype.JobRow, error) *river.ErrorHandlerResult {
	return nil
}

func (p panics) HandlePanic(_ context.Context, job *rivertype.JobRow, value any, trace string) *river.ErrorHandlerResult {
	p.log.Error("the work on a night broke off: this is a defect of the program", slog.String("night", string(job.EncodedArgs)), slog.Any("panic", value), slog.String("trace", trace))
	return &river.ErrorHandlerResult{SetCancelled: true}
}
