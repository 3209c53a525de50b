package lint

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"holdfast"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
	"holdfast/internal/roster"
)

// judge applies the rules to one input. What several rules ask for is found once.
type judge struct {
	Input
	rule  *Rule
	found []Finding

	flows   []flow
	tasks   []task
	strings []words
	holders map[string][]roster.Person // by role; nil without a roster
}

// flow is a procedure of the plan, that for leaks included.
type flow struct {
	*procedure.Procedure
	path string
	leak bool
}

// Flow names a procedure in an error: 1, 2, 3, or leak.
type Flow string

// name says which flow it is.
func (f flow) name() Flow {
	if f.leak {
		return "leak"
	}
	return Flow(f.Level.String())
}

// task is a task with what stands around it.
type task struct {
	*procedure.Task
	flow  flow
	stage *procedure.Stage
	path  string
}

// role is who does the task.
func (t task) role() string {
	if t.Role != "" {
		return t.Role
	}
	return t.stage.Role
}

// byHand reports whether a person does the task, not Holdfast.
func (t task) byHand() bool {
	return t.Actions() == 0 || t.Checklist != nil
}

// limit is the time by which the task must be done: its own or its stage's.
func (t task) limit() procedure.Duration {
	if t.Limit != 0 {
		return t.Limit
	}
	return t.stage.Limit
}

// words is one string of the plan.
type words struct {
	path, text string
	// lang is set for a text that people read.
	lang holdfast.Lang
}

func newJudge(in Input) *judge {
	j := &judge{Input: in}
	for i := range in.Plan.Procedures {
		j.flows = append(j.flows, flow{Procedure: &in.Plan.Procedures[i], path: at("procedures", i)})
	}
	if in.Plan.Leak != nil {
		j.flows = append(j.flows, flow{Procedure: in.Plan.Leak, path: "leak", leak: true})
	}
	for _, f := range j.flows {
		for s := range f.Stages {
			stage := at(f.path+".stages", s)
			for t := range f.Stages[s].Tasks {
				j.tasks = append(j.tasks, task{&f.Stages[s].Tasks[t], f, &f.Stages[s], at(stage+".tasks", t)})
			}
		}
	}
	collect(reflect.ValueOf(in.Plan).Elem(), "", func(w words) { j.strings = append(j.strings, w) })
	if in.People != nil {
		j.holders = map[string][]roster.Person{}
		for _, p := range in.People.Here {
			for _, r := range p.Roles {
				j.holders[r] = append(j.holders[r], p)
			}
		}
	}
	return j
}

// add reports a finding of the present rule.
func (j *judge) add(path, format string, args ...any) {
	j.found = append(j.found, Finding{
		Rule: j.rule.ID, Severity: j.rule.Severity, Path: path,
		Blocks: j.rule.Severity == Error || j.rule.Age && j.rule.Severity == Warning,
		Error:  holdfast.Errorf(holdfast.Invalid, format, args...),
	})
}

// at names an entry of a list.
func at(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

var textType = reflect.TypeFor[holdfast.Text]()

// collect calls f with every string in v that is not empty.
func collect(v reflect.Value, path string, f func(words)) {
	switch v.Kind() {
	case reflect.String:
		if s := v.String(); s != "" {
			f(words{path: path, text: s})
		}
	case reflect.Pointer:
		if !v.IsNil() {
			collect(v.Elem(), path, f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			collect(v.Index(i), at(path, i), f)
		}
	case reflect.Struct:
		if v.Type() == textType {
			t := v.Interface().(holdfast.Text)
			for _, lang := range holdfast.Langs {
				if s := written(t, lang); s != "" {
					f(words{path + "." + string(lang), s, lang})
				}
			}
			return
		}
		for i := range v.NumField() {
			collect(v.Field(i), join(path, key(v.Type().Field(i))), f)
		}
	}
}

func key(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return name
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// written returns the text in exactly this language.
func written(t holdfast.Text, l holdfast.Lang) string {
	switch l {
	case holdfast.ZhHant:
		return t.ZhHant
	case holdfast.ZhHans:
		return t.ZhHans
	default:
		return t.En
	}
}

// names are the keys by which an entry of a list is known, tried in order.
var names = [...]string{"id", "level", "stage", "party", "percent"}

// anchor replaces the positions in a path by the ids of what stands there, where
// there are ids, so that an entry moved keeps its anchor.
func anchor(p *plan.Plan, path string) string {
	if path == "" {
		return ""
	}
	var parts []string
	v := reflect.ValueOf(p).Elem()
	for part := range strings.SplitSeq(path, ".") {
		field, index, listed := strings.Cut(part, "[")
		parts = append(parts, field)
		v = child(v, field)
		if !listed {
			continue
		}
		i, err := strconv.Atoi(strings.TrimSuffix(index, "]"))
		if v.IsValid() && v.Kind() == reflect.Slice && err == nil && i < v.Len() {
			v = v.Index(i)
			parts = append(parts, nameOf(v, i))
		} else {
			v = reflect.Value{}
			parts = append(parts, strings.TrimSuffix(index, "]"))
		}
	}
	return strings.Join(parts, "/")
}

// child returns the field of v with a key; the zero value if there is none.
func child(v reflect.Value, name string) reflect.Value {
	for v.IsValid() && v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if !v.IsValid() || v.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	for i := range v.NumField() {
		if key(v.Type().Field(i)) == name {
			return v.Field(i)
		}
	}
	return reflect.Value{}
}

func nameOf(v reflect.Value, i int) string {
	if v.Kind() == reflect.String {
		return v.String()
	}
	for _, name := range names {
		if f := child(v, name); f.IsValid() && !f.IsZero() {
			return fmt.Sprint(f.Interface())
		}
	}
	return strconv.Itoa(i)
}
