package config

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// Limits of a settings file.
const (
	maxFile = 1 << 20 // bytes
	maxText = 4 << 10 // bytes of one value
	maxList = 500     // entries of one list
)

// decode reads the file's content into the struct v, recording where each
// setting stands and every fault.
func (r *report) decode(content []byte, v reflect.Value) {
	if len(content) > maxFile {
		r.broken("", "the file has %d bytes; %d is the limit", len(content), maxFile)
		return
	}
	var documents []yaml.Node
	if err := yaml.Load(content, &documents, yaml.WithAllDocuments()); err != nil {
		r.syntax(err)
		return
	}
	if len(documents) > 1 {
		r.brokenAt(r.place(&documents[1]), "", "the file holds a second document; write one")
	}
	if len(documents) > 0 && len(documents[0].Content) == 1 {
		r.section(documents[0].Content[0], v, "")
	}
}

func (r *report) syntax(err error) {
	origin := Origin{FromFile, r.file, 1, 1}
	message := err.Error()
	var at *yaml.LoadError
	if errors.As(err, &at) {
		message = at.Message
		if at.Mark.Line > 0 {
			origin.Line, origin.Column = at.Mark.Line, at.Mark.Column
		}
	}
	r.brokenAt(origin, "", "this is not YAML: "+message)
}

func (r *report) place(n *yaml.Node) Origin {
	return Origin{FromFile, r.file, max(1, n.Line), max(1, n.Column)}
}

// value reads one setting of any form.
func (r *report) value(n *yaml.Node, v reflect.Value, tag reflect.StructTag, path string) {
	r.origins[path] = r.place(n)
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0:
		r.broken(path, "anchors, aliases and tags are not read here; write the value itself")
	case isText(v.Type()):
		r.text(n, v, tag, path)
	case v.Kind() == reflect.Pointer:
		section := reflect.New(v.Type().Elem())
		setDefaults(section.Elem())
		r.section(n, section.Elem(), path)
		v.Set(section)
	case v.Kind() == reflect.Slice:
		r.list(n, v, tag, path)
	default:
		r.section(n, v, path)
	}
}

func empty(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func (r *report) text(n *yaml.Node, v reflect.Value, tag reflect.StructTag, path string) {
	switch {
	case empty(n):
		r.broken(path, "no value is written; leave the line out for the default")
	case n.Kind != yaml.ScalarNode:
		r.broken(path, "write one value here, not a %s", form(n))
	case len(n.Value) > maxText:
		r.broken(path, "the value has %d bytes; %d is the limit", len(n.Value), maxText)
	default:
		if err := setText(v, tag, n.Value); err != nil {
			r.broken(path, "%v", err)
		}
	}
}

func form(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "section"
	case yaml.SequenceNode:
		return "list"
	default:
		return "single value"
	}
}

func (r *report) list(n *yaml.Node, v reflect.Value, tag reflect.StructTag, path string) {
	if empty(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		r.broken(path, "write a list here, not a %s", form(n))
		return
	}
	if len(n.Content) > maxList {
		r.broken(path, "the list has %d entries; %d is the limit", len(n.Content), maxList)
		return
	}
	list := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, entry := range n.Content {
		setDefaults(list.Index(i))
		r.value(entry, list.Index(i), tag, index(path, i))
	}
	v.Set(list)
}

func (r *report) section(n *yaml.Node, v reflect.Value, path string) {
	if empty(n) {
		return // a section of which every line is commented out
	}
	if n.Kind != yaml.MappingNode {
		r.brokenAt(r.place(n), path, "write settings here as \"name: value\", not a "+form(n))
		return
	}
	fields := fieldsOf(v)
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := join(path, key.Value)
		fault := func(format string, args ...any) {
			r.faults = append(r.faults, Fault{r.place(key), at, fmt.Sprintf(format, args...)})
		}
		index := slices.Index(names, key.Value)
		switch {
		case key.Kind != yaml.ScalarNode:
			at = path
			fault("a name is plain text, not a %s", form(key))
		case index < 0:
			fault("%s", unknown(key.Value, names))
		case first[key.Value] > 0:
			fault("it is written twice; the first is on line %d", first[key.Value])
		default:
			first[key.Value] = key.Line
			r.value(value, fields[index].value, fields[index].tag, at)
		}
	}
}

func unknown(name string, names []string) string {
	if near := nearest(name, names); near != "" {
		return fmt.Sprintf("there is no setting of this name; did you mean %s?", near)
	}
	return "there is no setting of this name; here stand " + strings.Join(names, ", ")
}

// field is one setting or section of a struct.
type field struct {
	name  string
	value reflect.Value
	tag   reflect.StructTag
}

// fieldsOf lists the settings of the struct v; those of an embedded struct
// count as its own.
func fieldsOf(v reflect.Value) []field {
	var fields []field
	for i := range v.NumField() {
		f := v.Type().Field(i)
		switch {
		case f.Anonymous:
			fields = append(fields, fieldsOf(v.Field(i))...)
		case f.IsExported():
			fields = append(fields, field{f.Tag.Get("yaml"), v.Field(i), f.Tag})
		}
	}
	return fields
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

// isText reports whether values of the type are written as one text.
func isText(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int:
		return true
	default:
		return reflect.PointerTo(t).Implements(textUnmarshaler)
	}
}

// setText reads a text into v, which keeps its value if the text is at fault.
func setText(v reflect.Value, tag reflect.StructTag, text string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch v.Kind() {
	case reflect.Bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("%q: write true or false", text)
		}
		v.SetBool(text == "true")
	case reflect.Int:
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		v.SetInt(n)
	default:
		if one := strings.Fields(tag.Get("one")); len(one) > 0 && !slices.Contains(one, text) {
			return fmt.Errorf("%q: write one of %s", text, strings.Join(one, ", "))
		}
		v.SetString(text)
	}
	return nil
}

// setList reads texts with commas between them into the list v.
func setList(v reflect.Value, tag reflect.StructTag, text string) error {
	list := reflect.MakeSlice(v.Type(), 0, 0)
	for part := range strings.SplitSeq(text, ",") {
		entry := reflect.New(v.Type().Elem()).Elem()
		if part = strings.TrimSpace(part); part == "" && strings.TrimSpace(text) == "" {
			break
		}
		if err := setText(entry, tag, part); err != nil {
			return err
		}
		list = reflect.Append(list, entry)
	}
	v.Set(list)
	return nil
}
