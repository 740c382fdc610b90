package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
)

func TestReadCustomersFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "customers.txt")
	write(t, path, "\ufeff"+strings.ToUpper(string(customerB))+"\r\n# ours\r\n\r\n\t "+string(customerA)+" # Contoso\r\n   # the end")
	got, err := ReadCustomersFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]billing.CustomerID{customerB, customerA}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestReadCustomersFileRefuses(t *testing.T) {
	t.Parallel()
	var many, shown strings.Builder
	for i := range 25 {
		fmt.Fprintf(&many, "c%d\n", i)
		if i < 20 {
			fmt.Fprintf(&shown, "FILE:%d: \"c%d\" is not a GUID of the form 00000000-0000-0000-0000-000000000000\n", i+2, i)
		}
	}
	for _, tc := range []struct{ name, text, want string }{
		{"empty", "", "FILE: the file has no customer; write one GUID per line"},
		{"comments only", "# ours\n\n", "FILE: the file has no customer; write one GUID per line"},
		{
			"a table", string(customerA) + ",Contoso\n" + string(customerB),
			`FILE:1: "ae1d5b32-f9ff-4252-b2bf-40e21937a51a,Contoso" is not a GUID of the form 00000000-0000-0000-0000-000000000000`,
		},
		{
			"repeated in the other case", string(customerA) + "\n\n" + strings.ToUpper(string(customerA)),
			"FILE:3: ae1d5b32-f9ff-4252-b2bf-40e21937a51a duplicates line 1",
		},
		{
			"many", string(customerA) + "\n" + many.String(),
			shown.String() + "FILE:22: and 5 more from this line on",
		},
		{"UTF-16", "\xff\xfea\x00e\x00\n\x00", "FILE:1: the file is UTF-16; save it as UTF-8"},
		{
			"an endless line", string(customerA) + "\n" + strings.Repeat("x", 1<<17),
			"FILE:2: the line is longer than 65536 characters; write one GUID per line",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "customers.txt")
			write(t, path, tc.text)
			ids, err := ReadCustomersFile(path)
			if diff := cmp.Diff(tc.want, strings.ReplaceAll(fmt.Sprint(err), path, "FILE")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if ids != nil {
				t.Errorf("%v were returned beside the error", ids)
			}
		})
	}

	path := filepath.Join(t.TempDir(), "nowhere")
	_, err := ReadCustomersFile(path)
	if diff := cmp.Diff(path+": cannot be read: no such file or directory", fmt.Sprint(err)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestCustomersListed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "customers.txt")
	write(t, path, string(customerB)+"\n"+string(customerA)+"\n")
	for _, tc := range []struct {
		name      string
		customers Customers
		want      []billing.CustomerID
	}{
		{"ids", Customers{IDs: []billing.CustomerID{customerA, customerB}}, []billing.CustomerID{customerA, customerB}},
		{"ids but one", Customers{IDs: []billing.CustomerID{customerA, customerB}, Exclude: []billing.CustomerID{customerA}}, []billing.CustomerID{customerB}},
		{"file", Customers{File: path}, []billing.CustomerID{customerB, customerA}},
		{"file but one", Customers{File: path, Exclude: []billing.CustomerID{customerB}}, []billing.CustomerID{customerA}},
		{"discovered", Customers{Discover: true}, nil},
	} {
		var got []billing.CustomerID
		for id, err := range tc.customers.Listed() {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, id)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
		for range tc.customers.Listed() {
			break // stopping early must not panic
		}
	}
}

// The file may have changed since it was checked.
func TestCustomersListedOfAChangedFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "customers.txt")
	listed := func() (got []string) {
		for id, err := range (Customers{File: path}).Listed() {
			if err != nil {
				got = append(got, strings.ReplaceAll(err.Error(), path, "FILE"))
				continue
			}
			got = append(got, string(id))
		}
		return got
	}
	write(t, path, "x\n"+string(customerA))
	want := []string{`FILE:1: "x" is not a GUID of the form 00000000-0000-0000-0000-000000000000`, string(customerA)}
	if diff := cmp.Diff(want, listed()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	write(t, path, "")
	if diff := cmp.Diff([]string{"FILE: the file has no customer; write one GUID per line"}, listed()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, err := range (Customers{File: path + "x"}).Listed() {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a missing file is %v", err)
		}
	}
}

func FuzzParseCustomers(f *testing.F) {
	f.Add("\ufeff" + string(customerA) + " # Contoso\r\n" + string(customerB))
	f.Add(string(customerA) + "\n" + strings.ToUpper(string(customerA)))
	f.Add("#\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		var ids []billing.CustomerID
		line := 0
		for id, err := range parseCustomers(strings.NewReader(text), "customers.txt") {
			if err == nil {
				ids = append(ids, id)
				continue
			}
			problem, ok := errors.AsType[Problem](err)
			if !ok || strings.ContainsAny(problem.Message, "\r\n") || problem.Line != 0 && problem.Line <= line {
				t.Errorf("after line %d: %v", line, err)
			}
			line = problem.Line
		}
		slices.Sort(ids)
		if len(slices.Compact(slices.Clone(ids))) != len(ids) {
			t.Errorf("an id twice: %v", ids)
		}
		for _, id := range ids {
			if again, err := billing.ParseCustomerID(string(id)); err != nil || again != id {
				t.Errorf("%q is not canonical", id)
			}
		}
	})
}

func BenchmarkParseCustomers(b *testing.B) {
	var text strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&text, "%08x-0000-0000-0000-000000000000\n", i)
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range parseCustomers(strings.NewReader(text.String()), "customers.txt") {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

// Of many ids, some share their bit in the set of suspects. Only those that are repeated
// are refused, with the line of the first.
func TestCustomersRepeatedAmongMany(t *testing.T) {
	t.Parallel()
	const ids = 50_000
	var text strings.Builder
	for i := range ids {
		fmt.Fprintf(&text, "%08x-0000-0000-0000-000000000000\n", i)
	}
	text.WriteString("0000001F-0000-0000-0000-000000000000\n# nothing\n0000c34f-0000-0000-0000-000000000000\n0000001f-0000-0000-0000-000000000000\n")
	var problems []string
	found := 0
	for _, err := range parseCustomers(strings.NewReader(text.String()), "FILE") {
		if err != nil {
			problems = append(problems, err.Error())
			continue
		}
		found++
	}
	want := []string{
		"FILE:50001: 0000001f-0000-0000-0000-000000000000 duplicates line 32",
		"FILE:50003: 0000c34f-0000-0000-0000-000000000000 duplicates line 50000",
		"FILE:50004: 0000001f-0000-0000-0000-000000000000 duplicates line 32",
	}
	if diff := cmp.Diff(want, problems); diff != "" || found != ids {
		t.Errorf("%d ids, want %d (-want +got):\n%s", found, ids, diff)
	}
}

// A program may write the list into a pipe, as with --customers-file /dev/stdin.
func TestCustomersFromAPipe(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() { written <- os.WriteFile(path, []byte(customerB+"\n"+customerA+"\n"+customerB+"\n"), 0o600) }()
	_, err := ReadCustomersFile(path)
	if want := path + ":3: " + string(customerB) + " duplicates line 1"; err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
}
