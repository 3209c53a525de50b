package plan

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"holdfast"
)

// An anchor names a place in the plan so that it is found again after rows were
// added, moved or removed: it is a path that names the entries of lists by what
// tells them apart and not by where they stand,
//
//	procedures[level=1].stages[stop].tasks[suspend].limit
//	risks[power]
//	governance.approval[sign]
//
// A step of a dependency is named by when it is due, dependencies[cloud].steps[after=30m0s],
// where no other is due then. Entries that nothing tells apart are named by their
// position.

// Anchor returns the anchor of a place. Entries may be named by position or as
// anchors name them; false means that the plan has no such place.
func (p *Plan) Anchor(place string) (string, bool) {
	anchor, _, _, ok := p.walk(place, true)
	return anchor, ok
}

// Find returns the path, with positions, at which a plan has an anchor's place
// now; false means that it is gone.
func (p *Plan) Find(anchor string) (path string, ok bool) {
	_, path, _, ok = p.walk(anchor, false)
	return path, ok
}

// Words returns what people read at a place: a text in their language, of an
// entry its name and texts, of a list the names of its entries.
func (p *Plan) Words(place string, lang holdfast.Lang) string {
	_, _, v, ok := p.walk(place, true)
	if !ok {
		return ""
	}
	return strings.Join(wordsOf(v, lang, true), " · ")
}

// walk goes to a place. positions says that the entries of lists may be named by
// position even where they have names.
func (p *Plan) walk(place string, positions bool) (anchor, path string, v reflect.Value, ok bool) {
	v = reflect.ValueOf(p).Elem()
	var anchors, paths []string
	for part := range strings.SplitSeq(place, ".") {
		key, index, indexed := strings.Cut(part, "[")
		if v = inside(v); v.Kind() != reflect.Struct {
			return "", "", v, false
		}
		field, known := fieldsOf(v.Type())[key]
		if !known {
			return "", "", v, false
		}
		v = v.Field(field)
		name, position := key, key
		if indexed {
			i := -1
			id := -1
			if index, closed := strings.CutSuffix(index, "]"); closed && v.Kind() == reflect.Slice {
				id = idField(v.Type().Elem())
				i = entryAt(v, id, index, positions)
			}
			if i < 0 {
				return "", "", v, false
			}
			name, position = key+"["+entryName(v, id, i)+"]", at(key, i)
			v = v.Index(i)
		}
		anchors, paths = append(anchors, name), append(paths, position)
	}
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return "", "", v, false
	}
	return strings.Join(anchors, "."), strings.Join(paths, "."), v, true
}

func inside(v reflect.Value) reflect.Value {
	if v.Kind() == reflect.Pointer {
		return v.Elem() // of nil the zero Value, which is no struct
	}
	return v
}

// entryName names an entry of a list as anchors do; field is what tells entries
// apart, of [idField].
func entryName(list reflect.Value, field, i int) string {
	entry := list.Index(i)
	if steps, ok := list.Interface().([]DependencyStep); ok {
		due := steps[i].After
		if alone := !slices.ContainsFunc(slices.Concat(steps[:i:i], steps[i+1:]), func(s DependencyStep) bool { return s.After == due }); alone {
			if name := "after=" + due.D().String(); !strings.ContainsAny(name, ".[]") {
				return name
			}
		}
	}
	if field >= 0 {
		id := entry.Field(field)
		if l, ok := id.Interface().(holdfast.Level); ok {
			return "level=" + l.String()
		}
		if name := id.String(); name != "" && !strings.ContainsAny(name, ".[]") {
			return name
		}
	}
	return strconv.Itoa(i)
}

// entryAt returns the position of the entry with a name, -1 for none.
func entryAt(list reflect.Value, field int, name string, positions bool) int {
	for i := range list.Len() {
		if entryName(list, field, i) == name {
			return i
		}
	}
	if i, err := strconv.Atoi(name); err == nil && (positions || field < 0) && i >= 0 && i < list.Len() {
		return i
	}
	return -1
}

// wordsOf collects the texts of a value; of the entries inside it, unless whole
// is set, only the names.
func wordsOf(v reflect.Value, lang holdfast.Lang, whole bool) (words []string) {
	if v = inside(v); !v.IsValid() {
		return nil
	}
	if t, ok := v.Interface().(holdfast.Text); ok {
		if text := t.In(lang); text != "" {
			words = append(words, text)
		}
		return words
	}
	switch v.Kind() {
	case reflect.Struct:
		if name := titleOf(v); !name.IsZero() && !whole {
			return []string{name.In(lang)}
		}
		for i := range v.NumField() {
			if f := v.Field(i); f.Type() == reflect.TypeFor[holdfast.Text]() {
				words = append(words, wordsOf(f, lang, false)...)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			words = append(words, wordsOf(v.Index(i), lang, false)...)
		}
	default:
		if text := show(v, lang); text != "" {
			words = append(words, text)
		}
	}
	return words
}
