package rates_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/rates"
)

const header = "date,from_currency,to_currency,rate,source\n"

func TestRatesAreExact(t *testing.T) {
	t.Parallel()
	parsed, err := rates.Parse([]byte("\ufeff" + header + "2026-10-30,EUR,USD,1.08430,ECB\n2026-10-31,EUR,USD,0.1, \n"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range parsed {
		got = append(got, strings.Join([]string{r.Date.Format("2006-01-02"), r.From, r.To, r.Rate.String(), r.Source}, "|"))
	}
	if diff := cmp.Diff([]string{"2026-10-30|EUR|USD|1.0843|ECB", "2026-10-31|EUR|USD|0.1|"}, got); diff != "" {
		t.Errorf("rates (-want +got):\n%s", diff)
	}
}

func TestEveryMistakeIsNamedWithItsLine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, file, want string }{
		{"empty", "", "line 1: the file is empty; it begins with the line date,from_currency,to_currency,rate,source"},
		{"other columns", "day,rate\n", "line 1: the columns are day,rate; want date,from_currency,to_currency,rate and optionally source"},
		{"no rate", header, "line 2: the file has no rate after the header"},
		{
			"several mistakes",
			header + "30.10.2026,EUR,USD,1,\n2026-10-30,eur,USD,1e3,\n2026-10-30,EUR,EUR,0,\n2026-10-30,EUR,USD\n",
			`line 2: date "30.10.2026" is not a day of the form YYYY-MM-DD
line 3: from_currency "eur" is not an ISO 4217 code, such as EUR
line 3: rate "1e3" is not a decimal number, such as 1.0843
line 4: from_currency and to_currency are both "EUR"
line 4: rate 0 is not greater than 0
line 5: there are 3 values; want 5`,
		},
		{"twice", header + "2026-10-30,EUR,USD,1,\n2026-10-30,EUR,USD,2,\n", "line 3: line 2 has a rate for the same day and currencies"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := rates.Parse([]byte(test.file))
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}
