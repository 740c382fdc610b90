package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"partnercost/internal/billing"
	"partnercost/internal/fetch"
	"partnercost/internal/persist"
)

// maxSaved bounds a saved body, as the client bounds an answer.
const maxSaved = 64 << 20

// importBatch is how many customers are imported in one transaction.
const importBatch = 200

// savedKinds are the files of a customer's directory.
var savedKinds = []struct {
	name string
	kind billing.DocumentKind
}{
	{"profile.json", billing.ProfileDocument},
	{"summary.json", billing.SummaryDocument},
	{"lineitems.json", billing.LineItemsDocument},
}

// savedCustomer is an entry of the directory to import, and what is in it once it
// was read.
type savedCustomer struct {
	dir       string
	id        billing.CustomerID
	files     []savedFile
	statement billing.Statement
	// refused is set when a file is at fault; then nothing of the customer is imported.
	refused bool
}

// savedFile is what becomes of one file.
type savedFile struct {
	Path       string             `json:"file"`
	CustomerID billing.CustomerID `json:"customer_id,omitempty"`
	// Result is stored, unchanged, kept (what was collected stands) or refused.
	Result string `json:"result"`
	// Detail says more: what is new, or why the file was refused.
	Detail string `json:"detail,omitempty"`

	kind billing.DocumentKind
}

// String is the line of a text report.
func (f savedFile) String() string {
	if f.Detail == "" {
		return f.Path + ": " + f.Result
	}
	return f.Path + ": " + f.Result + ": " + f.Detail
}

// findSaved lists the directories of the customers. It reads no file yet.
func findSaved(dir string) ([]savedCustomer, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("saved answers: %w", err)
	}
	var found []savedCustomer
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		found = append(found, savedCustomer{dir: filepath.Join(dir, entry.Name())})
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("there is nothing in %s; it must hold a directory per customer, named by the customer's GUID", dir)
	}
	return found, nil
}

// read reads the customer's files and derives the statement. What is wrong is noted
// with the file.
func (s *savedCustomer) read() {
	id, err := billing.ParseCustomerID(filepath.Base(s.dir))
	if err != nil {
		s.refuse(s.dir, "not named by a customer's GUID")
		return
	}
	s.id = id
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		s.refuse(s.dir, "not a directory that can be read")
		return
	}
	var docs []billing.Document
	for _, entry := range entries {
		path := filepath.Join(s.dir, entry.Name())
		i := slices.IndexFunc(savedKinds, func(k struct {
			name string
			kind billing.DocumentKind
		},
		) bool {
			return k.name == entry.Name()
		})
		switch {
		case strings.HasPrefix(entry.Name(), "."):
			continue
		case i < 0:
			s.refuse(path, "not one of profile.json, summary.json, lineitems.json")
			continue
		}
		kind := savedKinds[i].kind
		body, err := readSaved(path)
		if err == nil {
			// Alone, so that the error is this file's.
			_, err = fetch.Normalise(id, []billing.Document{{Kind: kind, Body: body}})
		}
		if err != nil {
			s.refuse(path, err.Error())
			continue
		}
		s.files = append(s.files, savedFile{Path: path, CustomerID: id, kind: kind})
		docs = append(docs, billing.Document{Kind: kind, Body: body})
	}
	has := func(kind billing.DocumentKind) bool {
		return slices.ContainsFunc(s.files, func(f savedFile) bool { return f.kind == kind })
	}
	switch {
	case s.refused:
		return
	case len(docs) == 0:
		s.refuse(s.dir, "holds none of profile.json, summary.json, lineitems.json")
		return
	case has(billing.LineItemsDocument) && !has(billing.SummaryDocument):
		s.refuse(filepath.Join(s.dir, "lineitems.json"), "line items need their summary.json, which says in which period they belong")
		return
	}
	if s.statement, err = fetch.Normalise(id, docs); err != nil {
		s.refuse(s.dir, err.Error())
	}
}

// refuse notes what is wrong with the entry, and that the customer is left out.
func (s *savedCustomer) refuse(path, why string) {
	s.refused = true
	i := slices.IndexFunc(s.files, func(f savedFile) bool { return f.Path == path })
	if i < 0 {
		i = len(s.files)
		s.files = append(s.files, savedFile{Path: path, CustomerID: s.id})
	}
	s.files[i].Result, s.files[i].Detail = "refused", why
}

// readSaved reads a file whole, within bounds.
func readSaved(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer func() { _ = f.Close() }() // only read
	body, err := io.ReadAll(io.LimitReader(f, maxSaved+1))
	switch {
	case err != nil:
		return nil, withoutPath(err)
	case len(body) > maxSaved:
		return nil, fmt.Errorf("larger than %d MiB", maxSaved>>20)
	case len(strings.TrimSpace(string(body))) == 0:
		return nil, errors.New("empty")
	}
	return body, nil
}

// withoutPath is the cause of an error that names a file which its reader knows.
func withoutPath(err error) error {
	if pathErr, ok := errors.AsType[*os.PathError](err); ok {
		return pathErr.Err
	}
	return err
}

// importSaved imports what was found, as a run of the partner.
func (c *collection) importSaved(ctx context.Context, partner string, saved []savedCustomer, out *lines) summary {
	run, log := c.newRun(partner)
	run.Scope = billing.SomeCustomers
	return c.locked(ctx, partner, func(ctx context.Context) summary {
		return c.record(ctx, run, false, log, func(ctx context.Context) (billing.Tally, error) {
			tally := billing.Tally{Total: len(saved)}
			seen := make(map[billing.CustomerID]bool, len(saved))
			for chunk := range slices.Chunk(saved, importBatch) {
				if err := c.importChunk(ctx, run, chunk, seen, out, &tally); err != nil {
					return tally, err
				}
			}
			return tally, nil
		})
	})
}

// importChunk reads, stores and reports some customers.
func (c *collection) importChunk(ctx context.Context, run billing.Run, chunk []savedCustomer, seen map[billing.CustomerID]bool, out *lines, tally *billing.Tally) error {
	var readable []*savedCustomer
	for i := range chunk {
		s := &chunk[i]
		if s.read(); s.refused {
			continue
		}
		if seen[s.id] {
			s.refuse(s.dir, "another directory names the same customer")
			continue
		}
		seen[s.id] = true
		s.statement.FetchedAt = c.now()
		readable = append(readable, s)
	}
	if err := c.storeSaved(ctx, run, readable, tally); err != nil {
		return err
	}
	for i := range chunk {
		s := &chunk[i]
		if s.refused {
			tally.Add(billing.CustomerResult{Outcome: billing.FailedOutcome})
		}
		s.statement = billing.Statement{}
		for _, f := range s.files {
			if f.Result == "" {
				f.Result, f.Detail = "refused", "another file of this customer is refused"
			}
			if err := out.line(f, f.String()); err != nil {
				return err
			}
		}
	}
	return nil
}

// storeSaved imports what could be read. When the database refuses some of it, the
// customer at fault is found and refused too.
func (c *collection) storeSaved(ctx context.Context, run billing.Run, saved []*savedCustomer, tally *billing.Tally) error {
	if len(saved) == 0 {
		return nil
	}
	batch := make([]billing.Statement, len(saved))
	for i, s := range saved {
		batch[i] = s.statement
	}
	results, err := c.store.Import(ctx, run, batch)
	switch {
	case errors.Is(err, billing.ErrRejected) && len(saved) == 1:
		saved[0].refuse(saved[0].dir, err.Error())
		return nil
	case errors.Is(err, billing.ErrRejected):
		half := len(saved) / 2
		if err := c.storeSaved(ctx, run, saved[:half], tally); err != nil {
			return err
		}
		return c.storeSaved(ctx, run, saved[half:], tally)
	case err != nil:
		return err
	}
	for i, s := range saved {
		tally.Add(results[i].CustomerResult)
		s.settle(results[i])
		for _, f := range s.statement.Findings {
			c.log.Warn("imported with a finding", slog.String("customer_id", string(s.id)), slog.String("kind", string(f.Kind)), slog.String("finding", f.Detail))
		}
	}
	return nil
}

// settle says what became of each file.
func (s *savedCustomer) settle(r persist.ImportResult) {
	for i := range s.files {
		f := &s.files[i]
		switch f.kind {
		case billing.ProfileDocument:
			f.Result = became(r.ProfileChanged, r.ProfileKept)
		case billing.SummaryDocument:
			f.Result = became(len(r.Changes) > 0, r.DetailsKept > 0)
			var said []string
			for _, change := range r.Changes {
				said = append(said, newPreviewChange(change).String())
			}
			if r.DetailsKept > 0 {
				said = append(said, fmt.Sprintf("%d as collected", r.DetailsKept))
			}
			f.Detail = strings.Join(said, "; ")
		case billing.LineItemsDocument:
			f.Result = became(r.LineItemSetsChanged > 0, r.SetsKept > 0)
		}
	}
}

func became(stored, kept bool) string {
	switch {
	case stored:
		return "stored"
	case kept:
		return "kept"
	}
	return "unchanged"
}
