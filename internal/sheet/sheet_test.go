package sheet_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/sheet"
)

// written returns a writer's output for rows; "NULL" is NULL.
func written(t *testing.T, open func(io.Writer) sheet.Writer, columns []sheet.Column, rows ...[]string) string {
	t.Helper()
	var b strings.Builder
	w := open(&b)
	err := w.Begin(columns)
	for _, row := range rows {
		var cells [][]byte
		for _, cell := range row {
			if cell == "NULL" {
				cells = append(cells, nil)
			} else {
				cells = append(cells, []byte(cell))
			}
		}
		err = errors.Join(err, w.Row(cells))
	}
	if err := errors.Join(err, w.Finish()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func exactCSV(w io.Writer) sheet.Writer { return sheet.NewCSV(w, false) }
func excelCSV(w io.Writer) sheet.Writer { return sheet.NewCSV(w, true) }

func TestEveryFormat(t *testing.T) {
	t.Parallel()
	columns := []sheet.Column{{Name: "company_name"}, {Name: "total", Kind: sheet.Number}, {Name: "active", Kind: sheet.Bool}}
	rows := [][]string{{`Müller, "Co"`, "17.219999999999999", "true"}, {"NULL", "-2.50", "NULL"}, {"<A&B>", "NULL", "false"}, {"", "NaN", "false"}}
	for _, test := range []struct {
		name        string
		open        func(io.Writer) sheet.Writer
		want, empty string
	}{
		{
			"text", sheet.NewText, `company_name               total  active
Müller, "Co"  17.219999999999999  true
                           -2.50
<A&B>                             false
                             NaN  false
`, "company_name  total  active\n",
		},
		{
			"csv", exactCSV, "company_name,total,active\r\n\"Müller, \"\"Co\"\"\",17.219999999999999,true\r\n,-2.50,\r\n<A&B>,,false\r\n,NaN,false\r\n",
			"company_name,total,active\r\n",
		},
		{
			"json", sheet.NewJSON, `[
  {"company_name": "Müller, \"Co\"", "total": 17.219999999999999, "active": true},
  {"company_name": null, "total": -2.50, "active": null},
  {"company_name": "\u003cA\u0026B\u003e", "total": null, "active": false},
  {"company_name": "", "total": "NaN", "active": false}
]
`, "[\n]\n",
		},
		{
			"json lines", sheet.NewJSONLines, `{"company_name":"Müller, \"Co\"","total":17.219999999999999,"active":true}
{"company_name":null,"total":-2.50,"active":null}
{"company_name":"\u003cA\u0026B\u003e","total":null,"active":false}
{"company_name":"","total":"NaN","active":false}
`, "",
		},
	} {
		if diff := cmp.Diff(test.want, written(t, test.open, columns, rows...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if diff := cmp.Diff(test.empty, written(t, test.open, columns)); diff != "" {
			t.Errorf("%s without rows (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestTextIsNoFormula(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "Contoso": "Contoso", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "\rx": "'\rx", "\nx": "'\nx", "Ö=1": "Ö=1",
	} {
		if got := sheet.Inert(text); got != want {
			t.Errorf("Inert(%q) = %q, want %q", text, got, want)
		}
	}
	columns := []sheet.Column{{Name: "name"}, {Name: "total", Kind: sheet.Number}}
	if got, want := written(t, excelCSV, columns, []string{"=1+1", "-1"}), "\ufeffname,total\r\n'=1+1,-1\r\n"; got != want {
		t.Errorf("for Excel: %q, want %q", got, want)
	}
}

// hostile is a name that sets the title of a terminal, clears it, and changes the
// direction of the text.
const hostile = "A\x1b]0;owned\a\x1b[2J\u009b31m\u202eB\u2066\u200f\nC"

func TestOnlyTextForPeopleIsMadePrintable(t *testing.T) {
	t.Parallel()
	const want = "A\ufffd]0;owned\ufffd\ufffd[2J\ufffd31m\ufffdB\ufffd\ufffd C"
	if got := sheet.Printable(hostile); got != want {
		t.Errorf("Printable gives %q, want %q", got, want)
	}
	for _, same := range []string{"", "Größe 株式会社 🙂‍↔️", "شركة", "a  b"} {
		if got := sheet.Printable(same); got != same {
			t.Errorf("Printable changed %q to %q", same, got)
		}
	}
	columns := []sheet.Column{{Name: "name"}}
	if got := written(t, sheet.NewText, columns, []string{hostile}); got != "name\n"+want+"\n" {
		t.Errorf("a table is %q", got)
	}
	for name, exact := range map[string]string{
		"csv":  written(t, exactCSV, columns, []string{hostile}),
		"json": written(t, sheet.NewJSON, columns, []string{hostile}),
	} {
		if !strings.Contains(exact, "\u202e") || strings.Contains(exact, "\ufffd") {
			t.Errorf("%s does not keep the text: %q", name, exact)
		}
	}
}

func TestTablesAlignWideText(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	table := sheet.Table{Header: []string{"NAME", "N"}, Rows: [][]string{{"Birch 株式会社", "1"}, {"Cafe\u0301 Süd", "2"}, {"ｆｕｌｌ", "3"}}}
	if err := table.Write(sheet.NewText(&out)); err != nil {
		t.Fatal(err)
	}
	want := "NAME            N\nBirch 株式会社  1\nCafe\u0301 Süd        2\nｆｕｌｌ        3\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestReportsAreWrittenAsPeopleReadThem(t *testing.T) {
	t.Parallel()
	columns := []sheet.Column{
		{Name: "currency_code"}, {Name: "after_tax_total", Kind: sheet.Number}, {Name: "quantity", Kind: sheet.Number}, {Name: "changed_at", Kind: sheet.Instant}, {Name: "active", Kind: sheet.Bool},
	}
	got := written(t, sheet.NewReport, columns,
		[]string{"EUR", "3852.6", "1.0", "2026-11-27T23:40:05.208368Z", "true"},
		[]string{"JPY", "5161472.0", "2", "2026-11-27T23:40:05Z", "false"},
		[]string{"EUR", "44817.539999999999999", "3", "x", "NULL"},
		[]string{"USD", "0.0", "4", "NULL", "true"},
		[]string{"KWD", "-1", "5", "NULL", "true"},
		[]string{"NULL", "1.50", "6", "NULL", "true"},
		[]string{"USD", "NaN", "7", "NULL", "true"})
	want := `currency_code        after_tax_total  quantity  changed_at           active
EUR                          3852.60       1.0  2026-11-27 23:40:05  yes
JPY                          5161472         2  2026-11-27 23:40:05  no
EUR            44817.539999999999999         3  x
USD                             0.00         4                       yes
KWD                           -1.000         5                       yes
                                1.50         6                       yes
USD                              NaN         7                       yes
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
