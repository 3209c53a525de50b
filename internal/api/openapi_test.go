package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// document is the part of the OpenAPI document that is checked.
type document struct {
	OpenAPI    string                          `json:"openapi"`
	Paths      map[string]map[string]operation `json:"paths"`
	Components struct {
		Schemas map[string]schema `json:"schemas"`
	} `json:"components"`
}

type operation struct {
	Summary     string                `json:"summary"`
	OperationID string                `json:"operationId"`
	Right       string                `json:"x-right"`
	Security    []map[string][]string `json:"security"`
	Parameters  []struct{ Name, In string }
	Responses   map[string]struct {
		Content map[string]struct{ Schema schema }
	}
}

type schema struct {
	Ref        string            `json:"$ref"`
	Type       string            `json:"type"`
	Format     string            `json:"format"`
	Properties map[string]schema `json:"properties"`
	Required   []string          `json:"required"`
	Items      *schema           `json:"items"`
	Values     *schema           `json:"additionalProperties"`
}

var methods = []string{"GET", "POST", "PUT", "PATCH", "DELETE"}

func (n *node) document(t *testing.T) document {
	t.Helper()
	return get[document](t, n, "", "/openapi.json")
}

// The document says what the node serves, no more and no less, as a caller
// without a token finds out.
func TestDocumentEqualsRoutes(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	d := n.document(t)
	if d.OpenAPI != "3.1.0" {
		t.Errorf("OpenAPI %s", d.OpenAPI)
	}
	described := 0
	for path, operations := range d.Paths {
		for _, method := range methods {
			op, told := operations[strings.ToLower(method)]
			w := n.call(method, route{Path: path}.at(), "", "{}")
			what := method + " " + path
			switch {
			case !told && w.Code != 405:
				t.Errorf("%s is not described, and answers %d", what, w.Code)
			case told && op.Security == nil && w.Code != 200:
				t.Errorf("%s is described as public, and answers %d", what, w.Code)
			case told && op.Security != nil && w.Code != 401:
				t.Errorf("%s is described as needing a token, and answers %d", what, w.Code)
			}
		}
		described += len(operations)
	}
	if described != len(routes) {
		t.Errorf("%d operations are described, %d routes served", described, len(routes))
	}
	for _, rt := range routes {
		op, told := d.Paths[rt.Path][strings.ToLower(rt.Method)]
		if !told {
			t.Errorf("%s %s is not described", rt.Method, rt.Path)
		}
		if rt.Right != public && rt.Right != anyone && op.Right != string(rt.Right) {
			t.Errorf("%s %s: described right %q, checked %q", rt.Method, rt.Path, op.Right, rt.Right)
		}
	}
}

func TestDocumentHoldsTogether(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	d := n.document(t)
	ids := map[string]string{}
	for path, operations := range d.Paths {
		for method, op := range operations {
			what := method + " " + path
			if other, twice := ids[op.OperationID]; twice || op.OperationID == "" || op.Summary == "" {
				t.Errorf("%s: id %q (also of %s), summary %q", what, op.OperationID, other, op.Summary)
			}
			ids[op.OperationID] = what
			var named []string
			for _, p := range op.Parameters {
				if p.In == "path" {
					named = append(named, "{"+p.Name+"}")
				}
			}
			if inPath := placeholder.FindAllString(path, -1); !slices.Equal(named, inPath) {
				t.Errorf("%s: the parameters are %v", what, named)
			}
			if _, ok := op.Responses["default"].Content["application/problem+json"]; !ok {
				t.Errorf("%s does not say how it fails", what)
			}
		}
	}
	text := n.call("GET", "/openapi.json", "", "").Body.String()
	for _, part := range strings.Split(text, `"$ref":"`)[1:] {
		ref, _, _ := strings.Cut(part, `"`)
		name, ok := strings.CutPrefix(ref, "#/components/schemas/")
		if _, there := d.Components.Schemas[name]; !ok || !there {
			t.Errorf("%s leads nowhere", ref)
		}
	}
}

// Real answers are as the document describes them.
func TestAnswersMatchTheDocument(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	token := n.all(t)
	if w := n.call("POST", "/intake/alertmanager", token, webhook(0, firing("a"), firing("b"))); w.Code != 204 {
		t.Fatalf("intake: %d %s", w.Code, w.Body)
	}
	created(t, n.call("POST", "/incidents", token, `{"title":"no payments"}`))
	d := n.document(t)
	met := 0
	for path, operations := range d.Paths {
		op, ok := operations["get"]
		answer := op.Responses["200"].Content["application/json"]
		if !ok || strings.Contains(path, "{") || path == "/openapi.json" || op.Responses["200"].Content == nil {
			continue
		}
		w := n.call("GET", path, token, "")
		if w.Code == 404 && (path == "/plan" || path == "/plan/lint" || path == "/plan/register") {
			continue // none is published
		}
		var v any
		if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code != 200 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
			continue
		}
		met++
		for _, fault := range d.faults(answer.Schema, v, path) {
			t.Error(fault)
		}
	}
	if met < 10 {
		t.Errorf("only %d answers were looked at", met)
	}
	problem := n.call("GET", "/gates/nothing", token, "")
	var v any
	if err := json.Unmarshal(problem.Body.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	for _, fault := range d.faults(schema{Ref: "#/components/schemas/Problem"}, v, "a problem") {
		t.Error(fault)
	}
}

// faults says where a value is not as a schema describes it.
func (d document) faults(s schema, v any, at string) (all []string) {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		s = d.Components.Schemas[name]
	}
	bad := func(format string, args ...any) { all = append(all, at+": "+fmt.Sprintf(format, args...)) }
	switch v := v.(type) {
	case nil: // a list or object that is missing
		if s.Type != "" && s.Type != "object" {
			bad("null, described as %s", s.Type)
		}
	case map[string]any:
		if s.Type != "object" && s.Type != "" {
			bad("an object, described as %s", s.Type)
		}
		for name, value := range v {
			of, told := s.Properties[name]
			switch {
			case told:
				all = append(all, d.faults(of, value, at+"/"+name)...)
			case s.Values != nil:
				all = append(all, d.faults(*s.Values, value, at+"/"+name)...)
			case s.Type == "object":
				bad("the member %s is not described", name)
			}
		}
		for _, name := range s.Required {
			if _, there := v[name]; !there {
				bad("the member %s is missing", name)
			}
		}
	case []any:
		if s.Type != "array" && s.Type != "" {
			bad("a list, described as %s", s.Type)
		}
		for i, value := range v {
			if s.Items != nil {
				all = append(all, d.faults(*s.Items, value, fmt.Sprintf("%s/%d", at, i))...)
			}
		}
	case string:
		if s.Type != "string" && s.Type != "" {
			bad("a text, described as %s", s.Type)
		}
		if _, err := time.Parse(time.RFC3339, v); s.Format == "date-time" && err != nil {
			bad("%v", err)
		}
	case float64:
		if s.Type != "number" && s.Type != "integer" && s.Type != "" || s.Type == "integer" && v != float64(int64(v)) {
			bad("the number %v, described as %s", v, s.Type)
		}
	case bool:
		if s.Type != "boolean" && s.Type != "" {
			bad("true or false, described as %s", s.Type)
		}
	}
	return all
}
