package config

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

const (
	exampleFile   = "../../collector.example.yaml"
	referenceFile = "../../docs/configuration.md"
)

// docs/configuration.md consists of the comments in config.go and the example.
func TestReference(t *testing.T) {
	t.Parallel()
	want := reference(t)
	if *update {
		write(t, referenceFile, want)
	}
	got, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/configuration.md lags behind; run go test ./internal/config -update (-want +got):\n%s", diff)
	}
}

// The example can be loaded, and the values of its optional keys are the defaults.
func TestExample(t *testing.T) {
	t.Parallel()
	got, err := Load(exampleFile, noEnvironment)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "collector.yaml")
	write(t, path, `
database: {url: "postgres://collector@localhost:5432/costs"}
partners:
  - name: contoso
    auth:
      tenant_id: 00000000-0000-0000-0000-000000000000
      client_id: 00000000-0000-0000-0000-000000000000
      refresh_token_file: /var/lib/collector/contoso
    customers: {discover: true}
`)
	want, err := Load(path, noEnvironment)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, revealed); diff != "" {
		t.Errorf("the example differs from the defaults (-defaults +example):\n%s", diff)
	}
}

// The example names every key for the operator.
func TestExampleNamesEveryKey(t *testing.T) {
	t.Parallel()
	example := read(t, exampleFile)
	for _, s := range sections(reflect.TypeFor[Config](), "") {
		for _, key := range keys(s.of) {
			if !regexp.MustCompile(`(?m)^[ #-]*` + key + `:`).MatchString(example) {
				t.Errorf("collector.example.yaml does not name %s", join(s.path, key))
			}
		}
	}
}

const referenceHead = `<!-- Made from internal/config/config.go and collector.example.yaml: go test ./internal/config -update -->

# Configuration

The collector reads a YAML file: the one that ` + "`--config`" + ` names, else the one that ` + "`COLLECTOR_CONFIG`" + ` names, else
` + "`collector.yaml`" + ` in the working directory. All errors in it are reported at once, each with file and line, and
nothing runs until the file is right. Unknown keys, repeated keys and values of another type are errors. A key
without a value counts as absent.

- **Secrets** are never in the file. Each is in a file that a key names, or in an environment variable, which
  wins. White space around a secret is ignored. Files are read at the start. A file that every account of the
  machine can read is used, with a warning: ` + "`chmod 600`" + ` it, or close its directory to others.
- **Paths** that are relative start at the directory of the configuration file.
- **Durations** are written ` + "`90s`, `5m`, `1h30m`, `800d`, `1d12h`" + `; a day is 24 hours.
- **GUIDs** may be in either case.

## Example

This is ` + "`collector.example.yaml`" + `.

` + "```yaml\n%s```\n" + `
## Environment

| Variable | Wins over | Holds |
|---|---|---|
| ` + "`COLLECTOR_CONFIG`" + ` | | the configuration file, unless ` + "`--config`" + ` names one |
| ` + "`COLLECTOR_DATABASE_URL`" + ` | ` + "`database.url`, `database.url_file`" + ` | the connection string |
| ` + "`COLLECTOR_DATABASE_MIGRATE_URL`" + ` | ` + "`database.migrate_url`, `database.migrate_url_file`" + ` | the connection string for migrations |
| ` + "`COLLECTOR_<NAME>_CLIENT_SECRET`" + ` | ` + "`client_secret_file`" + ` | the application's secret |
| ` + "`COLLECTOR_<NAME>_REFRESH_TOKEN`" + ` | | the first refresh token, while none is kept |
| ` + "`COLLECTOR_<NAME>_TOKEN`" + ` | ` + "`token_file`" + ` | the access token of mode ` + "`token`" + ` |

` + "`<NAME>`" + ` is the partner's name in upper case with ` + "`-` and `.` as `_`: `contoso.de` has `COLLECTOR_CONTOSO_DE_TOKEN`" + `. Two
partners with the same variables are refused. The connection also uses the variables of every PostgreSQL
client, such as ` + "`PGPASSFILE` and `PGSSLMODE`" + `.

## Customers file

One GUID per line. Empty lines, and the text after a ` + "`#`" + `, are ignored. A byte order mark and Windows line
ends are allowed. An id that is malformed or repeated is refused with its line, and so is a file without an id.
The flag ` + "`--customers-file`" + ` reads the same format, from a pipe too.
`

// reference returns what docs/configuration.md should hold.
func reference(t *testing.T) string {
	t.Helper()
	comments := fieldComments(t)
	line := regexp.MustCompile(`(.{1,120})(?: |$)`) // documentation is wrapped at 120 columns
	var b strings.Builder
	fmt.Fprintf(&b, referenceHead, read(t, exampleFile))
	for _, s := range sections(reflect.TypeFor[Config](), "")[1:] {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n| Key | Type | Default | Meaning |\n|---|---|---|---|\n",
			s.path, line.ReplaceAllString(comments[s.of.Name()], "$1\n"))
		for field := range s.of.Fields() {
			key := field.Tag.Get("yaml")
			if _, ok := section(field.Type); key == "-" || ok {
				continue
			}
			comment := comments[s.of.Name()+"."+field.Name]
			if comment == "" {
				t.Errorf("%s.%s wants a comment for the operator", s.of.Name(), field.Name)
			}
			shown := field.Tag.Get("default")
			if shown != "" {
				shown = "`" + shown + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", key, typeNames[field.Type], shown, comment)
		}
	}
	return b.String()
}

var typeNames = map[reflect.Type]string{
	reflect.TypeFor[string]():               "text",
	reflect.TypeFor[Secret]():               "text",
	reflect.TypeFor[int]():                  "number",
	reflect.TypeFor[bool]():                 "true, false",
	reflect.TypeFor[time.Duration]():        "duration",
	reflect.TypeFor[[]billing.CustomerID](): "list of GUIDs",
}

// configSection is a struct of the configuration and its key path.
type configSection struct {
	path string
	of   reflect.Type
}

// sections returns the struct at path and all structs in it, in order.
func sections(of reflect.Type, path string) []configSection {
	all := []configSection{{path, of}}
	for field := range of.Fields() {
		if inner, ok := section(field.Type); ok && field.Tag.Get("yaml") != "-" {
			at := join(path, field.Tag.Get("yaml"))
			if field.Type.Kind() == reflect.Slice {
				at += "[]"
			}
			all = append(all, sections(inner, at)...)
		}
	}
	return all
}

// section returns the struct with keys of its own in a field of type t.
func section(t reflect.Type) (reflect.Type, bool) {
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t, t.Kind() == reflect.Struct && t != reflect.TypeFor[Secret]()
}

// fieldComments returns the comments in config.go, as one line each, by "Type" and
// "Type.Field".
func fieldComments(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	line := func(g *ast.CommentGroup) string { return strings.Join(strings.Fields(g.Text()), " ") }
	comments := map[string]string{}
	for _, declaration := range file.Decls {
		group, ok := declaration.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, declared := range group.Specs {
			spec, ok := declared.(*ast.TypeSpec)
			if !ok {
				continue
			}
			comments[spec.Name.Name] = line(group.Doc)
			if of, ok := spec.Type.(*ast.StructType); ok {
				for _, field := range of.Fields.List {
					comments[spec.Name.Name+"."+field.Names[0].Name] = line(field.Doc)
				}
			}
		}
	}
	return comments
}
