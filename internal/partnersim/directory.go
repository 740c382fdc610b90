package partnersim

import (
	"net/http"
	"strconv"

	"partnercost/internal/billing"
)

const (
	// maxPage is the largest page that the service returns; defaultPage applies when the
	// size is absent or 0.
	maxPage     = 500
	defaultPage = 200
)

// page is the part of a collection that a request asks for.
type page struct {
	// number counts the pages from 1, and from is the index of its first entry.
	number int
	from   uint64
	// forged means that the request has a continuation token that was not issued here.
	forged bool
}

// pageOf reads the continuation token, which is the sealed position of the page.
func (s *Simulator) pageOf(r *http.Request) page {
	token := r.Header.Get("MS-ContinuationToken")
	if token == "" {
		return page{number: 1}
	}
	var number uint64
	p := page{}
	p.forged = !s.tokens.open(continuationSeal, token, &number, &p.from)
	p.number = int(number)
	return p
}

// after returns the token of the page that begins at an index.
func (s *Simulator) after(p page, from uint64) string {
	return s.tokens.seal(continuationSeal, uint64(p.number+1), from)
}

// list answers GET customers with one page.
func (s *Simulator) list(r *http.Request, p page, odd met, dst []byte) answer {
	largest := maxPage
	if s.options.LargestPage > 0 {
		largest = s.options.LargestPage
	}
	size := min(defaultPage, largest)
	if text := r.URL.Query().Get("size"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return refuse(dst, http.StatusBadRequest, 2000, "The page size is not valid.")
		}
		if n > 0 {
			size = min(n, largest)
		}
	}
	next := p.from
	if p.forged || next > 0 && next >= s.world.customers {
		return refuse(dst, http.StatusBadRequest, 2000, "The continuation token is not valid.")
	}

	cal, count := s.calendar.Load(), 0
	listed := make([]uint64, 0, size)
	for ; next < s.world.customers && count <= size; next++ {
		if !s.world.present(next, cal) {
			continue
		}
		if count++; count <= size {
			listed = append(listed, next)
		}
	}
	more := count > size
	if more {
		next-- // the first customer that did not fit begins the next page
	}

	dst = append(dst, byteOrderMark+`{"totalCount":`...)
	dst = strconv.AppendInt(dst, int64(len(listed)), 10)
	dst = append(dst, `,"items":[`...)
	for i, index := range listed {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = s.world.appendListed(dst, index)
	}
	dst = append(dst, `],"links":{"self":{"uri":"/v1/customers?size=`...)
	dst = strconv.AppendInt(dst, int64(size), 10)
	dst = append(dst, `","method":"GET","headers":[]}`...)
	token := ""
	if more || s.options.SpentToken {
		token = s.after(p, next)
	}
	dst = s.appendNext(dst, r, odd, "/customers?size="+strconv.Itoa(size)+"&seekOperation=Next", token)
	return answer{status: http.StatusOK, contentType: jsonType, body: append(dst, `,"attributes":{"objectType":"Collection"}}`...)}
}

// lineItems answers with one page of a customer's line items.
func (s *Simulator) lineItems(r *http.Request, c customer, items []billing.LineItem, p page, odd met, dst []byte) answer {
	all := uint64(len(items))
	if p.forged || p.from > 0 && p.from >= all {
		return refuse(dst, http.StatusBadRequest, 2000, "The continuation token is not valid.")
	}
	end, token := all, ""
	if size := uint64(max(0, s.options.LargestPage)); size > 0 && p.from+size < all {
		end = p.from + size
		token = s.after(p, end)
	}
	own := "/customers/" + c.id + "/servicecosts/MostRecent/lineitems"
	company, _ := s.world.company(c)
	dst = appendLineItems(append(dst, byteOrderMark...), c, company, items[p.from:end])
	dst = s.appendNext(dst, r, odd, own+"?seekOperation=Next", token)
	return answer{status: http.StatusOK, contentType: jsonType, body: append(dst, `,"attributes":{"objectType":"Collection"}}`...)}
}

// appendNext ends the links of a page with the link to the next page, in the form of
// the options. Without a next page it adds no link, unless an oddity invents one.
func (s *Simulator) appendNext(dst []byte, r *http.Request, odd met, path, token string) []byte {
	if s.options.Paging == PageByLink {
		path = "/v1" + path
	}
	switch odd.first(NextOnOtherHost, NextInCircle) {
	case NextOnOtherHost:
		path = "https://partnercenter.example" + path
	case NextOfOther:
		path = "/v1/customers/" + s.world.identities.id(s.world.customers) + "/servicecosts/mostrecent/lineitems"
	case NextInCircle:
		path, token = r.URL.RequestURI(), r.Header.Get("MS-ContinuationToken")
	default:
		if token == "" {
			return append(dst, '}')
		}
		if s.options.Paging == PageByBodyToken {
			return appendField(append(dst, '}'), "continuationToken", token)
		}
	}
	dst = append(dst, `,"next":{"uri":"`...)
	dst = append(dst, path...)
	dst = append(dst, `","method":"GET","headers":[`...)
	if token != "" {
		dst = append(dst, `{"key":"MS-ContinuationToken","value":"`...)
		dst = append(dst, token...)
		dst = append(dst, `"}`...)
	}
	return append(dst, `]}}`...)
}
