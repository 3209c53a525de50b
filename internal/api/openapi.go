package api

import (
	"encoding"
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/access"
)

// openAPI answers with the document, made from the route table and the Go types
// it names.
func (a *API) openAPI(*call) (any, error) { return Document(a.View.Version), nil }

type object = map[string]any

// Document returns the API as OpenAPI 3.1.
func Document(version string) map[string]any {
	s := &schemas{defs: object{}, types: map[string]reflect.Type{}}
	paths := map[string]object{}
	for _, rt := range routes {
		if paths[rt.Path] == nil {
			paths[rt.Path] = object{}
		}
		paths[rt.Path][strings.ToLower(rt.Method)] = s.operation(rt)
	}
	s.defs["Problem"] = problemSchema
	return object{
		"openapi": "3.1.0",
		"info":    object{"title": "Holdfast", "version": version, "description": "Emergency response of a payment system's operator."},
		"servers": []object{{"url": "/api/v1"}},
		"paths":   paths,
		"components": object{
			"schemas":         s.defs,
			"securitySchemes": object{"token": object{"type": "http", "scheme": "bearer"}},
		},
	}
}

var problemSchema = object{
	"type": "object",
	"properties": object{
		"type": object{"type": "string"}, "title": object{"type": "string"}, "status": object{"type": "integer"},
		"detail": object{"type": "string"}, "code": object{"type": "string", "enum": []holdfast.Code{
			holdfast.Invalid, holdfast.Unauthenticated, holdfast.Forbidden, holdfast.NotFound, holdfast.Conflict, holdfast.TooLarge,
			holdfast.TooMany, holdfast.Unavailable, holdfast.Doubtful, holdfast.Damaged, holdfast.Internal,
		}},
		"field":   object{"type": "string", "description": "the input at fault: a parameter, or the way to a value of the body, joined by /"},
		"more":    object{"description": "what a program needs to go on: where a chapter has a newer save, that save"},
		"request": object{"type": "string", "description": "the id under which the log has more"},
	},
	"required": []string{"type", "title", "status", "detail", "code", "request"},
}

var pathParam = regexp.MustCompile(`\{([a-z]+)\}`)

func (s *schemas) operation(rt route) object {
	op := object{"summary": rt.Summary, "operationId": operationID(rt), "responses": s.responses(rt)}
	var params []object
	for _, m := range pathParam.FindAllStringSubmatch(rt.Path, -1) {
		params = append(params, object{"name": m[1], "in": "path", "required": true, "schema": object{"type": "string"}})
	}
	for _, q := range rt.Query {
		params = append(params, object{"name": q, "in": "query", "schema": object{"type": "string"}})
	}
	if params != nil {
		op["parameters"] = params
	}
	if rt.In != nil {
		op["requestBody"] = object{"required": true, "content": jsonOf(s.of(reflect.TypeOf(rt.In)))}
	}
	if rt.File {
		op["requestBody"] = object{"required": true, "content": object{"application/octet-stream": object{"schema": object{"type": "string", "format": "binary"}}}}
	}
	if rt.Right != public {
		op["security"] = []object{{"token": []string{}}}
		if rt.Right != anyone {
			op["x-right"] = rt.Right
		}
	}
	return op
}

func operationID(rt route) string {
	words := strings.FieldsFunc(rt.Path, func(r rune) bool { return strings.ContainsRune("/{}.-", r) })
	return strings.ToLower(rt.Method) + "-" + strings.Join(words, "-")
}

func (s *schemas) responses(rt route) object {
	ok := object{"description": "done"}
	if rt.Out != nil {
		ok["content"] = jsonOf(s.of(reflect.TypeOf(rt.Out)))
	}
	status := map[int]string{200: "200", 201: "201", 202: "202", 204: "204"}[rt.status()]
	if rt.Out == nil && rt.Method == "GET" {
		status = "200" // it writes its own answer
	}
	problem := object{"description": "what went wrong", "content": object{
		"application/problem+json": object{"schema": object{"$ref": "#/components/schemas/Problem"}},
	}}
	return object{status: ok, "default": problem}
}

func jsonOf(schema object) object {
	return object{"application/json": object{"schema": schema}}
}

// schemas turns Go types into JSON schemas; named structs become definitions,
// those of other packages than view and api under the package's name and theirs.
type schemas struct {
	defs  object
	types map[string]reflect.Type
}

var (
	timeType = reflect.TypeFor[time.Time]()
	rawType  = reflect.TypeFor[json.RawMessage]()
	textType = reflect.TypeFor[encoding.TextMarshaler]()
	jsonType = reflect.TypeFor[json.Marshaler]()
)

func (s *schemas) of(t reflect.Type) object {
	switch {
	case t == timeType:
		return object{"type": "string", "format": "date-time"}
	case t == rawType:
		return object{}
	case t == reflect.TypeFor[access.Action]():
		return object{"type": "string", "enum": access.AllActions()}
	case t.Kind() != reflect.Pointer && t.Implements(jsonType):
		return object{} // only it knows what it writes
	case t.Kind() != reflect.Pointer && (t.Implements(textType) || reflect.PointerTo(t).Implements(textType)):
		return object{"type": "string"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Float32, reflect.Float64:
		return object{"type": "number"}
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return object{"type": "string", "contentEncoding": "base64"}
		}
		return object{"type": "array", "items": s.of(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.Interface:
		return object{}
	case reflect.Struct:
		return s.ref(t)
	default:
		return object{"type": "integer"}
	}
}

// ref defines a struct once and points to it.
func (s *schemas) ref(t reflect.Type) object {
	name := typeName(t)
	if name == "" {
		return s.structure(t)
	}
	if other, done := s.types[name]; !done {
		s.types[name] = t // before its members: it may refer to itself
		s.defs[name] = s.structure(t)
	} else if other != t {
		panic("api: two types are called " + name) // a test makes the document
	}
	return object{"$ref": "#/components/schemas/" + name}
}

func typeName(t reflect.Type) string {
	name := t.Name()
	if i := strings.IndexByte(name, '['); i >= 0 { // a generic: Page[...view.Incident]
		arg := strings.TrimSuffix(name[i+1:], "]")
		arg = arg[strings.LastIndexAny(arg, "/.")+1:]
		return arg + name[:i]
	}
	pkg := t.PkgPath()
	switch pkg = pkg[strings.LastIndexByte(pkg, '/')+1:]; pkg {
	case "view", "api":
		return name
	default:
		return strings.ToUpper(pkg[:1]) + pkg[1:] + name
	}
}

func (s *schemas) structure(t reflect.Type) object {
	props := object{}
	var required []string
	s.fields(t, props, &required)
	o := object{"type": "object", "properties": props}
	if required != nil {
		o["required"] = required
	}
	return o
}

func (s *schemas) fields(t reflect.Type, props object, required *[]string) {
	for f := range t.Fields() {
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported() && !f.Anonymous:
		case f.Anonymous && name == "":
			s.fields(f.Type, props, required)
		default:
			if name == "" {
				name = f.Name
			}
			props[name] = s.of(f.Type)
			if !strings.Contains(opts, "omit") {
				*required = append(*required, name)
			}
		}
	}
}
