package partnersim

import (
	"bytes"
	"net/http"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"partnercost/internal/billing"
)

// lastDay and firstDay are sentinels for an unknown day (API.md 5.4 point 5).
var (
	lastDay  = time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC)
	firstDay = time.Date(1, time.January, 1, 0, 0, 0, 0, time.UTC)

	// hereabouts is an hour east of UTC.
	hereabouts = time.FixedZone("", 3600)
)

// retell changes costs and line items according to the oddities of a request.
func (m met) retell(costs *billing.CostSummary, items []billing.LineItem) {
	if m.has(Untyped) {
		for i := range items {
			items[i].InvoiceType = ""
		}
	}
	if m.has(WithoutCosts) {
		zero := decimal.NewNullDecimal(decimal.Zero)
		costs.Details, costs.Root.PretaxTotal, costs.Root.Tax, costs.Root.AfterTaxTotal = nil, zero, zero, zero
	}
	if n := len(costs.Details); m.has(WithoutDetail) && n > 0 {
		last := costs.Details[n-1].InvoiceType
		for costs.Details[0].InvoiceType != last && costs.Details[n-1].InvoiceType == last {
			n--
		}
		costs.Details = costs.Details[:n]
	}
	if m.has(LocalTimes) {
		costs.Root.Period = sameDigits(costs.Root.Period)
	}
	for i := range costs.Details {
		d := &costs.Details[i]
		switch {
		case m.has(EndMoved) && d.InvoiceType == billing.Recurring:
			d.Period.End = d.Period.End.AddDate(0, 0, 1)
		case m.has(EndFar):
			d.Period.End = lastDay
		case m.has(EndUnset):
			d.Period.End = firstDay
		case m.has(EndBeforeStart):
			d.Period.End = d.Period.Start.AddDate(0, 0, -1)
		}
		if m.has(LocalTimes) {
			d.Period = sameDigits(d.Period)
		}
	}
}

// sameDigits returns the period whose digits on a clock hereabouts are those of p.
func sameDigits(p billing.Period) billing.Period {
	here := func(t time.Time) time.Time {
		y, m, d := t.Date()
		return time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), hereabouts)
	}
	return billing.Period{Start: here(p.Start), End: here(p.End)}
}

// instead returns the answer that replaces the right one; false when none does.
func (m met) instead(dst []byte) (answer, bool) {
	says := func(contentType, body string) (answer, bool) {
		return answer{status: http.StatusOK, contentType: contentType, body: append(dst, body...)}, true
	}
	refused := func(a answer) (answer, bool) { return a, true }
	for _, kind := range m {
		switch kind {
		case EmptyBody:
			return says(jsonType, "")
		case NullBody:
			return says(jsonType, "null")
		case EmptyObject:
			return says(jsonType, "{}")
		case EmptyArray:
			return says(jsonType, "[]")
		case WebPage:
			return says("text/html", "<html><body><h1>Sign in to the proxy</h1></body></html>")
		case GatewayError:
			return says(jsonType, `{"statusCode":429,"message":"Rate limit is exceeded. Try again in 57 seconds."}`)
		case Fault:
			a := refuse(dst, http.StatusOK, 800003, "Unexpected service error")
			return a, true
		case NoContent:
			return answer{status: http.StatusNoContent, body: dst}, true
		case Refuse401:
			return refused(refuseAtGateway(dst, http.StatusUnauthorized, "Unauthorized: Access token has expired"))
		case Refuse403:
			return answer{status: http.StatusForbidden, contentType: "text/plain", body: append(dst, "The supplied role does not have the rights to perform the requested operation"...)}, true
		case RefuseRelation:
			return refused(refuse(dst, http.StatusForbidden, 20002, noRelationship))
		case RefuseUnknown:
			return refused(refuse(dst, http.StatusNotFound, 60003, "Tenant not found"))
		case RefuseUsage:
			return refused(refuse(dst, http.StatusNotFound, 3000, "Customer does not have usage data."))
		case RefuseThrottle:
			a := throttled(dst, time.Second)
			a.retryAfter = ""
			return a, true
		case RefuseServer:
			return refused(refuse(dst, http.StatusInternalServerError, 800003, "Unexpected service error"))
		}
	}
	return answer{}, false
}

// spoil changes the keys of a right answer.
func (m met) spoil(e endpoint, body []byte) []byte {
	if m.has(WithoutItems) {
		body = bytes.Replace(body, []byte(`"items":[`), []byte(`"elements":[`), 1)
	}
	if !m.has(TwinKeys) && !m.has(CaseTwins) || !bytes.HasSuffix(body, []byte("}")) {
		return body
	}
	key, nothing := "items", "[]"
	switch e {
	case profileEndpoint, customerEndpoint:
		key, nothing = "companyName", `"Nobody"`
	case summaryEndpoint:
		key = "details"
	}
	if !m.has(TwinKeys) {
		key = strings.ToUpper(key)
	}
	return append(appendName(body[:len(body)-1], key), nothing+"}"...)
}
