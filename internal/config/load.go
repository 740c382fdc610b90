package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// Load reads the configuration file at path and everything that it refers to: the
// variables COLLECTOR_DATABASE_URL, COLLECTOR_DATABASE_MIGRATE_URL and
// COLLECTOR_<NAME>_... through getenv, the files with secrets, and the customers files,
// which it checks completely. Relative paths in the file start at the file's directory.
// All problems are returned at once, as Errors, without a configuration.
func Load(path string, getenv func(string) string) (*Config, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, Errors{{File: path, Message: "there is no such file: " + howToBegin}}
	}
	if err != nil {
		return nil, Errors{{File: path, Message: fmt.Sprintf("cannot be read: %v", cause(err))}}
	}
	return load(path, data, getenv)
}

// LoadDatabase is Load for commands that need only the database: partners may be
// missing. The file itself may be missing too if COLLECTOR_DATABASE_URL is set, unless
// the user named the file.
func LoadDatabase(path string, named bool, getenv func(string) string) (*Config, error) {
	data, err := os.ReadFile(path)
	l := newLoader(path, getenv)
	l.databaseOnly = true
	switch {
	case errors.Is(err, fs.ErrNotExist) && !named && getenv("COLLECTOR_DATABASE_URL") != "":
		return l.load(&yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"})
	case errors.Is(err, fs.ErrNotExist) && !named:
		return nil, Errors{{File: path, Message: "there is no such file; set COLLECTOR_DATABASE_URL, which is sufficient for this command, or " + howToBegin}}
	case err != nil:
		return nil, Errors{{File: path, Message: fmt.Sprintf("cannot be read: %v", cause(err))}}
	}
	return l.parse(data)
}

// load is Load for the content of a file.
func load(path string, data []byte, getenv func(string) string) (*Config, error) {
	return newLoader(path, getenv).parse(data)
}

func newLoader(path string, getenv func(string) string) *loader {
	return &loader{file: path, getenv: getenv, lines: map[string]int{}, broken: map[string]bool{}}
}

func (l *loader) parse(data []byte) (*Config, error) {
	root, problem := parse(data)
	if problem != nil {
		problem.File = l.file
		return nil, Errors{*problem}
	}
	return l.load(root)
}

func (l *loader) load(root *yaml.Node) (*Config, error) {
	var c Config
	l.decode(root, reflect.ValueOf(&c).Elem(), "")
	l.validate(&c)
	if len(l.problems) > 0 {
		l.problems.sort(l.file)
		return nil, l.problems
	}
	c.Exposed = l.exposed
	return &c, nil
}

const howToBegin = "copy collector.example.yaml, which explains every key, and name it with --config or COLLECTOR_CONFIG (default: collector.yaml)"

// loader is one loading of a configuration file.
type loader struct {
	file   string
	getenv func(string) string
	// databaseOnly means that no partner is collected, so that none is required.
	databaseOnly bool
	lines        map[string]int  // the line of each key path with a value
	broken       map[string]bool // key paths whose value could not be understood
	problems     Errors
	exposed      []Problem
}

// refuse records a problem at a key path. A missing key is reported at the line of the
// nearest key around it. There are no further problems for a key whose value could not
// be understood, or for anything in that value.
func (l *loader) refuse(path, format string, args ...any) {
	line := 0
	for at := path; ; at = parent(at) {
		if l.broken[at] {
			return
		}
		if line == 0 {
			line = l.lines[at]
		}
		if at == "" {
			break
		}
	}
	l.problems = append(l.problems, Problem{File: l.file, Line: max(line, 1), Key: path, Message: fmt.Sprintf(format, args...)})
}

// given reports whether the key at path is in the file and is not null.
func (l *loader) given(path string) bool { return l.lines[path] > 0 }

// resolve returns a path of the file in the form in which the program can open it.
func (l *loader) resolve(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(l.file), path)
}

// parent returns the key path that contains path: "a.b[1]" is in "a.b", and that is in
// "a".
func parent(path string) string { return path[:max(strings.LastIndexAny(path, ".["), 0)] }

// parse returns the root of the only document of data.
func parse(data []byte) (*yaml.Node, *Problem) {
	var document, second yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(data))
	err := d.Decode(&document)
	if err == nil && len(document.Content) == 1 && !isNull(document.Content[0]) {
		switch err = d.Decode(&second); {
		case errors.Is(err, io.EOF):
			return document.Content[0], nil
		case err == nil:
			return nil, &Problem{Line: second.Line, Message: "a second document begins here; the file must have only one"}
		}
	}
	if err == nil || errors.Is(err, io.EOF) {
		return nil, &Problem{Message: "the file is empty: " + howToBegin}
	}
	return nil, syntaxProblem(err)
}

var yamlErrorForm = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)

// syntaxProblem extracts the line from an error of the YAML library.
func syntaxProblem(err error) *Problem {
	part := yamlErrorForm.FindStringSubmatch(err.Error())
	if part == nil {
		return &Problem{Message: fmt.Sprintf("is not YAML: %v", err)}
	}
	line, _ := strconv.Atoi(part[1]) // 0, the whole file, when it names none
	return &Problem{Line: line, Message: "is not YAML: " + part[2]}
}

// cause removes from a file error what its text would repeat.
func cause(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// shorten keeps a quotation from the user's files within a line.
func shorten(s string) string {
	const most = 60
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
