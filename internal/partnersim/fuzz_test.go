package partnersim

import (
	"encoding/json"
	"testing"

	"github.com/shopspring/decimal"
)

func FuzzDecimals(f *testing.F) {
	for _, seed := range []struct {
		word     int64
		decimals int32
	}{{1720, 2}, {-5, 2}, {17219999999999999, 15}, {5, 0}, {-120, 1}, {1, 17}, {0, 3}, {7, -3}, {-9223372036854775808, 4}} {
		f.Add(seed.word, seed.decimals)
	}
	f.Fuzz(func(t *testing.T, word int64, decimals int32) {
		d := decimal.New(word, -(decimals % 40))
		if got := string(appendDecimal(nil, d)); got != d.String() {
			t.Errorf("%s is written %s", d, got)
		}
	})
}

func FuzzSealsCannotBeForged(f *testing.F) {
	s := newSealer(seed(1))
	genuine := s.seal(accessSeal, 1, 2, 3, 4)
	f.Add(genuine)
	f.Add(s.seal(refreshSeal, 1, 2, 3, 4))
	f.Add(newSealer(seed(2)).seal(accessSeal, 1, 2, 3, 4))
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		var a, b, c, d uint64
		if s.open(accessSeal, token, &a, &b, &c, &d) != (token == genuine) {
			t.Errorf("%q is taken for what it is not", token)
		}
	})
}

func FuzzStrings(f *testing.F) {
	f.Add("plain")
	f.Add("Driftwood \"Zürich\"\t\\ \x00\x1f 見本")
	f.Fuzz(func(t *testing.T, s string) {
		// json.Unmarshal replaces invalid UTF-8, which the simulator's text never holds.
		if valid, err := json.Marshal(s); err != nil || json.Unmarshal(valid, &s) != nil {
			t.Skip()
		}
		var back string
		if err := json.Unmarshal(appendString(nil, s), &back); err != nil || back != s {
			t.Errorf("%q came back as %q: %v", s, back, err)
		}
	})
}

func FuzzPaths(f *testing.F) {
	for _, path := range []string{"/v1/customers", "/V1/Customers/x/servicecosts/mostrecent/lineitems", "//", "", "/v1//v1/customers", "/v1/customers/"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		target := parseTarget(path)
		if target.endpoint < 0 || target.endpoint >= endpoints {
			t.Errorf("%q is endpoint %d", path, target.endpoint)
		}
	})
}
