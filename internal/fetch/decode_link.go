package fetch

// wireLink is a link in an answer (API.md 4).
type wireLink struct {
	URI     text         `json:"uri"`
	Method  text         `json:"method"`
	Headers []wireHeader `json:"headers"`
}

type wireHeader struct {
	Key   text `json:"key"`
	Value text `json:"value"`
}

// wirePaging is what a page of a collection states about paging: the next page, by a
// link with headers or by a token beside the items, and the number of items.
type wirePaging struct {
	TotalCount amount `json:"totalCount"`
	Links      struct {
		Next wireLink `json:"next"`
	} `json:"links"`
	ContinuationToken text `json:"continuationToken"`
}

// namesNext reports whether the page refers to another one.
func (p *wirePaging) namesNext() bool { return p.Links.Next.URI != "" || p.ContinuationToken != "" }
