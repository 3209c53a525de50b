package plan

import (
	"cmp"
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"holdfast"
	"holdfast/internal/procedure"
)

// ChangeKind is what happened to a part of the plan.
type ChangeKind string

const (
	Added   ChangeKind = "added"
	Removed ChangeKind = "removed"
	Changed ChangeKind = "changed"
	Moved   ChangeKind = "moved"
)

// Change is one thing that a reader of the newer plan must know.
type Change struct {
	// Chapter is the key of the chapter that it stands in.
	Chapter string `json:"chapter"`
	// Path leads to it in the newer plan, of what was removed in the older one.
	Path string     `json:"path"`
	Kind ChangeKind `json:"kind"`
	// What is the kind of entry that was added, removed or moved (task, role), or
	// the key that was changed (limit, authority).
	What string `json:"what"`
	// Of is the kind of thing whose key was changed, by its name in the schema: risk.
	Of string `json:"of,omitempty"`
	// Name is the title of the entry, or of the one that holds the key; it is empty
	// for what belongs to the plan as a whole.
	Name holdfast.Text `json:"name,omitzero"`
	// Old and New are the values of a key, and of a task that went to another stage
	// the stages. Of an entry that was removed or added, one of them is all that it
	// says. A text stands in the language of record, or in the first language in
	// which it differs.
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
	// Parts are what an entry that was removed or added says, key by key; of a changed
	// one that has no name of its own, such as a limit, what it says now, and Was what
	// it said.
	Parts []Part `json:"parts,omitempty"`
	Was   []Part `json:"was,omitempty"`
}

// Part is one key of an entry with its value; of an entry inside it, such as a
// stage's task, the kind of entry with its title, before the parts of that.
type Part struct {
	// Depth is 0 for keys of the entry itself, and one more inside each other.
	Depth int `json:"depth,omitempty"`
	// Of is the kind of thing that has the key; of an entry inside it is empty.
	Of   string `json:"of,omitempty"`
	Key  string `json:"key"`
	Text string `json:"text,omitempty"`
}

// Compare tells what is different in b, in the order of the plan. Entries are the
// same if their ids are, wherever they stand; what has no id of its own, such as
// the steps of a ramp, is part of the entry that holds it.
func Compare(a, b *Plan) []Change {
	c := comparison{a: a, b: b}
	c.fields(pair{}, reflect.ValueOf(*a), reflect.ValueOf(*b), holdfast.Text{})
	c.acrossStages()
	changes := make([]Change, len(c.found))
	for i, d := range c.found {
		changes[i] = d.Change
	}
	return changes
}

// pair is where two values stand, each in its plan.
type pair struct{ a, b string }

func (p pair) key(name string) pair { return pair{join(p.a, name), join(p.b, name)} }

type comparison struct {
	a, b  *Plan
	found []difference
}

// difference is a change with what it is worked out from.
type difference struct {
	Change
	id    string
	value reflect.Value
	// with are the changes of a task that went to another stage.
	with []difference
}

func (c *comparison) add(p pair, ch Change, id string, v reflect.Value) {
	owner := c.b
	ch.Path = p.b
	if ch.Kind == Removed {
		owner, ch.Path = c.a, p.a
	}
	ch.Chapter = owner.ChapterAt(ch.Path)
	if ch.Kind == Removed || ch.Kind == Added {
		ch.Parts = parts(v, 0, owner.Language)
		if all := show(v, owner.Language); ch.Kind == Removed {
			ch.Old = all
		} else {
			ch.New = all
		}
	}
	c.found = append(c.found, difference{Change: ch, id: id, value: v})
}

// fields compares two structs of one type key by key. Name is the title of the
// entry that they are or belong to.
func (c *comparison) fields(p pair, a, b reflect.Value, name holdfast.Text) {
	for i := range a.NumField() {
		key, _, _ := strings.Cut(a.Type().Field(i).Tag.Get("yaml"), ",")
		x, y := a.Field(i), b.Field(i)
		if reflect.DeepEqual(x.Interface(), y.Interface()) {
			continue
		}
		at := p.key(key)
		switch {
		case x.Kind() == reflect.Slice && idOf(reflect.Zero(x.Type().Elem())) != nil:
			c.entries(at, key, x, y)
		case x.Type() == reflect.TypeFor[Governance]() || x.Type() == reflect.TypeFor[Recovery]():
			c.fields(at, x, y, name)
		case key == "leak" && x.Kind() == reflect.Pointer:
			c.leak(at)
		case isTerms(x.Type()):
			c.terms(at, kindOf(a), key, x, y, name)
		default:
			was, is := c.render(x, y)
			c.add(at, Change{Kind: Changed, What: key, Of: kindOf(a), Name: name, Old: was, New: is}, "", y)
		}
	}
}

func (c *comparison) leak(p pair) {
	switch {
	case c.a.Leak == nil:
		c.add(p, Change{Kind: Added, What: "leak", Name: c.b.Leak.Title}, "", reflect.ValueOf(*c.b.Leak))
	case c.b.Leak == nil:
		c.add(p, Change{Kind: Removed, What: "leak", Name: c.a.Leak.Title}, "", reflect.ValueOf(*c.a.Leak))
	default:
		c.fields(p, reflect.ValueOf(*c.a.Leak), reflect.ValueOf(*c.b.Leak), c.b.Leak.Title)
	}
}

// keys lists the fields that tell entries of a list apart, by their names in Go.
var keys = []string{"ID", "Level", "Party"}

// idOf returns what tells an entry from the others of its list, nil if nothing
// does.
func idOf(entry reflect.Value) any {
	if field := idField(entry.Type()); field >= 0 {
		return entry.Field(field).Interface()
	}
	return nil
}

// idField returns the field that tells entries of a type apart, -1 for none.
func idField(t reflect.Type) int {
	if t.Kind() != reflect.Struct {
		return -1
	}
	names := keys
	if t == reflect.TypeFor[procedure.Stage]() {
		names = []string{"Kind"}
	}
	for _, name := range names {
		f, found := t.FieldByName(name)
		if _, titled := t.FieldByName("Title"); found && (name != "Level" || titled) {
			return f.Index[0]
		}
	}
	return -1
}

// titleOf returns what people call an entry.
func titleOf(entry reflect.Value) holdfast.Text {
	for _, key := range []string{"Title", "Name", "Subject", "Purpose"} {
		if f := entry.FieldByName(key); f.IsValid() {
			if t, ok := f.Interface().(holdfast.Text); ok {
				return t
			}
		}
	}
	return holdfast.Text{}
}

// entries compares two lists whose entries have ids.
func (c *comparison) entries(p pair, key string, a, b reflect.Value) {
	what := noun(key)
	was := map[any]int{}
	for i := range a.Len() {
		was[idOf(a.Index(i))] = i
	}
	stays := map[any]bool{}
	var order []int // positions in a of the entries that stay, in the order of b
	for i := range b.Len() {
		id := idOf(b.Index(i))
		if j, found := was[id]; found && !stays[id] {
			stays[id] = true
			order = append(order, j)
		}
	}
	kept := longestRising(order)
	for i := range a.Len() {
		if e := a.Index(i); !stays[idOf(e)] {
			c.add(pair{a: at(p.a, i)}, Change{Kind: Removed, What: what, Name: titleOf(e)}, fmt.Sprint(idOf(e)), e)
		}
	}
	for i := range b.Len() {
		e := b.Index(i)
		id, here := idOf(e), pair{b: at(p.b, i)}
		if !stays[id] {
			c.add(here, Change{Kind: Added, What: what, Name: titleOf(e)}, fmt.Sprint(id), e)
			continue
		}
		j := was[id]
		here.a = at(p.a, j)
		if !kept[j] {
			c.add(here, Change{Kind: Moved, What: what, Name: titleOf(e)}, "", e)
		}
		c.fields(here, a.Index(j), e, titleOf(e))
	}
}

// noun names one entry of a list.
func noun(list string) string {
	switch list {
	case "approval":
		return "approval"
	case "dependencies":
		return "dependency"
	case "annexes":
		return "annex"
	}
	return strings.TrimSuffix(list, "s")
}

// longestRising returns the members of a longest rising part of a list of
// different numbers: what did not move, if as little as possible did.
func longestRising(list []int) map[int]bool {
	var ends []int // for each length, the index of the smallest end of a rising part that long
	before := make([]int, len(list))
	for i, n := range list {
		length, _ := slices.BinarySearchFunc(ends, n, func(end, n int) int { return cmp.Compare(list[end], n) })
		before[i] = -1
		if length > 0 {
			before[i] = ends[length-1]
		}
		if length == len(ends) {
			ends = append(ends, i)
		} else {
			ends[length] = i
		}
	}
	kept := map[int]bool{}
	if len(ends) > 0 {
		for i := ends[len(ends)-1]; i >= 0; i = before[i] {
			kept[list[i]] = true
		}
	}
	return kept
}

// acrossStages makes one move of a task that left one stage of a procedure and
// came to another.
func (c *comparison) acrossStages() {
	type home struct{ chapter, id string }
	came := map[home]int{}
	for i, d := range c.found {
		if d.What == "task" && d.Kind == Added {
			came[home{d.Chapter, d.id}] = i
		}
	}
	gone := map[int]bool{}
	found := c.found
	for i, d := range found {
		j, back := came[home{d.Chapter, d.id}]
		if d.What != "task" || d.Kind != Removed || !back {
			continue
		}
		gone[i] = true
		from, to := d.Path, found[j].Path
		found[j].Kind, found[j].Old, found[j].New, found[j].Parts = Moved, stageAt(c.a, from), stageAt(c.b, to), nil
		c.found = nil
		c.fields(pair{from, to}, d.value, found[j].value, found[j].Name)
		found[j].with = c.found
	}
	c.found = nil
	for i, d := range found {
		if !gone[i] {
			c.found = append(append(c.found, d), d.with...)
		}
	}
}

// stageAt returns the kind of the stage that holds the task at a path.
func stageAt(p *Plan, path string) string {
	flow := p.Leak
	var i, s int
	if n, _ := fmt.Sscanf(path, "procedures[%d].stages[%d]", &i, &s); n == 2 {
		flow = &p.Procedures[i]
	} else {
		fmt.Sscanf(path, "leak.stages[%d]", &s)
	}
	return string(flow.Stages[s].Kind)
}

// render writes the two values of a key for people.
func (c *comparison) render(a, b reflect.Value) (was, is string) {
	lang := c.b.Language
	if x, ok := a.Interface().(holdfast.Text); ok {
		y := b.Interface().(holdfast.Text)
		if written(x, lang) == written(y, lang) {
			for _, other := range holdfast.Langs {
				if written(x, other) != written(y, other) {
					return written(x, other), written(y, other)
				}
			}
		}
		return written(x, lang), written(y, lang)
	}
	return show(a, lang), show(b, lang)
}

// show writes a value in one line: of a list its entries, of a struct its keys
// that say something.
func show(v reflect.Value, lang holdfast.Lang) string {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		return show(v.Elem(), lang)
	}
	switch t := v.Interface().(type) {
	case holdfast.Text:
		return written(t, lang)
	case encoding.TextMarshaler:
		if v.IsZero() {
			return ""
		}
		text, err := t.MarshalText()
		if err != nil {
			panic("plan: a value cannot be written: " + err.Error()) // it was read from a text
		}
		return string(text)
	}
	var parts []string
	switch v.Kind() {
	case reflect.Slice:
		separator := ", "
		for i := range v.Len() {
			parts = append(parts, show(v.Index(i), lang))
			if v.Index(i).Kind() == reflect.Struct {
				separator = "; "
			}
		}
		return strings.Join(parts, separator)
	case reflect.Struct:
		for i := range v.NumField() {
			if !v.Field(i).IsZero() {
				key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
				parts = append(parts, key+": "+show(v.Field(i), lang))
			}
		}
		return strings.Join(parts, ", ")
	}
	return fmt.Sprint(v.Interface())
}

func kindOf(v reflect.Value) string { return strings.ToLower(v.Type().Name()) }
