package schedule

import (
	"testing"
	"time"
	_ "time/tzdata" // the tests must not depend on the machine's zones

	"github.com/google/go-cmp/cmp"
)

func TestParseSpecRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ spec, zone, want string }{
		{"", "UTC", `the cron spec is empty; every night at half past two is "30 2 * * *"`},
		{"  ", "UTC", `the cron spec is empty; every night at half past two is "30 2 * * *"`},
		{"* * * *", "UTC", `"* * * *" is not a cron spec of five fields such as "30 2 * * *": expected exactly 5 fields, found 4: [* * * *]`},
		{"0 30 2 * * *", "UTC", `"0 30 2 * * *" is not a cron spec of five fields such as "30 2 * * *": expected exactly 5 fields, found 6: [0 30 2 * * *]`},
		{"60 2 * * *", "UTC", `"60 2 * * *" is not a cron spec of five fields such as "30 2 * * *": end of range (60) above maximum (59): 60`},
		{"@fortnightly", "UTC", `"@fortnightly" is not a cron spec of five fields such as "30 2 * * *": unrecognized descriptor: @fortnightly`},
		{"@every 1h", "UTC", `"@every 1h" is an interval and not a time of day; write a spec of five fields, such as "0 */6 * * *"`},
		{"TZ=Europe/Berlin 30 2 * * *", "UTC", `"TZ=Europe/Berlin 30 2 * * *" names a time zone; name it in schedule.timezone instead`},
		{"CRON_TZ=UTC", "UTC", `"CRON_TZ=UTC" names a time zone; name it in schedule.timezone instead`},
		{" TZ=UTC", "UTC", `" TZ=UTC" names a time zone; name it in schedule.timezone instead`},
		{"0 0 30 2 *", "UTC", `"0 0 30 2 *" never comes due`},
		{", 2 * * *", "UTC", `", 2 * * *" never comes due`},
		{"30 2 * * *", "", `"" is not a time zone; name one such as Europe/Berlin or UTC`},
		{"30 2 * * *", "Local", `"Local" is not a time zone; name one such as Europe/Berlin or UTC`},
		{"30 2 * * *", "Mars/Olympus", `"Mars/Olympus" is not a time zone; name one such as Europe/Berlin or UTC`},
		{"30 2 * * *", "../../etc/passwd", `"../../etc/passwd" is not a time zone; name one such as Europe/Berlin or UTC`},
	} {
		_, err := ParseSpec(tc.spec, tc.zone)
		if err == nil {
			t.Errorf("ParseSpec(%q, %q) was not refused", tc.spec, tc.zone)
			continue
		}
		if diff := cmp.Diff(tc.want, err.Error()); diff != "" {
			t.Errorf("ParseSpec(%q, %q) (-want +got):\n%s", tc.spec, tc.zone, diff)
		}
	}
}

func TestSpecNext(t *testing.T) {
	t.Parallel()
	const nightly = "30 2 * * *"
	for _, tc := range []struct {
		name, spec, zone, after string
		want                    []string
	}{
		{
			"every night in UTC", nightly, "UTC", "2026-07-01T00:00:00Z",
			[]string{"2026-07-01T02:30:00Z", "2026-07-02T02:30:00Z"},
		},
		{
			"an instant that is due is not its own next", nightly, "UTC", "2026-07-01T02:30:00Z",
			[]string{"2026-07-02T02:30:00Z"},
		},
		{
			"a fraction of a second before it is due", nightly, "UTC", "2026-07-01T02:29:59.999Z",
			[]string{"2026-07-01T02:30:00Z"},
		},
		{
			"the instant is given in another zone", nightly, "Europe/Berlin", "2026-06-30T20:00:00-04:00",
			[]string{"2026-07-01T02:30:00+02:00"},
		},
		{
			"Berlin skips 02:00 to 03:00 in spring: once, at the skip", nightly, "Europe/Berlin", "2026-03-28T00:00:00+01:00",
			[]string{"2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"},
		},
		{
			"Berlin shows 02:00 to 03:00 twice in autumn: once, the first time", nightly, "Europe/Berlin", "2026-10-24T00:00:00+02:00",
			[]string{"2026-10-24T02:30:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"},
		},
		{
			"asked within the repeated hour, before its run of the first time", nightly, "Europe/Berlin", "2026-10-25T02:10:00+02:00",
			[]string{"2026-10-25T02:30:00+02:00"},
		},
		{
			"asked within the repeated hour, the second time", nightly, "Europe/Berlin", "2026-10-25T02:10:00+01:00",
			[]string{"2026-10-26T02:30:00+01:00"},
		},
		{
			"New York skips 02:00 to 03:00 in spring", nightly, "America/New_York", "2026-03-07T00:00:00-05:00",
			[]string{"2026-03-07T02:30:00-05:00", "2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"},
		},
		{
			"New York shows 01:00 to 02:00 twice in autumn", "30 1 * * *", "America/New_York", "2026-10-31T00:00:00-04:00",
			[]string{"2026-10-31T01:30:00-04:00", "2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"},
		},
		{
			"several skipped times are one run", "*/30 1-3 * * *", "Europe/Berlin", "2026-03-29T01:00:00+01:00",
			[]string{"2026-03-29T01:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00", "2026-03-30T01:00:00+02:00"},
		},
		{
			"hourly through the repeated hour", "@hourly", "Europe/Berlin", "2026-10-25T01:00:00+02:00",
			[]string{"2026-10-25T02:00:00+02:00", "2026-10-25T03:00:00+01:00"},
		},
		{
			"midnight is skipped in Beirut", "@daily", "Asia/Beirut", "2026-03-28T12:00:00+02:00",
			[]string{"2026-03-29T01:00:00+03:00", "2026-03-30T00:00:00+03:00"},
		},
		{
			"half an hour is skipped on Lord Howe: the order holds", "20,40 2 * * *", "Australia/Lord_Howe", "2026-10-04T01:00:00+10:30",
			[]string{"2026-10-04T02:30:00+11:00", "2026-10-04T02:40:00+11:00", "2026-10-05T02:20:00+11:00"},
		},
		{
			"Samoa skipped a whole day", nightly, "Pacific/Apia", "2011-12-29T12:00:00-10:00",
			[]string{"2011-12-31T00:00:00+14:00", "2011-12-31T02:30:00+14:00"},
		},
		{
			"the first of the month", "@monthly", "UTC", "2026-01-31T12:00:00Z",
			[]string{"2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"},
		},
		{
			"leap days", "0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z",
			[]string{"2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			spec, err := ParseSpec(tc.spec, tc.zone)
			if err != nil {
				t.Fatal(err)
			}
			at, err := time.Parse(time.RFC3339, tc.after)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for range tc.want {
				at = spec.Next(at)
				got = append(got, at.Format(time.RFC3339))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A nightly spec is due once a calendar day, whatever the clocks do.
func TestSpecNextOnceADay(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Asia/Beirut", "Australia/Lord_Howe", "UTC"} {
		for _, text := range []string{"@daily", "30 1 * * *", "30 2 * * *", "0 3 * * *"} {
			spec, err := ParseSpec(text, zone)
			if err != nil {
				t.Fatal(err)
			}
			at := spec.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
			for range 3 * 365 {
				next := spec.Next(at)
				if got, want := next.Format(time.DateOnly), at.AddDate(0, 0, 1).Format(time.DateOnly); got != want {
					t.Fatalf("%s in %s: after %s comes %s", text, zone, at, next)
				}
				at = next
			}
		}
	}
}

func FuzzParseSpec(f *testing.F) {
	f.Add("30 2 * * *", "UTC", int64(1774742400))
	f.Add("@daily", "Europe/Berlin", int64(1774742400))
	f.Add("*/15 0-6,22 1-31/2 jan,mar mon-fri", "America/New_York", int64(0))
	f.Add("TZ=UTC", "UTC", int64(0))
	f.Add(" TZ=Europe/Berlin", "Australia/Lord_Howe", int64(-1))
	f.Add("0 0 29 2 */2", "Asia/Beirut", int64(1<<32))
	f.Fuzz(func(t *testing.T, text, zone string, unix int64) {
		spec, err := ParseSpec(text, zone)
		if err != nil {
			return
		}
		// The years in which a collector will run.
		at := time.Unix(unix&(1<<32-1), 0)
		next := spec.Next(at)
		if !next.IsZero() && !next.After(at) {
			t.Errorf("%q in %s: after %s comes %s", text, zone, at, next)
		}
		// No instant is left out between the two.
		if middle := at.Add(next.Sub(at) / 2); !next.IsZero() && !spec.Next(middle).Equal(next) {
			t.Errorf("%q in %s: after %s comes %s, but after %s comes %s", text, zone, at, next, middle, spec.Next(middle))
		}
	})
}
