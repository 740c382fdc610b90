package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"partnercost/internal/billing"
)

// The resources of a customer.
const (
	profileResource   = "profiles/billing"
	summaryResource   = "servicecosts/mostrecent"
	lineItemsResource = "servicecosts/mostrecent/lineitems"
)

// Statement reads everything about one customer.
func (c *Client) Statement(ctx context.Context, id billing.CustomerID) (billing.Statement, error) {
	return c.Visit(ctx, billing.Visit{CustomerID: id})
}

// Visit reads the wanted parts of one customer: the billing profile and the cost summary
// in parallel, then the line items, unless there are no costs or the summary shows that
// the stored items are current. If the summary was read before, the line items are read
// to match it.
//
// A failure that concerns this customer alone is Statement.Failure, beside the parts
// that were read. The error is for what ends the run: a *billing.Failure whose class
// says so, or the error of ctx.
//
// A statement that took the slot for large answers keeps it until it is released.
func (c *Client) Visit(ctx context.Context, w billing.Visit) (billing.Statement, error) {
	room := &room{place: c.large}
	s, err := c.read(ctx, w, room)
	if err != nil || !room.isHeld() {
		room.leave()
		return s, err
	}
	s.Done = room.leave
	return s, nil
}

// read is Visit without the release of the slot for large answers.
func (c *Client) read(ctx context.Context, w billing.Visit, room *room) (billing.Statement, error) {
	now := c.options.Now()
	v := visit{client: c, id: w.CustomerID, until: now.Add(c.options.Patience), room: room}
	if w.Known != nil && w.Known.IsCurrent(now) && c.options.Costs { // the outcome is that of the costs
		v.known = w.Known
	}
	read := v.readNews
	if v.takeSummary(w.Summary) {
		read = v.readRest
	}
	if err := read(ctx, w); err != nil {
		return billing.Statement{CustomerID: w.CustomerID}, err
	}
	if v.isSame() {
		s := v.same(w.Earlier)
		return s, c.standing.admit(s)
	}
	v.decodeRest()
	s := v.statement()
	s.CostsKept = v.summary.kept
	if looksMoved(s) || v.parts.mayHaveMoved() {
		// The summary and the items are two calls, and the service may have moved on to the
		// next period in between (API.md 5.4 point 16).
		again := visit{client: c, id: v.id, until: v.until, room: v.room, profile: v.profile, parts: parts{profile: v.parts.profile}}
		if err := again.readSummary(ctx); err != nil {
			return billing.Statement{CustomerID: v.id}, err
		}
		if err := again.readLineItems(ctx); err != nil {
			return billing.Statement{CustomerID: v.id}, err
		}
		if again.parts.items != nil {
			s = again.statement()
		}
	}
	s.Earlier = w.Earlier
	if err := c.standing.admit(s); err != nil {
		return billing.Statement{CustomerID: v.id}, err
	}
	return s, nil
}

// readNews reads the summary and the parts that it makes necessary.
func (v *visit) readNews(ctx context.Context, w billing.Visit) error {
	group, both := errgroup.WithContext(ctx)
	if !w.SkipProfile || !v.client.options.Costs {
		group.Go(func() error { return v.readProfile(both) })
	}
	if v.client.options.Costs {
		group.Go(func() error { return v.readSummary(both) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if w.KnownCosts == nil && v.client.options.LineItems {
		v.decodeSummary() // it has the link to the line items
	}
	if err := v.explainFailure(ctx); err != nil {
		return err
	}
	v.settleNoCosts()
	if w.KnownCosts != nil && (v.summary.same || v.parts.summary != nil && bytes.Equal(w.KnownCosts, v.parts.summary.costs.Hash())) {
		return nil
	}
	if err := v.readLineItems(ctx); err != nil {
		return err
	}
	return v.explainFailure(ctx)
}

// explainFailure also reads the profile of a customer that failed. The profile shows
// whether the customer exists, and a failed customer is read as far as possible.
func (v *visit) explainFailure(ctx context.Context) error {
	if v.profile.asked || v.summary.failure == nil && v.items.failure == nil {
		return nil
	}
	return v.readProfile(ctx)
}

// takeSummary uses a summary that was read before. It reports whether the summary was
// usable.
func (v *visit) takeSummary(doc *billing.Document) bool {
	if doc == nil || !v.client.options.Costs {
		return false
	}
	read := noCosts()
	ok := doc.HTTPStatus == http.StatusOK || doc.HTTPStatus == 0 // see Normalise
	if ok {
		var err error
		if read, err = decodeSummary(doc.Body); err != nil {
			return false
		}
	}
	v.parts.summary = read
	v.summary = result{asked: true, kept: true, same: ok && v.says(billing.SummaryDocument, doc.Body), document: *doc}
	return true
}

// readRest reads the profile and the line items that belong to a summary read before.
func (v *visit) readRest(ctx context.Context, w billing.Visit) error {
	group, both := errgroup.WithContext(ctx)
	if !w.SkipProfile || w.SkipItems || !v.parts.summary.hasCosts() {
		group.Go(func() error { return v.readProfile(both) })
	}
	if !w.SkipItems {
		group.Go(func() error { return v.readLineItems(both) })
	}
	return group.Wait()
}

// looksMoved reports whether summary and line items seem to belong to two periods.
func looksMoved(s billing.Statement) bool {
	return slices.ContainsFunc(s.Findings, func(f billing.Finding) bool { return f.Kind == billing.LineItemsPeriodMismatch })
}

// mayHaveMoved reports whether some items lie in another period than the summary's and the sums
// differ, or whether all one-time purchases do. The next period's bill may hold a correction of the
// one before, so not all of its items lie beside the summary's period (see moved).
func (p parts) mayHaveMoved() bool {
	if p.items == nil || p.summary == nil {
		return false
	}
	// One-time purchases are not billed in advance. Sums that agree, as with the same
	// licences each month, therefore do not prove that the items belong to this month.
	for _, aside := range p.items.typesBeside(p.summary.costs.Details) {
		if aside.invoiceType == billing.OneTime && aside.near {
			return true
		}
	}
	later := p.items.beginLater(p.summary.costs.Details)
	if len(later) == 0 {
		return false
	}
	for t := range p.summary.costs.Differing(p.items.items) {
		if later[t] {
			return true
		}
	}
	return false
}

// visit is the reading of one customer.
type visit struct {
	client *Client
	id     billing.CustomerID
	until  time.Time
	room   *room
	// known is nil if every answer has to be decoded.
	known *billing.Known

	parts parts
	// The results of the three resources.
	profile, summary, items result
}

// result is the answer about a resource, or the reason why there is none.
type result struct {
	asked bool
	// kept means that the document was read before.
	kept bool
	// same means that the answer says what is stored. It is decoded only if something else
	// needs it.
	same     bool
	answer   answer
	document billing.Document
	failure  *billing.Failure
}

// get reads a resource. It returns an error only for what ends the run.
func (v *visit) get(ctx context.Context, res *result, kind billing.DocumentKind, resource string, decode func([]byte) error) error {
	res.asked = true
	var err error
	res.answer, err = v.client.get(ctx, v.request(resource, decode))
	res.document = res.answer.document(kind)
	return res.note(err)
}

// note keeps a failure that concerns this customer alone, and returns any other.
func (res *result) note(err error) error {
	if err == nil {
		return nil
	}
	var failure *billing.Failure
	if !errors.As(err, &failure) || failure.Class.EndsRun() {
		return err
	}
	res.failure = failure
	return nil
}

// request returns the request for a resource of the customer.
func (v *visit) request(resource string, decode func([]byte) error) request {
	return request{
		endpoint: "customers/{id}/" + resource, resource: resource,
		url: v.client.address("/customers/" + string(v.id) + "/" + resource), until: v.until, room: v.room, decode: decode,
	}
}

// address returns the address of a path below the version of the API.
func (c *Client) address(path string) *url.URL {
	return &url.URL{Scheme: c.base.Scheme, Host: c.base.Host, Path: c.base.Path + "/v1" + path}
}

func (v *visit) readProfile(ctx context.Context) error {
	return v.get(ctx, &v.profile, billing.ProfileDocument, profileResource, func(body []byte) (err error) {
		if v.profile.same = v.says(billing.ProfileDocument, body); !v.profile.same {
			v.parts.profile, err = decodeProfile(body)
		}
		return err
	})
}

func (v *visit) readSummary(ctx context.Context) error {
	return v.get(ctx, &v.summary, billing.SummaryDocument, summaryResource, func(body []byte) (err error) {
		if v.summary.same = v.says(billing.SummaryDocument, body); !v.summary.same {
			v.parts.summary, err = decodeSummary(body)
		}
		return err
	})
}

// settleNoCosts takes the refusal of a summary to mean "no costs" where that is the
// safe interpretation. It needs the result of the profile, which shows whether the
// customer exists.
func (v *visit) settleNoCosts() {
	if v.summary.failure == nil {
		return
	}
	if f := v.profile.failure; f != nil && (f.Class == billing.UnknownCustomer || f.Class == billing.NoAccess) {
		return
	}
	if v.summary.answer.refusal.saysNoCosts(v.parts.profile != nil || v.profile.same) {
		v.parts.summary, v.summary.failure = noCosts(), nil
	}
}

// readLineItems reads all pages of the line items, if they are wanted and there are
// costs to which they could belong.
func (v *visit) readLineItems(ctx context.Context) error {
	if !v.client.options.LineItems || v.parts.summary == nil || !v.parts.summary.hasCosts() {
		return nil
	}
	res := &v.items
	res.asked = true
	read := *noLineItems()
	var more lineItems // read, and the page that is being decoded
	var bodies [][]byte
	size := 0
	err := v.client.walk(ctx, v.lineItemsRequest(), func(body []byte) (wirePaging, int, error) {
		if err := v.hold(ctx, size+len(body)); err != nil {
			return wirePaging{}, 0, err
		}
		if res.same = size == 0 && isOnlyPage(body) && v.says(billing.LineItemsDocument, body); res.same {
			return wirePaging{}, 0, nil
		}
		var page wireItems
		has, err := decodeOne(billing.LineItemsDocument, itemsForm, body, &page)
		if err != nil {
			return wirePaging{}, 0, err
		}
		more = read
		if err := more.add(&page, has); err != nil {
			return wirePaging{}, 0, err
		}
		return page.wirePaging, len(page.Items), nil
	}, func(a answer) bool {
		read = more
		res.answer = a
		bodies = append(bodies, a.body)
		size += len(a.body)
		return true
	})
	if err != nil {
		if err := res.note(err); err != nil {
			return err
		}
		if res.failure.Class == billing.UnknownCustomer {
			res.failure.Class = billing.BadAnswer
			res.failure.Message = "the summary states costs, but there are no line items: " + res.failure.Message
		}
		return nil
	}
	if !res.same {
		v.parts.items = &read
	}
	res.answer.body = joinPages(bodies)
	res.document = res.answer.document(billing.LineItemsDocument)
	return nil
}

// hold ensures that size bytes of line items may be held.
func (v *visit) hold(ctx context.Context, size int) error {
	if int64(size) > v.client.options.MaxBody {
		return fmt.Errorf("the line items are too large: more than %d bytes on all pages", v.client.options.MaxBody)
	}
	if size > smallAnswers {
		return v.room.wait(ctx)
	}
	return nil
}

// lineItemsRequest follows the link of the summary if it leads to this customer.
func (v *visit) lineItemsRequest() request {
	r := v.request(lineItemsResource, nil)
	r.within = "/customers/" + string(v.id) + "/servicecosts/"
	linked := r
	if header, err := v.client.follow(v.parts.summary.lineItems, &linked); err == nil && v.client.stays(&linked) {
		linked.header = header
		return linked
	}
	return r
}

// joinPages returns the body of a document that took several pages (billing.Document).
// A line feed separates the pages. In UTF-16 it would be half a character, so such a
// page is kept in UTF-8.
func joinPages(pages [][]byte) []byte {
	if len(pages) == 1 {
		return pages[0]
	}
	var all []byte
	for _, page := range pages {
		if isUTF16(page) {
			page = plain(page)
		}
		all = append(append(all, page...), '\n')
	}
	return all
}

// statement combines the results.
func (v *visit) statement() billing.Statement {
	docs, fetchedAt := v.documents()
	s := v.parts.statement(v.id, docs)
	s.FetchedAt = fetchedAt
	// The failure of the costs matters most, so it comes first.
	for _, res := range []*result{&v.summary, &v.items, &v.profile} {
		if s.Failure == nil {
			s.Failure = res.failure
		}
	}
	return s
}

// documents returns the documents, and when the last answer arrived.
func (v *visit) documents() (docs []billing.Document, fetchedAt time.Time) {
	for _, res := range []*result{&v.profile, &v.summary, &v.items} {
		if res.isRead() {
			docs = append(docs, res.document)
		}
		if res.answer.arrived.After(fetchedAt) {
			fetchedAt = res.answer.arrived
		}
	}
	return docs, fetchedAt.UTC().Truncate(time.Microsecond)
}
