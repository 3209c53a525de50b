package plan

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

const schemaFile = "../../docs/formats/plan.schema.json"

// The file for editors is what the types say. HOLDFAST_WRITE_DOCS=1 writes it.
func TestSchemaFile(t *testing.T) {
	t.Parallel()
	if os.Getenv("HOLDFAST_WRITE_DOCS") != "" {
		if err := os.WriteFile(schemaFile, Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if kept, err := os.ReadFile(schemaFile); err != nil || !bytes.Equal(kept, Schema()) {
		t.Errorf("%s is not the schema of now: run HOLDFAST_WRITE_DOCS=1 go test -run TestSchemaFile ./internal/plan (%v)", schemaFile, err)
	}
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("plan.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("plan.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The built-in plan is valid by the schema, and what the form of a plan forbids is
// not.
func TestSchemaJudges(t *testing.T) {
	t.Parallel()
	s := compiled(t)
	src := string(Builtin())
	for name, tc := range map[string]struct {
		change [2]string
		valid  bool
	}{
		"the built-in plan": {[2]string{}, true},
		"an unknown key":    {[2]string{"\ndepartments:", "\nhurry: yes\ndepartments:"}, false},
		"a wrong word":      {[2]string{"mode: all", "mode: most"}, false},
		"a wrong span":      {[2]string{"valid_for: 720h", "valid_for: soon"}, false},
		"another format":    {[2]string{"holdfast-plan/1", "holdfast-plan/2"}, false},
	} {
		text := src
		if tc.change[0] != "" {
			if !strings.Contains(src, tc.change[0]) {
				t.Fatalf("%s: the plan has no %q", name, tc.change[0])
			}
			text = strings.Replace(src, tc.change[0], tc.change[1], 1)
		}
		var value any
		if err := yaml.Load([]byte(text), &value); err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(plain(value)); (err == nil) != tc.valid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// plain is a YAML value as JSON would give it.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			v[key] = plain(value)
		}
		return v
	case []any:
		v = slices.Clone(v)
		for i := range v {
			v[i] = plain(v[i])
		}
		return v
	case int:
		return float64(v)
	case interface{ Format(string) string }: // a day
		return v.Format("2006-01-02")
	default:
		return v
	}
}
