package seal_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"partnercost/internal/seal"
)

// line returns a line of a key file. Its key is one byte, repeated.
func line(b byte) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(rune(b)), 32)))
}

func parse(t *testing.T, text string) *seal.Keys {
	t.Helper()
	keys, err := seal.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestWhatIsSealedOpensForTheSame(t *testing.T) {
	t.Parallel()
	keys := parse(t, line('a'))
	first, second := keys.Seal("refresh", "contoso"), keys.Seal("refresh", "contoso")
	if string(first) == string(second) {
		t.Error("the same secret is sealed the same twice")
	}
	if strings.Contains(string(first), "refresh") {
		t.Error("the secret can be read")
	}
	if got, err := keys.Open(keys.Newest(), first, "contoso"); err != nil || got != "refresh" {
		t.Errorf("%q, %v", got, err)
	}
	changed := append([]byte(nil), first...)
	changed[len(changed)-1] ^= 1
	for name, c := range map[string]struct {
		id     string
		sealed []byte
		about  string
		want   error
	}{
		"about another": {keys.Newest(), first, "fabrikam", seal.ErrBroken},
		"changed":       {keys.Newest(), changed, "contoso", seal.ErrBroken},
		"cut off":       {keys.Newest(), first[:10], "contoso", seal.ErrBroken},
		"another key":   {"0123456789abcdef", first, "contoso", seal.ErrNoKey},
	} {
		if got, err := keys.Open(c.id, c.sealed, c.about); !errors.Is(err, c.want) || got != "" {
			t.Errorf("%s: %q, %v, want %v", name, got, err, c.want)
		}
	}
}

// While a key is replaced, everything can be opened at every step.
func TestAKeyIsReplaced(t *testing.T) {
	t.Parallel()
	old, both, young := parse(t, line('a')), parse(t, "# of 2027\n"+line('b')+"\n\n"+line('a')+" # of 2026\n"), parse(t, line('b'))
	sealed := old.Seal("refresh", "")
	if got, err := both.Open(old.Newest(), sealed, ""); err != nil || got != "refresh" {
		t.Errorf("the old key beside the new one: %q, %v", got, err)
	}
	if both.Newest() != young.Newest() || both.Newest() == old.Newest() {
		t.Error("the first key of the file is not the one that seals")
	}
	if got, err := young.Open(both.Newest(), both.Seal("refresh", ""), ""); err != nil || got != "refresh" {
		t.Errorf("the new key alone: %q, %v", got, err)
	}
	if _, err := young.Open(old.Newest(), sealed, ""); !errors.Is(err, seal.ErrNoKey) {
		t.Errorf("without its key: %v", err)
	}
}

func TestFilesWithoutKeys(t *testing.T) {
	t.Parallel()
	planted := "cGxhbnRlZA=="
	for _, text := range []string{"", "# nothing", planted, line('a') + "\nplanted", line('a') + line('a'), strings.Repeat("x", 1<<17)} {
		_, err := seal.Parse(text)
		if err == nil {
			t.Errorf("%.20q passes for keys", text)
			continue
		}
		if said := err.Error(); strings.Contains(said, planted) || strings.Contains(said, "planted") || strings.Contains(said, line('a')) {
			t.Errorf("the error repeats the file: %s", said)
		}
	}
	if said := fmt.Sprintf("%v %+v %s", parse(t, line('a')), parse(t, line('a')), parse(t, line('a'))); strings.Contains(said, "aaaa") {
		t.Errorf("printed keys: %s", said)
	}
}
