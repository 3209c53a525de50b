package expression

import (
	"os"
	"strings"
	"testing"
)

// The examples that operators are shown compile.
func TestDocumentedExamples(t *testing.T) {
	page, err := os.ReadFile("../../docs/formats/expression.md")
	if err != nil {
		t.Fatal(err)
	}
	_, examples, _ := strings.Cut(string(page), "\n## Examples\n")
	checked := 0
	for line := range strings.Lines(examples) {
		_, src, found := strings.Cut(line, "| `")
		if !found {
			continue
		}
		src = strings.TrimSuffix(strings.TrimSpace(src), "` |")
		if strings.HasPrefix(line, "| stop") {
			_, err = CompileScope(src)
		} else {
			_, err = Compile(src, answer)
		}
		if err != nil {
			t.Errorf("%s: %v", src, err)
		}
		checked++
	}
	if checked < 6 {
		t.Errorf("only %d examples were found", checked)
	}
}
