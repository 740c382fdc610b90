package rates_test

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/rates"
)

const (
	daily = `<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
	<gesmes:subject>Reference rates</gesmes:subject>
	<gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>
	<Cube>
		<Cube time='2026-10-30'><Cube currency='USD' rate='1.0843'/><Cube currency='JPY' rate='165.20'/></Cube>
		<Cube time='2026-10-29'><Cube currency='USD' rate='1.08'/></Cube>
	</Cube>
</gesmes:Envelope>`
	history = "Date,USD,JPY,CYP,\n2026-10-30,1.0843,165.20,N/A,\n2026-10-29,1.08,,N/A,\n"
	oneDay  = "Date, USD, JPY, \n30 October 2026, 1.0843, 165.20, \n"
)

func archive(t *testing.T, content string) string {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	file, err := w.Create("eurofxref-hist.csv")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestFilesOfTheCentralBankAreReadAsTheyAre(t *testing.T) {
	t.Parallel()
	days := []string{"2026-10-30|EUR|USD|1.0843|ECB", "2026-10-30|EUR|JPY|165.2|ECB", "2026-10-29|EUR|USD|1.08|ECB"}
	for _, test := range []struct {
		name, file string
		want       []string
	}{
		{"XML", daily, days},
		{"CSV", history, days},
		{"CSV in an archive", archive(t, history), days},
		{"CSV of one day", oneDay, days[:2]},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			parsed, err := rates.Parse([]byte(test.file))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range parsed {
				got = append(got, strings.Join([]string{r.Date.Format("2006-01-02"), r.From, r.To, r.Rate.String(), r.Source}, "|"))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("rates (-want +got):\n%s", diff)
			}
		})
	}
	for _, test := range []struct{ name, file, want string }{
		{"a page", "<html><body>Not found</body></html>", "the file has no rate"},
		{"broken XML", "<Cube", "read the XML"},
		{"a wrong rate", strings.Replace(history, "1.08,", "eight,", 1), `line 3: rate "eight" is not a decimal number`},
		{"an empty archive", archive(t, ""), "the columns are"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, err := rates.Parse([]byte(test.file)); err == nil || !strings.Contains(err.Error(), test.want) && !strings.Contains(err.Error(), "line 1") {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}
