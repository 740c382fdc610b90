package fetch

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"partnercost/internal/billing"
)

// pagesAtMost ends a collection without a last page. At 500 customers a page it allows
// for five million customers.
const pagesAtMost = 10_000

// continuation is the header that carries the token of the next page.
const continuation = "Ms-Continuationtoken"

// walk reads the pages of a collection, beginning with the first. decode reads the body
// of each page and returns how the page refers to the next one and how many items it
// lists. eachPage is called with each answer once its page has been read successfully.
// When it returns false, the walk ends.
//
// The collection ends with a page that refers to no next one or has no items, and with
// the refusal of a token that an earlier page returned (API.md 4). A page that cannot
// be read is an error. So is a page that refers to itself or to an earlier one, and a
// last page if the pages list fewer items than they state: a short list must not pass
// for a complete one.
func (c *Client) walk(ctx context.Context, r request, decode func([]byte) (wirePaging, int, error), eachPage func(answer) bool) error {
	type place struct{ url, token string }
	seen := map[place]bool{}
	var whole pageCount
	for page := 1; ; page++ {
		seen[place{r.url.String(), r.header[continuation]}] = true
		var paging wirePaging
		items := 0
		r.decode = func(body []byte) (err error) {
			paging, items, err = decode(body)
			if err != nil {
				return err
			}
			sum := whole.with(paging.TotalCount.value, items)
			if items == 0 || !paging.namesNext() {
				if err := sum.check(); err != nil {
					return notDocument(billing.DocumentKind(r.resource), err)
				}
			}
			whole = sum
			return nil
		}
		a, err := c.get(ctx, r)
		if err != nil {
			if page > 1 && r.header[continuation] != "" && a.refusal.endsList() {
				return nil
			}
			return err
		}
		if !eachPage(a) || items == 0 {
			return nil
		}
		next, err := c.following(r, paging)
		if next == nil && err == nil {
			return nil
		}
		switch {
		case err != nil:
		case seen[place{next.url.String(), next.header[continuation]}]:
			err = errors.New("the pages form a loop: a page links to itself or to an earlier page as the next")
		case page >= pagesAtMost:
			err = errors.New("the pages do not end")
		default:
			r = *next
			continue
		}
		return &billing.Failure{
			Class: billing.BadAnswer, Resource: r.resource, HTTPStatus: a.status, Message: err.Error(),
			RequestID: a.requestID, CorrelationID: a.correlationID, Attempts: 1,
		}
	}
}

// pageCount compares the number of items listed with the counts stated. For some
// collections it is not documented whether totalCount covers the page or all pages.
// Items are therefore proven to be missing only when all pages together list fewer than
// a page states.
type pageCount struct {
	listed  int
	claimed billing.Amount // the largest count that a page stated
}

// with returns the count with another page added.
func (c pageCount) with(count billing.Amount, items int) pageCount {
	c.listed += items
	if count.Valid && (!c.claimed.Valid || count.Decimal.GreaterThan(c.claimed.Decimal)) {
		c.claimed = count
	}
	return c
}

// check returns an error for a collection that ends before its count is reached,
// because it would empty or shorten what is stored.
func (c pageCount) check() error {
	if c.claimed.Valid && c.claimed.Decimal.GreaterThan(countOf(c.listed)) {
		return errors.New("it lists fewer items than it counts")
	}
	return nil
}

// following returns the request for the next page, or nil when there is none. The three
// ways of API.md 4 amount to two: a link with headers, with or without /v1, and a token
// beside the items, which is sent as a header with seekOperation=Next.
func (c *Client) following(r request, p wirePaging) (*request, error) {
	link, token := p.Links.Next, printableASCII(p.ContinuationToken)
	switch {
	case link.URI != "":
		header, err := c.follow(link, &r)
		if err != nil {
			return nil, err
		}
		if !c.stays(&r) {
			return nil, errors.New("a page links to a page of another collection as the next")
		}
		r.header = header
	case token != "":
		address := *r.url
		query := address.Query()
		query.Set("seekOperation", "Next")
		address.RawQuery = query.Encode()
		r.url, r.header = &address, map[string]string{}
	default:
		return nil, nil //nolint:nilnil // the last page
	}
	if token != "" && r.header[continuation] == "" {
		r.header[continuation] = token
	}
	return &r, nil
}

// follow sets the address of r to a link, and returns the headers that the link
// requires. It accepts only headers of Partner Center, and none that the client sets
// itself, because a link must not speak in our name.
func (c *Client) follow(link wireLink, r *request) (map[string]string, error) {
	if link.Method != "" && !strings.EqualFold(string(link.Method), http.MethodGet) {
		return nil, errors.New("a link in the answer asks for something other than GET")
	}
	address, err := join(c.base, string(link.URI))
	if err != nil {
		return nil, err
	}
	r.url = address
	header := map[string]string{}
	for _, h := range link.Headers {
		key := http.CanonicalHeaderKey(printableASCII(h.Key))
		own := key == "Ms-Requestid" || key == "Ms-Correlationid" || key == "Ms-Partnercenter-Application"
		if strings.HasPrefix(key, "Ms-") && !own {
			header[key] = printableASCII(h.Value)
		}
	}
	return header, nil
}

// stays reports whether r still addresses the collection that it began with. Links have
// been seen to name another customer (API.md 5.4 point 8), whose items must never be
// stored for this one.
func (c *Client) stays(r *request) bool {
	path := version.ReplaceAllString(strings.TrimPrefix(r.url.Path, c.base.Path), "/")
	if folder := strings.HasSuffix(r.within, "/"); folder && len(path) > len(r.within) {
		path = path[:len(r.within)]
	}
	return strings.EqualFold(path, r.within)
}

// printableASCII returns s, or an empty string if s holds bytes that a header may not.
func printableASCII(s text) string {
	if strings.ContainsFunc(string(s), func(r rune) bool { return r < ' ' || r > '~' }) {
		return ""
	}
	return string(s)
}
