package config

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"holdfast"
)

// load fills the struct that into points to: defaults, file, environment, flags,
// each over the one before; then checks rules between settings.
func load(opt Options, into any, check func(*report)) (map[string]Origin, error) {
	content := opt.Content
	if content == nil && opt.File != "" {
		var err error
		if content, err = readUpTo(opt.File, maxFile); err != nil {
			return nil, holdfast.Errorf(holdfast.Invalid, "the settings file %s cannot be read", opt.File).Because(err)
		}
	}
	v := reflect.ValueOf(into).Elem()
	setDefaults(v)
	r := newReport(opt)
	r.decode(content, v)
	r.override(v, FromEnvironment, Variable, func(path string) (string, bool) {
		if opt.Env == nil {
			return "", false
		}
		return opt.Env(Variable(path))
	})
	r.override(v, FromFlag, Flag, func(path string) (string, bool) {
		text, ok := opt.Flags[path]
		return text, ok
	})
	r.unknownFlags(v, opt.Flags)
	check(r)
	return r.origins, r.err()
}

// Variable returns the name of the environment variable that sets a path.
func Variable(path string) string {
	return "HOLDFAST_" + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// Flag returns the name of the flag that sets a path.
func Flag(path string) string {
	return "--" + strings.NewReplacer(".", "-", "_", "-").Replace(path)
}

// override takes values from flags or variables, where lookup has one for the
// path.
func (r *report) override(v reflect.Value, kind OriginKind, name func(path string) string, lookup func(path string) (string, bool)) {
	simple(v, "", func(path string, f field) {
		text, ok := lookup(path)
		if !ok {
			return
		}
		r.origins[path] = Origin{Kind: kind, Name: name(path)}
		if len(text) > maxText {
			r.broken(path, "the value has %d bytes; %d is the limit", len(text), maxText)
		} else if err := set(f, text); err != nil {
			r.broken(path, "%v", err)
		}
	})
}

func (r *report) unknownFlags(v reflect.Value, flags map[string]string) {
	var known []string
	simple(v, "", func(path string, _ field) { known = append(known, path) })
	for path := range flags {
		if !slices.Contains(known, path) {
			r.origins[path] = Origin{Kind: FromFlag, Name: Flag(path)}
			r.broken(path, "%s", unknown(path, known))
		}
	}
}

// simple calls f for each setting of the struct v that can be written as one
// text: all but those inside lists of sections and optional sections.
func simple(v reflect.Value, path string, f func(path string, s field)) {
	for _, s := range fieldsOf(v) {
		at := join(path, s.name)
		switch t := s.value.Type(); {
		case isText(t), t.Kind() == reflect.Slice && isText(t.Elem()):
			f(at, s)
		case t.Kind() == reflect.Struct:
			simple(s.value, at, f)
		}
	}
}

func set(f field, text string) error {
	if isText(f.value.Type()) {
		return setText(f.value, f.tag, text)
	}
	return setList(f.value, f.tag, text)
}

// setDefaults writes the defaults into v if it is a section.
func setDefaults(v reflect.Value) {
	if isText(v.Type()) || v.Kind() != reflect.Struct {
		return
	}
	simple(v, "", func(path string, f field) {
		if text, ok := f.tag.Lookup("default"); ok {
			if err := set(f, text); err != nil {
				panic(fmt.Sprintf("config: default of %s: %v", path, err)) // a fault of the struct tag
			}
		}
	})
}

// Setting is one setting with its value and where that came from. The value of a
// secret is its reference.
type Setting struct {
	Path   string
	Value  string
	Origin Origin
}

// explain lists the settings of the struct s in the order of its fields.
func explain(s any, origins map[string]Origin) []Setting {
	copied := reflect.New(reflect.TypeOf(s)).Elem()
	copied.Set(reflect.ValueOf(s))
	r := report{origins: origins}
	var list []Setting
	r.explain(copied, "", &list)
	return list
}

func (r *report) explain(v reflect.Value, path string, list *[]Setting) {
	for _, f := range fieldsOf(v) {
		at := join(path, f.name)
		switch t := f.value.Type(); {
		case isText(t):
			*list = append(*list, Setting{at, textOf(f.value), r.from(at)})
		case t.Kind() == reflect.Slice && isText(t.Elem()):
			texts := make([]string, f.value.Len())
			for i := range texts {
				texts[i] = textOf(f.value.Index(i))
			}
			*list = append(*list, Setting{at, strings.Join(texts, ", "), r.from(at)})
		case t.Kind() == reflect.Slice:
			for i := range f.value.Len() {
				r.explain(f.value.Index(i), index(at, i), list)
			}
		case t.Kind() == reflect.Pointer:
			if !f.value.IsNil() {
				r.explain(f.value.Elem(), at, list)
			}
		default:
			r.explain(f.value, at, list)
		}
	}
}

func (r *report) from(path string) Origin {
	if o, ok := r.origins[path]; ok {
		return o
	}
	return Origin{Kind: FromDefault}
}

// textOf writes a value as it is written in a file.
func textOf(v reflect.Value) string {
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		if text, err := m.MarshalText(); err == nil {
			return string(text)
		}
	}
	return fmt.Sprint(v.Interface())
}
