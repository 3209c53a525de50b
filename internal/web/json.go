package web

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/journal"
)

const (
	// maxJSON is the largest JSON body in bytes: one fact's worth of text, with
	// every character of it escaped.
	maxJSON = 2*journal.MaxBody + 64<<10
	// maxDepth is how deep values may lie in one another.
	maxDepth = 32
)

// DecodeJSON reads a body of one JSON value into v, a pointer. What v has no
// place for is refused, not dropped: a member that v does not have, spelt to the
// letter, a member that stands twice, and anything after the value. The error
// names the place.
func DecodeJSON(w http.ResponseWriter, r *http.Request, v any) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxJSON))
	if over := new(http.MaxBytesError); errors.As(err, &over) {
		return holdfast.Errorf(holdfast.TooLarge, "a request has at most %d bytes", maxJSON).Because(err)
	}
	if err != nil {
		return holdfast.Errorf(holdfast.Invalid, "the request broke off").Because(err)
	}
	return decode(body, v)
}

func decode(body []byte, v any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return holdfast.Errorf(holdfast.Invalid, "the request has no body; send JSON")
	}
	if !utf8.Valid(body) {
		return holdfast.Errorf(holdfast.Invalid, "the request is not UTF-8 text")
	}
	c := checker{d: json.NewDecoder(bytes.NewReader(body)), body: body}
	c.d.UseNumber()
	if err := c.value(reflect.TypeOf(v).Elem(), "", 0); err != nil {
		return err
	}
	if _, err := c.d.Token(); !errors.Is(err, io.EOF) {
		return holdfast.Errorf(holdfast.Invalid, "one JSON value is expected, and something follows it at line %d, column %d", c.line(c.d.InputOffset()), c.column(c.d.InputOffset()))
	}
	if err := json.Unmarshal(body, v); err != nil {
		return holdfast.Errorf(holdfast.Invalid, "the value cannot be read: %v", err)
	}
	return nil
}

// checker walks a JSON value beside the type it is for.
type checker struct {
	d    *json.Decoder
	body []byte
}

// value checks the next value for t, which lies at a place; nil takes anything.
func (c *checker) value(t reflect.Type, at string, depth int) error {
	if depth > maxDepth {
		return holdfast.Errorf(holdfast.Invalid, "values lie more than %d deep in one another", maxDepth).At(at)
	}
	for t != nil && t.Kind() == reflect.Pointer && !readsItself(t.Elem()) {
		t = t.Elem()
	}
	if t != nil && t.Kind() == reflect.Interface {
		t = nil
	}
	if t != nil && isLeaf(t) {
		return c.leaf(t, at)
	}
	token, err := c.d.Token()
	if err != nil {
		return c.broken(err)
	}
	switch {
	case token == json.Delim('{') && (t == nil || t.Kind() == reflect.Struct || t.Kind() == reflect.Map):
		return c.object(t, at, depth)
	case token == json.Delim('[') && (t == nil || t.Kind() == reflect.Slice || t.Kind() == reflect.Array):
		return c.list(t, at, depth)
	case token == nil, t == nil:
		return nil
	case t.Kind() == reflect.Slice || t.Kind() == reflect.Array:
		return holdfast.Errorf(holdfast.Invalid, "a list is expected here").At(at)
	default:
		return holdfast.Errorf(holdfast.Invalid, "an object is expected here").At(at)
	}
}

func (c *checker) object(t reflect.Type, at string, depth int) error {
	var members map[string]reflect.Type
	if t != nil && t.Kind() == reflect.Struct {
		members = membersOf(t)
	}
	met := map[string]bool{}
	for c.d.More() {
		token, err := c.d.Token()
		if err != nil {
			return c.broken(err)
		}
		name := token.(string) // the decoder takes nothing else here
		place := within(at, name)
		if met[name] {
			return holdfast.Errorf(holdfast.Invalid, "the member %q stands here twice", cut(name, 100)).At(place)
		}
		met[name] = true
		var of reflect.Type
		if members != nil {
			known := false
			if of, known = members[name]; !known {
				return holdfast.Errorf(holdfast.Invalid, "there is no member %q here; there are: %s", cut(name, 100), strings.Join(slices.Sorted(maps.Keys(members)), ", ")).At(place)
			}
		} else if t != nil {
			of = t.Elem()
		}
		if err := c.value(of, place, depth+1); err != nil {
			return err
		}
	}
	return c.end()
}

func (c *checker) list(t reflect.Type, at string, depth int) error {
	var of reflect.Type
	if t != nil {
		of = t.Elem()
	}
	for i := 0; c.d.More(); i++ {
		if err := c.value(of, within(at, strconv.Itoa(i)), depth+1); err != nil {
			return err
		}
	}
	return c.end()
}

func (c *checker) end() error {
	_, err := c.d.Token()
	return c.broken(err)
}

// leaf checks a value that has no members of its own to check.
func (c *checker) leaf(t reflect.Type, at string) error {
	var raw json.RawMessage
	if err := c.d.Decode(&raw); err != nil {
		return c.broken(err)
	}
	err := json.Unmarshal(raw, reflect.New(t).Interface())
	if err == nil {
		return nil
	}
	if readsItself(t) {
		return holdfast.Errorf(holdfast.Invalid, "the value cannot be read: %v", err).At(at)
	}
	switch k := t.Kind(); {
	case k == reflect.String:
		return holdfast.Errorf(holdfast.Invalid, "a text is expected here").At(at)
	case k == reflect.Bool:
		return holdfast.Errorf(holdfast.Invalid, "true or false is expected here").At(at)
	case k >= reflect.Int && k <= reflect.Uintptr:
		return holdfast.Errorf(holdfast.Invalid, "a whole number is expected here, within what fits").At(at)
	case k == reflect.Float32 || k == reflect.Float64:
		return holdfast.Errorf(holdfast.Invalid, "a number is expected here").At(at)
	default:
		return holdfast.Errorf(holdfast.Invalid, "the value cannot be read: %v", err).At(at)
	}
}

// broken says where the text stops being JSON.
func (c *checker) broken(err error) error {
	if err == nil {
		return nil
	}
	offset := c.d.InputOffset()
	if syntax := new(json.SyntaxError); errors.As(err, &syntax) {
		offset = max(offset, min(syntax.Offset, int64(len(c.body))))
	}
	return holdfast.Errorf(holdfast.Invalid, "this is not JSON at line %d, column %d: %v", c.line(offset), c.column(offset), err)
}

// line counts from 1, and so does column, in bytes.
func (c *checker) line(offset int64) int {
	return 1 + bytes.Count(c.body[:offset], []byte("\n"))
}

func (c *checker) column(offset int64) int {
	return int(offset) - bytes.LastIndexByte(c.body[:offset], '\n')
}

func within(at, name string) string {
	name = cut(name, 100)
	if at == "" {
		return name
	}
	return at + "/" + name
}

var (
	jsonType = reflect.TypeFor[json.Unmarshaler]()
	textType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func readsItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(jsonType) || p.Implements(textType)
}

func isLeaf(t reflect.Type) bool {
	if readsItself(t) {
		return true
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map, reflect.Array:
		return false
	case reflect.Slice:
		return t.Elem().Kind() == reflect.Uint8 // base64
	default:
		return true
	}
}

// membersOf lists the members of a struct, those of embedded structs among them.
func membersOf(t reflect.Type) map[string]reflect.Type {
	all := map[string]reflect.Type{}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			for inner, of := range membersOf(f.Type) {
				if _, hidden := all[inner]; !hidden {
					all[inner] = of
				}
			}
		case !f.IsExported() || f.Tag.Get("json") == "-":
		case name == "":
			all[f.Name] = f.Type
		default:
			all[name] = f.Type
		}
	}
	return all
}

// WriteJSON answers with a value; status 204 has none.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // it is never read as HTML: the type says so, and nosniff
	if err := e.Encode(v); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, err := b.WriteTo(w)
	return err
}
