package config

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"github.com/google/uuid"

	"partnercost/internal/billing"
)

// Listed yields the customers of ids or file that are not excluded, in their order, and
// none if they are to be discovered. A file is read in its present state, line by line,
// and checked again, because it may have changed since Load. An error about a line is a
// Problem, and the sequence continues after it; after any other error it ends.
func (c Customers) Listed() iter.Seq2[billing.CustomerID, error] {
	if c.File != "" {
		return c.WithoutExcluded(readCustomers(c.File))
	}
	return c.WithoutExcluded(func(yield func(billing.CustomerID, error) bool) {
		for _, id := range c.IDs {
			if !yield(id, nil) {
				return
			}
		}
	})
}

// WithoutExcluded yields ids without the excluded customers.
func (c Customers) WithoutExcluded(ids iter.Seq2[billing.CustomerID, error]) iter.Seq2[billing.CustomerID, error] {
	excluded := make(map[billing.CustomerID]bool, len(c.Exclude))
	for _, id := range c.Exclude {
		excluded[id] = true
	}
	return func(yield func(billing.CustomerID, error) bool) {
		for id, err := range ids {
			if err == nil && excluded[id] {
				continue
			}
			if !yield(id, err) {
				return
			}
		}
	}
}

// ReadCustomersFile returns the customers of the file at path, which has one GUID per
// line; empty lines and comments after # are ignored. Malformed and repeated ids, and a
// file without ids, are refused as Errors, with all their lines.
func ReadCustomersFile(path string) ([]billing.CustomerID, error) {
	var ids []billing.CustomerID
	if problems := checkCustomers(path, func(id billing.CustomerID) { ids = append(ids, id) }); len(problems) > 0 {
		return nil, problems
	}
	return ids, nil
}

// checkCustomers reads the whole file at path and passes every valid id to keep. It
// returns the first problems and how many more there are.
func checkCustomers(path string, keep func(billing.CustomerID)) Errors {
	const most = 20
	var problems Errors
	var next Problem // the first problem that is not shown
	more := 0
	for id, err := range readCustomers(path) {
		if err == nil {
			keep(id)
			continue
		}
		problem, ok := errors.AsType[Problem](err)
		if !ok {
			problem = Problem{File: path, Message: fmt.Sprintf("cannot be read: %v", cause(err))}
		}
		switch {
		case len(problems) < most:
			problems = append(problems, problem)
		case more == 0:
			next = problem
			fallthrough
		default:
			more++
		}
	}
	if more > 0 {
		next.Message = fmt.Sprintf("and %d more from this line on", more)
		problems = append(problems, next)
	}
	return problems
}

// readCustomers yields the ids of the file at path, as Customers.Listed does.
func readCustomers(path string) iter.Seq2[billing.CustomerID, error] {
	return func(yield func(billing.CustomerID, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield("", fmt.Errorf("customers file: %w", err))
			return
		}
		defer func() { _ = f.Close() }() // the file is only read, so no data can be lost
		content := io.ReadSeeker(f)
		if info, err := f.Stat(); err == nil && !info.Mode().IsRegular() { // a pipe can be read only once
			text, err := io.ReadAll(f)
			if err != nil {
				yield("", fmt.Errorf("customers file: %w", err))
				return
			}
			content = bytes.NewReader(text)
		}
		for id, err := range parseCustomers(content, path) {
			if !yield(id, err) {
				return
			}
		}
	}
}

// parseCustomers yields the ids in r, which it reads twice, each id once; problems call
// it name. What ends the first reading ends the second one too, and is told by it.
func parseCustomers(r io.ReadSeeker, name string) iter.Seq2[billing.CustomerID, error] {
	return func(yield func(billing.CustomerID, error) bool) {
		size, err := r.Seek(0, io.SeekEnd)
		if err == nil {
			_, err = r.Seek(0, io.SeekStart)
		}
		if err != nil {
			yield("", fmt.Errorf("customers file: %w", err))
			return
		}
		suspects := newSuspects(size / shortestLine)
		for l, err := range customerLines(r, name) {
			if err == nil {
				suspects.add(l.key)
			}
		}
		if _, err := r.Seek(0, io.SeekStart); err != nil {
			yield("", fmt.Errorf("customers file: %w", err))
			return
		}
		for l, err := range customerLines(r, name) {
			if err == nil {
				if first := suspects.first(l.key, l.number); first != l.number {
					l.id, err = "", Problem{File: name, Line: l.number, Message: fmt.Sprintf("%s duplicates line %d", l.id, first)}
				}
			}
			if !yield(l.id, err) {
				return
			}
		}
	}
}

// customerLine is a line of a customers file with an id.
type customerLine struct {
	number int
	id     billing.CustomerID
	key    uuid.UUID
}

// shortestLine is the number of bytes of an id and the end of its line.
const shortestLine = 37

// customerLines yields the lines of r with an id, repeated ones too.
func customerLines(r io.Reader, name string) iter.Seq2[customerLine, error] {
	return func(yield func(customerLine, error) bool) {
		refuse := func(line int, format string, args ...any) bool {
			return yield(customerLine{}, Problem{File: name, Line: line, Message: fmt.Sprintf(format, args...)})
		}
		lines := bufio.NewScanner(r)
		found := false
		n := 1
		for ; lines.Scan(); n++ {
			text := lines.Bytes()
			if n == 1 {
				if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
					refuse(n, "the file is UTF-16; save it as UTF-8")
					return
				}
				text = bytes.TrimPrefix(text, []byte("\ufeff"))
			}
			text, _, _ = bytes.Cut(text, []byte("#"))
			if text = bytes.TrimSpace(text); len(text) == 0 {
				continue
			}
			id, err := billing.ParseCustomerID(shorten(string(text)))
			if err != nil {
				if !refuse(n, "%v", err) {
					return
				}
				continue
			}
			found = true
			if !yield(customerLine{number: n, id: id, key: uuid.MustParse(string(id))}, nil) {
				return
			}
		}
		switch err := lines.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			refuse(n, "the line is longer than %d characters; write one GUID per line", bufio.MaxScanTokenSize)
		case err != nil:
			yield(customerLine{}, fmt.Errorf("customers file: %w", err))
		case !found:
			refuse(0, "the file has no customer; write one GUID per line")
		}
	}
}

// customers checks the source of a partner's customers.
func (l *loader) customers(c *Customers, path string) {
	var ways []string
	for _, way := range []string{"ids", "file", "discover"} {
		if l.given(join(path, way)) && (way != "discover" || c.Discover) {
			ways = append(ways, way)
		}
	}
	switch {
	case len(ways) == 0:
		l.refuse(path, "must have one of ids, file and discover: true")
	case len(ways) > 1:
		l.refuse(path, "must have only one of %s", strings.Join(ways, " and "))
	}
	if c.IDs != nil && len(c.IDs) == 0 {
		l.refuse(join(path, "ids"), "the list is empty; name a customer, or use file or discover")
	}
	l.repeated(c.IDs, join(path, "ids"))
	l.repeated(c.Exclude, join(path, "exclude"))
	if l.given(join(path, "file")) {
		l.customersFile(c.File, join(path, "file"))
	}
}

// repeated refuses every id that is in the list a second time.
func (l *loader) repeated(ids []billing.CustomerID, path string) {
	first := make(map[billing.CustomerID]int, len(ids))
	for i, id := range ids {
		at := fmt.Sprintf("%s[%d]", path, i)
		if line, repeated := first[id]; repeated && id != "" {
			l.refuse(at, "%s duplicates line %d", id, line)
			continue
		}
		first[id] = l.lines[at]
	}
}

// customersFile checks the customers file that the key at path names. If the file
// cannot be opened, the problem belongs to the key; problems of its content belong to
// the file.
func (l *loader) customersFile(file, path string) {
	if file == "" {
		l.refuse(path, "names no file")
		return
	}
	if info, err := os.Stat(file); err != nil {
		l.refuse(path, "%s: %v (a relative path starts at the directory of this file)", file, cause(err))
		return
	} else if info.IsDir() {
		l.refuse(path, "%s is a directory", file)
		return
	}
	l.problems = append(l.problems, checkCustomers(file, func(billing.CustomerID) {})...)
}
