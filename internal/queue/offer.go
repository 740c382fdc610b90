package queue

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
)

// openNights returns the partner's jobs that are not over, and the one of this night even
// if a machine gave it up; refused means that all others would too. A job is stranded when it should be worked on while nobody holds the
// partner's lock: its machine is dead, or could not record the end. It is postponed when the
// clock of the machine that put it back is ahead.
const openNights = `
SELECT id, args->>'tick' = $2 AS this, state = 'retryable' AS failed, state = 'cancelled' AS given_up,
    coalesce((metadata->>'refused')::boolean AND finalized_at >= $3, false) AS refused,
    coalesce(state = 'running' AND attempted_at < now() - interval '5 seconds', false) AS stranded,
    state IN ('available', 'scheduled') AND scheduled_at > now() + interval '10 seconds' AS postponed,
    coalesce(split_part(attempted_by[cardinality(attempted_by)], '/', 1), '') AS machine
FROM river.river_job
WHERE kind = 'night' AND args @> jsonb_build_object('partner', $1::text)
    AND (state IN ('available', 'pending', 'running', 'retryable', 'scheduled') OR state = 'cancelled' AND args->>'tick' = $2)
ORDER BY id`

// returnNight puts a stranded job back to where it was in the queue. River has no call for
// it: its rescuer goes by the time that a job takes, and cannot know of the lock.
const returnNight = `
UPDATE river.river_job SET state = 'available', scheduled_at = least(scheduled_at, now())
WHERE id = $1 AND state = 'running' AND attempted_at < now() - interval '5 seconds'`

// openNight is a row of openNights.
type openNight struct {
	ID                                                  int64
	This, Failed, GivenUp, Refused, Stranded, Postponed bool
	Machine                                             string
}

// offer puts the night into the queue unless it is there, and sees to it that it does not
// wait for a dead machine.
func (q *Queue) offer(ctx context.Context, n Night) error {
	rows, err := q.Pool.Query(ctx, openNights, n.Partner, n.Tick.Format(time.RFC3339Nano), q.opened)
	if err != nil {
		return fmt.Errorf("look at the queue: %w", err)
	}
	jobs, err := pgx.CollectRows(rows, pgx.RowToStructByPos[openNight])
	if err != nil {
		return fmt.Errorf("look at the queue: %w", err)
	}
	there := false
	for _, job := range jobs {
		there = there || job.This
		switch {
		case job.Stranded:
			q.Log.Info("taking over from a process that is gone", slog.String("partner", n.Partner), slog.String("machine", job.Machine))
			_, err = q.Pool.Exec(ctx, returnNight, job.ID)
		case job.GivenUp && job.Refused:
			return ErrGivenUp
		case job.GivenUp, job.Postponed, job.Failed && q.failedHere(n): // a restart tries even what was refused
			_, err = q.client.JobRetry(ctx, job.ID)
		}
		if err != nil {
			return fmt.Errorf("put the night back into the queue: %w", err)
		}
	}
	if there {
		return nil
	}
	if _, err := q.client.Insert(ctx, n, nil); err != nil {
		return fmt.Errorf("put the night into the queue: %w", err)
	}
	return nil
}

// failedHere reports, once, whether the night failed on this machine for a reason that may
// have passed: then the pause that the schedule makes is over.
func (q *Queue) failedHere(n Night) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	failed := q.later[n]
	delete(q.later, n)
	return failed
}
