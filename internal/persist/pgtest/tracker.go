package pgtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Tracker tells which rows a step inserted, updated and deleted.
type Tracker struct {
	url     string
	tables  []string
	ignored map[string]bool
	last    map[string]contents
}

// contents is the content of a table.
type contents struct {
	columns []string
	key     []int // the primary key, as positions in columns
	rows    []row
}

type row struct {
	identity string    // equal in two snapshots for the same row
	xmin     string    // the transaction that wrote this version of the row
	values   []*string // nil is NULL
}

// Track records the current content of the tables. A table is named "schema.table" or,
// for all tables of a schema, "schema"; without names all tables are tracked.
func Track(t testing.TB, databaseURL string, tables ...string) *Tracker {
	t.Helper()
	tracker := &Tracker{url: databaseURL, tables: tables, ignored: make(map[string]bool)}
	var err error
	if tracker.last, err = tracker.snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	return tracker
}

// Ignore leaves columns with these names, such as run ids and times, out of every text.
// A row that changed in no other column counts as unchanged.
func (tr *Tracker) Ignore(columns ...string) *Tracker {
	for _, c := range columns {
		tr.ignored[c] = true
	}
	return tr
}

// Changes describes the changes of rows since Track or the last Changes, "" when there
// are none. Rows are in the order of their primary keys, deleted ones first:
//
//	finance.orders
//	  - id=1, total=5.00
//	  ~ id=2: total=7.00 → 7.50
//	  + id=3, total=9.00
//	  ! id=4: rewritten with the same values
//
// The last kind is an UPDATE without a change, which still leaves a dead row. In a
// table without a primary key a changed row appears as one deleted and one inserted,
// and rewritten rows are not noticed.
func (tr *Tracker) Changes(t testing.TB) string {
	t.Helper()
	now, err := tr.snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before := tr.last
	tr.last = now

	names := make(map[string]bool)
	for _, s := range []map[string]contents{before, now} {
		for name := range s {
			names[name] = true
		}
	}
	var text strings.Builder
	for _, name := range sorted(names) {
		lines, err := tr.compare(before[name], now[name])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(lines) > 0 {
			fmt.Fprintf(&text, "%s\n  %s\n", name, strings.Join(lines, "\n  "))
		}
	}
	return text.String()
}

// compare describes the changes of a table between two states.
func (tr *Tracker) compare(before, now contents) ([]string, error) {
	if len(before.columns) > 0 && len(now.columns) > 0 && !slices.Equal(before.columns, now.columns) {
		return nil, fmt.Errorf("its columns were %v and are %v: track it anew after a migration", before.columns, now.columns)
	}
	var lines []string
	old := make(map[string]row, len(before.rows))
	for _, r := range before.rows {
		old[r.identity] = r
	}
	kept := make(map[string]bool, len(now.rows))
	for _, r := range now.rows {
		kept[r.identity] = true
	}
	for _, r := range before.rows {
		if !kept[r.identity] {
			lines = append(lines, "- "+tr.describe(before, r))
		}
	}
	for _, r := range now.rows {
		was, existed := old[r.identity]
		if !existed {
			lines = append(lines, "+ "+tr.describe(now, r))
			continue
		}
		var differences []string
		changed := false
		for i, column := range now.columns {
			if from, to := quoted(was.values[i]), quoted(r.values[i]); from != to {
				changed = true
				if !tr.ignored[column] {
					differences = append(differences, column+"="+from+" → "+to)
				}
			}
		}
		switch {
		case len(differences) > 0:
			lines = append(lines, "~ "+tr.describeKey(now, r)+": "+strings.Join(differences, ", "))
		case !changed && was.xmin != r.xmin && len(now.key) > 0:
			lines = append(lines, "! "+tr.describeKey(now, r)+": rewritten with the same values")
		}
	}
	return lines, nil
}

func (tr *Tracker) describe(c contents, r row) string {
	var parts []string
	for i, column := range c.columns {
		if !tr.ignored[column] {
			parts = append(parts, column+"="+quoted(r.values[i]))
		}
	}
	return strings.Join(parts, ", ")
}

// describeKey describes a row by its primary key, or by its other columns if the key is
// ignored.
func (tr *Tracker) describeKey(c contents, r row) string {
	var parts []string
	for _, i := range c.key {
		if !tr.ignored[c.columns[i]] {
			parts = append(parts, c.columns[i]+"="+quoted(r.values[i]))
		}
	}
	if len(parts) == 0 {
		return tr.describe(c, r)
	}
	return strings.Join(parts, ", ")
}

// quoted writes a value unambiguously.
func quoted(value *string) string {
	if value == nil {
		return "NULL"
	}
	if *value == "" || *value == "NULL" || strings.ContainsAny(*value, " ,=\"→\t\r\n") {
		return strconv.Quote(*value)
	}
	return *value
}

// snapshot reads all tables as of one moment.
func (tr *Tracker) snapshot(ctx context.Context) (_ map[string]contents, err error) {
	conn, err := connect(ctx, tr.url)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	tables, err := resolve(ctx, tx, tr.tables)
	if err != nil {
		return nil, err
	}
	all := make(map[string]contents, len(tables))
	for _, t := range tables {
		if all[t.name()], err = read(ctx, tx, t); err != nil {
			return nil, fmt.Errorf("read %s: %w", t.name(), err)
		}
	}
	return all, nil
}

// read reads a table in the order of its primary key.
func read(ctx context.Context, tx pgx.Tx, t table) (contents, error) {
	var c contents
	selected := []string{"xmin::text"}
	order := make(map[int]string) // by position in the primary key
	rows, err := tx.Query(ctx, `
		SELECT a.attname, a.attcollation <> 0, coalesce(array_position(i.indkey::int2[], a.attnum), -1)
		FROM pg_attribute a
		LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
		WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
		ORDER BY a.attnum`, t.OID)
	if err != nil {
		return c, err
	}
	var (
		column   string
		collates bool
		position int
		keyed    = make(map[int]int)
	)
	if _, err := pgx.ForEachRow(rows, []any{&column, &collates, &position}, func() error {
		name := pgx.Identifier{column}.Sanitize()
		selected = append(selected, name+"::text")
		if position >= 0 {
			keyed[position] = len(c.columns)
			order[position] = "t." + name // the bare name would refer to the text in the result
			if collates {
				order[position] += ` COLLATE "C"` // the same order on every server
			}
		}
		c.columns = append(c.columns, column)
		return nil
	}); err != nil {
		return c, err
	}

	query := "SELECT " + strings.Join(selected, ", ") + " FROM " + pgx.Identifier{t.Schema, t.Table}.Sanitize() + " AS t"
	if len(order) > 0 {
		var by []string
		for _, position := range sorted(order) {
			c.key = append(c.key, keyed[position])
			by = append(by, order[position])
		}
		query += " ORDER BY " + strings.Join(by, ", ")
	}
	rows, err = tx.Query(ctx, query)
	if err != nil {
		return c, err
	}
	defer rows.Close()
	for rows.Next() {
		raw := rows.RawValues()
		r := row{xmin: string(raw[0])}
		for _, value := range raw[1:] {
			if value == nil {
				r.values = append(r.values, nil)
				continue
			}
			text := string(value)
			r.values = append(r.values, &text)
		}
		r.identity = identity(r.values, c.key)
		c.rows = append(c.rows, r)
	}
	if len(c.key) == 0 {
		tellApart(c.rows)
	}
	return c, rows.Err()
}

// identity returns the primary key, or the whole row if there is none.
func identity(values []*string, key []int) string {
	var parts []string
	for i, value := range values {
		if len(key) == 0 || slices.Contains(key, i) {
			parts = append(parts, quoted(value))
		}
	}
	return strings.Join(parts, ",")
}

// tellApart sorts the rows of a table without a primary key and numbers duplicates.
func tellApart(rows []row) {
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.identity, b.identity) })
	seen := make(map[string]int)
	for i := range rows {
		whole := rows[i].identity
		seen[whole]++
		rows[i].identity = fmt.Sprintf("%s #%d", whole, seen[whole])
	}
}
