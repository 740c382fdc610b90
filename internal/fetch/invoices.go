package fetch

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"partnercost/internal/billing"
)

const (
	// invoicesAPage and linesAPage are the page sizes to request, the largest known ones.
	invoicesAPage = 200
	linesAPage    = 2000
)

var (
	// invoiceID matches the number of an invoice, which becomes part of a path.
	invoiceID       = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	errNotInvoiceID = errors.New("is not the number of an invoice")
)

// InvoiceList is the service's list of the partner's invoices.
type InvoiceList struct {
	// Invoices are in the order of the list. Amendments follow the invoice that they
	// amend.
	Invoices []billing.Invoice
	// Bodies are the pages.
	Bodies []billing.InvoiceBody
}

// Invoices reads the list of invoices. An error is a *billing.Failure or that of ctx, and
// means that the list is incomplete.
func (c *Client) Invoices(ctx context.Context) (InvoiceList, error) {
	var list InvoiceList
	var page []billing.Invoice
	known := map[string]bool{}
	r := request{endpoint: "invoices", resource: "invoices", url: c.address("/invoices"), within: "/invoices"}
	r.url.RawQuery = "size=" + strconv.Itoa(invoicesAPage) + "&offset=0"
	err := c.walk(ctx, r, func(body []byte) (paging wirePaging, items int, err error) {
		page, paging, err = decodeInvoices(body)
		if err == nil && paging.isLast() && len(page) >= invoicesAPage {
			paging.Links.Next.URI = text("/invoices?size=" + strconv.Itoa(invoicesAPage) + "&offset=" + strconv.Itoa(len(list.Invoices)+len(page)))
		}
		return paging, len(page), err
	}, func(a answer) bool {
		news := false
		for _, invoice := range page {
			if known[invoice.ID] {
				continue
			}
			known[invoice.ID], news = true, true
			invoice.Body = len(list.Bodies)
			list.Invoices = append(list.Invoices, invoice)
		}
		if news {
			list.Bodies = append(list.Bodies, pack(a.body))
		}
		// New-commerce invoices ignore size and offset: a page without new invoices is the
		// end.
		return news
	})
	list.Invoices = billing.AmendmentsLast(list.Invoices)
	return list, err
}

// isLast reports whether a page refers to no next one.
func (p *wirePaging) isLast() bool { return p.Links.Next.URI == "" && p.ContinuationToken == "" }

// Invoice reads one invoice, because the list does not state its period, and its amendments,
// which follow it. The service refuses this to an application alone.
func (c *Client) Invoice(ctx context.Context, id string) ([]billing.Invoice, billing.InvoiceBody, error) {
	var invoices []billing.Invoice
	if !invoiceID.MatchString(id) {
		return nil, billing.InvoiceBody{}, &billing.Failure{Class: billing.BadAnswer, Resource: "invoices", Message: "an invoice amends " + printable(id, 64) + ", which " + errNotInvoiceID.Error()}
	}
	a, err := c.get(ctx, request{
		endpoint: "invoices/{id}", resource: "invoices/" + id, url: c.address("/invoices/" + id),
		decode: func(body []byte) (err error) {
			invoices, err = decodeInvoice(body)
			if err == nil && !strings.EqualFold(invoices[0].ID, id) {
				err = notDocument(invoiceDocument, errors.New("it is about another invoice"))
			}
			return err
		},
	})
	if err != nil {
		return nil, billing.InvoiceBody{}, err
	}
	return invoices, pack(a.body), nil
}

// InvoiceSummaries reads when the newest invoices were issued.
func (c *Client) InvoiceSummaries(ctx context.Context) ([]billing.InvoiceSummary, error) {
	var summaries []billing.InvoiceSummary
	_, err := c.get(ctx, request{
		endpoint: "invoices/summaries", resource: "invoices/summaries", url: c.address("/invoices/summaries"),
		decode: func(body []byte) (err error) {
			summaries, err = decodeInvoiceSummaries(body)
			return err
		},
	})
	return summaries, err
}

// InvoiceLines reads all lines of a part of an invoice.
func (c *Client) InvoiceLines(ctx context.Context, id string, part billing.InvoicePart) (billing.LineSet, error) {
	first, err := c.linesRequest(id, part)
	if err != nil {
		return billing.LineSet{}, err
	}
	set := billing.LineSet{Source: billing.FromV1}
	size, read, items := int64(0), 0, 0
	repeated, guessed := false, false
	var page billing.InvoiceBody
	var lines, previous []billing.InvoiceLine
	err = c.walk(ctx, first, func(body []byte) (wirePaging, int, error) {
		var paging wirePaging
		var err error
		if lines, paging, err = decodeInvoiceLines(body); err != nil {
			return wirePaging{}, 0, err
		}
		items, page = len(lines), pack(body)
		// True duplicates exist, but not a whole page of them.
		switch repeats := items > 1 && reflect.DeepEqual(lines, previous); {
		case repeats && guessed:
			repeated = true
			return wirePaging{}, 0, nil // the service ignores offset here
		case repeats:
			return wirePaging{}, 0, notDocument(lineDocument, errors.New("it repeats the page before"))
		}
		if size+int64(len(page.Content)) > c.options.MaxBody {
			return wirePaging{}, 0, placed(lineDocument, fmt.Errorf("all pages together are too large: more than %d bytes, compressed", c.options.MaxBody))
		}
		guessed = paging.isLast() && items >= linesAPage
		if guessed { // a full page without a link to the next one
			paging.Links.Next.URI = text(offsetOf(first.url, read+items))
		}
		return paging, items, nil
	}, func(answer) bool {
		if repeated {
			return false
		}
		previous = lines
		read += items
		size += int64(len(page.Content))
		set.Bodies = append(set.Bodies, page)
		return true
	})
	if err != nil {
		return billing.LineSet{}, err
	}
	set.Lines = linesOfPages(set.Bodies)
	return set, nil
}

// offsetOf returns the address of the lines from an offset on.
func offsetOf(first *url.URL, offset int) string {
	query := first.Query()
	query.Set("size", strconv.Itoa(linesAPage))
	query.Set("offset", strconv.Itoa(offset))
	return first.Path + "?" + query.Encode()
}

// linesRequest follows the link in the list. An amendment has no link.
func (c *Client) linesRequest(id string, part billing.InvoicePart) (request, error) {
	r := request{
		endpoint: "invoices/{id}/lineitems", resource: "invoices/" + id + "/lineitems/" + part.Name(),
		url: c.address("/invoices/" + id + "/lineitems"), within: "/invoices/",
	}
	if part.Link == "" {
		r.url.RawQuery = url.Values{
			"provider":            {strings.ReplaceAll(part.Provider, "_", "")},
			"invoicelineitemtype": {strings.ReplaceAll(part.LineType, "_", "")},
			"size":                {strconv.Itoa(linesAPage)},
		}.Encode()
		return r, nil
	}
	header, err := c.follow(wireLink{URI: text(part.Link)}, &r)
	if err == nil && !c.stays(&r) {
		err = errors.New("the link to the lines leads somewhere else")
	}
	if err != nil {
		return r, &billing.Failure{Class: billing.BadAnswer, Resource: r.resource, Message: err.Error()}
	}
	r.header = header
	return r, nil
}

// ArchivedInvoices reads the invoices that an archived answer states: a page of the list, or
// the answer about one invoice.
func ArchivedInvoices(body billing.InvoiceBody) ([]billing.Invoice, error) {
	content, err := unpack(body)
	if err != nil {
		return nil, err
	}
	invoices, _, err := decodeInvoices(content)
	if err == nil {
		return invoices, nil
	}
	if alone, aloneErr := decodeInvoice(content); aloneErr == nil {
		return alone, nil
	}
	return nil, err
}

// ArchivedLines returns the lines of archived answers, in the order in which they were read.
// An answer that cannot be read any more is a *billing.Failure.
func ArchivedLines(source billing.LineSource, bodies []billing.InvoiceBody) billing.LineSet {
	lines := linesOfPages(bodies)
	if source == billing.FromV2 { // the first is the manifest
		lines = linesOfBlobs(bodies[min(1, len(bodies)):])
	}
	return billing.LineSet{Source: source, Bodies: bodies, Lines: func(yield func(billing.InvoiceLine, error) bool) {
		for line, err := range lines {
			if err != nil {
				err = &billing.Failure{Class: billing.BadAnswer, Resource: "archive", Message: err.Error()}
			}
			if !yield(line, err) {
				return
			}
		}
	}}
}

// linesOfPages decodes the pages each time the sequence is read.
func linesOfPages(pages []billing.InvoiceBody) iter.Seq2[billing.InvoiceLine, error] {
	return func(yield func(billing.InvoiceLine, error) bool) {
		for _, page := range pages {
			body, err := unpack(page)
			if err != nil {
				yield(billing.InvoiceLine{}, err)
				return
			}
			lines, _, err := decodeInvoiceLines(body)
			if err != nil {
				yield(billing.InvoiceLine{}, err)
				return
			}
			for _, line := range lines {
				if !yield(line, nil) {
					return
				}
			}
		}
	}
}
