package fetch

import (
	"strings"
	"testing"
)

func TestJoin(t *testing.T) {
	t.Parallel()

	tests := []struct{ base, link, want string }{
		{"https://api.example", "/customers", "https://api.example/v1/customers"},
		{"https://api.example", "customers", "https://api.example/v1/customers"},
		{"https://api.example", "/v1/customers?size=500&seekOperation=Next", "https://api.example/v1/customers?size=500&seekOperation=Next"},
		{"https://api.example", "/V1/customers", "https://api.example/V1/customers"},
		{"https://api.example", "//v1.0//customers", "https://api.example/v1.0/customers"},
		{"https://api.example", "//elsewhere.example/x", "https://api.example/v1/elsewhere.example/x"},
		{"https://api.example", "/v12x/customers", "https://api.example/v1/v12x/customers"},
		{"https://api.example", "/customers/../x/./y", "https://api.example/v1/x/y"},
		{"https://api.example", "https://API.example/v1/customers", "https://api.example/v1/customers"},
		{"https://api.example", "/customers?a=1&?b=2&offset=", "https://api.example/v1/customers?a=1&?b=2&offset="},
		{"https://api.example", "//v1/customers?back=https://x.example", "https://api.example/v1/customers?back=https://x.example"},
		{"http://localhost:8080/pc/", "/v1/customers", "http://localhost:8080/pc/v1/customers"},
		{"http://localhost:8080/pc", "/pc/v1/customers", "http://localhost:8080/pc/v1/customers"},
		{"http://localhost:8080/pc", "/pcx", "http://localhost:8080/pc/v1/pcx"},
		{"http://LOCALHOST:8080", "/customers", "http://LOCALHOST:8080/v1/customers"},
		{"https://api.example", "http://api.example/v1/customers", ""},
		{"https://api.example", "https://api.example:444/v1/customers", ""},
		{"https://api.example", "https://elsewhere.example/v1", ""},
		{"https://api.example", "https://api.example@elsewhere.example/v1", ""},
		{"https://api.example", "/cust\x00omers", ""},
	}
	for _, test := range tests {
		base, err := parseBase(test.base)
		if err != nil {
			t.Fatal(err)
		}
		got, err := join(base, test.link)
		switch {
		case test.want == "" && err == nil:
			t.Errorf("join(%q, %q) = %s, want an error", test.base, test.link, got)
		case test.want != "" && (err != nil || got.String() != test.want):
			t.Errorf("join(%q, %q) = %v, %v, want %s", test.base, test.link, got, err, test.want)
		}
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()

	for message, want := range map[string]string{
		"User ada.byron@contoso.onmicrosoft.com is gone":     "User [e-mail] is gone",
		"Authorization: Bearer abc.def":                      "Authorization: [token]",
		"token eyJhbGciOi.JIUzI1.NiIs refused":               "token [token] refused",
		"refresh 0.AXoAabcdefghijklmnopqrstuvwxyz refused":   "refresh [token] refused",
		strings.Repeat("QUJD", 20):                           "[token]",
		"this is my secret":                                  "this is my [secret]",
		"two\nlines\tand\x00more\u2028here":                  "two lines and more here",
		"No relationship with ae1d5b32-f9ff-4252-b2bf-40e21": "No relationship with ae1d5b32-f9ff-4252-b2bf-40e21",
	} {
		if got := redact(message, "", "secret"); got != want {
			t.Errorf("redact(%q) = %q, want %q", message, got, want)
		}
	}
	if got := redact(strings.Repeat("é ", 1000)); len(got) > messageBytes+len("…") || !strings.HasSuffix(got, "…") || strings.Contains(got, "\ufffd") {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("ada@contoso.example planted")
	f.Fuzz(func(t *testing.T, message string) {
		got := redact("Bearer x"+message+" ada@contoso.example", message)
		if strings.ContainsAny(got, "\n\r\x00") || len(got) > messageBytes+len("…") || strings.Contains(got, "ada@contoso") {
			t.Errorf("%q", got)
		}
	})
}

func TestJoinPages(t *testing.T) {
	t.Parallel()

	one := [][]byte{[]byte("\ufeff{}")}
	if got := string(joinPages(one)); got != "\ufeff{}" {
		t.Errorf("one page becomes %q", got)
	}
	several := [][]byte{[]byte("\ufeff{}"), []byte("\xff\xfe{\x00}\x00"), []byte("{}")}
	if got := string(joinPages(several)); got != "\ufeff{}\n{}\n{}\n" {
		t.Errorf("several pages become %q", got)
	}
}
