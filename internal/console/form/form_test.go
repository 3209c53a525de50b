package form

import (
	"encoding/json"
	"net/url"
	"reflect"
	"slices"
	"testing"

	"holdfast"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// whole is the built-in plan with something in every list and optional group, so
// that each field of each type is seen.
func whole(t *testing.T) *plan.Plan {
	t.Helper()
	p, faults := plan.Decode("builtin", plan.Builtin())
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	fill(reflect.ValueOf(p).Elem(), 0)
	return p
}

// fill grows what is empty.
func fill(v reflect.Value, depth int) {
	if depth > 8 {
		return
	}
	switch {
	case v.Type() == textType:
	case v.Kind() == reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		fill(v.Elem(), depth+1)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), depth+1)
		}
	case v.Kind() == reflect.Slice:
		if elem := v.Type().Elem(); v.Len() == 0 && (elem.Kind() == reflect.Struct || elem == textType) {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		}
		for i := range v.Len() {
			fill(v.Index(i), depth+1)
		}
	}
}

// tops are the paths of a plan's own fields.
func tops() []string {
	var keys []string
	for i := range reflect.TypeFor[plan.Plan]().NumField() {
		if key := keyOf(reflect.TypeFor[plan.Plan]().Field(i)); !hidden["plan."+key] {
			keys = append(keys, key)
		}
	}
	return keys
}

// each calls f for every field that the forms of a part show, whichever form
// shows it.
func each(t *testing.T, p *plan.Plan, path string, f func(form string, field Field)) {
	t.Helper()
	root, ok := Build(p, path)
	if !ok {
		t.Fatalf("there is no form of %s", path)
	}
	var walk func(field Field)
	walk = func(field Field) {
		f(path, field)
		for _, sub := range field.Fields {
			walk(sub)
		}
		for _, row := range field.Rows {
			each(t, p, row.Path, f)
		}
	}
	walk(root)
}

// posted is what a browser posts of a form that nobody touched.
func posted(field Field, values url.Values) {
	for _, text := range field.Texts {
		values.Set(field.Path+"."+string(text.Lang), text.Value)
	}
	switch field.Kind {
	case Many:
		values.Add(field.Path, "")
		fallthrough
	case Choice:
		for _, o := range field.Choices {
			if o.Selected {
				values.Add(field.Path, o.Value)
			}
		}
		if field.Kind == Choice && !values.Has(field.Path) {
			values.Set(field.Path, "")
		}
	case Line, Number, Span, Day, Expression, Flag:
		values.Set(field.Path, field.Value)
	}
	for _, sub := range field.Fields {
		posted(sub, values)
	}
}

func same(t *testing.T, what string, a, b *plan.Plan) {
	t.Helper()
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	if string(x) != string(y) {
		t.Errorf("%s changes the plan", what)
	}
}

// A form that is posted as it was shown changes nothing, whichever part it is of.
func TestPostedAsShown(t *testing.T) {
	t.Parallel()
	p := whole(t)
	seen := map[string]bool{}
	for _, top := range tops() {
		each(t, p, top, func(form string, _ Field) {
			if seen[form] {
				return
			}
			seen[form] = true
			root, _ := Build(p, form)
			values := url.Values{}
			posted(root, values)
			next, faults := Read(p, form, values)
			if len(faults) > 0 {
				t.Errorf("%s: %v", form, faults)
			}
			same(t, form, p, next)
		})
	}
	if len(seen) < 100 {
		t.Fatalf("only %d forms were seen", len(seen))
	}
}

// Every field that a form shows has a label, and every choice a word, in each
// language; and [Words] knows them all.
func TestEveryFieldHasItsWords(t *testing.T) {
	t.Parallel()
	p, known := whole(t), Words()
	need := func(key string) {
		if !slices.Contains(known, key) {
			t.Errorf("Words does not list %s", key)
		}
	}
	for _, key := range known {
		for _, lang := range holdfast.Langs {
			if !locale.For(lang).Has(key) {
				t.Errorf("there is no text %s in %s", key, lang)
			}
		}
	}
	seen := map[string]bool{}
	for _, top := range tops() {
		each(t, p, top, func(_ string, field Field) {
			seen[field.Name] = true
			need("field." + field.Label)
			for _, o := range field.Choices {
				if o.Word != "" {
					need(o.Word)
				}
			}
			for _, row := range field.Rows {
				if row.Word != "" && row.Word != "choice.stage." {
					need(row.Word)
				}
			}
		})
	}
	for name := range hinted {
		if !seen[name] {
			t.Errorf("no form has the field %s that a hint is for", name)
		}
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	p := whole(t)
	task := "procedures[0].stages[3].tasks[0]"
	next, faults := Read(p, task, url.Values{
		task + ".title.en":       {"Stop all payments now"},
		task + ".limit":          {"90s"},
		task + ".evidence":       {"", "true"},
		task + ".directive.kind": {"stop"},
		"title.en":               {"not of this form"},
	})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	got := next.Procedures[0].Stages[3].Tasks[0]
	if got.Title.En != "Stop all payments now" || got.Limit.String() != "1m30s" || !got.Evidence || got.Title.ZhHant != p.Procedures[0].Stages[3].Tasks[0].Title.ZhHant {
		t.Errorf("the task is %+v", got)
	}
	if next.Title != p.Title {
		t.Error("a field outside the form was changed")
	}
	for _, wrong := range []struct{ path, value string }{
		{".limit", "soon"}, {".takes", "5"}, {".directive.percent", "many"}, {".directive.drain", "-"}, {".notice.acknowledge", "two"},
	} {
		_, faults := Read(p, task, url.Values{task + wrong.path: {wrong.value}})
		if len(faults) != 1 || faults[0].Path != task+wrong.path {
			t.Errorf("%s = %q: %v", wrong.path, wrong.value, faults)
		}
	}
	if _, faults := Read(p, "roles[99]", nil); len(faults) != 1 {
		t.Errorf("a part that is not there: %v", faults)
	}
}

func TestAct(t *testing.T) {
	t.Parallel()
	p, faults := plan.Decode("builtin", plan.Builtin())
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	ids := func(p *plan.Plan) (ids []string) {
		for _, r := range p.Roles[:3] {
			ids = append(ids, r.ID)
		}
		return ids
	}
	a, b, c := p.Roles[0].ID, p.Roles[1].ID, p.Roles[2].ID
	for _, tc := range []struct {
		act, at string
		want    []string
	}{
		{"up roles[1]", "roles[0]", []string{b, a, c}},
		{"up roles[0]", "roles[0]", []string{a, b, c}},
		{"down roles[1]", "roles[2]", []string{a, c, b}},
		{"remove roles[0]", "roles[0]", []string{b, c, p.Roles[3].ID}},
	} {
		next, path, err := Act(p, tc.act)
		if err != nil || path != tc.at || !slices.Equal(ids(next), tc.want) {
			t.Errorf("%s: at %s, %v, %v", tc.act, path, ids(next), err)
		}
	}
	next, path, err := Act(p, "copy roles[0]")
	if err != nil || path != "roles[1]" || next.Roles[1].Name != p.Roles[0].Name || next.Roles[1].ID == a || len(next.Roles) != len(p.Roles)+1 {
		t.Errorf("copy: at %s, %+v, %v", path, next.Roles[1], err)
	}
	next, path, err = Act(p, "add procedures[0].stages[3].tasks")
	if n := len(p.Procedures[0].Stages[3].Tasks); err != nil || len(next.Procedures[0].Stages[3].Tasks) != n+1 || next.Procedures[0].Stages[3].Tasks[n].ID == "" {
		t.Errorf("add: at %s, %v", path, err)
	}
	for _, act := range []string{"add leak.stages[0].tasks", "copy procedures[0].stages[3]", "copy procedures[1].stages[2].tasks[0]"} {
		next, path, err := Act(p, act)
		if err != nil {
			t.Errorf("%s: %v", act, err)
		}
		for _, pr := range append(next.Procedures, *next.Leak) {
			for _, f := range procedure.Check(pr) {
				if f.Rule == "P014" {
					t.Errorf("%s: at %s: %s", act, path, f)
				}
			}
		}
	}
	for _, act := range []string{"", "add", "up roles[99]", "remove roles[x]", "add nothing", "up ]", "up [0]", "copy roles[-1]"} {
		if _, _, err := Act(p, act); holdfast.CodeOf(err) != holdfast.NotFound {
			t.Errorf("%q: %v", act, err)
		}
	}
	same(t, "an act", p, func() *plan.Plan { q, _ := plan.Decode("builtin", plan.Builtin()); return q }())
}
