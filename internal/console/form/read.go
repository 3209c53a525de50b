package form

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"holdfast"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// Fault is a value that could not be read; it was left as it was.
type Fault struct {
	Path string
	*holdfast.Error
}

// Read returns a copy of the plan with the part at a path filled from a posted
// form of it. What the form did not show stays as it was. A value that cannot be
// read is a fault; the caller shows the form again with what was typed.
func Read(p *plan.Plan, path string, posted url.Values) (*plan.Plan, []Fault) {
	next := clone(p)
	v, owner, key, ok := locate(reflect.ValueOf(next).Elem(), path)
	if !ok {
		return next, []Fault{{path, holdfast.Errorf(holdfast.NotFound, "the draft has no %s: someone may have removed it; go back to the chapter", path)}}
	}
	r := reader{posted: posted}
	r.value(path, owner, key, v)
	return next, r.faults
}

// clone copies a plan deeply: it is plain data.
func clone(p *plan.Plan) *plan.Plan {
	data, err := json.Marshal(p)
	if err != nil {
		panic("form: a plan cannot be copied: " + err.Error())
	}
	next := &plan.Plan{}
	if err := json.Unmarshal(data, next); err != nil {
		panic("form: a plan cannot be copied: " + err.Error())
	}
	return next
}

type reader struct {
	posted url.Values
	faults []Fault
}

func (r *reader) fault(path string, err *holdfast.Error) {
	r.faults = append(r.faults, Fault{path, err})
}

func (r *reader) value(path, owner, key string, v reflect.Value) {
	name := owner + "." + key
	_, refers := sources[name]
	switch t := v.Type(); {
	case t == textType:
		r.text(path, v)
	case refers && t.Kind() == reflect.Slice && !ordered[name]:
		r.many(path, v)
	case t.Kind() == reflect.Pointer:
		if !v.IsNil() {
			r.fields(path, v.Elem())
		}
	case t.Kind() == reflect.Struct:
		r.fields(path, v)
	case t.Kind() == reflect.Slice:
		if !inline(t.Elem()) {
			return // its entries have forms of their own
		}
		for i := range v.Len() {
			r.value(at(path, i), owner, key, v.Index(i))
		}
	default:
		r.scalar(path, v)
	}
}

func (r *reader) fields(path string, v reflect.Value) {
	owner := ownerOf(v.Type())
	for i := range v.NumField() {
		key := keyOf(v.Type().Field(i))
		if !hidden[owner+"."+key] {
			r.value(path+"."+key, owner, key, v.Field(i))
		}
	}
}

// typed returns what was posted for a path, with the line ends of a file.
func (r *reader) typed(path string) (string, bool) {
	values, ok := r.posted[path]
	if !ok || len(values) == 0 {
		return "", false
	}
	return strings.TrimSpace(strings.ReplaceAll(values[0], "\r\n", "\n")), true
}

// put sets a text, unless only the space around it differs: a browser drops the
// line end that a file has.
func put(into *string, typed string) {
	if strings.TrimSpace(*into) != typed {
		*into = typed
	}
}

func (r *reader) text(path string, v reflect.Value) {
	t := v.Addr().Interface().(*holdfast.Text)
	for lang, into := range map[holdfast.Lang]*string{holdfast.ZhHant: &t.ZhHant, holdfast.ZhHans: &t.ZhHans, holdfast.En: &t.En} {
		if typed, ok := r.typed(path + "." + string(lang)); ok {
			put(into, typed)
		}
	}
}

// many reads a set of marks. A browser posts nothing for a set without marks, so
// the form posts an empty value beside it.
func (r *reader) many(path string, v reflect.Value) {
	values, ok := r.posted[path]
	if !ok {
		return
	}
	chosen := reflect.MakeSlice(v.Type(), 0, len(values))
	for _, value := range values {
		if value == "" {
			continue
		}
		entry := reflect.New(v.Type().Elem()).Elem()
		if entry.Type() == levelType {
			r.level(path, value, entry)
		} else {
			entry.SetString(value)
		}
		chosen = reflect.Append(chosen, entry)
	}
	if chosen.Len() == 0 {
		chosen = reflect.Zero(v.Type())
	}
	v.Set(chosen)
}

func (r *reader) level(path, typed string, v reflect.Value) {
	n, err := strconv.ParseUint(typed, 10, 8)
	if err != nil || n > uint64(holdfast.Level3) {
		r.fault(path, holdfast.Errorf(holdfast.Invalid, "%q is no level: choose 1, 2 or 3", typed))
		return
	}
	v.SetUint(n)
}

func (r *reader) scalar(path string, v reflect.Value) {
	typed, ok := r.typed(path)
	if !ok {
		return
	}
	switch {
	case v.Kind() == reflect.Bool:
		values := r.posted[path]
		v.SetBool(values[len(values)-1] == "true")
	case typed == "":
		v.SetZero()
	case v.Type() == levelType:
		r.level(path, typed, v)
	case v.Type() == durationType:
		if err := v.Addr().Interface().(*procedure.Duration).UnmarshalText([]byte(typed)); err != nil {
			r.fault(path, holdfast.Errorf(holdfast.Invalid, "%q is no time span: write it as 90s, 5m or 1h30m", typed))
		}
	case v.Type() == dateType:
		if err := v.Addr().Interface().(*plan.Date).UnmarshalText([]byte(typed)); err != nil {
			r.fault(path, holdfast.Errorf(holdfast.Invalid, "%q is not a day: write year, month and day as 2026-11-25", typed))
		}
	case v.Kind() == reflect.Int:
		n, err := strconv.Atoi(typed)
		if err != nil {
			r.fault(path, holdfast.Errorf(holdfast.Invalid, "%q is no whole number: write digits only", typed))
			return
		}
		v.SetInt(int64(n))
	case v.Kind() == reflect.Float64:
		n, err := strconv.ParseFloat(typed, 64)
		if err != nil || n-n != 0 {
			r.fault(path, holdfast.Errorf(holdfast.Invalid, "%q is no number: write digits, with a point before decimals", typed))
			return
		}
		v.SetFloat(n)
	case v.Type().Kind() == reflect.String:
		old := v.String()
		put(&old, typed)
		v.SetString(old)
	}
}

// The acts on rows. Each is one word before the path of a list, of an entry, or
// of an optional group: "add roles", "up roles[3]", "remove leak".
const (
	Add    = "add"
	Up     = "up"
	Down   = "down"
	Copy   = "copy"
	Remove = "remove"
)

// Act returns a copy of the plan with an act on rows carried out, and the path
// of the entry that it concerns.
func Act(p *plan.Plan, act string) (next *plan.Plan, path string, err error) {
	next = clone(p)
	verb, path, _ := strings.Cut(act, " ")
	root := reflect.ValueOf(next).Elem()
	gone := holdfast.Errorf(holdfast.NotFound, "the draft has no %s: someone may have removed it; go back to the chapter", path)
	if !strings.HasSuffix(path, "]") {
		v, _, _, ok := locate(root, path)
		if !ok {
			return next, "", gone
		}
		entry := grow(v, path, verb)
		if verb == Add {
			ownTasks(next, entry)
		}
		return next, entry, nil
	}
	cut := strings.LastIndexByte(path, '[')
	list := path[:max(cut, 0)]
	v, _, _, ok := locate(root, list)
	i, err := strconv.Atoi(strings.TrimSuffix(path[cut+1:], "]"))
	if !ok || err != nil || v.Kind() != reflect.Slice || i < 0 || i >= v.Len() {
		return next, "", gone
	}
	entry := at(list, move(v, i, verb))
	if verb == Copy {
		ownTasks(next, entry)
	}
	return next, entry, nil
}

// ownTasks gives the tasks of a new entry of a procedure, a task or a stage, ids
// that no other task of the procedure has: stop-1, or the first free number after.
func ownTasks(p *plan.Plan, entry string) {
	above, _, inside := strings.Cut(entry, ".stages[")
	v, _, _, ok := locate(reflect.ValueOf(p).Elem(), above)
	if !inside || !ok {
		return
	}
	pr, ok := reflect.Indirect(v).Addr().Interface().(*procedure.Procedure)
	if !ok {
		return
	}
	taken := map[string]bool{}
	var fresh []*procedure.Task
	var kinds []procedure.StageKind
	for i := range pr.Stages {
		stage := at(above+".stages", i)
		for k := range pr.Stages[i].Tasks {
			if path := at(stage+".tasks", k); path == entry || stage == entry {
				fresh, kinds = append(fresh, &pr.Stages[i].Tasks[k]), append(kinds, pr.Stages[i].Kind)
			} else {
				taken[pr.Stages[i].Tasks[k].ID] = true
			}
		}
	}
	renamed := map[string]string{}
	for i, task := range fresh {
		old := task.ID
		for n := 1; n == 1 || taken[task.ID]; n++ {
			task.ID = fmt.Sprintf("%s-%d", cmp.Or(string(kinds[i]), "task"), n)
		}
		taken[task.ID], renamed[old] = true, task.ID
	}
	for _, task := range fresh {
		for i, before := range task.After {
			task.After[i] = cmp.Or(renamed[before], before)
		}
	}
}

// grow adds an entry to a list, or an optional group, or removes the group.
func grow(v reflect.Value, path, verb string) string {
	switch {
	case v.Kind() == reflect.Pointer && verb == Remove:
		v.SetZero()
	case v.Kind() == reflect.Pointer && v.IsNil():
		v.Set(reflect.New(v.Type().Elem()))
	case v.Kind() == reflect.Slice && verb == Add:
		entry := reflect.New(v.Type().Elem()).Elem()
		if id := fieldBy(entry, "id"); id.IsValid() {
			id.SetString(newID(ownerOf(entry.Type()), v))
		}
		v.Set(reflect.Append(v, entry))
		return at(path, v.Len()-1)
	}
	return path
}

// move carries out an act on one entry and returns where it stands then.
func move(v reflect.Value, i int, verb string) int {
	n := v.Len()
	swap := reflect.Swapper(v.Interface())
	switch verb {
	case Up:
		if i > 0 {
			swap(i, i-1)
			return i - 1
		}
	case Down:
		if i < n-1 {
			swap(i, i+1)
			return i + 1
		}
	case Copy:
		grown := reflect.MakeSlice(v.Type(), 0, n+1)
		grown = reflect.AppendSlice(grown, v.Slice(0, i+1))
		twin := reflect.New(v.Type().Elem()).Elem()
		data, err := json.Marshal(v.Index(i).Interface())
		if err == nil {
			err = json.Unmarshal(data, twin.Addr().Interface())
		}
		if err != nil {
			panic(fmt.Sprintf("form: an entry cannot be copied: %v", err))
		}
		if id := fieldBy(twin, "id"); id.IsValid() {
			id.SetString(newID(ownerOf(twin.Type()), v))
		}
		grown = reflect.Append(grown, twin)
		v.Set(reflect.AppendSlice(grown, v.Slice(i+1, n)))
		return i + 1
	case Remove:
		v.Set(reflect.AppendSlice(v.Slice(0, i), v.Slice(i+1, n)))
		return max(i-1, 0)
	}
	return i
}
