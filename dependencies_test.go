package holdfast_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// docs/dependencies.md has a line "| `module` | …" for each module that our code
// or its tests import, and for none that go.mod does not require.
func TestDependenciesAreExplained(t *testing.T) {
	explained := explainedModules(t)
	required, direct := requiredModules(t)
	for _, p := range listPackages(t) {
		for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if module := moduleOf(imported, required); module != "" {
				direct[module] = true
			}
		}
	}
	if len(direct) == 0 {
		t.Fatal("no dependencies were found")
	}
	for module := range maps.Keys(direct) {
		if !explained[module] {
			t.Errorf("%s is a direct dependency: say in docs/dependencies.md why, under which licence, and what it weighs", module)
		}
	}
	for module := range maps.Keys(explained) {
		if !slices.Contains(required, module) {
			t.Errorf("docs/dependencies.md explains %s, which go.mod does not require", module)
		}
	}
}

func explainedModules(t *testing.T) map[string]bool {
	t.Helper()
	content, err := os.ReadFile("docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	explained := map[string]bool{}
	// The tools module, explained under its own heading, has requirements of its own.
	ours, _, _ := strings.Cut(string(content), "\n## Tools\n")
	for line := range strings.Lines(ours) {
		if row, ok := strings.CutPrefix(line, "| `"); ok {
			module, _, _ := strings.Cut(row, "`")
			explained[module] = true
		}
	}
	return explained
}

// requiredModules returns what go.mod requires, and which of it directly.
func requiredModules(t *testing.T) (required []string, direct map[string]bool) {
	t.Helper()
	out, err := exec.Command("go", "mod", "edit", "-json").Output()
	if err != nil {
		t.Fatalf("go mod edit: %v", err)
	}
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	direct = map[string]bool{}
	for _, r := range mod.Require {
		required = append(required, r.Path)
		if !r.Indirect {
			direct[r.Path] = true
		}
	}
	return required, direct
}

// moduleOf returns the required module that holds a package, or "".
func moduleOf(importPath string, required []string) (module string) {
	for _, m := range required {
		if (importPath == m || strings.HasPrefix(importPath, m+"/")) && len(m) > len(module) {
			module = m
		}
	}
	return module
}
