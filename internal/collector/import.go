package collector

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
	"time"

	"partnercost/internal/billing"
	"partnercost/internal/collect"
	"partnercost/internal/fetch"
	"partnercost/internal/persist"
)

// maxSaved bounds the size of a saved body, like the client's bound for an answer.
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

// SavedCustomer is an entry of a directory of saved answers.
type SavedCustomer struct {
	dir       string
	id        billing.CustomerID
	files     []SavedFile
	statement billing.Statement
	// isRefused is set when a file cannot be used; then nothing of the customer is
	// imported.
	isRefused bool
}

// SavedFile is the result for one file.
type SavedFile struct {
	Path       string
	CustomerID billing.CustomerID // empty when the name of the directory is not an id
	Result     SavedResult
	// Why the file was refused.
	Why string
	// Changes are the costs that the file added or restated. CostsKept counts the
	// collected costs that it did not replace.
	Changes   []billing.DetailChange
	CostsKept int

	kind billing.DocumentKind
}

// SavedResult is the result for a file.
type SavedResult string

// The results for a file.
const (
	SavedStored    SavedResult = "stored"
	SavedUnchanged SavedResult = "unchanged"
	// SavedKept: the collected values stay.
	SavedKept    SavedResult = "kept"
	SavedRefused SavedResult = "refused"
)

// FindSaved lists the directories of the customers below dir. It reads no file yet.
func FindSaved(dir string) ([]SavedCustomer, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, &ConfigError{fmt.Errorf("saved answers: %w", err)}
	}
	var found []SavedCustomer
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		found = append(found, SavedCustomer{dir: filepath.Join(dir, entry.Name())})
	}
	if len(found) == 0 {
		return nil, &ConfigError{fmt.Errorf("%s is empty; it must hold a directory for each customer, named with the customer's GUID", dir)}
	}
	return found, nil
}

// read reads the customer's files and derives the statement. Errors are recorded with
// their file.
func (s *SavedCustomer) read() {
	id, err := billing.ParseCustomerID(filepath.Base(s.dir))
	if err != nil {
		s.refuse(s.dir, "not named with a customer's GUID")
		return
	}
	s.id = id
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		s.refuse(s.dir, "not a readable directory")
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
			// Each document is normalised by itself, so that an error belongs to its file.
			_, err = fetch.Normalise(id, []billing.Document{{Kind: kind, Body: body}})
		}
		if err != nil {
			s.refuse(path, err.Error())
			continue
		}
		s.files = append(s.files, SavedFile{Path: path, CustomerID: id, kind: kind})
		docs = append(docs, billing.Document{Kind: kind, Body: body})
	}
	has := func(kind billing.DocumentKind) bool {
		return slices.ContainsFunc(s.files, func(f SavedFile) bool { return f.kind == kind })
	}
	switch {
	case s.isRefused:
		return
	case len(docs) == 0:
		s.refuse(s.dir, "holds none of profile.json, summary.json, lineitems.json")
		return
	case has(billing.LineItemsDocument) && !has(billing.SummaryDocument):
		s.refuse(filepath.Join(s.dir, "lineitems.json"), "line items need their summary.json, which states their period")
		return
	}
	if s.statement, err = fetch.Normalise(id, docs); err != nil {
		s.refuse(s.dir, err.Error())
	}
}

// refuse records an error of the entry; the customer is then left out.
func (s *SavedCustomer) refuse(path, why string) {
	s.isRefused = true
	i := slices.IndexFunc(s.files, func(f SavedFile) bool { return f.Path == path })
	if i < 0 {
		i = len(s.files)
		s.files = append(s.files, SavedFile{Path: path, CustomerID: s.id})
	}
	s.files[i].Result, s.files[i].Why = SavedRefused, why
}

// readSaved reads a whole file of at most maxSaved bytes.
func readSaved(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer func() { _ = f.Close() }() // the file is only read
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

// withoutPath returns an error without the name of the file, which the message already
// has.
func withoutPath(err error) error {
	if pathErr, ok := errors.AsType[*os.PathError](err); ok {
		return pathErr.Err
	}
	return err
}

// Import imports saved answers, as a run of the partner, and calls show with the result
// for each file.
func (c *Collector) Import(ctx context.Context, partner string, saved []SavedCustomer, show func(SavedFile)) Result {
	run, log := c.newRun(partner, billing.KindImport)
	run.Scope = billing.ScopeSome
	return c.locked(ctx, run, func(ctx context.Context) Result {
		return c.record(ctx, run, log, job{work: func(ctx context.Context, _ settle) (billing.Tally, error) {
			i := importing{
				now: c.Now, show: show, log: log, seen: make(map[billing.CustomerID]bool, len(saved)), tally: billing.Tally{Total: len(saved)},
			}
			i.storage = collect.Storage[*SavedCustomer, persist.ImportResult]{
				Sink: func(ctx context.Context, batch []*SavedCustomer) ([]persist.ImportResult, error) {
					statements := make([]billing.Statement, len(batch))
					for i, s := range batch {
						statements[i] = s.statement
					}
					return c.Store.Import(ctx, run, statements)
				},
				Stored: i.stored, Refused: i.refused, Wait: c.Config.Database.Wait, Log: log,
			}
			for chunk := range slices.Chunk(saved, importBatch) {
				if err := i.chunk(ctx, chunk); err != nil {
					return i.tally, err
				}
			}
			return i.tally, nil
		}})
	})
}

// importing is the import of one partner.
type importing struct {
	storage collect.Storage[*SavedCustomer, persist.ImportResult]
	now     func() time.Time
	show    func(SavedFile)
	log     *slog.Logger
	seen    map[billing.CustomerID]bool
	tally   billing.Tally
}

// chunk reads, stores and shows some customers.
func (i *importing) chunk(ctx context.Context, chunk []SavedCustomer) error {
	var readable []*SavedCustomer
	for n := range chunk {
		s := &chunk[n]
		if s.read(); s.isRefused {
			continue
		}
		if i.seen[s.id] {
			s.refuse(s.dir, "another directory names the same customer")
			continue
		}
		i.seen[s.id] = true
		s.statement.FetchedAt = i.now()
		readable = append(readable, s)
	}
	if err := i.storage.Store(ctx, readable); err != nil {
		return err
	}
	for n := range chunk {
		s := &chunk[n]
		if s.isRefused {
			i.tally.Add(billing.CustomerResult{Outcome: billing.OutcomeFailed})
		}
		s.statement = billing.Statement{}
		for _, f := range s.files {
			if f.Result == "" {
				f.Result, f.Why = SavedRefused, "another file of this customer was refused"
			}
			i.show(f)
		}
	}
	return nil
}

// stored records the results of stored customers.
func (i *importing) stored(saved []*SavedCustomer, results []persist.ImportResult) error {
	for n, s := range saved {
		i.tally.Add(results[n].CustomerResult)
		s.settle(results[n])
		for _, f := range s.statement.Findings {
			i.log.Warn("imported with a finding", slog.String("customer_id", string(s.id)), slog.String("kind", string(f.Kind)), slog.String("finding", f.Detail))
		}
	}
	return nil
}

// refused records that the database refuses a customer.
func (i *importing) refused(_ context.Context, s *SavedCustomer, why error) error {
	s.refuse(s.dir, why.Error())
	return nil
}

// settle sets the result for each file.
func (s *SavedCustomer) settle(r persist.ImportResult) {
	for i := range s.files {
		f := &s.files[i]
		switch f.kind {
		case billing.ProfileDocument:
			f.Result = became(r.ProfileChanged, r.ProfileKept)
		case billing.SummaryDocument:
			f.Result = became(len(r.Changes) > 0, r.DetailsKept > 0)
			f.Changes, f.CostsKept = r.Changes, r.DetailsKept
		case billing.LineItemsDocument:
			f.Result = became(r.LineItemSetsChanged > 0, r.SetsKept > 0)
		}
	}
}

func became(stored, kept bool) SavedResult {
	switch {
	case stored:
		return SavedStored
	case kept:
		return SavedKept
	}
	return SavedUnchanged
}
