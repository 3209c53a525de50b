package holdfast_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers is the table of docs/architecture.md: a unit imports only from lines
// above its own in this list. A unit is a package under internal/ with all that
// is below it, but for those that are named here themselves.
var layers = [][]string{
	1:  {"holdfast"},
	2:  {"locale", "journal", "payment", "procedure", "docx"},
	3:  {"expression", "traffic", "attachment"},
	4:  {"posture", "standin", "roster", "alert", "notify", "access", "approval", "enrolment"},
	5:  {"plan", "directive", "incident", "detect", "archive", "intake"},
	6:  {"gate", "obligation", "backup", "lint", "plandoc", "draft", "filing", "authority", "status", "improvement", "trend", "reconciliation", "settlement", "trial"},
	7:  {"ramp", "callout", "trigger", "waiver", "debrief", "subscription", "device"},
	8:  {"response"},
	9:  {"drill"},
	10: {"config", "telemetry"},
	11: {"gate/httpgate", "gate/isogate", "gate/local", "gate/payerfeed", "senders", "mailbox", "probes", "sqljournal", "fleet", "sandbox", "web"},
	12: {"view", "statuspage"},
	13: {"api", "console"},
	14: {"client"},
	15: {"app", "story"},
	16: {"cli"},
	17: {"cmd"},
	18: {"test", "bench", "soak"},
}

// rim is the line from which on a package may speak HTTP and SQL.
const rim = 11

// holes are imports that the table forbids and that are allowed all the same,
// as importer and imported unit, with the reason.
var holes = map[[2]string]string{}

// dataPlane lists the units that a payment touches. Whatever they import,
// directly or not, is none of controlPlane: a payment must pass with the control
// plane gone.
var (
	dataPlane    = []string{"payment", "posture", "standin", "gate", "gate/httpgate", "gate/isogate"}
	controlPlane = []string{
		"procedure", "plan", "roster", "alert", "detect", "incident", "directive", "approval", "obligation", "access",
		"notify", "archive", "intake", "authority", "attachment", "enrolment", "backup", "lint", "plandoc", "draft", "filing", "callout", "trigger", "waiver", "debrief",
		"improvement", "trend", "reconciliation", "settlement", "trial", "response", "ramp", "drill", "status", "subscription", "device",
	}
)

// rimOnly lists standard packages that belong to the rim, with the units below
// it that may import them all the same.
var rimOnly = map[string]map[string]string{
	"net/http": {}, "html/template": {}, "database/sql": {},
}

// clocks lists the units below line 10 that may read the clock themselves.
var clocks = map[string]string{
	"journal": "the memory implementation stands for an engine, and an engine has a clock: its documents expire",
}

// refused are names that say nothing of what a package holds.
var refused = []string{"util", "utils", "common", "helpers", "models", "services", "mocks", "pkg"}

// goPackage is a package as "go list" tells of it.
type goPackage struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	CgoFiles   []string
	Imports    []string
	// Those of tests, in the package and beside it.
	TestImports  []string
	XTestImports []string
}

func TestLayers(t *testing.T) {
	packages := listPackages(t)
	if len(packages) < 5 {
		t.Fatalf("only %d packages were found", len(packages))
	}
	faults := check(packages)
	for _, p := range packages {
		faults = append(faults, checkClock(t, p)...)
	}
	for _, fault := range append(faults, idle(packages)...) {
		t.Error(fault)
	}
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	command := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,GoFiles,CgoFiles,Imports,TestImports,XTestImports", "./...")
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		packages = append(packages, p)
	}
}

// unitOf returns the unit a package belongs to and its line; line 0 means that
// the table does not have it, and unit "" that it is none of ours.
func unitOf(importPath string) (unit string, line int) {
	if importPath == "holdfast" {
		return "holdfast", 1
	}
	rest, ours := strings.CutPrefix(importPath, "holdfast/")
	if !ours {
		return "", 0
	}
	internal, isInternal := strings.CutPrefix(rest, "internal/")
	unit = internal
	for unit != "." {
		for line, units := range layers {
			// The last two lines lie beside internal/, the others in it.
			if slices.Contains(units, unit) && (line < 17) == isInternal {
				return unit, line
			}
		}
		unit = path.Dir(unit)
	}
	first, _, _ := strings.Cut(internal, "/")
	return first, 0
}

// check judges the imports of all packages.
func check(packages []goPackage) (faults []string) {
	imports := map[string][]string{}
	for _, p := range packages {
		imports[p.ImportPath] = p.Imports
	}
	for _, p := range packages {
		unit, line := unitOf(p.ImportPath)
		if line == 0 {
			faults = append(faults, fmt.Sprintf("%s is not in the layer table: add %s to a line of it, here and in docs/architecture.md", p.ImportPath, unit))
			continue
		}
		for name := range strings.SplitSeq(p.ImportPath, "/") {
			if slices.Contains(refused, name) {
				faults = append(faults, fmt.Sprintf("%s: %q does not say what the package holds; name it after that", p.ImportPath, name))
			}
		}
		for _, imported := range p.Imports {
			faults = append(faults, checkImport(p.ImportPath, imported)...)
		}
		if slices.Contains(dataPlane, unit) {
			faults = append(faults, checkReach(p.ImportPath, imports)...)
		}
	}
	return faults
}

// checkImport judges one import of code that is not a test.
func checkImport(importer, imported string) (faults []string) {
	unit, line := unitOf(importer)
	to, toLine := unitOf(imported)
	report := func(format string, args ...any) {
		faults = append(faults, fmt.Sprintf("%s imports %s: ", importer, imported)+fmt.Sprintf(format, args...))
	}
	first, _, _ := strings.Cut(imported, "/")
	switch {
	case line == 1 && (to != "" || strings.Contains(first, ".")):
		report("the root package holds the words and imports only the standard library")
	case to != "" && strings.HasSuffix(imported, "test"):
		report("that is for tests only")
	case to == "" || to == unit || holes[[2]string{unit, to}] != "":
	case toLine > line:
		report("that is upwards, from line %d to line %d; move what is needed down, or declare an interface here", line, toLine)
	case toLine == line:
		report("that is sideways, both are on line %d; let a package above join them", line)
	}
	if allowed, special := rimOnly[imported]; special && line < rim && allowed[unit] == "" {
		report("it belongs to the rim (line %d and on); %s is on line %d", rim, unit, line)
	}
	return faults
}

// checkReach follows the imports of a package of the data plane.
func checkReach(from string, imports map[string][]string) (faults []string) {
	via := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		for _, next := range imports[queue[0]] {
			if _, seen := via[next]; seen {
				continue
			}
			via[next] = queue[0]
			queue = append(queue, next)
			if unit, _ := unitOf(next); slices.Contains(controlPlane, unit) {
				way := next
				for step := via[next]; step != ""; step = via[step] {
					way = step + " → " + way
				}
				faults = append(faults, "a payment must pass with the control plane gone, but the gate's side reaches it: "+way)
			}
		}
	}
	return faults
}

// checkClock finds uses of the clock where time is an argument.
func checkClock(t *testing.T, p goPackage) (faults []string) {
	t.Helper()
	unit, line := unitOf(p.ImportPath)
	if line == 0 || line >= 10 || clocks[unit] != "" {
		return nil
	}
	for _, name := range slices.Concat(p.GoFiles, p.CgoFiles) {
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, use := range clockUses(file) {
			faults = append(faults, fmt.Sprintf("%s: time.%s: below line 10 time is an argument; take now from the caller", files.Position(use.Pos()), use.Sel.Name))
		}
	}
	return faults
}

// clockUses returns where a file names time.Now, time.Since or time.Until.
func clockUses(file *ast.File) (uses []*ast.SelectorExpr) {
	name := ""
	for _, spec := range file.Imports {
		if importPath, err := strconv.Unquote(spec.Path.Value); err == nil && importPath == "time" {
			name = "time"
			if spec.Name != nil {
				name = spec.Name.Name
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && slices.Contains([]string{"Now", "Since", "Until"}, s.Sel.Name) {
			if x, ok := s.X.(*ast.Ident); ok && name != "" && x.Name == name {
				uses = append(uses, s)
			}
		}
		return true
	})
	return uses
}

// idle reports exceptions that nothing needs any more.
func idle(packages []goPackage) (faults []string) {
	needed := map[[2]string]bool{}
	for _, p := range packages {
		from, _ := unitOf(p.ImportPath)
		for _, imported := range p.Imports {
			to, _ := unitOf(imported)
			needed[[2]string{from, to}] = true
			needed[[2]string{from, imported}] = true
		}
	}
	for hole := range maps.Keys(holes) {
		if !needed[hole] {
			faults = append(faults, fmt.Sprintf("the hole from %s to %s is not needed: take it out of the table", hole[0], hole[1]))
		}
	}
	for imported, units := range rimOnly {
		for unit := range units {
			if !needed[[2]string{unit, imported}] {
				faults = append(faults, fmt.Sprintf("%s does not import %s: take the exception out of the table", unit, imported))
			}
		}
	}
	return faults
}

// The table of docs/architecture.md is this one, and what it marks as later, in
// italics, is not there yet.
func TestLayersAreDocumented(t *testing.T) {
	content, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := 1; line < len(layers); line++ {
		row := fmt.Sprintf("| %d | ", line)
		_, after, found := strings.Cut(string(content), "\n"+row)
		cell, _, _ := strings.Cut(after, " |\n")
		names := strings.Split(strings.ReplaceAll(strings.TrimSuffix(cell, " (the root)"), "*", ""), ", ")
		if !found || !slices.Equal(names, layers[line]) {
			t.Errorf("line %d: docs/architecture.md has %q, the test %q", line, names, layers[line])
		}
		for name := range strings.SplitSeq(cell, ", ") {
			if later, marked := strings.CutPrefix(name, "*"); marked {
				if _, err := os.Stat(filepath.Join("internal", strings.TrimSuffix(later, "*"))); err == nil {
					t.Errorf("%s is there: take it out of italics in docs/architecture.md", name)
				}
			}
		}
	}
}

// The checks find what they are for.
func TestLayersFindsFaults(t *testing.T) {
	for _, test := range []struct {
		importer string
		imports  []string
		want     string // part of the only fault; "" for none
	}{
		{"holdfast", []string{"time"}, ""},
		{"holdfast", []string{"holdfast/internal/journal"}, "only the standard library"},
		{"holdfast", []string{"golang.org/x/text/language"}, "only the standard library"},
		{"holdfast/internal/plan", []string{"holdfast", "holdfast/internal/procedure", "fmt"}, ""},
		{"holdfast/internal/plan", []string{"holdfast/internal/incident"}, "sideways"},
		{"holdfast/internal/plan", []string{"holdfast/internal/gate"}, "upwards, from line 5 to line 6"},
		{"holdfast/internal/incident", []string{"net/http"}, "belongs to the rim"},
		{"holdfast/internal/console", []string{"net/http", "html/template"}, ""},
		{"holdfast/internal/novelty", nil, "not in the layer table"},
		{"holdfast/internal/cmd", nil, "not in the layer table"},
		{"holdfast/plan", nil, "not in the layer table"},
		{"holdfast/internal/web/util", nil, "does not say what the package holds"},
		{"holdfast/internal/sandbox/primary", []string{"holdfast/internal/sandbox/world", "net/http"}, ""},
		{"holdfast/internal/gate/httpgate", []string{"holdfast/internal/gate", "holdfast/internal/config"}, ""},
		{"holdfast/internal/gate", []string{"holdfast/internal/gate/httpgate"}, "upwards"},
		{"holdfast/internal/gate", []string{"holdfast/internal/roster"}, "holdfast/internal/gate → holdfast/internal/roster"},
		{"holdfast/internal/gate", []string{"holdfast/internal/traffic"}, "traffic → holdfast/internal/procedure"},
		{"holdfast/internal/sqljournal", []string{"holdfast/internal/journal/journaltest"}, "for tests only"},
		{"holdfast/cmd/holdfast", []string{"holdfast/internal/app"}, ""},
		{"holdfast/internal/app", []string{"holdfast/cmd/holdfast"}, "upwards"},
		{"holdfast/test/e2e", []string{"holdfast/internal/app", "net/http"}, ""},
	} {
		faults := check([]goPackage{
			{ImportPath: test.importer, Imports: test.imports},
			// A way from below into the control plane.
			{ImportPath: "holdfast/internal/traffic", Imports: []string{"holdfast/internal/procedure"}},
		})
		switch {
		case test.want == "" && len(faults) > 0:
			t.Errorf("%s importing %s: %q", test.importer, test.imports, faults)
		case test.want != "" && (len(faults) != 1 || !strings.Contains(faults[0], test.want)):
			t.Errorf("%s importing %s: %q, want one that says %q", test.importer, test.imports, faults, test.want)
		}
	}
}

func TestClockUses(t *testing.T) {
	for src, want := range map[string]int{
		`import "time"; var a = time.Now`:                                        1,
		`import "time"; func f(t time.Time) { _ = time.Since(t); _ = t.Unix() }`: 1,
		`import clock "time"; var a = clock.Until(clock.Time{})`:                 1,
		`import "time"; var a = time.Second`:                                     0,
		`var time struct{ Now int }; var a = time.Now`:                           0,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "", "package p; "+src, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(clockUses(file)); got != want {
			t.Errorf("%s: %d uses of the clock, want %d", src, got, want)
		}
	}
}
