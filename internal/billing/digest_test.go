package billing

import (
	"encoding/hex"
	"testing"
)

// content returns the part of a body that its digest covers.
func content(body []byte) string {
	var all []byte
	stable(body, func(part []byte) { all = append(all, part...) })
	return string(all)
}

func TestStable(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, body, want string }{
		{"nothing volatile", `{"a":1,"b":["links"]}`, `{"a":1,"b":["links"]}`},
		{"etag of the attributes", `{"id":"x","attributes":{"etag":"-42","objectType":"P"}}`, `{"id":"x","attributes":{"etag":,"objectType":"P"}}`},
		{"etag at the end", `{"attributes":{"objectType":"P","etag":null}}`, `{"attributes":{"objectType":"P","etag":}}`},
		{"etag elsewhere", `{"etag":"1","a":{"etag":"2"},"attributes":{"deep":{"etag":"3"}}}`, `{"etag":"1","a":{"etag":"2"},"attributes":{"deep":{"etag":"3"}}}`},
		{"etag after the attributes", `{"attributes":{"objectType":"P"},"etag":"1"}`, `{"attributes":{"objectType":"P"},"etag":"1"}`},
		{"attributes in a list", `{"items":[{"attributes":{"etag":"1"}},{"attributes":{"etag":"2"}}]}`, `{"items":[{"attributes":{"etag":}},{"attributes":{"etag":}}]}`},
		{"links", `{"links":{"next":{"uri":"/a}\"","headers":[{"key":"k"}]}},"n":1}`, `{"links":,"n":1}`},
		{"links in details", `{"details":[{"links":{}},{"links":{}}]}`, `{"details":[{"links":},{"links":}]}`},
		{"a name that is a key elsewhere", `{"name":"links","other":"etag"}`, `{"name":"links","other":"etag"}`},
		{"a key in a string", `{"name":"\"links\":{}"}`, `{"name":"\"links\":{}"}`},
		{"space", "{ \"links\" : { } , \"n\" : 1 }", "{ \"links\" :  , \"n\" : 1 }"},
		{"pages", "{\"links\":{\"next\":1}}\n{\"links\":{}}\n", "{\"links\":}\n{\"links\":}\n"},
		{"a number", `{"links":12}`, `{"links":}`},
		{"byte order mark", "\ufeff{\"links\":{}}", "\ufeff{\"links\":}"},
		{"cut short", `{"links":{"a`, `{"links":`},
		{"a cut string", `{"links`, `{"links`},
		{"no JSON", `links: "etag"`, `links: "etag"`},
		{"empty", ``, ``},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := content([]byte(test.body)); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// If digests change, every answer counts as new: in the night after the upgrade each
// customer gets an entry in the log of answers, and new bodies.
func TestDigestIsAStorageFormat(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"a":1}`: "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862",
		`{"companyName":"X","links":{"self":{"uri":"/a"}},"attributes":{"etag":"-4","objectType":"P"}}`: "38ef12696f105d0dc18df47f067a1149f55b7045945fd1d5fa448aeebe4cf680",
	} {
		sum := Digest([]byte(body))
		if got := hex.EncodeToString(sum[:]); got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
}

func FuzzDigest(f *testing.F) {
	f.Add([]byte(`{"links":{"a":[1,"b"]},"attributes":{"etag":"1"}}`))
	f.Add([]byte(`{"attributes":{"etag":"\\"},"links":`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got := content(body)
		if len(got) > len(body) || len(got) == len(body) && got != string(body) {
			t.Errorf("%q became %q", body, got)
		}
	})
}
