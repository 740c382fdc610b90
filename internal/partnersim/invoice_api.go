package partnersim

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// lastV1Month is the last period for which Partner Center has new-commerce line items.
var lastV1Month = time.Date(2025, time.March, 1, 0, 0, 0, 0, time.UTC)

// invoiceTarget reads a path below /v1/invoices.
func invoiceTarget(n int, parts [7]string) target {
	switch {
	case n == 2:
		return target{endpoint: invoiceListEndpoint}
	case n == 3 && strings.EqualFold(parts[2], "summaries"):
		return target{endpoint: invoiceSummariesEndpoint}
	case n == 3:
		return target{endpoint: invoiceEndpoint, customer: parts[2]}
	case n == 4 && strings.EqualFold(parts[3], "lineitems"):
		return target{endpoint: invoiceLinesEndpoint, customer: parts[2]}
	case n == 6 && strings.EqualFold(parts[3], "lineitems"):
		return target{endpoint: invoiceLinesEndpoint, customer: parts[2], period: parts[4] + "/" + parts[5]}
	}
	return target{}
}

// isInvoices reports whether a target belongs to the partner's own invoices.
func (t target) isInvoices() bool {
	return t.endpoint >= invoiceListEndpoint && t.endpoint <= invoiceLinesEndpoint
}

// invoiceAnswer answers requests about the partner's own invoices.
func (s *Simulator) invoiceAnswer(r *http.Request, t target, dst []byte) answer {
	if s.exports == nil {
		return refuse(dst, http.StatusNotFound, 1000, "Not found")
	}
	cal := s.calendar.Load()
	switch t.endpoint {
	case invoiceListEndpoint:
		return s.invoiceList(r, cal, dst)
	case invoiceSummariesEndpoint:
		return jsonAnswer(dst, collection(s.invoiceSummaries(cal)))
	}
	i, ok := parseInvoice(t.customer)
	if !ok || !slices.Contains(s.invoices(cal), i) {
		return refuse(dst, http.StatusNotFound, 2000, "The invoice was not found.")
	}
	if t.endpoint == invoiceEndpoint {
		return jsonAnswer(dst, s.wireInvoice(i, cal, true))
	}
	return s.invoiceLines(r, t, i, cal, dst)
}

// jsonAnswer returns an answer with a value, after the byte order mark of the service.
func jsonAnswer(dst []byte, value any) answer {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err) // cannot happen: the value consists of texts and numbers
	}
	return answer{status: http.StatusOK, contentType: jsonType, body: append(append(dst, byteOrderMark...), body...)}
}

// object is a JSON object.
type object = map[string]any

func collection[T any](items []T) object {
	return object{"totalCount": len(items), "items": items, "attributes": object{"objectType": "Collection"}}
}

func link(uri string, headers ...object) object {
	if headers == nil {
		headers = []object{}
	}
	return object{"uri": uri, "method": "GET", "headers": headers}
}

// invoiceList returns a page of the list. Size and offset apply to legacy invoices; all
// others come with the last page.
func (s *Simulator) invoiceList(r *http.Request, cal *calendar, dst []byte) answer {
	query := r.URL.Query()
	size, offset := numberOf(query, "size"), numberOf(query, "offset")
	var legacy, modern []object
	for _, i := range s.invoices(cal) {
		switch {
		case i.note != original || s.unlisted(i, cal):
		case i.recurring:
			legacy = append(legacy, s.wireInvoice(i, cal, false))
		default:
			modern = append(modern, s.wireInvoice(i, cal, false))
		}
	}
	modern = append(s.voidNotes(cal), modern...)
	if s.options.LargestPage > 0 {
		size = s.options.LargestPage
	}
	end := len(legacy)
	if size > 0 {
		end = min(end, offset+size)
	}
	page := legacy[min(offset, end):end]
	links := object{"self": link("/invoices?" + r.URL.RawQuery)}
	if end < len(legacy) {
		links["next"] = link("/invoices?size=" + strconv.Itoa(size) + "&offset=" + strconv.Itoa(end))
	} else {
		page = append(slices.Clone(page), modern...)
	}
	all := collection(page)
	all["links"] = links
	return jsonAnswer(dst, all)
}

// unlisted reports whether an invoice is not on the list, although a void note names it.
func (s *Simulator) unlisted(i invoice, cal *calendar) bool {
	return !i.recurring && len(s.bill(i, cal).amended[voidNote]) > 0 && slices.Contains(s.options.Invoices.Unlisted, currencies[i.currency].code)
}

func (s *Simulator) voidNotes(cal *calendar) []object {
	var all []object
	for _, i := range s.invoices(cal) {
		if i.note == voidNote {
			all = append(all, s.wireInvoice(i, cal, false))
		}
	}
	return all
}

func numberOf(query url.Values, name string) int {
	n, err := strconv.Atoi(query.Get(name))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// wireInvoice returns an invoice as in the list, or with its period as in the answer
// about it alone.
func (s *Simulator) wireInvoice(i invoice, cal *calendar, alone bool) object {
	b := s.bill(i, cal)
	id, in := i.id(), currencies[i.currency]
	date := i.date(s.world.start).Add(83*time.Minute + 603895*time.Microsecond)
	o := object{
		"id": id, "invoiceDate": date.Format("2006-01-02T15:04:05.0000000Z"), "totalCharges": json.RawMessage(b.total(i).String()), "paidAmount": 0,
		"currencyCode": in.code, "currencySymbol": in.symbol, "documentType": i.note.documentType(), "invoiceType": i.typeName(), "attributes": object{"objectType": "Invoice"},
		"invoiceDetails": s.invoiceDetails(i), "links": object{"self": link("/invoices/" + i.typeName() + "-" + id)},
		// The signature changes with every request.
		"pdfDownloadLink": "/invoices/" + id + "/documents/statement?sig=" + strconv.FormatUint(mix(s.requests.Load()), 36),
	}
	if i.note != original {
		o["amendsOf"] = i.of(original).id()
	}
	if alone {
		from, to := i.period(s.world.start)
		o["billingPeriodStartDate"], o["billingPeriodEndDate"] = from.Format(zoneless)+"Z", to.Format(time.DateOnly)+"T23:59:59.9999999Z"
	}
	var amendments []object
	for _, n := range []note{adjustmentNote, unlistedNote} {
		if i.note == original && len(b.amended[n]) > 0 && (alone || n != unlistedNote) {
			amendments = append(amendments, s.wireInvoice(i.of(n), cal, false))
		}
	}
	if amendments != nil {
		o["amendments"] = amendments
	}
	return o
}

// invoiceDetails lists the parts of an invoice. Amendments have no links.
func (s *Simulator) invoiceDetails(i invoice) []object {
	detail := func(provider, lines, path string) object {
		d := object{"invoiceLineItemType": lines, "billingProvider": provider, "attributes": object{"objectType": "InvoiceDetail"}}
		if i.note == original {
			d["links"] = object{"self": link("/invoices/" + i.typeName() + "-" + i.id() + "/lineitems/" + path)}
		}
		return d
	}
	switch {
	case !i.recurring:
		return []object{detail("one_time", "billing_line_items", "OneTime/BillingLineItems")}
	case i.note != original:
		return []object{detail("office", "billing_line_items", "")}
	}
	return []object{
		detail("office", "billing_line_items", "Office/BillingLineItems"), detail("azure", "billing_line_items", "Azure/BillingLineItems"),
		detail("azure", "usage_line_items", "Azure/UsageLineItems"),
	}
}

// invoiceSummaries returns the newest invoice of each currency and type.
func (s *Simulator) invoiceSummaries(cal *calendar) []object {
	newest := map[int]map[bool]time.Time{}
	for _, i := range s.invoices(cal) {
		if newest[i.currency] == nil {
			newest[i.currency] = map[bool]time.Time{}
		}
		if date := i.date(s.world.start); date.After(newest[i.currency][i.recurring]) {
			newest[i.currency][i.recurring] = date
		}
	}
	all := []object{}
	for number, in := range currencies {
		if newest[number] == nil {
			continue
		}
		var details []object
		for _, recurring := range []bool{true, false} {
			summary := object{"currencyCode": in.code, "latestInvoiceDate": newest[number][recurring].Format(zoneless), "lastPaymentDate": "0001-01-01T00:00:00"}
			details = append(details, object{"invoiceType": invoice{recurring: recurring}.typeName(), "summary": summary})
		}
		all = append(all, object{"currencyCode": in.code, "currencySymbol": in.symbol, "details": details})
	}
	return all
}

// linesAPage is the largest number of lines of a page or a blob.
func (s *Simulator) linesAPage() int {
	if n := s.options.Invoices.LinesAPage; n > 0 {
		return n
	}
	return 2000
}

// linesOf returns the lines of a part of an invoice.
func (s *Simulator) linesOf(i invoice, cal *calendar, part string) []invoiceLine {
	lines := s.bill(i, cal).linesOf(i.note)
	if !i.recurring || i.note != original {
		return lines
	}
	var of []invoiceLine
	for _, l := range lines {
		if l.metered() == strings.HasPrefix(part, "azure/") {
			of = append(of, l)
		}
	}
	return of
}

// invoiceLines returns a page of lines: by offset for legacy invoices, by a continuation
// token for new commerce.
func (s *Simulator) invoiceLines(r *http.Request, t target, i invoice, cal *calendar, dst []byte) answer {
	query := r.URL.Query()
	part := strings.ToLower(t.period)
	if part == "" {
		part = strings.ToLower(query.Get("provider") + "/" + query.Get("invoicelineitemtype"))
	}
	switch {
	case part == "onetime/billinglineitems" && !i.recurring, part == "office/billinglineitems" && i.recurring,
		(part == "azure/billinglineitems" || part == "azure/usagelineitems") && i.recurring && i.note == original:
	default:
		return refuse(dst, http.StatusBadRequest, 2000, "Invoice Line Item type is not valid.")
	}
	lines := s.linesOf(i, cal, part)
	if !i.recurring && i.first(s.world.start).After(lastV1Month) || !s.hasData(i) || part == "azure/usagelineitems" {
		lines = nil
	}
	size, from := s.linesAPage(), numberOf(query, "offset")
	if token := r.Header.Get("MS-ContinuationToken"); token != "" {
		var number, place uint64
		if !s.tokens.open(continuationSeal, token, &number, &place) {
			return refuse(dst, http.StatusBadRequest, 2000, "The continuation token is not valid.")
		}
		from = int(place)
	}
	end := min(len(lines), from+size)
	items := []object{}
	for at := min(from, end); at < end; at++ {
		items = append(items, s.wireLine(i, &lines[at], part))
	}
	page := collection(items)
	if end < len(lines) {
		if i.recurring {
			page["links"] = object{"next": link("/invoices/" + i.id() + "/lineitems?provider=" + strings.Split(part, "/")[0] + "&invoicelineitemtype=BillingLineItems&size=" + strconv.Itoa(size) + "&offset=" + strconv.Itoa(end))}
		} else {
			token := s.tokens.seal(continuationSeal, 1, uint64(end))
			page["continuationToken"] = token
			page["links"] = object{"next": link("/invoices/"+i.id()+"/lineitems?provider=onetime&invoicelineitemtype=billinglineitems&size="+strconv.Itoa(size)+"&seekOperation=Next",
				object{"key": "MS-ContinuationToken", "value": token})}
		}
	}
	return jsonAnswer(dst, page)
}

// number writes an amount like the service: one in three lines has numbers as text.
func (l *invoiceLine) number(d decimal.Decimal) json.RawMessage {
	if l.numbered%3 == 0 {
		return json.RawMessage(strconv.Quote(d.String()))
	}
	return json.RawMessage(d.String())
}

// customerID writes the customer's id in one of several ways.
func (l *invoiceLine) customerID() string {
	switch l.numbered % 4 {
	case 0:
		return "org:" + l.customer
	case 1:
		return strings.ToUpper(l.customer)
	}
	return l.customer
}

// wireLine is a line of Partner Center.
func (s *Simulator) wireLine(i invoice, l *invoiceLine, part string) object {
	item := &l.item
	o := object{
		"partnerId": s.options.Invoices.Tenant, "customerId": l.customerID(), "orderId": item.OrderID, "currency": item.CurrencyCode, "chargeType": item.ChargeType, "mpnId": 4391507,
		"chargeStartDate": item.StartDate.Format(zoneless), "chargeEndDate": item.EndDate.Format(zoneless),
		"unitPrice": l.number(item.UnitPrice.Decimal), "quantity": l.number(item.Quantity.Decimal),
		"subtotal": l.number(item.PretaxTotal.Decimal), "totalForCustomer": l.number(item.AfterTaxTotal.Decimal),
	}
	set := func(more object) object {
		maps.Copy(o, more)
		return o
	}
	switch {
	case strings.HasPrefix(part, "azure/"):
		for _, key := range []string{"unitPrice", "quantity", "subtotal", "totalForCustomer"} {
			delete(o, key)
		}
		return set(object{
			"customerCompanyName": l.name, "domainName": "customer.example", "invoiceNumber": i.id(), "detailLineItemId": 1, "sku": item.SkuID, "subscriptionId": item.SubscriptionID,
			"serviceName": item.OfferName, "consumedQuantity": l.number(item.Quantity.Decimal), "pretaxEffectiveRate": l.number(item.UnitPrice.Decimal),
			"pretaxCharges": l.number(item.PretaxTotal.Decimal), "taxAmount": l.number(item.Tax.Decimal), "postTaxTotal": l.number(item.AfterTaxTotal.Decimal),
			"invoiceLineItemType": "billing_line_items", "billingProvider": "azure", "attributes": object{"objectType": "UsageBasedLineItem"},
		})
	case i.recurring:
		return set(object{
			"customerName": l.name, "domainName": "customer.example", "tier2MpnId": -1, "subscriptionId": "internal" + item.SubscriptionID[:8], "syndicationPartnerSubscriptionNumber": item.SubscriptionID,
			"offerId": "billing-" + item.OfferID, "durableOfferId": item.OfferID, "offerName": item.OfferName, "amount": l.number(item.PretaxTotal.Decimal), "totalOtherDiscount": 0,
			"tax": l.number(item.Tax.Decimal), "invoiceLineItemType": "billing_line_items", "billingProvider": "office", "attributes": object{"objectType": "LicenseBasedLineItem"},
		})
	}
	return set(object{
		"customerName": l.name, "customerDomainName": "customer.example", "invoiceNumber": i.id(), "productId": item.ProductID, "skuId": item.SkuID, "availabilityId": item.AvailabilityID,
		"productName": item.ProductName, "skuName": item.SkuName, "taxTotal": l.number(item.Tax.Decimal), "billableQuantity": l.number(item.Quantity.Decimal), "subscriptionId": item.SubscriptionID,
		"pricingCurrency": item.CurrencyCode, "pcToBCExchangeRate": 1, "priceAdjustmentDescription": `["15.0% Partner earned credit"]`, "resellerMpnId": 0,
		"invoiceLineItemType": "billing_line_items", "billingProvider": "one_time", "attributes": object{"objectType": "OneTimeInvoiceLineItem"},
	})
}

// exportLine is a line of an export of Microsoft Graph.
func (s *Simulator) exportLine(i invoice, l *invoiceLine) object {
	item := &l.item
	return object{
		"PartnerId": s.options.Invoices.Tenant, "CustomerId": l.customerID(), "CustomerName": l.name, "CustomerDomainName": "customer.example", "InvoiceNumber": i.id(), "MpnId": "4391507",
		"OrderId": item.OrderID, "ProductId": item.ProductID, "SkuId": item.SkuID, "AvailabilityId": item.AvailabilityID, "ProductName": item.ProductName, "SkuName": item.SkuName,
		"ChargeType": item.ChargeType, "UnitPrice": l.number(item.UnitPrice.Decimal), "Quantity": l.number(item.Quantity.Decimal), "BillableQuantity": l.number(item.Quantity.Decimal),
		"Subtotal": l.number(item.PretaxTotal.Decimal), "TaxTotal": l.number(item.Tax.Decimal), "Total": l.number(item.AfterTaxTotal.Decimal), "Currency": item.CurrencyCode,
		"SubscriptionId": item.SubscriptionID, "ChargeStartDate": item.StartDate.Format(zoneless) + "Z", "ChargeEndDate": item.EndDate.Format(zoneless) + "Z", "PCToBCExchangeRate": "1",
	}
}
