package fetch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
)

// form is what JSON must look like to be the document that was asked for: an object
// with the keys of a Go type, each spelt as documented and given once. Other keys
// are of no interest. encoding/json alone takes any object for any document, matches
// keys in any case, and lets the second of two equal keys change what the first said.
type form struct {
	keys map[string]formKey
	// spellings are the keys in lower case.
	spellings map[string]bool
}

// formKey is a key of a form, and the form of the objects that stand behind it,
// directly or in an array.
type formKey struct {
	bit   keySet
	value *form
}

// keySet is which keys of a form an object has.
type keySet uint64

// faultKeys are the keys by which an error object is known (API.md 3.5): no document
// has them.
var faultKeys = []string{"statusCode", "message", "code", "description", "error"}

// documentForm is the form of the documents that are decoded into T.
func documentForm[T any]() *form {
	f := formOf(reflect.TypeFor[T]())
	for _, key := range faultKeys {
		f.keys[key] = formKey{bit: 1 << len(f.keys)} // in any other case it is any other key
	}
	return f
}

// formOf is the form of a struct, or nil for what is no object.
func formOf(t reflect.Type) *form {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return nil
	}
	f := &form{keys: map[string]formKey{}, spellings: map[string]bool{}}
	for _, field := range reflect.VisibleFields(t) {
		if key := field.Tag.Get("json"); key != "" {
			f.keys[key] = formKey{bit: 1 << len(f.keys), value: formOf(field.Type)}
			f.spellings[strings.ToLower(key)] = true
		}
	}
	return f
}

// check walks valid JSON and returns which keys its object has. It ends with what is
// no JSON value any more.
func (f *form) check(data []byte) (keySet, error) {
	w := formWalk{data: data}
	w.space()
	if w.next() != '{' {
		return 0, fmt.Errorf("it is a JSON %s", kindOf(data[w.at:]))
	}
	has, err := w.object(f)
	if err == nil && f.isFault(has) {
		return has, errors.New("it is an error object with a success status")
	}
	return has, err
}

// isFault reports whether an object is one of the shapes of errors (API.md 3.5).
func (f *form) isFault(has keySet) bool {
	return f.among(has, "statusCode") && f.among(has, "message") ||
		f.among(has, "code") && f.among(has, "description", "message") || f.among(has, "error")
}

// errBlank is what an answer is that states nothing but has a key of an error. Beside
// real content such a key is one of the many that are not known.
var errBlank = errors.New("it states nothing and has a key of an error object")

// hasFaultKey reports whether an object has any key of an error.
func (f *form) hasFaultKey(has keySet) bool { return f.among(has, faultKeys...) }

// among reports whether an object has one of some keys.
func (f *form) among(has keySet, keys ...string) bool {
	for _, key := range keys {
		if has&f.keys[key].bit != 0 {
			return true
		}
	}
	return false
}

// formWalk is a place in valid JSON.
type formWalk struct {
	data []byte
	at   int
}

func (w *formWalk) next() byte { return w.data[w.at] }

func (w *formWalk) space() {
	for w.at < len(w.data) && w.data[w.at] <= ' ' {
		w.at++
	}
}

// object walks an object, at whose brace it stands.
func (w *formWalk) object(f *form) (keySet, error) {
	var has keySet
	w.at++
	for w.space(); w.next() != '}'; w.space() {
		if w.next() == ',' {
			w.at++
			continue
		}
		key, known, err := f.key(w.text())
		if err != nil {
			return has, err
		}
		if known && has&key.bit != 0 {
			return has, errors.New("a key is given twice")
		}
		has |= key.bit
		w.space()
		w.at++ // the colon
		if err := w.value(key.value); err != nil {
			return has, err
		}
	}
	w.at++
	return has, nil
}

// key is what a key between its quotes stands for.
func (f *form) key(name []byte) (key formKey, known bool, err error) {
	if key, known = f.keys[string(name)]; known {
		return key, true, nil
	}
	if bytes.IndexByte(name, '\\') < 0 && isASCII(name) {
		var small [64]byte
		lower := small[:0]
		for _, c := range name {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			lower = append(lower, c)
		}
		if !f.spellings[string(lower)] {
			return formKey{}, false, nil
		}
		return formKey{}, false, errSpelling
	}
	// Escaped, or with letters that encoding/json takes for those of ASCII.
	var unescaped string
	if err := json.Unmarshal(append(append([]byte{'"'}, name...), '"'), &unescaped); err != nil {
		return formKey{}, false, err
	}
	if key, known = f.keys[unescaped]; known {
		return key, true, nil
	}
	for spelling := range f.spellings {
		if strings.EqualFold(spelling, unescaped) {
			return formKey{}, false, errSpelling
		}
	}
	return formKey{}, false, nil
}

var errSpelling = errors.New("a key is not spelt as documented")

func isASCII(s []byte) bool {
	for _, c := range s {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// value walks the value that comes next. Objects in it, also those in an array, have
// the form f; without one, nothing in it matters.
func (w *formWalk) value(f *form) error {
	w.space()
	switch c := w.next(); {
	case f != nil && c == '{':
		_, err := w.object(f)
		return err
	case f != nil && c == '[':
		w.at++
		for w.space(); w.next() != ']'; w.space() {
			if w.next() == ',' {
				w.at++
				continue
			}
			if err := w.value(f); err != nil {
				return err
			}
		}
		w.at++
	case c == '"':
		w.text()
	case c == '{' || c == '[':
		w.skip()
	default:
		w.literal()
	}
	return nil
}

// text walks a string, at whose quote it stands, and returns what is between its
// quotes.
func (w *formWalk) text() []byte {
	w.at++
	start := w.at
	for {
		w.at += bytes.IndexByte(w.data[w.at:], '"')
		escapes := 0
		for w.data[w.at-1-escapes] == '\\' {
			escapes++
		}
		w.at++
		if escapes%2 == 0 {
			return w.data[start : w.at-1]
		}
	}
}

// skip walks an object or an array of which nothing matters.
func (w *formWalk) skip() {
	for depth := 0; ; {
		switch w.next() {
		case '"':
			w.text()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		w.at++
		if depth == 0 {
			return
		}
	}
}

// literal walks a number or a word.
func (w *formWalk) literal() {
	for w.at < len(w.data) && !strings.ContainsRune(",]} \t\r\n", rune(w.data[w.at])) {
		w.at++
	}
}
