package console

import (
	"cmp"
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
	previewRows = 5
	mostPages   = 100_000
)

// table is something in rows. Its name is its address and, in the names of its
// columns, that of its CSV.
type table struct {
	name, title string
	// empty says what it means that there are no rows, and note what a reader has to know.
	empty, note string
	columns     []column
	// order is the column by which it is sorted at first, with a minus for downward.
	order string
	// query returns the rows that a filter leaves, with the columns by their names.
	query func(f filter) finance.Query
	// filters are the parts of the filter that the table's page asks for in its form.
	filters []string
	// Unless an address says otherwise, the page is about the newest closed month, and about
	// the currency of most customers.
	ofMonth, inCurrency bool
	// sparse says that not every currency of a month has rows.
	sparse bool
	// ofInvoices says that the months are those of the invoices, ofHistory those of costs and
	// invoices.
	ofInvoices, ofHistory bool
	// above is a table that the page shows first, and related the name of one to which it
	// leads.
	above   *table
	related string
}

// column is one of a table. Its values have the type that the query gives them.
type column struct {
	name, header string
	kind         kind
	// by is what the column is sorted by, if that is not its value.
	by string
	// absent is shown where there is no value.
	absent string
	// until is the column with the end of a period.
	until string
	// needs is how much room a table must have to show the column.
	needs room
}

// room is how wide a table is on the screen.
type room int

const (
	anyRoom room = iota
	// moreRoom is that of a tablet or of half a screen, allRoom that of a whole one.
	moreRoom
	allRoom
)

// kind is how a value looks.
type kind int

const (
	words kind = iota
	// amount stands beside its currency: the value of the column currency_code.
	amount
	// change is an amount whose sign is always shown, and whose increase warns; a gap between
	// two amounts does not.
	change
	gap
	// price is an amount that is shown with all its decimals.
	price
	number
	// company is a name that leads to the customer's page.
	company
	// cost is an amount that leads to its origin.
	cost
	// invoice is a number that leads to the invoice.
	invoice
	// hidden values are for other cells, and for the CSV.
	hidden
	// rank values are for sorting alone.
	rank
	truth
	// percent is a change in percent, share a part of a whole.
	percent
	share
	severity
	outcome
	identifier
	day
	// period begins on the day of its column, and ends on that of the column until.
	period
	// fromTo is a number that became that of the column until.
	fromTo
	// oddity is the kind of a finding, term a word of a machine, kindOfInvoice an invoice
	// type; all are shown in words.
	oddity
	term
	kindOfInvoice
	// source is where an amount comes from, and leads there.
	source
	// prose is folded where it is long, and a duration is never wrapped.
	prose
	duration
	// bars are the months of a trend.
	bars
)

// tableView is a table, or the beginning of one, as the templates show it.
type tableView struct {
	Name, Title, Empty, Note string
	// Facts are what is the same in every row.
	Facts  []factView
	Header []headerView
	Rows   [][]cellView
	// XLSX and CSV lead to files of the whole.
	XLSX, CSV string
	// More leads from a beginning to the whole; Whole says that the page is the table's.
	More           string
	Whole          bool
	First, Last    int
	Total          int
	Previous, Next string
}

// Range says which rows a page shows, and of how many.
func (v tableView) Range() string {
	return fmt.Sprintf("%s–%s of %s", count(v.First), count(v.Last), count(v.Total))
}

type headerView struct {
	Text, Href, Sort string
	Class            string

	kind       kind
	name, room string
}

// namesCurrency reports whether the currency has a column of its own.
func (t table) namesCurrency() bool {
	return slices.ContainsFunc(t.columns, func(c column) bool { return c.name == "currency_code" && c.kind == words })
}

// factView is what is the same in every row, shown where the column would be.
type factView struct{ Text, Class string }

type cellView struct {
	Text, Href, Unit, Class string
	// Title is a tooltip: an amount that is shown rounded, an id that is shown in part.
	Title string
	// Bars are a trend in place of a text.
	Bars *sparkline
	Long bool
	Head bool
	// Marked says that the text has a colour of its own.
	Marked bool
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
		if c.kind.isAmount() {
			terms = append(terms, "currency_code NULLS LAST")
		}
		terms = append(terms, by+" "+direction+" NULLS LAST")
	}
	for i, c := range t.columns {
		if c.kind != bars { // is looked up for the rows that are shown, not to sort all
			terms = append(terms, strconv.Itoa(i+1))
		}
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
	rows, err := t.open(ctx, tx, f, o, limit, offset)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // what was wrong is in Err
	return t.each(rows, each)
}

// open begins to read rows.
func (t table) open(ctx context.Context, tx *sql.Tx, f filter, o order, limit, offset int) (*sql.Rows, error) {
	query := t.selected(f)
	query.SQL += t.orderBy(o)
	if limit > 0 {
		query.SQL += fmt.Sprintf(" LIMIT %d OFFSET %d", limit, offset)
	}
	rows, err := tx.QueryContext(ctx, query.SQL, query.Args...) //nolint:gosec // it names views of finance and columns of this package; values are parameters
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", t.name, err)
	}
	return rows, nil
}

// each lends the values of each row.
func (t table) each(rows *sql.Rows, each func([]any) error) error {
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
	v.More = t.address("/", f, own, 0)
	f.top = previewRows
	err := t.rows(ctx, tx, f, o, 0, 0, func(values []any) error {
		value := func(name string) any {
			return values[slices.IndexFunc(t.columns, func(c column) bool { return c.name == name })]
		}
		if plainText(value("place")) == "1" {
			each(value)
		}
		if len(v.Rows) < previewRows {
			v.Rows = append(v.Rows, t.cells(values, f))
		}
		return nil
	})
	condense(&v, f, own)
	return v, err
}

// preview shows the beginning of a table; its links lead to the whole.
func (t table) preview(ctx context.Context, tx *sql.Tx, f filter, o order, atMost int) (tableView, error) {
	v, err := t.show(ctx, tx, f, o, atMost, 0)
	own := parseOrder(t.order)
	v.XLSX, v.CSV, v.More = t.address("/xlsx/", f, own, 0), t.address("/csv/", f, own, 0), t.address("/", f, own, 0)
	return v, err
}

// beginning is a preview in the table's own order.
func (t table) beginning(ctx context.Context, tx *sql.Tx, f filter) (tableView, error) {
	return t.preview(ctx, tx, f, parseOrder(t.order), previewRows)
}

// frame is a table without its rows.
func (t table) frame(f filter, o order) tableView {
	v := tableView{Name: t.name, Title: t.title, Empty: t.empty, Note: t.note, XLSX: t.address("/xlsx/", f, o, 0), CSV: t.address("/csv/", f, o, 0)}
	for _, c := range t.columns {
		if c.shown(f) {
			v.Header = append(v.Header, t.heading(c, f, o))
		}
	}
	return v
}

func (t table) show(ctx context.Context, tx *sql.Tx, f filter, o order, limit, offset int) (tableView, error) {
	v := t.frame(f, o)
	counted := slices.IndexFunc(t.columns, func(c column) bool { return c.name == "all_rows" })
	err := t.rows(ctx, tx, f, o, limit+1, offset, func(values []any) error {
		if counted >= 0 {
			n, _ := values[counted].(int64)
			v.Total = int(n)
		}
		if len(v.Rows) == limit {
			v.More = t.address("/", f, o, 0)
			return nil
		}
		v.Rows = append(v.Rows, t.cells(values, f))
		return nil
	})
	condense(&v, f, o)
	return v, err
}

// condense leaves out columns without a value, and moves what is the same in every row
// into the caption: also the currency of the amounts. What is to be compared stays, and so
// does the column by which the table is sorted, and the first one, unless the page says
// what it has.
func condense(v *tableView, f filter, o order) {
	if len(v.Rows) == 0 {
		return
	}
	for i, h := range slices.Backward(v.Header) {
		first := v.Rows[0][i]
		same := !slices.ContainsFunc(v.Rows, func(row []cellView) bool { return row[i].Text != first.Text || row[i].Bars != nil })
		chosen := h.name == "currency_code" && f.currency != nil
		switch {
		case !same, i == 0 && !chosen:
			continue
		case first.Text == "" && !chosen: // no row has it
		case h.name == "month" && f.month != nil, h.name == "invoice_type" && f.kind != nil: // the page says so
		case len(v.Rows) == 1, h.name == o.column, !h.kind.describes():
			continue
		default:
			v.Facts = append([]factView{{Text: h.Text + ": " + first.Text, Class: h.room}}, v.Facts...)
		}
		v.Header = slices.Delete(v.Header, i, i+1)
		for n := range v.Rows {
			v.Rows[n] = slices.Delete(v.Rows[n], i, i+1)
		}
	}
	for _, row := range v.Rows {
		row[0].Head = true
	}
	unit, several := "", false
	for _, row := range v.Rows {
		for _, cell := range row {
			several = several || unit != "" && cell.Unit != "" && cell.Unit != unit
			unit = cmp.Or(unit, cell.Unit)
		}
	}
	if unit == "" || unit == "?" || several {
		return
	}
	v.Facts = append(v.Facts, factView{Text: "Amounts in " + unit})
	for _, row := range v.Rows {
		for i := range row {
			row[i].Unit = ""
		}
	}
}

func (k kind) isAmount() bool {
	return k == amount || k == cost || k == change || k == gap || k == price
}

// describes reports whether values of the kind tell what a row is about, not how it
// stands.
func (k kind) describes() bool {
	switch k {
	case words, term, kindOfInvoice, day, period, truth, oddity, source:
		return true
	}
	return false
}

func (t table) heading(c column, f filter, o order) headerView {
	h := headerView{Text: c.header, Class: c.class(), Sort: "none", kind: c.kind, name: c.name, room: c.roomClass()}
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
	if c.kind == hidden || c.kind == rank {
		return false
	}
	ofOne := f.customer != "" && (c.kind == company || c.name == "partner") || f.invoice != "" && (c.kind == invoice || c.name == "partner")
	return !ofOne
}

func (c column) right() bool {
	switch c.kind {
	case amount, change, gap, price, number, cost, percent, share, fromTo:
		return true
	}
	return false
}

// class says in the style sheet how a column looks: where it stands, and what room it
// needs.
func (c column) class() string {
	if c.right() {
		return strings.TrimSpace("num " + c.roomClass())
	}
	return c.roomClass()
}

func (c column) roomClass() string {
	return [...]string{anyRoom: "", moreRoom: "more", allRoom: "all"}[c.needs]
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
	f, err = t.settled(ctx, tx, f)
	if err != nil {
		return view{}, err
	}
	p := tablePage{}
	p.Table, err = t.paged(ctx, tx, f, o, page)
	if err != nil {
		return view{}, err
	}
	if t.above != nil {
		above, err := t.above.preview(ctx, tx, f, parseOrder(t.above.order), pageRows)
		if err != nil {
			return view{}, err
		}
		p.Above = &above
	}
	p.Form, err = c.form(ctx, tx, t, f)
	p.Note = f.openNote
	if t.related != "" {
		related := filter{month: f.month, every: f.every, partner: f.partner}
		i := slices.IndexFunc(tables, func(other table) bool { return other.name == t.related })
		p.Related = &chip{Text: tables[i].title, Href: link("/"+t.related, related.values())}
	}
	return view{template: "table", title: t.title, data: p}, err
}

// paged is a page of a table.
func (t table) paged(ctx context.Context, tx *sql.Tx, f filter, o order, page int) (tableView, error) {
	v, err := t.show(ctx, tx, f, o, pageRows, (page-1)*pageRows)
	if err != nil {
		return v, err
	}
	v.Whole = true
	switch {
	case v.Total > 0: // each row knows how many there are
	case page > 1 || v.More != "":
		v.Total, err = t.count(ctx, tx, f)
		if err != nil {
			return v, err
		}
	default:
		v.Total = len(v.Rows)
	}
	if len(v.Rows) == 0 && page > 1 {
		return v, errNotFound
	}
	v.First, v.Last = (page-1)*pageRows+1, (page-1)*pageRows+len(v.Rows)
	if page > 1 {
		v.Previous = t.address("/", f, o, page-1)
	}
	if v.More != "" {
		v.Next, v.More = t.address("/", f, o, page+1), ""
	}
	return v, nil
}

// monthly reports whether the page has to be about one month: the history of everybody is
// too long.
func (t table) monthly(f filter) bool { return t.ofHistory && f.customer == "" }

// settled is the filter of the table's page: with what an address leaves open.
func (t table) settled(ctx context.Context, tx *sql.Tx, f filter) (filter, error) {
	if t.monthly(f) {
		delete(f.every, "month")
	}
	if t.ofMonth && f.month == nil && !f.every["month"] && f.customer == "" && f.invoice == "" {
		m, err := t.firstMonth(ctx, tx)
		if err != nil {
			return f, err
		}
		f.month = m
	}
	if slices.Contains(t.filters, "month") && !t.ofInvoices && f.month != nil && !f.month.IsZero() {
		states, err := finance.MonthStates(ctx, tx, f.partner, f.month.Time, f.month.Time)
		if err != nil {
			return f, err
		}
		f.open = openTypes(states)
		f.openNote = openSentence(*f.month, states)
	}
	if slices.Contains(t.filters, "verdict") && f.verdict == "" && !f.every["verdict"] {
		f.verdict = "differences"
	}
	// Months are compared in one currency.
	series := t.name == totals.name && f.every["month"]
	if (t.inCurrency || series) && f.currency == nil && !f.every["currency"] && f.search == "" && f.customer == "" && f.invoice == "" {
		codes, err := finance.Currencies(ctx, tx, f.selection().Month, f.partner)
		if err != nil || len(codes) < 2 {
			return f, err
		}
		if !t.sparse {
			codes = codes[:1]
		}
		return t.inFirst(ctx, tx, f, codes)
	}
	return f, nil
}

// inFirst is a filter in the first of some currencies in which the table has rows.
func (t table) inFirst(ctx context.Context, tx *sql.Tx, f filter, codes []*string) (filter, error) {
	first := orEmptyText(codes[0])
	f.currency = &first
	if len(codes) == 1 {
		return f, nil
	}
	for _, code := range codes {
		in := f
		text := orEmptyText(code)
		in.currency = &text
		query := t.query(in)
		there := false
		if err := tx.QueryRowContext(ctx, "SELECT EXISTS ("+query.SQL+")", query.Args...).Scan(&there); err != nil {
			return f, fmt.Errorf("table %s: %w", t.name, err)
		}
		if there {
			return in, nil
		}
	}
	return f, nil
}

// firstMonth is the one that the page shows first.
func (t table) firstMonth(ctx context.Context, tx *sql.Tx) (*month, error) {
	if !t.ofInvoices {
		return defaultMonth(ctx, tx)
	}
	months, err := t.knownMonths(ctx, tx)
	if err != nil || len(months) == 0 {
		return nil, err
	}
	return &months[0], nil
}

// tablePage is what the template of a whole table shows.
type tablePage struct {
	Table tableView
	Above *tableView
	Form  *formView
	// Note says that the month is open.
	Note    string
	Related *chip
}
