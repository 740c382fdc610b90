package billing

import (
	"fmt"
	"strings"
	"time"
)

// Period is a billing period as the service states it. Both ends are instants in
// UTC, truncated to microseconds; the zero time stands for an end that is absent
// or a sentinel. End is stored as stated: midnight of the last day for Recurring,
// the last 100 nanoseconds of the month for OneTime (API.md 5.4 point 4).
type Period struct {
	Start, End time.Time
}

// StartsAfter reports whether p begins later than q. A period without a start is
// earlier than every period with one.
func (p Period) StartsAfter(q Period) bool { return p.Start.After(q.Start) }

// timeForms are the forms in which the API writes times: with a zone (RFC 3339,
// any number of decimals), and without one, which means UTC (API.md 5.4 point 5).
var timeForms = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", time.DateOnly}

// ParseTime reads a time as Partner Center writes it. The result is in UTC and
// truncated, never rounded, to microseconds: the last tick of April must not
// become the first of May. An empty string and the sentinels of year 1 and of year
// 9999 give the zero time.
func ParseTime(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return time.Time{}, nil
	}
	for _, form := range timeForms {
		t, err := time.Parse(form, s)
		if err != nil {
			continue
		}
		t = t.UTC()
		if t.Year() <= 1 || t.Year() >= 9999 {
			return time.Time{}, nil
		}
		return t.Truncate(time.Microsecond), nil
	}
	return time.Time{}, fmt.Errorf("%s is not a time the service is known to write, such as 2019-04-30T23:59:59.9999999Z", quoted(s))
}
