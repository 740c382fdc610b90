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

// form is the structure that JSON must have to be the requested document: an object
// with the keys of a Go type, each spelt as documented and occurring once. Other keys
// are ignored. encoding/json alone accepts any object for any document, matches keys in
// any case, and lets the second of two equal keys change the value of the first.
type form struct {
	keys map[string]formKey
	// spellings are the keys in lower case.
	spellings map[string]bool
}

// formKey is a key of a form, with the form of the objects in its value, directly or in
// an array.
type formKey struct {
	bit   keySet
	value *form
}

// keySet is the set of a form's keys that an object has.
type keySet uint64

// faultKeys are the keys that mark an error object (API.md 3.5). No document has them.
var faultKeys = []string{"statusCode", "message", "code", "description", "error"}

// documentForm returns the form of the documents that are decoded into T.
func documentForm[T any]() *form {
	f := formOf(reflect.TypeFor[T]())
	for _, key := range faultKeys {
		f.keys[key] = formKey{bit: 1 << len(f.keys)} // spelt in any other case it is an unknown key
	}
	return f
}

// formOf returns the form of a struct, or nil for any other type.
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

// check walks valid JSON and returns the keys of its object.
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

// errBlank marks an answer without content that has a key of an error object. Beside
// real content such a key is treated like any unknown key.
var errBlank = errors.New("it states nothing and has a key of an error object")

// hasFaultKey reports whether an object has any key of an error object.
func (f *form) hasFaultKey(has keySet) bool { return f.among(has, faultKeys...) }

// among reports whether an object has one of the given keys.
func (f *form) among(has keySet, keys ...string) bool {
	for _, key := range keys {
		if has&f.keys[key].bit != 0 {
			return true
		}
	}
	return false
}

// formWalk is a position in valid JSON.
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

// object walks the object that begins at the current position.
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

// key looks up a key by the text between its quotes.
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
	// The name has escapes, or letters that encoding/json equates with ASCII letters.
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

// value walks the next value. Objects in it, also those in an array, have the form f.
// With f nil the content is ignored.
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

// text walks the string that begins at the current position, and returns the bytes
// between its quotes.
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

// skip walks an object or an array whose content is ignored.
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

// literal walks a number, true, false or null.
func (w *formWalk) literal() {
	for w.at < len(w.data) && !strings.ContainsRune(",]} \t\r\n", rune(w.data[w.at])) {
		w.at++
	}
}
