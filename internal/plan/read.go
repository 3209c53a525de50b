package plan

import (
	"encoding"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"holdfast"
)

// mark is a place in the text.
type mark struct{ line, column int }

// reader fills Go values from a YAML tree by their yaml tags. It goes on after
// every fault and leaves what it cannot read at its zero value. It refuses what
// makes a text mean other than it seems to: unknown and repeated keys, numbers
// where text is meant, aliases, merge keys and tags.
type reader struct {
	faults Faults
	// tree says that the text is YAML, so that its content can be judged.
	tree bool
	// marks leads from the path of each value read to its place: of a single
	// value its own, of a list or mapping its key's.
	marks map[string]mark
	// broken holds the paths whose value could not be read. What else seems to be
	// wrong there follows from that.
	broken map[string]bool
}

func newReader() *reader {
	return &reader{marks: map[string]mark{}, broken: map[string]bool{}}
}

func (r *reader) fault(at mark, path, rule string, err *holdfast.Error) {
	if len(r.faults) >= MaxFaults {
		return // Decode says that there are more
	}
	r.faults = append(r.faults, Fault{Line: at.line, Column: at.column, Path: path, Rule: rule, Error: err})
}

// refuse reports a value that cannot be read.
func (r *reader) refuse(n *yaml.Node, path, rule string, err *holdfast.Error) {
	r.fault(place(n), path, rule, err)
	r.broken[path] = true
}

func place(n *yaml.Node) mark { return mark{n.Line, n.Column} }

// find returns the place of a path, or of the nearest part around it that
// stands in the text.
func (r *reader) find(path string) mark {
	for {
		if at, found := r.marks[path]; found {
			return at
		}
		if path == "" {
			return mark{1, 1}
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
}

// isBroken reports whether the value at path, or one that holds it, could not be
// read.
func (r *reader) isBroken(path string) bool {
	for !r.broken[path] {
		if path == "" {
			return false
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return true
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// value reads n into v.
func (r *reader) value(path string, n *yaml.Node, v reflect.Value) {
	switch {
	case n.Kind == yaml.AliasNode:
		r.refuse(n, path, "P003", holdfast.Errorf(holdfast.Invalid, "the alias *%s is not taken here: write the value out, so that each place can be read by itself", n.Value))
		return
	case n.Style&yaml.TaggedStyle != 0:
		r.refuse(n, path, "P003", holdfast.Errorf(holdfast.Invalid, "the tag %s is not taken here: remove it", n.Tag))
		return
	}
	if read, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		r.text(path, n, read)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		r.value(path, n, v.Elem())
	case reflect.Struct:
		if r.expect(path, n, yaml.MappingNode, "a mapping of keys to values") {
			r.mapping(path, n, v)
		}
	case reflect.Slice:
		if r.expect(path, n, yaml.SequenceNode, "a list: one entry to a line, each after a hyphen") {
			r.sequence(path, n, v)
		}
	default:
		if r.expect(path, n, yaml.ScalarNode, "a single value") {
			r.scalar(path, n, v)
		}
	}
}

func (r *reader) expect(path string, n *yaml.Node, kind yaml.Kind, want string) bool {
	if n.Kind != kind {
		r.refuse(n, path, "P006", holdfast.Errorf(holdfast.Invalid, "%s needs %s", last(path), want))
		return false
	}
	return true
}

// last returns the part of a path that stands for its value.
func last(path string) string {
	if path == "" {
		return "the plan"
	}
	return path[strings.LastIndexByte(path, '.')+1:]
}

func (r *reader) mapping(path string, n *yaml.Node, v reflect.Value) {
	fields := fieldsOf(v.Type())
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := join(path, key.Value)
		if line, twice := seen[key.Value]; twice {
			r.fault(place(key), at, "P005", holdfast.Errorf(holdfast.Invalid, "the key %q stands twice: it is on line %d too; keep one", key.Value, line))
			continue
		}
		seen[key.Value] = key.Line
		field, known := fields[key.Value]
		switch {
		case key.ShortTag() == "!!merge":
			r.fault(place(key), at, "P003", holdfast.Errorf(holdfast.Invalid, "the merge key << is not taken here: write the keys out"))
		case key.Kind != yaml.ScalarNode || !known:
			r.fault(place(key), at, "P004", unknownKey(key, fields))
		case isNull(value): // as if the key were not there
			r.marks[at] = place(key)
		default:
			r.marks[at] = place(value)
			if value.Kind != yaml.ScalarNode {
				r.marks[at] = place(key)
			}
			r.value(at, value, v.Field(field))
		}
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func unknownKey(key *yaml.Node, fields map[string]int) *holdfast.Error {
	known := strings.Join(slices.Sorted(maps.Keys(fields)), ", ")
	return holdfast.Errorf(holdfast.Invalid, "the key %q is not known here: the keys are %s", key.Value, known)
}

// fieldsOf returns the index of each field of a struct by its key.
func fieldsOf(t reflect.Type) map[string]int {
	fields := make(map[string]int, t.NumField())
	for i := range t.NumField() {
		key, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		fields[key] = i
	}
	return fields
}

func (r *reader) sequence(path string, n *yaml.Node, v reflect.Value) {
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		r.marks[at] = place(item)
		if isNull(item) {
			r.refuse(item, at, "P006", holdfast.Errorf(holdfast.Invalid, "an entry of %s is empty: fill it in or remove it", last(path)))
			continue
		}
		r.value(at, item, v.Index(i))
	}
}

// text reads a value that has its own form, such as a time span.
func (r *reader) text(path string, n *yaml.Node, v encoding.TextUnmarshaler) {
	if !r.expect(path, n, yaml.ScalarNode, "a single value") {
		return
	}
	if err := v.UnmarshalText([]byte(n.Value)); err != nil {
		var e *holdfast.Error
		if !errors.As(err, &e) {
			e = holdfast.Errorf(holdfast.Invalid, "%q cannot be read: %v", n.Value, err)
		}
		r.refuse(n, path, "P007", e)
	}
}

// scalar reads a single value. The YAML type must be the one wanted: 404 is no
// text unless it stands in quotes, and "3" is no number.
func (r *reader) scalar(path string, n *yaml.Node, v reflect.Value) {
	tag := n.ShortTag()
	switch v.Kind() {
	case reflect.String:
		if tag == "!!str" || tag == "!!timestamp" {
			v.SetString(n.Value)
			return
		}
		r.refuse(n, path, "P006", holdfast.Errorf(holdfast.Invalid, "%s needs a text, and %s is none to YAML: put it in quotes", last(path), n.Value))
	case reflect.Bool:
		if tag == "!!bool" {
			v.SetBool(strings.EqualFold(n.Value, "true"))
			return
		}
		r.refuse(n, path, "P006", holdfast.Errorf(holdfast.Invalid, "%s needs true or false, without quotes", last(path)))
	case reflect.Int, reflect.Uint8:
		number, err := strconv.ParseInt(n.Value, 10, v.Type().Bits())
		if tag == "!!int" && err == nil && (v.CanInt() || number >= 0) {
			v.Set(reflect.ValueOf(number).Convert(v.Type()))
			return
		}
		r.refuse(n, path, "P006", holdfast.Errorf(holdfast.Invalid, "%s needs a whole number in digits, without quotes", last(path)))
	case reflect.Float64:
		number, err := strconv.ParseFloat(n.Value, 64)
		if (tag == "!!int" || tag == "!!float") && err == nil {
			v.SetFloat(number)
			return
		}
		r.refuse(n, path, "P006", holdfast.Errorf(holdfast.Invalid, "%s needs a number, without quotes", last(path)))
	default:
		panic("plan: no way to read " + v.Type().String())
	}
}
