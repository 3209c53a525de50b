package config

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// paths lists the settings of the struct s. Those inside a list of sections are
// written "routes[].name".
func paths(t *testing.T, s any) []string {
	t.Helper()
	var list []string
	v := reflect.New(reflect.TypeOf(s)).Elem()
	each(v, "", func(path string, _ field) { list = append(list, path) })
	if len(list) < 10 {
		t.Fatalf("%T has only %d settings", s, len(list))
	}
	return list
}

// each calls f for every setting of the struct v, entering lists of sections and
// optional sections.
func each(v reflect.Value, path string, f func(string, field)) {
	for _, s := range fieldsOf(v) {
		at := join(path, s.name)
		switch typ := s.value.Type(); {
		case isText(typ), typ.Kind() == reflect.Slice && isText(typ.Elem()):
			f(at, s)
		case typ.Kind() == reflect.Slice:
			each(reflect.New(typ.Elem()).Elem(), at+"[]", f)
		case typ.Kind() == reflect.Pointer:
			each(reflect.New(typ.Elem()).Elem(), at, f)
		default:
			each(s.value, at, f)
		}
	}
}

// docs/configuration.md has a table for each struct, with a row
//
//	| `path` | `default` | what it is, with each of its possible `words` |
//
// for every setting, in the order of the fields. Without a default stands "none".
func TestDocumentation(t *testing.T) {
	content, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	control, gate, ok := strings.Cut(string(content), "\n## The settings of a gate\n")
	if !ok {
		t.Fatal("no part on the settings of a gate")
	}
	documents(t, control, Config{})
	documents(t, gate, Gate{})
}

func documents(t *testing.T, text string, s any) {
	t.Helper()
	var rows [][]string
	for line := range strings.Lines(text) {
		cells := strings.SplitN(strings.Trim(line, "| \n"), " | ", 3)
		if strings.HasPrefix(line, "| `") && len(cells) == 3 {
			rows = append(rows, cells)
		}
	}
	i := 0
	each(reflect.New(reflect.TypeOf(s)).Elem(), "", func(path string, f field) {
		standard := "none"
		if text := f.tag.Get("default"); text != "" {
			standard = "`" + text + "`"
		}
		switch {
		case i >= len(rows):
			t.Errorf("%T: %s is not documented", s, path)
		case rows[i][0] != "`"+path+"`" || rows[i][1] != standard:
			t.Errorf("%T, row %d: %s, default %s; it should be `%s`, default %s", s, i+1, rows[i][0], rows[i][1], path, standard)
		default:
			for _, word := range strings.Fields(f.tag.Get("one")) {
				if !strings.Contains(rows[i][2], "`"+word+"`") {
					t.Errorf("%s can be %s; the document does not say so", path, word)
				}
			}
		}
		i++
	})
	if len(rows) > i {
		t.Errorf("%T has no setting for row %d, %s", s, i+1, rows[i][0])
	}
}
