package partnersim

import (
	"net/http"
	"strconv"
)

const (
	// maxPage is the largest page the service gives; defaultPage is given when the size
	// is absent or 0.
	maxPage     = 500
	defaultPage = 200
)

// list answers GET customers with one page. A continuation token is the index at
// which the next page begins, sealed.
func (s *Simulator) list(r *http.Request, dst []byte) answer {
	size := defaultPage
	if text := r.URL.Query().Get("size"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return refuse(dst, http.StatusBadRequest, 2000, "The page size is not valid.")
		}
		if n > 0 {
			size = min(n, maxPage)
		}
	}
	var next uint64
	if token := r.Header.Get("MS-ContinuationToken"); token != "" {
		if !s.tokens.open(continuationSeal, token, &next) || next >= s.world.customers {
			return refuse(dst, http.StatusBadRequest, 2000, "The continuation token is not valid.")
		}
	}

	cal, count := s.calendar.Load(), 0
	page := make([]uint64, 0, size)
	for ; next < s.world.customers && count <= size; next++ {
		if !s.world.present(next, cal) {
			continue
		}
		if count++; count <= size {
			page = append(page, next)
		}
	}
	more := count > size
	if more {
		next-- // the first that did not fit begins the next page
	}

	dst = append(dst, byteOrderMark+`{"totalCount":`...)
	dst = strconv.AppendInt(dst, int64(len(page)), 10)
	dst = append(dst, `,"items":[`...)
	for i, index := range page {
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
		token = s.tokens.seal(continuationSeal, next)
	}
	if token != "" && s.options.Paging != PageByBodyToken {
		dst = append(dst, `,"next":{"uri":"`...)
		if s.options.Paging == PageByLink {
			dst = append(dst, "/v1"...)
		}
		dst = append(dst, "/customers?size="...)
		dst = strconv.AppendInt(dst, int64(size), 10)
		dst = append(dst, `&seekOperation=Next","method":"GET","headers":[{"key":"MS-ContinuationToken","value":"`...)
		dst = append(dst, token...)
		dst = append(dst, `"}]}`...)
	}
	dst = append(dst, '}')
	if token != "" && s.options.Paging == PageByBodyToken {
		dst = appendField(dst, "continuationToken", token)
	}
	return answer{status: http.StatusOK, contentType: jsonType, body: append(dst, `,"attributes":{"objectType":"Collection"}}`...)}
}
