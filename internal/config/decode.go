package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"partnercost/internal/billing"
	"partnercost/internal/spelling"
)

// decode stores the value of n, at a key path, in v. Unlike the YAML library's own
// decoding it reports every error with key path and line, and converts no value of
// another type, such as a number to a text.
func (l *loader) decode(n *yaml.Node, v reflect.Value, path string) {
	n = resolveAlias(n)
	if _, ok := l.lines[path]; !ok {
		l.lines[path] = n.Line // an element of a list; a key already has a line
	}
	switch {
	case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[Secret]():
		if n.Kind != yaml.MappingNode && !isNull(n) {
			l.breakOff(path, "must be a mapping with keys such as %q", keys(v.Type())[0]+":")
		}
		l.decodeStruct(n, v, path)
	case v.Kind() == reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			l.breakOff(path, "must be a list: [a, b], or one per line after a hyphen")
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
		for i, element := range n.Content {
			l.decode(element, v.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
	case n.Kind != yaml.ScalarNode:
		l.breakOff(path, "must be a single value")
	default:
		if err := setScalar(v, n.ShortTag(), n.Value); err != nil {
			l.breakOff(path, "%v", err)
		}
	}
}

// breakOff refuses a value that cannot be understood.
func (l *loader) breakOff(path, format string, args ...any) {
	l.refuse(path, format, args...)
	l.broken[path] = true
}

// decodeStruct stores the keys of n in the fields of v and the defaults in all others.
// A null counts as an absent key.
func (l *loader) decodeStruct(n *yaml.Node, v reflect.Value, path string) {
	values := l.mapping(n, v.Type(), path)
	for i := range v.NumField() {
		field := v.Type().Field(i)
		key := field.Tag.Get("yaml")
		value, ok := values[key]
		switch {
		case ok:
			l.decode(value, v.Field(i), join(path, key))
		case field.Type.Kind() == reflect.Struct && field.Type != reflect.TypeFor[Secret]():
			l.decodeStruct(&yaml.Node{}, v.Field(i), join(path, key))
		}
		if text := field.Tag.Get("default"); !ok && text != "" {
			if err := setScalar(v.Field(i), "", text); err != nil {
				panic(fmt.Sprintf("the default of %s: %v", join(path, key), err))
			}
		}
		if strings.HasSuffix(key, "file") {
			v.Field(i).SetString(l.resolve(v.Field(i).String()))
		}
	}
}

// mapping returns the values of n that are not null, by their keys. Each key must be a
// key of t and occur once.
func (l *loader) mapping(n *yaml.Node, t reflect.Type, path string) map[string]*yaml.Node {
	values := map[string]*yaml.Node{}
	first := map[string]int{}
	if n.Kind != yaml.MappingNode {
		return values
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], resolveAlias(n.Content[i+1])
		at := Problem{File: l.file, Line: key.Line, Key: join(path, shorten(key.Value))}
		switch line, repeated := first[key.Value]; {
		case key.Kind != yaml.ScalarNode:
			at.Key, at.Message = path, "a key must be a plain word"
		case !slices.Contains(keys(t), key.Value):
			at.Message = unknownKey(key.Value, t)
		case repeated:
			at.Message = fmt.Sprintf("duplicates line %d", line)
		default:
			first[key.Value] = key.Line
			if !isNull(value) {
				values[key.Value] = value
				l.lines[at.Key] = key.Line
			}
			continue
		}
		l.problems = append(l.problems, at)
	}
	return values
}

// setScalar stores text in v. tag is the type that YAML sees in the text; an empty tag
// fits every type.
func setScalar(v reflect.Value, tag, text string) error {
	isText := tag == "!!str" || tag == ""
	switch target := v.Addr().Interface().(type) {
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil || tag != "!!int" && tag != "" {
			return fmt.Errorf("must be a whole number, not %q", shorten(text))
		}
		*target = n
	case *bool:
		b, err := strconv.ParseBool(text)
		if err != nil || tag != "!!bool" && tag != "" {
			return fmt.Errorf("must be true or false, not %q", shorten(text))
		}
		*target = b
	case *time.Duration:
		d, err := parseDuration(text)
		if err != nil {
			return err
		}
		*target = d
	case *billing.CustomerID:
		id, err := billing.ParseCustomerID(shorten(text))
		if err != nil {
			return err
		}
		*target = id
	case *Secret:
		if !isText {
			return errors.New("must be text; put it in quotes")
		}
		*target = NewSecret(text)
	case *string:
		if !isText {
			return fmt.Errorf("must be text; put %s in quotes", shorten(text))
		}
		*target = text
	default:
		panic(fmt.Sprintf("a key of type %s", v.Type()))
	}
	return nil
}

// unknownKey returns a message about a key that t does not have, with the key that was
// probably meant.
func unknownKey(key string, t reflect.Type) string {
	known := keys(t)
	const never = "a secret must not be in this file; "
	switch isAuth := t == reflect.TypeFor[Auth](); {
	case isAuth && slices.Contains(known, key+"_file"):
		return never + fmt.Sprintf("name a file that holds it with %s_file, or set COLLECTOR_<NAME>_%s, <NAME> being the partner's name", key, strings.ToUpper(key))
	case slices.Contains(known, key+"_file"):
		return never + fmt.Sprintf("name a file that holds it with %s_file", key)
	case key == "password" && t == reflect.TypeFor[Database]():
		return never + "set COLLECTOR_DATABASE_URL, name a file that holds the connection string with url_file, or use a PGPASSFILE"
	}
	if nearest := spelling.Nearest(key, known); nearest != "" {
		return fmt.Sprintf("unknown key; did you mean %s?", nearest)
	}
	return "unknown key; known here: " + strings.Join(known, ", ")
}

// keys returns the keys of the struct t in the order of its fields.
func keys(t reflect.Type) []string {
	var all []string
	for field := range t.Fields() {
		if key := field.Tag.Get("yaml"); key != "-" {
			all = append(all, key)
		}
	}
	return all
}

// resolveAlias returns the node that n stands for.
func resolveAlias(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
