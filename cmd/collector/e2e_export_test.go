package main_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io/fs"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/parquet-go/parquet-go"
	"github.com/shopspring/decimal"

	"partnercost/internal/partnersim"
)

// exporting returns a site with two months, restatements, and text that Excel reads as a
// formula.
func exporting(t *testing.T) (s *site, month string) {
	t.Helper()
	// The periods of this future month are open, so no charge is a correction.
	s = newSite(t, partnersim.Options{Customers: 12, Seed: 21, NoCosts: -1, Start: time.Date(2999, time.March, 1, 0, 0, 0, 0, time.UTC)})
	s.collector(t, "run").want(t, 0)
	s.sim.Advance(partnersim.Step{Restate: 0.5})
	s.collector(t, "run").want(t, 0)
	s.sim.Advance(partnersim.Step{OneTimeMonths: 1, RecurringMonths: 1})
	s.collector(t, "run").want(t, 0)
	s.exec(t, `UPDATE collector.billing_profiles SET company_name = '=HYPERLINK("http://example.com","x"), Ö' WHERE customer_key = (SELECT min(customer_key) FROM collector.cost_details)`)
	return s, s.one(t, `SELECT to_char(min(month), 'YYYY-MM') FROM finance.monthly_costs`)
}

func records(t *testing.T, text string) [][]string {
	t.Helper()
	if strings.Count(text, "\n") != strings.Count(text, "\r\n") {
		t.Error("lines do not all end with CR LF")
	}
	table, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestExportFocusCSV(t *testing.T) {
	t.Parallel()
	s, month := exporting(t)
	first := s.collector(t, "export", "--format", "focus-csv", "--period", month).want(t, 0)
	if again := s.collector(t, "export", "--period", month).want(t, 0); again.stdout != first.stdout {
		t.Error("two exports of the same costs differ")
	}
	table := records(t, first.stdout)
	column := func(name string) int {
		i := slices.Index(table[0], name)
		if i < 0 {
			t.Fatalf("there is no column %s", name)
		}
		return i
	}
	sums := map[string]decimal.Decimal{}
	for _, row := range table[1:] {
		sums[row[column("BillingCurrency")]] = sums[row[column("BillingCurrency")]].Add(decimal.RequireFromString(row[column("BilledCost")]))
		if _, err := time.Parse("2006-01-02T15:04:05Z", row[column("BillingPeriodEnd")]); err != nil {
			t.Error(err)
		}
	}
	var got [][]string
	for currency, sum := range sums {
		got = append(got, []string{currency, sum.String()})
	}
	slices.SortFunc(got, slices.Compare)
	want := s.query(t, `SELECT currency_code, trim_scale(sum(after_tax_total))::text FROM finance.monthly_costs WHERE month = to_date($1, 'YYYY-MM') GROUP BY 1 ORDER BY currency_code COLLATE "C"`, month)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sums of BilledCost by currency (-want +got):\n%s", diff)
	}
	if names := s.collector(t, "export", "--period", month, "--focus-version", "1.4").want(t, 0).stdout; !strings.Contains(names[:strings.Index(names, "\n")], "ServiceProviderName,HostProviderName") {
		t.Error("--focus-version 1.4 has not the columns of 1.4")
	}
}

func TestExportKeepsTextExactUnlessForExcel(t *testing.T) {
	t.Parallel()
	s, month := exporting(t)
	for _, format := range []string{"focus-csv", "csv"} {
		exact := s.collector(t, "export", "--format", format, "--period", month).want(t, 0).stdout
		excel := s.collector(t, "export", "--format", format, "--period", month, "--excel").want(t, 0).stdout
		if !strings.Contains(exact, `"=HYPERLINK(""http://example.com"",""x""), Ö"`) {
			t.Errorf("%s: a company name is not as stored", format)
		}
		if strings.Contains(excel, `"=HYPERLINK`) || !strings.Contains(excel, `"'=HYPERLINK(`) || !strings.HasPrefix(excel, "\ufeff") {
			t.Errorf("%s: --excel lets a formula through, or writes no byte order mark", format)
		}
		one, other := records(t, exact), records(t, strings.TrimPrefix(excel, "\ufeff"))
		for i := range one {
			for c := range one[i] {
				if one[i][c] != strings.TrimPrefix(other[i][c], "'") || strings.HasPrefix(other[i][c], "'-1.") {
					t.Errorf("%s: row %d, %s: %q became %q", format, i, one[0][c], one[i][c], other[i][c])
				}
			}
		}
	}
}

func TestExportCSVAndJSONAreTheCosts(t *testing.T) {
	t.Parallel()
	s, month := exporting(t)
	table := records(t, s.collector(t, "export", "--format", "csv", "--period", month).want(t, 0).stdout)
	if got, want := len(table)-1, s.one(t, `SELECT count(*)::text FROM finance.costs WHERE to_char(period_end, 'YYYY-MM') = $1`, month); decimal.NewFromInt(int64(got)).String() != want {
		t.Errorf("%d rows, want %s", got, want)
	}
	text := s.collector(t, "export", "--format", "json", "--period", month).want(t, 0).stdout
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) != len(table)-1 {
		t.Fatalf("%d objects, %d rows", len(lines), len(table)-1)
	}
	for i, line := range lines {
		var object map[string]any
		decode(t, line, &object)
		for c, name := range table[0] {
			var value string
			switch v := object[name].(type) {
			case json.Number:
				value = v.String()
			case string:
				value = v
			}
			if value != table[i+1][c] {
				t.Errorf("row %d, %s: %q in json, %q in csv", i, name, value, table[i+1][c])
			}
		}
		if _, ok := object["after_tax_total"].(json.Number); !ok {
			t.Errorf("after_tax_total is %T", object["after_tax_total"])
		}
	}
}

// unscaled decodes DECIMAL(38,22).
func unscaled(v parquet.Value) decimal.Decimal {
	n := new(big.Int).SetBytes(v.ByteArray())
	if len(v.ByteArray()) > 0 && v.ByteArray()[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(v.ByteArray()))))
	}
	return decimal.NewFromBigInt(n, -22)
}

func TestExportParquetIsExact(t *testing.T) {
	t.Parallel()
	s, month := exporting(t)
	s.exec(t, `UPDATE collector.cost_details SET pretax_total = -0.1999968000511991808131, after_tax_total = NULL WHERE to_char(ends_at AT TIME ZONE 'UTC', 'YYYY-MM') = '`+month+`'`)
	table := records(t, s.collector(t, "export", "--period", month).want(t, 0).stdout)
	file := filepath.Join(s.dir, "focus.parquet")
	s.collector(t, "export", "--format", "parquet", "--period", month, "--out", file).want(t, 0)
	if piped := s.collector(t, "export", "--format", "parquet", "--period", month).want(t, 0).stdout; !strings.HasPrefix(piped, "PAR1") {
		t.Error("nothing was written to standard output")
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := parquet.OpenFile(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	types := map[string]string{}
	for _, field := range opened.Schema().Fields() {
		names = append(names, field.Name())
		types[field.Name()] = field.Type().String()
	}
	if diff := cmp.Diff(table[0], names); diff != "" {
		t.Errorf("columns (-csv +parquet):\n%s", diff)
	}
	for name, want := range map[string]string{
		"BilledCost": "DECIMAL(38,22)", "PricingQuantity": "DECIMAL(38,22)", "BillingPeriodStart": "TIMESTAMP(isAdjustedToUTC=true,unit=MICROS)",
		"x_PeriodStart": "DATE", "x_Reconciliation": "BOOLEAN", "SubAccountName": "STRING",
	} {
		if types[name] != want {
			t.Errorf("%s is %s, want %s", name, types[name], want)
		}
	}
	reader := parquet.NewReader(opened)
	rows := make([]parquet.Row, len(table)+1)
	n, _ := reader.ReadRows(rows)
	if n != len(table)-1 {
		t.Fatalf("%d rows, want %d", n, len(table)-1)
	}
	for i, row := range rows[:n] {
		for c, value := range row {
			want, got := table[i+1][c], ""
			switch {
			case value.IsNull():
			case types[names[c]] == "DECIMAL(38,22)":
				if want != "" && unscaled(value).Equal(decimal.RequireFromString(want)) {
					got = want
				} else {
					got = unscaled(value).String()
				}
			case types[names[c]] == "DATE":
				got = time.Unix(int64(value.Int32())*24*60*60, 0).UTC().Format(time.DateOnly)
			case strings.HasPrefix(types[names[c]], "TIMESTAMP"):
				got = time.UnixMicro(value.Int64()).UTC().Format(time.RFC3339Nano)
			default:
				got = value.String()
			}
			if got != want {
				t.Errorf("row %d, %s: %q in parquet, %q in csv", i, names[c], got, want)
			}
		}
	}
	// The library orders decimals wrongly, so bounds would hide negative amounts.
	for c, chunk := range opened.Metadata().RowGroups[0].Columns {
		if stats := chunk.MetaData.Statistics; types[names[c]] == "DECIMAL(38,22)" && (stats.MinValue != nil || stats.MaxValue != nil) {
			t.Errorf("%s has bounds", names[c])
		}
	}
}

func TestExportReplacesAFileOnlyWhenWhole(t *testing.T) {
	t.Parallel()
	s, month := exporting(t)
	file := filepath.Join(s.dir, "out", "costs")
	s.collector(t, "export", "--period", month, "--out", file).want(t, 1).says(t, "out/costs") // the directory does not exist
	if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	s.collector(t, "export", "--period", month, "--out", file).want(t, 0)
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// A number has more digits than DECIMAL(38,22) holds: the export fails midway.
	s.exec(t, `UPDATE collector.cost_details SET pretax_total = 0.12345678901234567890123 WHERE to_char(ends_at AT TIME ZONE 'UTC', 'YYYY-MM') = '`+month+`'`)
	s.collector(t, "export", "--format", "parquet", "--period", month, "--out", file).want(t, 1).says(t, "does not fit exactly into DECIMAL(38,22)", "focus-csv")
	after, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		t.Error("a failed export changed the file")
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(entries) != 2 {
		t.Errorf("beside the file and its metadata there are %v (%v)", entries, err)
	}
}

func TestExportReplacesOnlyFiles(t *testing.T) {
	t.Parallel()
	s, month := exporting(t)
	want := s.collector(t, "export", "--period", month).want(t, 0).stdout
	pipe, file, link := filepath.Join(s.dir, "pipe"), filepath.Join(s.dir, "costs"), filepath.Join(s.dir, "current")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("costs", link); err != nil {
		t.Fatal(err)
	}
	s.write(t, "costs", "old")
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}

	s.collector(t, "export", "--period", month, "--out", link).want(t, 0)
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("the link's file is %q (%v)", got, err)
	}
	if _, err := os.Stat(file + ".metadata.json"); err != nil {
		t.Errorf("the metadata are not beside the link's file: %v", err)
	}
	if to, err := os.Readlink(link); err != nil || to != "costs" {
		t.Errorf("the link leads to %q (%v)", to, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the file is %v (%v)", info, err)
	}

	read := make(chan string)
	go func() {
		content, _ := os.ReadFile(pipe) // after an error the comparison fails
		read <- string(content)
	}()
	s.collector(t, "export", "--period", month, "--out", pipe).want(t, 0)
	if got := <-read; got != want {
		t.Errorf("the pipe's reader got %q", got)
	}
	if info, err := os.Lstat(pipe); err != nil || info.Mode().Type() != fs.ModeNamedPipe {
		t.Errorf("the pipe is %v (%v)", info, err)
	}
	if got := s.collector(t, "export", "--period", month, "--out", "/dev/stdout").want(t, 0).stdout; got != want {
		t.Errorf("/dev/stdout got %q", got)
	}
	s.collector(t, "export", "--format", "csv", "--period", month, "--out", "/dev/full").want(t, 1).says(t, "no space left")
}

func TestExportOfNothingAndUsage(t *testing.T) {
	t.Parallel()
	s, month := exporting(t)
	for format, header := range map[string]string{"focus-csv": "BilledCost,", "csv": "partner,", "json": "", "parquet": "PAR1"} {
		empty := s.collector(t, "export", "--format", format, "--period", "1999-01").want(t, 0)
		if !strings.HasPrefix(empty.stdout, header) || strings.Count(empty.stdout, "\r\n") > 1 || format == "json" && empty.stdout != "" {
			t.Errorf("%s of nothing: %q", format, empty.stdout)
		}
		if !strings.Contains(empty.stderr, "1999-01") {
			t.Errorf("%s of nothing: stderr says %q", format, empty.stderr)
		}
	}
	s.exec(t, `UPDATE collector.cost_details SET currency_code = NULL WHERE detail_id = (SELECT min(detail_id) FROM collector.cost_details WHERE to_char(ends_at AT TIME ZONE 'UTC', 'YYYY-MM') = '`+month+`')`)
	if note := s.collector(t, "export", "--period", month).want(t, 0).stderr; !strings.Contains(note, "requires: 1.") {
		t.Errorf("about the cost without a currency stderr says %q", note)
	}
	s.collector(t, "export", "--period", month, "--partner", "sim").want(t, 0)
	for _, bad := range [][]string{
		{},
		{"--period", "2026-13"},
		{"--period", "2026"},
		{"--period", month, "--format", "xls"},
		{"--period", month, "--partner", "nobody"},
		{"--period", month, "--format", "json", "--excel"},
		{"--period", month, "--format", "csv", "--focus-version", "1.4"},
		{"--period", month, "--focus-version", "1.3"},
		{"--period", month, "x"},
	} {
		s.collector(t, append([]string{"export"}, bad...)...).want(t, 2)
	}
}

// focusMetadata reads the metadata of an export.
func (s *site) focusMetadata(t *testing.T, file string) map[string]any {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var metadata map[string]any
	decode(t, string(content), &metadata)
	return metadata
}

func TestExportHasTheMetadataOfFOCUS(t *testing.T) {
	t.Parallel()
	s, month := exporting(t)
	column := func(name, kind string, more map[string]any) map[string]any {
		c := map[string]any{"ColumnName": name, "DataType": kind}
		maps.Copy(c, more)
		return c
	}
	decimals := map[string]any{"NumericPrecision": json.Number("38"), "NumberScale": json.Number("22")}
	wantColumns := []any{
		column("SubAccountName", "STRING", map[string]any{"StringEncoding": "UTF-8"}), column("BilledCost", "DECIMAL", decimals), column("BillingPeriodEnd", "DATETIME", nil),
		column("x_PeriodStart", "DATE", nil), column("x_Reconciliation", "BOOLEAN", nil), column("Tags", "JSON", map[string]any{"StringEncoding": "UTF-8"}),
	}
	columns := "SubAccountName,BilledCost,BillingPeriodEnd,x_PeriodStart,x_Reconciliation,Tags"

	file := filepath.Join(s.dir, "focus.csv")
	s.collector(t, "export", "--period", month, "--out", file, "--columns", columns).want(t, 0)
	table, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if header, _, _ := strings.Cut(string(table), "\r\n"); header != columns {
		t.Errorf("columns %s, want %s", header, columns)
	}
	got := s.focusMetadata(t, file+".metadata.json")
	schema, _ := got["Schema"].(map[string]any)
	id, _ := schema["SchemaId"].(string)
	want := map[string]any{
		"DataGenerator": map[string]any{"DataGenerator": "partnercost"},
		"Schema": map[string]any{
			"SchemaId": id, "CreationDate": "2026-11-27T00:00:00Z", "FocusVersion": "1.2", "DataGeneratorVersion": "v0.0.0-e2e", "ColumnDefinition": wantColumns,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" || len(id) != 36 {
		t.Errorf("metadata of 1.2 (-want +got):\n%s", diff)
	}

	// Parquet itself holds the id. With standard output, --metadata names a file.
	parquetFile := filepath.Join(s.dir, "focus.parquet")
	s.collector(t, "export", "--format", "parquet", "--focus-version", "1.4", "--period", month, "--out", parquetFile).want(t, 0)
	elsewhere := filepath.Join(s.dir, "elsewhere.json")
	piped := s.collector(t, "export", "--focus-version", "1.4", "--period", month, "--metadata", elsewhere).want(t, 0)
	got = s.focusMetadata(t, elsewhere)
	if diff := cmp.Diff(s.focusMetadata(t, parquetFile+".metadata.json"), got, cmpopts.IgnoreMapEntries(func(key string, _ any) bool { return key == "RecencyLastUpdated" })); diff != "" {
		t.Errorf("metadata of the same rows (-parquet +csv):\n%s", diff)
	}
	content, err := os.ReadFile(parquetFile)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := parquet.OpenFile(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	schemas, _ := got["Schema"].([]any)
	schema, _ = schemas[0].(map[string]any)
	if kept, _ := opened.Lookup("SchemaId"); kept != schema["SchemaId"] || kept == id {
		t.Errorf("Parquet is of schema %s, its metadata of %v", kept, schema["SchemaId"])
	}
	var names []string
	for _, c := range schema["ColumnDefinition"].([]any) {
		names = append(names, c.(map[string]any)["ColumnName"].(string))
	}
	if diff := cmp.Diff(records(t, piped.stdout)[0], names); diff != "" {
		t.Errorf("columns (-file +metadata):\n%s", diff)
	}
	wantInstances := []any{
		map[string]any{"FocusDatasetId": "CostAndUsage", "DatasetInstanceId": schema["DatasetInstanceId"], "DatasetInstanceName": "Cost and Usage"},
		map[string]any{"FocusDatasetId": "BillingPeriod", "DatasetInstanceId": "", "DatasetInstanceName": "Billing Period"},
	}
	instances, _ := got["DatasetInstance"].([]any)
	wantInstances[1].(map[string]any)["DatasetInstanceId"] = instances[1].(map[string]any)["DatasetInstanceId"]
	if diff := cmp.Diff(wantInstances, instances); diff != "" {
		t.Errorf("dataset instances (-want +got):\n%s", diff)
	}
	recency, _ := got["Recency"].([]any)
	var sectors []any
	for _, row := range s.query(t, `SELECT to_char("BillingPeriodStart" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), to_char("BillingPeriodEnd" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
			to_char("BillingPeriodLastUpdated" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
		FROM finance.focus_billing_period WHERE to_char("BillingPeriodEnd" AT TIME ZONE 'UTC' - interval '1 day', 'YYYY-MM') = $1 ORDER BY "BillingPeriodStart", "BillingPeriodEnd"`, month) {
		sectors = append(sectors, map[string]any{"TimeSectorStart": row[0], "TimeSectorEnd": row[1], "TimeSectorComplete": false, "TimeSectorLastUpdated": row[2]})
	}
	if diff := cmp.Diff(sectors, recency[0].(map[string]any)["TimeSectors"]); diff != "" || len(sectors) == 0 {
		t.Errorf("time sectors (-periods +metadata):\n%s", diff)
	}
}

func TestExportBillingPeriods(t *testing.T) {
	t.Parallel()
	s, month := exporting(t)
	file := filepath.Join(s.dir, "periods.csv")
	s.collector(t, "export", "--dataset", "billing-period", "--period", month, "--out", file).want(t, 0)
	table, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got := records(t, string(table))
	if want := []string{"BillingPeriodStart", "BillingPeriodEnd", "BillingPeriodCreated", "BillingPeriodLastUpdated", "BillingPeriodStatus", "InvoiceIssuerName"}; !slices.Equal(got[0], want) || len(got) < 2 {
		t.Errorf("columns %v of %d rows, want %v", got[0], len(got)-1, want)
	}
	for _, row := range got[1:] {
		for _, cell := range row[:4] {
			if _, err := time.Parse("2006-01-02T15:04:05Z", cell); err != nil || len(cell) != 20 {
				t.Errorf("%s is no instant of FOCUS", cell)
			}
		}
	}
	recency := s.focusMetadata(t, file+".metadata.json")["Recency"].([]any)[0].(map[string]any)
	if recency["DatasetInstanceComplete"] != false || recency["DatasetInstanceLastUpdated"] == "" || recency["TimeSectors"] != nil {
		t.Errorf("recency %v, want an open dataset without time sectors", recency)
	}
}

func TestExportRefusesWhatDoesNotGoTogether(t *testing.T) {
	t.Parallel()
	s, month := exporting(t)
	for _, test := range []struct{ flags, want string }{
		{"--format csv --dataset billing-period", "--dataset needs"},
		{"--format json --metadata m.json", "--metadata needs"},
		{"--format csv --out .", "--out . is a directory"},
		{"--focus-version 1.2 --dataset billing-period", "needs --focus-version 1.4"},
		{"--dataset billing-period --partner sim", "covers all partners"},
		{"--out x --metadata x", "the same file"},
		{"--columns BilledCost,NoSuch --out unknown.csv", `no column "NoSuch"`},
	} {
		r := s.collector(t, append([]string{"export", "--period", month}, strings.Fields(test.flags)...)...).want(t, 2)
		if !strings.Contains(r.stderr, test.want) {
			t.Errorf("%s: %q, want %q", test.flags, r.stderr, test.want)
		}
	}
	for _, file := range []string{"x", "unknown.csv", "unknown.csv.metadata.json", "m.json"} {
		if _, err := os.Stat(filepath.Join(s.dir, file)); err == nil {
			t.Errorf("%s was written", file)
		}
	}
	// Beside a device no file is written.
	s.collector(t, "export", "--period", month, "--out", "/dev/null").want(t, 0)
	if _, err := os.Stat("/dev/null.metadata.json"); err == nil {
		t.Error("/dev/null.metadata.json was written")
	}
}
