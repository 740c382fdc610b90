package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Spec is a cron spec in a time zone. The zero Spec is not usable; ParseSpec makes
// one.
type Spec struct {
	wall cron.Schedule // calculates in UTC, with the wall clock times of zone
	zone *time.Location
}

var specParser = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

// ParseSpec reads a cron spec of the five usual fields (minute, hour, day of month,
// month, day of week) or one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly
// and @annually, in the named time zone of the IANA database. A spec that never comes
// due, such as the 30th of February, is refused, and so is a zone inside the spec.
func ParseSpec(spec, timezone string) (Spec, error) {
	zone, err := ParseZone(timezone)
	if err != nil {
		return Spec{}, err
	}
	text := strings.TrimSpace(spec)
	switch {
	case text == "":
		return Spec{}, errors.New(`the cron spec is empty; every night at half past two is "30 2 * * *"`)
	case strings.HasPrefix(text, "TZ="), strings.HasPrefix(text, "CRON_TZ="):
		return Spec{}, fmt.Errorf("%q names a time zone; name it in schedule.timezone instead", spec)
	case strings.HasPrefix(text, "@every"):
		return Spec{}, fmt.Errorf(`%q is an interval and not a time of day; write a spec of five fields, such as "0 */6 * * *"`, spec)
	}
	wall, err := parseWall(text)
	if err != nil {
		return Spec{}, fmt.Errorf("%q is not a cron spec of five fields such as \"30 2 * * *\": %w", spec, err)
	}
	// Within five years of a leap year's first day every existing date occurs.
	if wall.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return Spec{}, fmt.Errorf("%q never comes due", spec)
	}
	return Spec{wall: wall, zone: zone}, nil
}

// ParseZone reads the name of a time zone of the IANA database.
func ParseZone(name string) (*time.Location, error) {
	// For the time package "" is UTC and "Local" is the zone of the machine. A schedule
	// must not change its hours when it moves to another machine.
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("%q is not a time zone; name one such as Europe/Berlin or UTC", name)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%q is not a time zone; name one such as Europe/Berlin or UTC", name)
	}
	return zone, nil
}

// parseWall turns the library's panics at some malformed specs into errors.
func parseWall(text string) (s cron.Schedule, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("malformed: %v", p)
		}
	}()
	return specParser.Parse(text)
}

// Next returns the first instant after t at which s is due, in the zone of s. It uses
// wall clock times: a time that the clock skips in spring is due at the moment of the
// skip, together with all others that are skipped. A time that the clock shows twice in
// autumn is due the first time only. Next returns the zero time when nothing is due
// within five years.
func (s Spec) Next(t time.Time) time.Time {
	for w := onWall(t.In(s.zone)); ; {
		if w = s.wall.Next(w); w.IsZero() {
			return time.Time{}
		}
		// Not later than t: the clock was set back and shows w for the second time, or w was
		// skipped and its work was done at the skip.
		if due := s.instant(w); due.After(t) {
			return due
		}
	}
}

// instant returns the first instant at which the clock of s's zone shows w, or the
// moment of the skip when it never does.
func (s Spec) instant(w time.Time) time.Time {
	t := time.Date(w.Year(), w.Month(), w.Day(), w.Hour(), w.Minute(), w.Second(), 0, s.zone)
	start, end := t.ZoneBounds()
	switch shown := onWall(t); {
	case shown.After(w):
		return start
	case shown.Before(w):
		return end
	case start.IsZero():
		return t
	}
	_, offset := start.Add(-time.Second).Zone()
	if first := w.Add(-time.Duration(offset) * time.Second); first.Before(start) {
		return first.In(s.zone)
	}
	return t
}

// onWall returns what a clock in t's zone shows, as if it were UTC.
func onWall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}
