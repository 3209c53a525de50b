package plan

import (
	"reflect"

	"holdfast"
)

// Starter returns the built-in plan in one language alone, which is then its
// language of record: a plan to start from.
func Starter(lang holdfast.Lang) []byte {
	p, faults := Decode("", Builtin())
	if len(faults) > 0 {
		panic("plan: the built-in plan has faults: " + faults.Error()) // a test keeps it sound
	}
	p.Language = lang
	onlyIn(lang, reflect.ValueOf(p).Elem())
	return Encode(p)
}

var textType = reflect.TypeFor[holdfast.Text]()

// onlyIn empties every text in v in all languages but one.
func onlyIn(lang holdfast.Lang, v reflect.Value) {
	switch {
	case v.Type() == textType:
		t := v.Interface().(holdfast.Text)
		v.Set(reflect.ValueOf(InOne(lang, written(t, lang))))
	case v.Kind() == reflect.Pointer && !v.IsNil():
		onlyIn(lang, v.Elem())
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			onlyIn(lang, v.Index(i))
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			onlyIn(lang, v.Field(i))
		}
	}
}

// InOne returns a text that is written in one language.
func InOne(lang holdfast.Lang, s string) holdfast.Text {
	switch lang {
	case holdfast.ZhHant:
		return holdfast.Text{ZhHant: s}
	case holdfast.ZhHans:
		return holdfast.Text{ZhHans: s}
	default:
		return holdfast.Text{En: s}
	}
}
