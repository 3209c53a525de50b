package plandoc

import (
	"reflect"
	"slices"
	"strings"

	"holdfast"
	"holdfast/internal/docx"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// sheet is how the entries of one list of the plan stand in a table.
type sheet struct {
	// columns are keys of an entry. The last one holds, under its own text, a
	// labelled line for each field that has no column; "" is a column of only those.
	columns []string
	shares  []int
	// first is the label of the first column where the list's own word says more
	// than 標題.
	first string
}

var sheets = map[reflect.Type]sheet{
	reflect.TypeFor[plan.Role]():           {[]string{"name", "department", "duties", "authority"}, []int{3, 3, 7, 4}, "plan.roles"},
	reflect.TypeFor[plan.Risk]():           {[]string{"title", "part", "likelihood", "impact", "treatment"}, []int{4, 3, 2, 2, 8}, "plan.risks"},
	reflect.TypeFor[plan.Material]():       {[]string{"title", "kind", "version", "date", ""}, []int{7, 2, 2, 3, 6}, "plan.materials"},
	reflect.TypeFor[plan.Measure]():        {[]string{"id", "title", "type", "unit", "from"}, []int{4, 5, 2, 2, 5}, ""},
	reflect.TypeFor[plan.AlertRule]():      {[]string{"match", "level", "why"}, []int{6, 2, 6}, ""},
	reflect.TypeFor[procedure.Task]():      {[]string{"title", "role", "limit", "guide"}, []int{4, 3, 2, 9}, "stage.tasks"},
	reflect.TypeFor[plan.Parameter]():      {[]string{"title", "unit", "planned", "unplanned"}, []int{6, 2, 3, 3}, "plan.parameters"},
	reflect.TypeFor[plan.DependencyStep](): {[]string{"after", "do", "temporary", "approval"}, []int{2, 7, 3, 3}, ""},
	reflect.TypeFor[plan.RecoveryStep]():   {[]string{"title", "role", "people", "takes", "limit", "resources"}, []int{5, 3, 2, 2, 2, 6}, "recovery.steps"},
	reflect.TypeFor[plan.Probe]():          {[]string{"title", "kind", "url", "expect"}, []int{4, 2, 4, 6}, "plan.probes"},
	reflect.TypeFor[plan.DrillPlan]():      {[]string{"title", "kind", "every_months", "goal"}, []int{4, 2, 2, 9}, ""},
	reflect.TypeFor[plan.Obligation]():     {[]string{"title", "recipient", "from", "within", "role", ""}, []int{4, 3, 2, 2, 3, 6}, "plan.obligations"},
	reflect.TypeFor[plan.Contact]():        {[]string{"party", "purpose", "role"}, []int{3, 6, 3}, ""},
	reflect.TypeFor[plan.Component]():      {[]string{"name", "scope"}, []int{6, 6}, "plan.components"},
	reflect.TypeFor[plan.ApprovalStep]():   {[]string{"title", "mode", "roles"}, []int{4, 4, 6}, "governance.approval"},
	reflect.TypeFor[plan.Attachment]():     {[]string{"title", "name", "type", "size", "hash"}, []int{4, 4, 3, 2, 7}, "plan.attachments"},
}

// hidden names the fields that no reader of a document needs.
func hidden(owner, key string) bool { return key == "id" && owner != "measure" }

// head is the head of a list's table.
func (t tongue) head(of reflect.Type) []string {
	row := make([]string, len(sheets[of].columns))
	for i, key := range sheets[of].columns {
		if key == "" {
			row[i] = t.words.T("document.more")
		} else if first := sheets[of].first; i == 0 && first != "" {
			row[i] = t.words.T("field." + first)
		} else {
			row[i] = t.label(ownerOf(of), key)
		}
	}
	return row
}

// table writes the entries of a list.
func table[T any](t tongue, name names, entries []T) docx.Block {
	of := reflect.TypeFor[T]()
	b := docx.T(t.head(of)).Wide(sheets[of].shares...)
	for _, entry := range entries {
		b.Rows = append(b.Rows, t.row(name, reflect.ValueOf(entry)))
	}
	return b
}

func (t tongue) row(name names, entry reflect.Value) []string {
	of := entry.Type()
	columns := sheets[of].columns
	row := make([]string, len(columns))
	for i, key := range columns {
		if key != "" {
			row[i] = t.value(name, ownerOf(of)+"."+key, fieldOf(entry, key))
		}
	}
	last := &row[len(row)-1]
	lines := t.lines(name, entry, columns...)
	if *last != "" {
		lines = append([]string{*last}, lines...)
	}
	*last = strings.Join(lines, "\n")
	return row
}

// lines writes a labelled line for each field that is not empty, but for those
// named. What a notice and a directive say stands among the lines of their task.
func (t tongue) lines(name names, part reflect.Value, but ...string) (lines []string) {
	owner := ownerOf(part.Type())
	for i := range part.NumField() {
		key := keyOf(part.Type().Field(i))
		v := part.Field(i)
		switch {
		case slices.Contains(but, key) || hidden(owner, key):
		case isGroup(v.Type()):
			if !v.IsNil() {
				lines = append(lines, t.lines(name, v.Elem())...)
			}
		case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct && !isLines(v.Type()):
			// A list of parts has a place of its own.
		default:
			text := t.value(name, owner+"."+key, v)
			if text != "" && !(v.Type() == levelType && v.IsZero()) {
				lines = append(lines, t.labelled(t.label(owner, key), text))
			}
		}
	}
	return lines
}

// isGroup reports whether a field is a part of its own whose fields stand among
// those of the part around it.
func isGroup(t reflect.Type) bool {
	return t == reflect.TypeFor[*procedure.Notice]() || t == reflect.TypeFor[*procedure.Directive]() || t == reflect.TypeFor[*procedure.Webhook]() || t == reflect.TypeFor[*procedure.Wait]() || t == reflect.TypeFor[*plan.BreakGlass]() || t == reflect.TypeFor[*procedure.Debrief]()
}

// isLines reports whether a list of parts stands as lines among the fields.
func isLines(t reflect.Type) bool {
	return t == reflect.TypeFor[[]procedure.Branch]() || t == reflect.TypeFor[[]holdfast.Text]() || t == reflect.TypeFor[[]procedure.EscalationStep]() || t == reflect.TypeFor[[]plan.Band]() || t == reflect.TypeFor[[]plan.Limit]()
}

// labels finds the fields of a part by their labels.
func (t tongue) labels(part reflect.Type) map[string][]string {
	found := map[string][]string{}
	owner := ownerOf(part)
	for i := range part.NumField() {
		f := part.Field(i)
		if isGroup(f.Type) {
			for label, path := range t.labels(f.Type.Elem()) {
				found[label] = append([]string{keyOf(f)}, path...)
			}
			continue
		}
		found[t.label(owner, keyOf(f))] = []string{keyOf(f)}
	}
	return found
}

// place is the field of a part at a path of keys; a group on the way is made.
func place(part reflect.Value, path []string) (owner string, field reflect.Value) {
	for _, key := range path[:len(path)-1] {
		group := fieldOf(part, key)
		if group.IsNil() {
			group.Set(reflect.New(group.Type().Elem()))
		}
		part = group.Elem()
	}
	key := path[len(path)-1]
	return ownerOf(part.Type()) + "." + key, fieldOf(part, key)
}

// readLines reads what lines wrote into a part. Lines before the first label, and
// those after it without one, belong to the field main, or are returned if there
// is none or the line says something that its field cannot hold.
func (t tongue) readLines(text string, part reflect.Value, main string) (rest []string) {
	labels := t.labels(part.Type())
	type entry struct {
		path  []string
		lines []string
	}
	entries := []*entry{{}}
	if main != "" {
		entries[0].path = []string{main}
	}
	for _, line := range strings.Split(text, "\n") {
		label, said, found := cutLabel(line)
		if path := labels[label]; found && path != nil {
			entries = append(entries, &entry{path, []string{said}})
			continue
		}
		last := entries[len(entries)-1]
		last.lines = append(last.lines, line)
	}
	for i, e := range entries {
		said := strings.TrimSpace(strings.Join(e.lines, "\n"))
		if said == "" {
			continue
		}
		if e.path == nil {
			rest = append(rest, said)
			continue
		}
		field, v := place(part, e.path)
		if !t.read(field, said, v) {
			if i > 0 {
				said = t.labelled(t.label(strings.SplitN(field, ".", 2)[0], e.path[len(e.path)-1]), said)
			}
			rest = append(rest, said)
		}
	}
	return rest
}

// cutLabel cuts a line at its first colon.
func cutLabel(line string) (label, text string, found bool) {
	i := strings.IndexAny(line, ":：")
	if i <= 0 {
		return "", line, false
	}
	return strings.TrimSpace(line[:i]), strings.TrimSpace(strings.TrimLeft(line[i:], ":：")), true
}

// readTable reads the entries of a list from a table whose head is the one that
// [table] writes, and reports whether it is. What a cell says that its field cannot
// hold is returned.
func readTable[T any](t tongue, rows [][]string, into *[]T) (rest []string, ok bool) {
	of := reflect.TypeFor[T]()
	if len(rows) == 0 || !slices.Equal(rows[0], t.head(of)) {
		return nil, false
	}
	columns := sheets[of].columns
	for _, row := range rows[1:] {
		var entry T
		v := reflect.ValueOf(&entry).Elem()
		for i, key := range columns {
			switch {
			case i >= len(row):
			case i == len(columns)-1:
				rest = append(rest, t.readLines(row[i], v, key)...)
			case !t.read(ownerOf(of)+"."+key, row[i], fieldOf(v, key)):
				rest = append(rest, t.labelled(t.label(ownerOf(of), key), row[i]))
			}
		}
		*into = append(*into, entry)
	}
	return rest, true
}
