package architecture_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	module  = "partnercost"
	root    = "../.." // the repository, relative to this package
	program = "cmd/collector"
)

// room is a package of ours with the packages of ours that it may import, listed from
// the bottom up. Its tests may import those, the room itself and mayTest.
type room struct {
	path      string
	mayImport []string
	mayTest   []string
}

var rooms = []room{
	{path: "internal/architecture"},
	{path: "internal/atomicfile"},
	{path: "internal/bench", mayTest: []string{"internal/partnersim", "internal/localpg"}},
	{path: "internal/billing"},
	{path: "deploy", mayTest: []string{"internal/config"}},
	{path: "internal/localpg"},
	{path: "internal/codepages"},
	{path: "internal/loopback"},
	{path: "internal/schedule"},
	{path: "internal/seal"},
	{path: "internal/spelling"},
	{path: "migrations"},
	{path: "sql"},
	{path: "internal/config", mayImport: []string{"internal/billing", "internal/loopback", "internal/schedule", "internal/seal", "internal/spelling"}},
	{path: "internal/health", mayImport: []string{"internal/config"}},
	{path: "internal/telemetry", mayImport: []string{"internal/billing"}},
	{
		path:      "internal/fetch",
		mayImport: []string{"internal/atomicfile", "internal/billing", "internal/loopback"},
		mayTest:   []string{"internal/partnersim"},
	},
	{
		path:      "internal/partnersim",
		mayImport: []string{"internal/billing", "internal/loopback"},
	},
	{path: "internal/pg"},
	{path: "internal/queue", mayImport: []string{"internal/pg", "internal/schedule"}, mayTest: []string{"internal/persist", "internal/persist/pgtest"}},
	{path: "internal/sbom"},
	{path: "internal/sheet"},
	{path: "internal/finance/dbsqlc"},
	{
		path:      "internal/finance",
		mayImport: []string{"internal/billing", "internal/finance/dbsqlc", "internal/pg", "internal/sheet", "sql"},
		mayTest:   []string{"internal/persist", "internal/persist/nights", "internal/persist/pgtest"},
	},
	{path: "internal/persist/dbsqlc"},
	{
		path:      "internal/persist",
		mayImport: []string{"internal/billing", "internal/persist/dbsqlc", "internal/pg", "migrations", "sql"},
		mayTest:   []string{"internal/finance", "internal/localpg", "internal/persist/nights", "internal/persist/pgtest", "internal/sheet"},
	},
	{path: "internal/persist/nights", mayImport: []string{"internal/billing", "internal/persist"}},
	{
		path:      "internal/persist/pgtest",
		mayImport: []string{"internal/localpg", "internal/persist"},
	},
	{path: "internal/vault", mayImport: []string{"internal/billing"}, mayTest: []string{"internal/vault/vaulttest"}},
	{path: "internal/vault/vaulttest"},
	{path: "internal/rates", mayImport: []string{"internal/billing", "internal/persist"}},
	{path: "internal/collect", mayImport: []string{"internal/billing"}},
	{path: "internal/progress", mayImport: []string{"internal/collect"}, mayTest: []string{"internal/billing"}},
	{
		path:      "internal/console",
		mayImport: []string{"internal/atomicfile", "internal/billing", "internal/finance", "internal/loopback", "internal/sheet"},
		mayTest:   []string{"internal/persist", "internal/persist/nights", "internal/persist/pgtest"},
	},
	{
		path: "internal/collector",
		mayImport: []string{
			"internal/billing", "internal/codepages", "internal/collect", "internal/config", "internal/fetch", "internal/persist", "internal/queue", "internal/schedule", "internal/seal",
			"internal/telemetry", "internal/vault",
		},
		mayTest: []string{"internal/partnersim", "internal/persist/pgtest", "internal/vault/vaulttest"},
	},
	{
		path: "internal/demo",
		mayImport: []string{
			"internal/billing", "internal/config", "internal/console", "internal/finance", "internal/localpg", "internal/partnersim", "internal/persist", "internal/sheet",
		},
	},
	{
		path: program,
		mayImport: []string{
			"internal/atomicfile", "internal/billing", "internal/collector", "internal/config", "internal/console", "internal/demo",
			"internal/fetch", "internal/finance", "internal/health", "internal/partnersim", "internal/persist", "internal/progress", "internal/rates", "internal/sbom",
			"internal/schedule", "internal/sheet", "internal/spelling", "internal/telemetry",
		},
		mayTest: []string{"internal/localpg", "internal/persist/pgtest"},
	},
}

// dependency is a module that we may import, with the rooms that may. docs/design.md
// gives the reason for each. Without rooms, any room may.
type dependency struct {
	module    string
	rooms     []string
	testsOnly bool
}

var dependencies = []dependency{
	{module: "github.com/Azure/azure-sdk-for-go/sdk/azcore", rooms: []string{"internal/vault"}},
	{module: "github.com/Azure/azure-sdk-for-go/sdk/azidentity", rooms: []string{"internal/vault"}},
	{module: "github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets", rooms: []string{"internal/vault"}},
	{module: "github.com/CycloneDX/cyclonedx-go", rooms: []string{"internal/sbom"}},
	{module: "github.com/chromedp/chromedp", rooms: []string{"internal/console"}, testsOnly: true},
	{module: "github.com/chromedp/cdproto", rooms: []string{"internal/console"}, testsOnly: true},
	{module: "github.com/fergusstrange/embedded-postgres", rooms: []string{"internal/localpg"}},
	{module: "github.com/golang-migrate/migrate/v4", rooms: []string{"internal/persist"}},
	{module: "github.com/google/go-cmp", testsOnly: true},
	{module: "github.com/google/uuid"},
	{module: "github.com/jackc/pgx-shopspring-decimal", rooms: []string{"internal/finance", "internal/persist"}},
	{
		module: "github.com/jackc/pgx/v5",
		rooms: []string{
			"internal/bench", "internal/finance", "internal/finance/dbsqlc", "internal/localpg", "internal/persist", "internal/persist/dbsqlc", "internal/persist/pgtest", "internal/pg",
			"internal/queue",
		},
	},
	{module: "github.com/parquet-go/parquet-go", rooms: []string{"internal/sheet"}},
	{module: "github.com/klauspost/compress", rooms: []string{"internal/persist"}},
	{module: "github.com/prometheus/client_golang", rooms: []string{"internal/telemetry"}},
	{module: "github.com/prometheus/client_model", rooms: []string{"internal/telemetry"}},
	{module: "github.com/prometheus/common", rooms: []string{"internal/telemetry"}, testsOnly: true},
	{module: "github.com/riverqueue/river", rooms: []string{"internal/persist", "internal/queue"}},
	{module: "github.com/robfig/cron/v3", rooms: []string{"internal/schedule"}},
	{module: "github.com/shopspring/decimal"},
	{module: "github.com/spf13/cobra", rooms: []string{program}},
	{module: "github.com/spf13/pflag", rooms: []string{program}},
	{module: "github.com/testcontainers/testcontainers-go", rooms: []string{"internal/persist/pgtest"}},
	{module: "github.com/vbauerster/mpb/v8", rooms: []string{"internal/progress"}},
	{module: "github.com/xuri/excelize/v2", rooms: []string{"internal/sheet"}},
	{module: "go.uber.org/goleak", testsOnly: true},
	{module: "go.yaml.in/yaml/v3", rooms: []string{"internal/config", "deploy"}},
	{module: "golang.org/x/crypto", rooms: []string{"internal/console", "internal/seal"}},
	{module: "golang.org/x/oauth2", rooms: []string{"internal/fetch", "internal/partnersim"}},
	{module: "golang.org/x/sync"},
	{module: "golang.org/x/term", rooms: []string{program, "internal/progress"}},
	{module: "golang.org/x/text", rooms: []string{"internal/sheet"}},
	{module: "golang.org/x/time", rooms: []string{"internal/console", "internal/fetch", "internal/partnersim"}},
}

// testHelpers are packages that the binary must not link. A test helper brings the
// flags of package testing and Docker's client with it.
var testHelpers = []string{
	"testing", "net/http/httptest", "github.com/google/go-cmp", "go.uber.org/goleak",
	"github.com/testcontainers", module + "/internal/persist/nights", module + "/internal/persist/pgtest",
	module + "/internal/vault/vaulttest",
}

// embedded-postgres imports testing in a file of its own. We cannot change that, and it
// registers no flag by itself.
const importsTestingItself = "github.com/fergusstrange/embedded-postgres"

// pkg is a package as `go list -json` describes it.
type pkg struct {
	ImportPath, Dir           string
	Standard                  bool
	Imports                   []string
	TestImports, XTestImports []string
	Deps                      []string
}

func (p pkg) room() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

func (p pkg) allTestImports() []string { return slices.Concat(p.TestImports, p.XTestImports) }

func TestRoomsImportOnlyWhatTheyMay(t *testing.T) {
	t.Parallel()

	design := readDesign(t)
	var found []string
	for _, p := range list(t, "./...") {
		found = append(found, p.room())
		if !bytes.Contains(design, []byte(p.room())) {
			t.Errorf("docs/design.md does not say why %s exists", p.room())
		}
		i := slices.IndexFunc(rooms, func(r room) bool { return r.path == p.room() })
		if i < 0 {
			t.Errorf("%s is not a known room: add it to the table in this test, with what it may import", p.room())
			continue
		}
		r := rooms[i]
		for _, imported := range ours(p.Imports) {
			if !slices.Contains(r.mayImport, imported) {
				t.Errorf("%s imports %s; it may import %v", r.path, imported, r.mayImport)
			}
		}
		mayTest := slices.Concat(r.mayImport, r.mayTest, []string{r.path})
		for _, imported := range ours(p.allTestImports()) {
			if !slices.Contains(mayTest, imported) {
				t.Errorf("the tests of %s import %s; they may import %v", r.path, imported, mayTest)
			}
		}
		for _, unused := range without(r.mayImport, p.Imports) {
			t.Errorf("%s may import %s and does not: take it out of the table", r.path, unused)
		}
		for _, unused := range without(r.mayTest, p.allTestImports()) {
			t.Errorf("the tests of %s may import %s and do not: take it out of the table", r.path, unused)
		}
	}
	for _, r := range rooms {
		if !slices.Contains(found, r.path) {
			t.Errorf("there is no %s: take it out of the table", r.path)
		}
	}
}

// without returns the rooms that are not among the imports.
func without(rooms, imports []string) []string {
	return slices.DeleteFunc(slices.Clone(rooms), func(room string) bool { return slices.Contains(ours(imports), room) })
}

// The table above forbids that fetch and persist import each other. This test covers
// indirect imports, and any other package that imports both.
func TestFetchAndPersistNeverMeet(t *testing.T) {
	t.Parallel()

	for _, p := range list(t, "./...") {
		imports := ours(p.Imports)
		if slices.Contains(imports, "internal/fetch") && slices.Contains(imports, "internal/persist") && p.room() != program && p.room() != "internal/collector" {
			t.Errorf("%s imports both internal/fetch and internal/persist; only %s and internal/collector may", p.room(), program)
		}
		deps := ours(p.Deps)
		fetches, persists := slices.ContainsFunc(deps, within("internal/fetch")), slices.ContainsFunc(deps, within("internal/persist"))
		switch {
		case within("internal/fetch")(p.room()) && persists:
			t.Errorf("%s reaches internal/persist", p.room())
		case within("internal/persist")(p.room()) && fetches:
			t.Errorf("%s reaches internal/fetch", p.room())
		case p.room() == "internal/collect" && (fetches || persists):
			t.Errorf("%s reaches internal/fetch or internal/persist; it declares the interfaces it needs", p.room())
		}
	}
}

func TestDependenciesStayInTheirRooms(t *testing.T) {
	t.Parallel()

	design := readDesign(t)
	type usage struct {
		module, room string // any room if empty
		shipped      bool
	}
	used := map[usage]bool{}
	check := func(p pkg, imported string, inTest bool) {
		i := slices.IndexFunc(dependencies, func(d dependency) bool {
			return imported == d.module || strings.HasPrefix(imported, d.module+"/")
		})
		if i < 0 {
			t.Errorf("%s imports %s, of a module that is not in the table of this test: name it there and give the reason in docs/design.md, or do without it", p.room(), imported)
			return
		}
		d := dependencies[i]
		used[usage{d.module, "", false}], used[usage{d.module, p.room(), false}] = true, true
		if !inTest {
			used[usage{d.module, "", true}] = true
		}
		if d.testsOnly && !inTest {
			t.Errorf("%s imports %s outside its tests", p.room(), imported)
		}
		// These tests look at what other packages made: the console's at the workbooks.
		wiringTest := inTest && slices.Contains([]string{program, "internal/collector", "internal/console"}, p.room())
		if len(d.rooms) > 0 && !slices.Contains(d.rooms, p.room()) && !wiringTest {
			t.Errorf("%s imports %s; only %v may", p.room(), imported, d.rooms)
		}
		if !bytes.Contains(design, []byte(strings.TrimPrefix(d.module, "github.com/"))) {
			t.Errorf("docs/design.md does not name %s and why we depend on it", d.module)
		}
	}
	for _, p := range list(t, "./...") {
		for _, imported := range foreign(p.Imports) {
			check(p, imported, false)
		}
		for _, imported := range foreign(p.allTestImports()) {
			check(p, imported, true)
		}
	}
	for _, d := range dependencies {
		if !used[usage{d.module, "", !d.testsOnly}] {
			t.Errorf("nothing that may imports %s: take it out of the table, or say that only tests do", d.module)
		}
		for _, room := range d.rooms {
			if !used[usage{d.module, room, false}] {
				t.Errorf("%s may import %s and does not: take it out of the table", room, d.module)
			}
		}
	}
}

func TestBinaryLinksNoTestHelper(t *testing.T) {
	t.Parallel()

	excused := false
	for _, p := range list(t, "-deps", "./"+program) {
		if p.ImportPath == importsTestingItself && slices.Contains(p.Imports, "testing") {
			excused = true
			continue
		}
		if p.Standard {
			continue
		}
		for _, imported := range p.Imports {
			if slices.ContainsFunc(testHelpers, func(helper string) bool {
				return imported == helper || strings.HasPrefix(imported, helper+"/")
			}) {
				t.Errorf("%s imports %s, and the binary links it", p.ImportPath, imported)
			}
		}
	}
	if !excused {
		t.Errorf("%s needs no excuse any more: take it out of this test", importsTestingItself)
	}
}

func readDesign(t *testing.T) []byte {
	t.Helper()
	design, err := os.ReadFile(filepath.Join(root, "docs", "design.md"))
	if err != nil {
		t.Fatal(err)
	}
	return design
}

// list runs `go list` with args in the root of the repository.
func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{
		"list", "-json=ImportPath,Dir,Standard,Imports,TestImports,XTestImports,Deps",
	}, args...)...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, &stderr)
	}
	var packages []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", cmd, err)
		}
		packages = append(packages, p)
	}
	if len(packages) == 0 {
		t.Fatalf("%s listed no package", cmd)
	}
	return packages
}

// ours returns the imports of this module, as rooms.
func ours(imports []string) []string {
	var paths []string
	for _, path := range imports {
		if path, ok := strings.CutPrefix(path, module+"/"); ok {
			paths = append(paths, path)
		}
	}
	return paths
}

// foreign returns the imports of other modules. The first element of their path is a
// host, and only hosts have a dot there.
func foreign(imports []string) []string {
	var paths []string
	for _, path := range imports {
		if host, _, _ := strings.Cut(path, "/"); strings.Contains(host, ".") {
			paths = append(paths, path)
		}
	}
	return paths
}

// within matches a room and the rooms below it.
func within(path string) func(string) bool {
	return func(room string) bool { return room == path || strings.HasPrefix(room, path+"/") }
}
