package console

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"holdfast"
	"holdfast/internal/console/form"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
)

// editor is what the forms of one chapter share: where they lead, and what is
// wrong at which place.
type editor struct {
	// Address is the path of the chapter's page, Open the part whose form it shows.
	Address, Open string
	// Show is the path of the entry at which long lists are opened.
	Show string
	Plan *plan.Plan
	// Problems are the faults by the path of the value.
	Problems map[string]string
	// Waiting counts the comments that wait for an answer, by the path of their
	// place.
	Waiting map[string]int
}

// SaidHere counts the open comments on exactly a path, Said those inside it, too.
func (e editor) SaidHere(path string) int { return e.Waiting[path] }

func (e editor) Said(path string) (n int) {
	for at, waiting := range e.Waiting {
		if at == path || strings.HasPrefix(at, path+".") || strings.HasPrefix(at, path+"[") {
			n += waiting
		}
	}
	return n
}

// At returns the address of the form of one part.
func (e editor) At(path string) string { return e.Address + "?at=" + url.QueryEscape(path) }

// Wrong reports whether something at a path, or inside it, is wrong.
func (e editor) Wrong(path string) bool {
	for at := range e.Problems {
		if at == path || strings.HasPrefix(at, path+".") || strings.HasPrefix(at, path+"[") {
			return true
		}
	}
	return false
}

// showing returns the address of the form that is open now, its long lists opened
// at a path.
func (e editor) showing(path string) string { return e.Address + where(e.Open, path) }

// where is the end of an address: the form of a part, and a place in it, at which
// the browser goes to the field.
func where(open, path string) string {
	q := url.Values{}
	if open != "" {
		q.Set("at", open)
	}
	if path == "" {
		return queryOf(q)
	}
	q.Set("show", path)
	return queryOf(q) + "#" + url.PathEscape(fieldID(path))
}

func queryOf(q url.Values) string {
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// onField is one field of a form with what it needs to be shown.
type onField struct {
	Root editor
	form.Field
	Caption, Hint, Problem string
	// Asked is what is asked of the field's expression.
	Asked exprView
	// Cut is set where a long list is shown in part.
	Cut *cut
}

// cut says which part of a list is shown, and where the others are.
type cut struct {
	First, Last, Total int
	Prev, Next         string
}

// How many entries of a list are shown at once: as rows, and in full.
const (
	rowsShown    = 50
	entriesShown = 20
)

// ID returns the id of the field's element.
func (f onField) ID() string { return fieldID(f.Path) }

// DescribedBy lists the ids of what explains the field: the hint, and the
// problem, whose place is always there.
func (f onField) DescribedBy() string {
	if f.Hint == "" {
		return "p-" + f.Path
	}
	return "h-" + f.Path + " p-" + f.Path
}

func fieldID(path string) string { return "f-" + path }

func fieldOn(words *locale.Printer, root editor, f form.Field) onField {
	on := onField{Root: root, Field: f, Caption: words.T("field." + f.Label), Problem: root.Problems[f.Path]}
	if form.Hinted(f.Name) && !strings.HasSuffix(f.Path, "]") { // of a list, not of each of its entries
		on.Hint = words.T("hint." + f.Name)
	}
	switch f.Kind {
	case form.Expression:
		on.Asked, on.Long = ask(words, root.Plan, f.Name, f.Value), strings.Contains(f.Value, "\n")
		if on.Asked.Wrong != nil {
			on.Problem = "" // it is shown at its place
		}
	case form.Rows:
		on.Cut, on.Rows = cutTo(root, f.Path, f.Rows, rowsShown)
	case form.List:
		on.Cut, on.Fields = cutTo(root, f.Path, f.Fields, entriesShown)
	}
	return on
}

// cutTo cuts a list down to the page that holds the entry to show.
func cutTo[E any](root editor, path string, list []E, size int) (*cut, []E) {
	n := len(list)
	if n <= size {
		return nil, list
	}
	from := min(max(0, indexIn(path, root.Show)), n-1) / size * size
	to := min(from+size, n)
	at := func(i int) string { return root.showing(path + "[" + strconv.Itoa(i) + "]") }
	c := &cut{First: from + 1, Last: to, Total: n}
	if from > 0 {
		c.Prev = at(from - size)
	}
	if to < n {
		c.Next = at(to)
	}
	return c, list[from:to]
}

// rowName names a row: by the plan's text, or by the program's word for a
// stage.
func rowName(words *locale.Printer, r form.Row) string {
	switch {
	case !r.Name.IsZero():
		return r.Name.In(words.Lang())
	case words.Has(r.Word):
		return words.T(r.Word)
	default:
		return ""
	}
}

func choiceName(words *locale.Printer, o form.Option) string {
	switch {
	case o.Word != "":
		return words.T(o.Word)
	case !o.Name.IsZero():
		return o.Name.In(words.Lang())
	default:
		return o.Value
	}
}

// mendAt returns the query and fragment that open the form nearest to a path, of
// the innermost entry that has a form of its own, at the field.
func mendAt(p *plan.Plan, path string) string {
	for open := path; ; {
		end := strings.LastIndexByte(open, ']')
		if end < 0 {
			return where("", path)
		}
		open = open[:end+1]
		if _, ok := form.Entry(p, open); ok && !form.Inline(p, open) {
			return where(open, path)
		}
		open = open[:strings.LastIndexByte(open, '[')]
	}
}

// parts lists the paths whose forms a chapter's page shows: that which was asked
// for, or the chapter's own.
func parts(p *plan.Plan, chapter plan.Chapter, at string) []string {
	switch {
	case at != "":
		return []string{at}
	case chapter.Level == holdfast.Unknown:
		return slices.DeleteFunc(slices.Clone(chapter.Fields), func(key string) bool { return key == "format" })
	}
	for i, pr := range p.Procedures {
		if pr.Level == chapter.Level {
			return []string{"procedures[" + strconv.Itoa(i) + "]"}
		}
	}
	return nil
}
