package console

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"holdfast"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// excerpt is what of a plan a reader is shown: all of it, or what one chapter of
// its file holds, with long lists cut down to what stands around the entry that
// is being written. The zero value is the whole plan.
type excerpt struct {
	// sections are the chapters of the document that are shown; nil is all.
	sections []string
	// level is that of the one procedure that is shown.
	level holdfast.Level
	// from is where a cut list begins, by the path of the list.
	from map[string]int
}

func (e excerpt) shows(section string) bool {
	return e.sections == nil || slices.Contains(e.sections, section)
}

// ShowsLevel reports whether the procedure of a level is shown.
func (e excerpt) ShowsLevel(l holdfast.Level) bool {
	return e.level == holdfast.Unknown || e.level == l
}

// EntryAt returns the path of an entry of a list, as it is in the whole plan.
func (e excerpt) EntryAt(list string, i int) string {
	return fmt.Sprintf("%s[%d]", list, e.from[list]+i)
}

// sections says in which chapters of the document a chapter of the file is read.
var sections = map[string][]string{
	"general": {"purpose", "scope"}, "governance": {"governance"}, "organisation": {"roles"}, "risks": {"risks"}, "materials": {"materials"},
	"levels": {"levels", "alerts"}, "procedure-1": {"procedures"}, "procedure-2": {"procedures"}, "procedure-3": {"procedures"}, "leak": {"leak"},
	"temporary": {"temporary", "dependencies"}, "recovery": {"recovery", "probes"}, "drills": {"drills"}, "notices": {"templates"},
	"obligations": {"obligations"}, "contacts": {"contacts"}, "attachments": {"attachments", "annexes"},
}

// previewPage is a chapter as it will read, beside its form.
type previewPage struct {
	Body planBody
	// Cut says that long lists are shown in part.
	Cut bool
	// Read is the address of the whole draft as a document.
	Read string
	// Empty says that there is nothing to show yet.
	Empty bool
}

// aroundOpen is how many entries of a list are shown on either side of the one
// that is written: more would make the page heavy, and nobody looks at them.
const aroundOpen = 20

// previewOf shows a chapter of the draft at an address, around the part that is
// open.
func previewOf(words *locale.Printer, p *plan.Plan, chapter plan.Chapter, open, at string) previewPage {
	short, e := *p, excerpt{sections: sections[chapter.Key], level: chapter.Level, from: map[string]int{}}
	whole := newPlanBody(words, p, at)
	e.cutLists(&short, open)
	short.Procedures = slices.Clone(p.Procedures)
	for i, pr := range short.Procedures {
		if pr.Level == chapter.Level {
			short.Procedures[i] = e.cutTasks(pr, fmt.Sprintf("procedures[%d]", i), open)
		}
	}
	if p.Leak != nil {
		leak := e.cutTasks(*p.Leak, "leak", open)
		short.Leak = &leak
	}
	whole.Plan, whole.excerpt = &short, e
	own := previewPage{Body: whole, Cut: len(e.from) > 0, Empty: true, Read: at + "/read"}
	for _, h := range whole.Chapters {
		own.Empty = own.Empty && !whole.Has(h.Key)
	}
	if chapter.Level != holdfast.Unknown {
		_, there := p.Procedure(chapter.Level)
		own.Empty = !there
	}
	return own
}

// cutLists shortens the plan's own lists.
func (e excerpt) cutLists(p *plan.Plan, open string) {
	v := reflect.ValueOf(p).Elem()
	for i := range v.NumField() {
		key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if list := v.Field(i); list.Kind() == reflect.Slice && key != "procedures" {
			if from, to := e.window(key, list.Len(), open); to < list.Len() || from > 0 {
				list.Set(list.Slice(from, to))
			}
		}
	}
	steps := &p.Recovery.Steps
	from, to := e.window("recovery.steps", len(*steps), open)
	*steps = (*steps)[from:to]
}

// cutTasks shortens a procedure: of the stages that are not open nothing but the
// heads stays where all of it would be long.
func (e excerpt) cutTasks(pr procedure.Procedure, path, open string) procedure.Procedure {
	n := 0
	for _, s := range pr.Stages {
		n += len(s.Tasks)
	}
	if n <= 3*aroundOpen {
		return pr
	}
	pr.Stages = slices.Clone(pr.Stages)
	for i := range pr.Stages {
		list := fmt.Sprintf("%s.stages[%d].tasks", path, i)
		tasks := pr.Stages[i].Tasks
		if !strings.HasPrefix(open, strings.TrimSuffix(list, "tasks")) && open != strings.TrimSuffix(list, ".tasks") {
			e.from[list], pr.Stages[i].Tasks = 0, nil
			continue
		}
		from, to := e.window(list, len(tasks), open)
		pr.Stages[i].Tasks = tasks[from:to]
	}
	return pr
}

// window says which entries of a list are shown, and notes where it was cut.
func (e excerpt) window(list string, n int, open string) (from, to int) {
	if n <= 2*aroundOpen {
		return 0, n
	}
	i := max(0, indexIn(list, open))
	from = max(0, min(i-aroundOpen, n-2*aroundOpen))
	e.from[list] = from
	return from, from + 2*aroundOpen
}

// indexIn returns the index of the entry of a list that a path names or lies in,
// or -1.
func indexIn(list, path string) int {
	rest, ok := strings.CutPrefix(path, list+"[")
	if !ok {
		return -1
	}
	number, _, _ := strings.Cut(rest, "]")
	i, err := strconv.Atoi(number)
	if err != nil {
		return -1
	}
	return i
}
