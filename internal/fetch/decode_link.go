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

// wirePaging is how a page of a collection names the next one: by a link with its
// headers, or by a token beside the items.
type wirePaging struct {
	Links struct {
		Next wireLink `json:"next"`
	} `json:"links"`
	ContinuationToken text `json:"continuationToken"`
}
