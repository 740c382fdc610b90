package fetch

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"partnercost/internal/billing"
)

// customersEndpoint is the name of the list of customers in metrics.
const customersEndpoint = "customers"

// pageSize is the largest page that the service is known to return (API.md 4).
const pageSize = "500"

// wireCustomers is a page of the list of customers (API.md 4).
type wireCustomers struct {
	wirePaging
	Items []struct {
		ID             text `json:"id"`
		CompanyProfile struct {
			TenantID text `json:"tenantId"`
		} `json:"companyProfile"`
	} `json:"items"`
}

var customersForm = documentForm[wireCustomers]()

// Customers lists the partner's customers, each once, page by page, so that collecting
// can begin while the list is still being read. An error ends the list and means that
// it is incomplete. The error is a *billing.Failure or that of ctx.
func (c *Client) Customers(ctx context.Context) iter.Seq2[billing.CustomerID, error] {
	return func(yield func(billing.CustomerID, error) bool) {
		var page []billing.CustomerID
		known := map[billing.CustomerID]bool{}
		stopped := false
		first := request{endpoint: customersEndpoint, resource: "customers", url: c.address("/customers"), within: "/customers"}
		first.url.RawQuery = "size=" + pageSize
		err := c.walk(ctx, first, func(body []byte) (paging wirePaging, items int, err error) {
			page, paging, err = decodeCustomers(body)
			return paging, len(page), err
		}, func(answer) bool {
			for _, id := range page {
				if known[id] {
					continue // the list changed while it was read
				}
				known[id] = true
				if !yield(id, nil) {
					stopped = true
					return false
				}
			}
			return true
		})
		if err != nil && !stopped {
			yield("", err)
		}
	}
}

// decodeCustomers reads a page of the list. An entry without a usable id makes the page
// unusable: leaving the entry out would retire its customer.
func decodeCustomers(body []byte) ([]billing.CustomerID, wirePaging, error) {
	var w wireCustomers
	has, err := decodeOne("customers", customersForm, body, &w)
	switch {
	case err != nil:
		return nil, wirePaging{}, err
	case w.Items == nil:
		return nil, wirePaging{}, notDocument("customers", errNoItems)
	case len(w.Items) == 0 && customersForm.hasFaultKey(has):
		return nil, wirePaging{}, notDocument("customers", errBlank)
	case w.TotalCount.err != nil:
		return nil, wirePaging{}, fmt.Errorf("customers: totalCount: %w", w.TotalCount.err)
	}
	ids := make([]billing.CustomerID, len(w.Items))
	for i, item := range w.Items {
		id, err := billing.ParseCustomerID(firstText(item.ID, item.CompanyProfile.TenantID))
		if err != nil {
			return nil, wirePaging{}, fmt.Errorf("customers: items[%d].id: %w", i, errors.Unwrap(err))
		}
		ids[i] = id
	}
	return ids, w.wirePaging, nil
}
