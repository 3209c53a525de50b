package lint

import (
	"os"
	"testing"

	"holdfast"
	"holdfast/internal/locale"
)

const helpFile = "../../docs/formats/lint.md"

// The page is the catalogue. HOLDFAST_WRITE_DOCS=1 writes it anew.
func TestHelpPageIsTheCatalogue(t *testing.T) {
	t.Parallel()
	if os.Getenv("HOLDFAST_WRITE_DOCS") != "" {
		if err := os.WriteFile(helpFile, []byte(Help()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(helpFile)
	if err != nil || string(b) != Help() {
		t.Errorf("docs/formats/lint.md is not what the catalogue says (%v): write it anew with HOLDFAST_WRITE_DOCS=1 go test ./internal/lint", err)
	}
}

func TestEachRuleIsExplained(t *testing.T) {
	t.Parallel()
	for _, key := range Words() {
		for _, lang := range holdfast.Langs {
			if p := locale.For(lang); !p.Has(key) || p.T(key) == "" {
				t.Errorf("%s has no text in %s", key, lang)
			}
		}
	}
}
