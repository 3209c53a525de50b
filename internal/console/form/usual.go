package form

import (
	"reflect"
	"slices"

	"holdfast"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// needed are fields of the plan that say nothing a person would have written
// into a chapter.
var needed = []string{"format", "id", "language"}

// Bare reports whether a chapter says nothing yet. The levels that every plan
// has, without a word about them, are nothing.
func Bare(p *plan.Plan, chapter plan.Chapter) bool {
	for _, v := range parts(p, chapter) {
		if !bare(v) {
			return false
		}
	}
	return true
}

// Usual returns a copy of the plan with the usual entries of the built-in plan,
// in the plan's language, in each part of a chapter that says nothing yet.
func Usual(p *plan.Plan, chapter plan.Chapter) *plan.Plan {
	next := clone(p)
	usual, _ := plan.Decode("", plan.Starter(p.Language)) // it has no faults: a test holds it
	if chapter.Level != holdfast.Unknown {
		next.Procedures = slices.DeleteFunc(next.Procedures, func(pr procedure.Procedure) bool { return pr.Level == chapter.Level && bare(reflect.ValueOf(pr)) })
		if pr, ok := usual.Procedure(chapter.Level); ok && Bare(next, chapter) {
			next.Procedures = append(next.Procedures, pr)
		}
		return next
	}
	from := parts(usual, chapter)
	for i, v := range parts(next, chapter) {
		if bare(v) {
			v.Set(from[i])
		}
	}
	return next
}

// parts are the values of a plan that a chapter holds.
func parts(p *plan.Plan, chapter plan.Chapter) (list []reflect.Value) {
	if chapter.Level != holdfast.Unknown {
		for i := range p.Procedures {
			if p.Procedures[i].Level == chapter.Level {
				list = append(list, reflect.ValueOf(&p.Procedures[i]).Elem())
			}
		}
		return list
	}
	for _, key := range chapter.Fields {
		if !slices.Contains(needed, key) {
			list = append(list, fieldBy(reflect.ValueOf(p).Elem(), key))
		}
	}
	return list
}

// bare reports whether a value says nothing: levels and ids alone do not.
func bare(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer:
		return v.IsNil() || bare(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			if v.Index(i).Kind() != reflect.Struct || !bare(v.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get("yaml") != "id" && v.Field(i).Type() != levelType && !bare(v.Field(i)) {
				return false
			}
		}
		return true
	default:
		return v.IsZero()
	}
}
