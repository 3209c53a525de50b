package console

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"holdfast/internal/console/form"
	"holdfast/internal/expression"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/view"
)

// chapterPage is the form of one chapter of a draft, or of one part of it.
type chapterPage struct {
	Editor editor
	// Heading names the part; Crumbs lead to it, Up is one step back.
	Heading string
	Crumbs  []crumb
	Up, At  string
	// Base is the number of the save that the form was made from.
	Base  int
	Parts []form.Field
	// SavedBy and Others say who else works here.
	SavedBy string
	Others  []string
	// Newer is the chapter's text as another author has saved it meanwhile.
	Newer    string
	Findings []finding
	Saves    []save
	// Text is the chapter as YAML.
	Text string
}

type crumb struct{ Path, Name string }

// finding is something that lint or the plan's form found, with a link to the
// form where it is mended.
type finding struct{ Severity, Rule, Message, Link string }

// save is one state of a chapter that can be restored.
type save struct {
	Number  int
	At      time.Time
	By      *view.Actor
	Current bool
}

// editor is what the forms of one chapter share: where they lead, and what is
// wrong at which place.
type editor struct {
	// Address is the path of the chapter's page.
	Address string
	Plan    *plan.Plan
	// Problems are the faults by the path of the value.
	Problems map[string]string
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

// onField is one field of a form with what it needs to be shown.
type onField struct {
	Root editor
	form.Field
	Caption, Problem string
	// NameList are the names that an expression may use.
	NameList []string
}

// ID returns the id of the field's element.
func (f onField) ID() string { return fieldID(f.Path) }

// Names returns the names that an expression may use, as words.
func (f onField) Names() string { return strings.Join(f.NameList, ", ") }

func fieldID(path string) string { return "f-" + path }

func fieldOn(words *locale.Printer, root editor, f form.Field) onField {
	on := onField{Root: root, Field: f, Caption: words.T("field." + f.Label), Problem: root.Problems[f.Path]}
	if f.Kind == form.Expression {
		on.NameList = expressionNames(root.Plan, f.Name)
	}
	return on
}

// expressionNames lists what the expression in a field may read.
func expressionNames(p *plan.Plan, name string) []string {
	fields := map[string]expression.Type{}
	switch name {
	case "alertrule.match":
		fields = plan.AlertFields()
	case "probe.expect":
		fields = plan.ProbeFields()
	case "level.enter":
		fields = p.MeasureFields()
	case "branch.when":
		fields = p.MeasureFields()
		for _, more := range []string{"level", "minutes", "result"} {
			fields[more] = expression.String
		}
	default:
		return expression.ScopeFields()
	}
	return slices.Sorted(maps.Keys(fields))
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
