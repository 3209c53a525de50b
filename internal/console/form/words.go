package form

import (
	"maps"
	"reflect"
	"slices"

	"holdfast/internal/plan"
)

// Words lists the keys of all texts that forms of plans show: labels of fields,
// hints to fill them in, and choices that the program knows.
func Words() []string {
	keys := map[string]bool{}
	seen := map[reflect.Type]bool{}
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t == levelType {
			keep(keys, levels)
		}
		if t.Kind() != reflect.Struct || t == textType || seen[t] {
			return
		}
		seen[t] = true
		for i := range t.NumField() {
			owner, key := ownerOf(t), keyOf(t.Field(i))
			if hidden[owner+"."+key] {
				continue
			}
			keys["field."+labelOf(owner, key)] = true
			if source, refers := sources[owner+"."+key]; refers {
				keep(keys, source(&plan.Plan{}))
			}
			walk(t.Field(i).Type)
		}
	}
	walk(reflect.TypeFor[plan.Plan]())
	for name := range hinted {
		keys["hint."+name] = true
	}
	return slices.Sorted(maps.Keys(keys))
}

func keep(keys map[string]bool, choices []Option) {
	for _, o := range choices {
		keys[o.Word] = true
	}
}
