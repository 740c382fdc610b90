package architecture_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// injected are values that a package must not read by itself. cmd/collector passes them
// in, so that tests can pass in others.
var injected = map[string]map[string]string{
	"os": {
		"Getenv": "the environment", "LookupEnv": "the environment", "Environ": "the environment", "ExpandEnv": "the environment",
		"Exit": "the end of the process",
	},
	"time": {
		"Now": "the clock", "Since": "the clock", "Until": "the clock",
		"Sleep": "a wait that no context ends", "Tick": "a wait that no context ends",
	},
	"log": {"Fatal": "the end of the process", "Fatalf": "the end of the process", "Fatalln": "the end of the process"},
}

// mayReach lists the packages that may read them nevertheless: the wiring, and a
// separate tool.
var mayReach = map[string][]string{program: {"os"}, "tools/release/licences": {"os"}}

func TestEnvironmentClockAndExitAreInjected(t *testing.T) {
	t.Parallel()

	reached := map[string][]string{}
	for _, file := range goFiles(t) {
		if file.isTest {
			continue
		}
		for _, call := range file.calls(t) {
			what, found := injected[call.pkg][call.name]
			if found {
				reached[file.room] = append(reached[file.room], call.pkg)
			}
			if found && !slices.Contains(mayReach[file.room], call.pkg) {
				t.Errorf("%s: %s.%s is %s; only %s may call it, and hands on what it finds", call.position, call.pkg, call.name, what, program)
			}
		}
	}
	for room, packages := range mayReach {
		for _, pkg := range packages {
			if !slices.Contains(reached[room], pkg) {
				t.Errorf("%s may call what package %s has and does not: take it out of the table", room, pkg)
			}
		}
	}
}

// A sleep is either too short on a busy machine or too long on every other. Under
// testing/synctest it takes no time and is exact.
func TestTestsSleepOnlyUnderSynctest(t *testing.T) {
	t.Parallel()

	for _, file := range goFiles(t) {
		if !file.isTest || file.imports("testing/synctest") {
			continue
		}
		for _, call := range file.calls(t) {
			if call.pkg == "time" && call.name == "Sleep" {
				t.Errorf("%s: a test sleeps outside testing/synctest; wait for what it waits for", call.position)
			}
		}
	}
}

// A package called util has no subject and collects unrelated code.
func TestPackagesHaveASubject(t *testing.T) {
	t.Parallel()

	vague := []string{"util", "utils", "common", "helper", "helpers", "misc", "base", "shared"}
	for _, file := range goFiles(t) {
		if slices.Contains(vague, strings.TrimSuffix(file.syntax.Name.Name, "_test")) {
			t.Errorf("%s: package %s says nothing about what is in it", file.path, file.syntax.Name.Name)
		}
	}
}

// unfinished matches marks of unfinished work, and machine matches paths and hosts that
// exist on one machine only. Both are written so that they do not match themselves.
var (
	unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX|STU` + `B)\b`)
	machine    = regexp.MustCompile(`(^|[^A-Za-z0-9._-])/(ho` + `me|ro` + `ot|wo` + `rk|Us` + `ers)/|\b(pro` + `xy\.golang\.org|sum\.golang` + `\.org)`)
)

func TestNothingUnfinishedAndNothingOfOneMachine(t *testing.T) {
	t.Parallel()

	for _, path := range textFiles(t) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(content), "\n") {
			if found := unfinished.FindString(line); found != "" {
				t.Errorf("%s:%d: %s: finish it, or put it into the tracker", path, i+1, found)
			}
			if found := machine.FindString(line); found != "" {
				t.Errorf("%s:%d: %s exists on one machine only", path, i+1, found)
			}
		}
	}
}

// goFile is a parsed file of ours.
type goFile struct {
	path, room string
	isTest     bool
	set        *token.FileSet
	syntax     *ast.File
}

// call is a call of a function of another package.
type call struct {
	pkg, name string
	position  token.Position
}

// goFiles parses every Go file of the module, generated ones too.
func goFiles(t *testing.T) []goFile {
	t.Helper()
	set := token.NewFileSet()
	var files []goFile
	for _, path := range textFiles(t) {
		if filepath.Ext(path) != ".go" {
			continue
		}
		syntax, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		room, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, goFile{
			path: path, room: filepath.ToSlash(room), isTest: strings.HasSuffix(path, "_test.go"), set: set, syntax: syntax,
		})
	}
	if len(files) == 0 {
		t.Fatal("found no Go file")
	}
	return files
}

// imports reports whether the file imports the package with this path.
func (f goFile) imports(path string) bool {
	return slices.ContainsFunc(f.syntax.Imports, func(spec *ast.ImportSpec) bool {
		return spec.Path.Value == strconv.Quote(path)
	})
}

// calls returns the calls of functions of imported packages, by import path, whatever
// name the file gives the package.
func (f goFile) calls(t *testing.T) []call {
	t.Helper()
	paths := map[string]string{}
	for _, spec := range f.syntax.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		name := path[strings.LastIndex(path, "/")+1:]
		if spec.Name != nil {
			name = spec.Name.Name
		}
		paths[name] = path
	}
	var calls []call
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		expr, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		selector, ok := expr.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if of, ok := selector.X.(*ast.Ident); ok && paths[of.Name] != "" {
			calls = append(calls, call{pkg: paths[of.Name], name: selector.Sel.Name, position: f.set.Position(expr.Pos())})
		}
		return true
	})
	return calls
}

// textFiles lists the files of the repository without asking git, so that the tests
// also run from an archive: the files in its directories, and the named ones beside
// them. Other files in the root belong to the operator.
func textFiles(t *testing.T) []string {
	t.Helper()
	files := []string{
		".dockerignore", ".editorconfig", ".gitattributes", ".gitignore", ".golangci.yaml", "CHANGELOG.md", "CONTRIBUTING.md",
		"Dockerfile", "LICENSE", "Makefile", "README.md", "SECURITY.md", ".goreleaser.yaml", "collector.example.yaml", "docker-compose.yml", "go.mod", "sqlc.yaml",
	}
	for i, name := range files {
		files[i] = filepath.Join(root, name)
	}
	for _, folder := range []string{".ci", ".github", "cmd", "deploy", "docs", "internal", "migrations", "sql", "tools"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() && entry.Name() != "go.sum" && filepath.Ext(path) != ".png" {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}
