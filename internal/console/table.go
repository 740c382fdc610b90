package console

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"partnercost/internal/finance"
)

const (
	pageRows    = 100
	previewRows = 10
	mostPages   = 100_000
)

// table is something in rows. Its name is its address and, in the names of its
// columns, that of its CSV.
type table struct {
	name, title string
	// empty says what it means that there are no rows.
	empty   string
	columns []column
	// order is the column by which it is sorted at first, with a minus for downward.
	order string
	// query returns the rows that a filter leaves, with the columns by their names.
	query func(f filter) finance.Query
	// filters are the parts of the filter that the table's page asks for in its form.
	filters []string
}

// column is one of a table. Its values have the type that the query gives them.
type column struct {
	name, header string
	kind         kind
	// by is what the column is sorted by, if that is not its value.
	by string
	// absent is shown where there is no value.
	absent string
}

// kind is how a value looks.
type kind int

const (
	words kind = iota
	// amount stands beside its currency: the value of the column currency_code.
	amount
	// change is an amount whose sign is always shown.
	change
	// price is an amount that is shown with all its decimals.
	price
	number
	// company is a name that leads to the customer's page.
	company
	// cost is an amount that leads to its origin.
	cost
	// hidden values are for other cells, and for the CSV.
	hidden
	// rank values are for sorting alone.
	rank
	truth
	percent
	severity
	outcome
	identifier
	day
	// oddity is the kind of a finding, in words.
	oddity
)

// tableView is a table, or the beginning of one, as the templates show it.
type tableView struct {
	Name, Title, Empty string
	Header             []headerView
	Rows               [][]cellView
	CSV                string
	// More leads from a beginning to the whole; Whole says that the page is the table's.
	More           string
	Whole          bool
	First, Last    int
	Total          int
	Previous, Next string
}

type headerView struct {
	Text, Href, Sort string
	Right            bool
}

type cellView struct {
	Text, Href, Unit, Class string
	// Exact is the value of an amount that is shown rounded.
	Exact string
	Head  bool
}

// order is a column and a direction.
type order struct {
	column string
	down   bool
}

func parseOrder(text string) order {
	name, down := strings.CutPrefix(text, "-")
	return order{column: name, down: down}
}

func (o order) String() string {
	if o.down {
		return "-" + o.column
	}
	return o.column
}

// sorted is the order that an address asks for, or the table's own.
func (t table) sorted(q url.Values) (order, error) {
	o := parseOrder(q.Get("sort"))
	if o.column == "" {
		return parseOrder(t.order), nil
	}
	if !slices.ContainsFunc(t.columns, func(c column) bool { return c.name == o.column }) {
		return o, badRequest("%.30q is not a column of this table", o.column)
	}
	return o, nil
}

// orderBy sorts by a column, then by what keeps amounts of different currencies
// apart, then by all there is, so that pages neither repeat nor leave out a row.
func (t table) orderBy(o order) string {
	var terms []string
	for i, c := range t.columns {
		if c.name != o.column {
			continue
		}
		by, direction := strconv.Itoa(i+1), "ASC"
		if c.by != "" {
			by = c.by
		}
		if o.down {
			direction = "DESC"
		}
		if c.kind == amount || c.kind == cost || c.kind == change || c.kind == price {
			terms = append(terms, "currency_code NULLS LAST")
		}
		terms = append(terms, by+" "+direction+" NULLS LAST")
	}
	for i := range t.columns {
		terms = append(terms, strconv.Itoa(i+1))
	}
	return " ORDER BY " + strings.Join(terms, ", ")
}

// selected is the query of the columns, in their order.
func (t table) selected(f filter) finance.Query {
	q := t.query(f)
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = "t." + c.name
	}
	q.SQL = fmt.Sprintf("SELECT %s FROM (%s) AS t", strings.Join(names, ", "), q.SQL)
	return q
}

// rows reads the rows of a table in an order. A limit of 0 is none.
func (t table) rows(ctx context.Context, tx *sql.Tx, f filter, o order, limit, offset int, each func([]any) error) error {
	query := t.selected(f)
	query.SQL += t.orderBy(o)
	if limit > 0 {
		query.SQL += fmt.Sprintf(" LIMIT %d OFFSET %d", limit, offset)
	}
	rows, err := tx.QueryContext(ctx, query.SQL, query.Args...) //nolint:gosec // it names views of finance and columns of this package; values are parameters
	if err != nil {
		return fmt.Errorf("table %s: %w", t.name, err)
	}
	defer func() { _ = rows.Close() }() // what was wrong is in Err
	values := make([]any, len(t.columns))
	into := make([]any, len(t.columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("table %s: %w", t.name, err)
		}
		if err := each(values); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("table %s: %w", t.name, err)
	}
	return nil
}

// count is the number of rows.
func (t table) count(ctx context.Context, tx *sql.Tx, f filter) (int, error) {
	query := t.query(f)
	var n int
	err := tx.QueryRowContext(ctx, "SELECT count(*) FROM ("+query.SQL+") AS t", query.Args...).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count table %s: %w", t.name, err)
	}
	return n, nil
}

// byPlace orders what has a place within its currency: the largest of each currency
// come first.
var byPlace = order{column: "place"}

// firsts shows the beginning of a table that has places, and lends each the values of
// the first row of each currency, partner or severity. Rows are read once for both.
func (t table) firsts(ctx context.Context, tx *sql.Tx, f filter, o order, each func(value func(name string) any)) (tableView, error) {
	own := parseOrder(t.order)
	v := t.frame(f, own)
	f.top = previewRows + 1
	err := t.rows(ctx, tx, f, o, 0, 0, func(values []any) error {
		value := func(name string) any {
			return values[slices.IndexFunc(t.columns, func(c column) bool { return c.name == name })]
		}
		if plainText(value("place")) == "1" {
			each(value)
		}
		if len(v.Rows) == previewRows {
			v.More = t.address("/", f, own, 0)
			return nil
		}
		v.Rows = append(v.Rows, t.cells(values, f))
		return nil
	})
	return v, err
}

// preview shows the beginning of a table; its links lead to the whole.
func (t table) preview(ctx context.Context, tx *sql.Tx, f filter, o order, atMost int) (tableView, error) {
	v, err := t.show(ctx, tx, f, o, atMost, 0)
	own := parseOrder(t.order)
	v.CSV = t.address("/csv/", f, own, 0)
	if v.More != "" {
		v.More = t.address("/", f, own, 0)
	}
	return v, err
}

// beginning is a preview in the table's own order.
func (t table) beginning(ctx context.Context, tx *sql.Tx, f filter) (tableView, error) {
	return t.preview(ctx, tx, f, parseOrder(t.order), previewRows)
}

// frame is a table without its rows.
func (t table) frame(f filter, o order) tableView {
	v := tableView{Name: t.name, Title: t.title, Empty: t.empty, CSV: t.address("/csv/", f, o, 0)}
	for _, c := range t.columns {
		if c.shown(f) {
			v.Header = append(v.Header, t.heading(c, f, o))
		}
	}
	return v
}

func (t table) show(ctx context.Context, tx *sql.Tx, f filter, o order, limit, offset int) (tableView, error) {
	v := t.frame(f, o)
	err := t.rows(ctx, tx, f, o, limit+1, offset, func(values []any) error {
		if len(v.Rows) == limit {
			v.More = t.address("/", f, o, 0)
			return nil
		}
		v.Rows = append(v.Rows, t.cells(values, f))
		return nil
	})
	return v, err
}

func (t table) heading(c column, f filter, o order) headerView {
	h := headerView{Text: c.header, Right: c.right(), Sort: "none"}
	// The first click sorts words upward and amounts downward.
	next := order{column: c.name, down: c.right()}
	if c.name == o.column {
		h.Sort, next.down = "ascending", !o.down
		if o.down {
			h.Sort = "descending"
		}
	}
	h.Href = t.address("/", f, next, 0)
	return h
}

// shown reports whether a page has the column: not what is the same in all rows.
func (c column) shown(f filter) bool {
	return c.kind != hidden && c.kind != rank && (f.customer == "" || c.kind != company && c.name != "partner")
}

func (c column) right() bool {
	switch c.kind {
	case amount, change, price, number, cost, percent:
		return true
	}
	return false
}

// address is that of the table in an order.
func (t table) address(below string, f filter, o order, page int) string {
	q := f.values()
	if o.String() != t.order {
		q.Set("sort", o.String())
	}
	if page > 1 {
		q.Set("page", strconv.Itoa(page))
	}
	return link(below+t.name, q)
}

func link(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// tablePage is the page of a whole table, a hundred rows at a time.
func (c *console) tablePage(ctx context.Context, tx *sql.Tx, t table, r *http.Request) (view, error) {
	q := r.URL.Query()
	f, err := c.filter(q)
	if err != nil {
		return view{}, err
	}
	o, err := t.sorted(q)
	if err != nil {
		return view{}, err
	}
	page := 1
	if text := q.Get("page"); text != "" {
		page, err = strconv.Atoi(text)
		if err != nil || page < 1 || page > mostPages {
			return view{}, badRequest("%.20q is not the number of a page", text)
		}
	}
	v, err := t.show(ctx, tx, f, o, pageRows, (page-1)*pageRows)
	if err != nil {
		return view{}, err
	}
	v.Whole, v.Total = true, (page-1)*pageRows+len(v.Rows)
	if page > 1 || v.More != "" {
		v.Total, err = t.count(ctx, tx, f)
		if err != nil {
			return view{}, err
		}
	}
	if len(v.Rows) == 0 && page > 1 {
		return view{}, errNotFound
	}
	v.First, v.Last = (page-1)*pageRows+1, (page-1)*pageRows+len(v.Rows)
	if page > 1 {
		v.Previous = t.address("/", f, o, page-1)
	}
	if v.More != "" {
		v.Next, v.More = t.address("/", f, o, page+1), ""
	}
	form, err := c.form(ctx, tx, t, f)
	if err != nil {
		return view{}, err
	}
	return view{template: "table", title: t.title, data: tablePage{Table: v, Form: form}}, nil
}

// tablePage is what the template of a whole table shows.
type tablePage struct {
	Table tableView
	Form  formView
}
