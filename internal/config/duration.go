package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// parseDuration reads a Go duration that may begin with a number of days, such as
// "800d", "1d12h" or "90s". A day is 24 hours.
func parseDuration(s string) (time.Duration, error) {
	days, rest, found := strings.Cut(s, "d")
	if !found {
		days, rest = "0", s
	} else if rest == "" {
		rest = "0"
	}
	n, err := strconv.ParseUint(days, 10, 32)
	d, restErr := time.ParseDuration(rest)
	switch {
	case err != nil || restErr != nil || found && strings.HasPrefix(rest, "-"):
		return 0, fmt.Errorf(`%q is not a duration such as "90s", "5m" or "800d"`, shorten(s))
	case n > uint64((math.MaxInt64-d.Abs())/day):
		return 0, fmt.Errorf("%q is longer than 292 years", shorten(s))
	}
	return time.Duration(n)*day + d, nil
}
