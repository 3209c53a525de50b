// Package form turns a plan into forms and forms into a plan, so that people
// write it without YAML. It walks the plan's types: every field becomes an
// input, every list rows that can be added, moved, copied and removed, every
// reference a choice among what the plan has.
//
// A form shows one part of the plan, named by its path as faults name it:
// roles, roles[3], procedures[0].stages[2].tasks[1]. Lists of large entries are
// shown as rows that lead to a form of their own, so that a page stays small;
// lists of small ones are shown in full.
//
// Inputs are named by their paths. [Read] fills a copy of the plan from what was
// posted and touches nothing outside the part that the form showed.
package form

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"holdfast"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// Kind is how a field is shown.
type Kind string

const (
	// Group holds Fields.
	Group Kind = "group"
	// Rows is a list whose entries have forms of their own; Rows is set.
	Rows Kind = "rows"
	// List is a list whose entries are shown in full; each of Fields is one.
	List Kind = "list"
	// Absent is an optional group that is not there; it can be added.
	Absent Kind = "absent"
	// Text is a text in up to three languages; Texts is set.
	Text       Kind = "text"
	Line       Kind = "line"
	Number     Kind = "number"
	Span       Kind = "span"
	Day        Kind = "day"
	Expression Kind = "expression"
	// Flag is yes or no; Value is "true" for yes.
	Flag Kind = "flag"
	// Choice is one of Choices, Many any of them.
	Choice Kind = "choice"
	Many   Kind = "many"
)

// Field is one part of a form.
type Field struct {
	Path string
	// Name is the field's type and key, task.limit; Label is the key of its label
	// after "field.": the same, or the key alone where it means the same anywhere.
	Name, Label string
	Kind        Kind
	// Value is what stands in the input.
	Value   string
	Texts   []InLang
	Choices []Option
	Rows    []Row
	Fields  []Field
	// Optional says that a group may be removed, Long that a text takes several
	// lines.
	Optional, Long bool
}

// InLang is a text in one language.
type InLang struct {
	Lang  holdfast.Lang
	Value string
}

// Option is one choice. Name is set where the plan names it; Word is the key of
// its word otherwise.
type Option struct {
	Value    string
	Name     holdfast.Text
	Word     string
	Selected bool
}

// Row is one entry of a list that has a form of its own.
type Row struct {
	Path, ID string
	Name     holdfast.Text
	// Word is the key of a name that the program knows, of a stage's kind.
	Word string
}

// Build returns the form of one part of a plan, or false if there is no such
// part. The path of the whole plan is not one: it has no form.
func Build(p *plan.Plan, path string) (Field, bool) {
	v, owner, key, ok := locate(reflect.ValueOf(p).Elem(), path)
	if !ok || path == "" {
		return Field{}, false
	}
	b := builder{p}
	return b.field(path, owner, key, v), true
}

// Inline reports whether the entry at a path is shown in full within its list's
// form, and so has none of its own.
func Inline(p *plan.Plan, path string) bool {
	v, _, _, ok := locate(reflect.ValueOf(p).Elem(), path)
	return ok && inline(v.Type())
}

type builder struct{ plan *plan.Plan }

var (
	textType     = reflect.TypeFor[holdfast.Text]()
	durationType = reflect.TypeFor[procedure.Duration]()
	dateType     = reflect.TypeFor[plan.Date]()
	levelType    = reflect.TypeFor[holdfast.Level]()
)

// field shows v, the value of a key of the type named owner.
func (b builder) field(path, owner, key string, v reflect.Value) Field {
	f := Field{Path: path, Name: owner + "." + key, Label: labelOf(owner, key)}
	source, refers := sources[f.Name]
	switch t := v.Type(); {
	case t == textType:
		f.Kind, f.Texts, f.Long = Text, inLangs(v.Interface().(holdfast.Text)), longTexts[key]
	case t == durationType:
		f.Kind, f.Value = Span, spanText(v.Interface().(procedure.Duration))
	case t == dateType:
		f.Kind, f.Value = Day, v.String()
	case refers && t.Kind() == reflect.Slice && !ordered[f.Name]:
		f.Kind, f.Choices = Many, mark(source(b.plan), given(v)...)
	case refers:
		if t.Kind() == reflect.Slice {
			b.list(&f, v)
			break
		}
		f.Kind, f.Choices = Choice, mark(source(b.plan), given(v)...)
	case t.Kind() == reflect.Pointer:
		b.pointer(&f, v)
	case t.Kind() == reflect.Struct:
		f.Kind, f.Fields = Group, b.fields(path, v)
	case t.Kind() == reflect.Slice && !inline(t.Elem()):
		f.Kind, f.Rows = Rows, b.rows(path, v)
	case t.Kind() == reflect.Slice:
		b.list(&f, v)
	default:
		b.scalar(&f, key, v)
	}
	return f
}

func (b builder) list(f *Field, v reflect.Value) {
	f.Kind = List
	owner, key, _ := strings.Cut(f.Name, ".")
	for i := range v.Len() {
		entry := b.entry(at(f.Path, i), owner, key, v.Index(i))
		f.Fields = append(f.Fields, entry)
	}
}

// entry shows one entry of a list that is shown in full. A single value takes
// its choices from the list's name.
func (b builder) entry(path, owner, key string, v reflect.Value) Field {
	if source, refers := sources[owner+"."+key]; refers && v.Kind() == reflect.String {
		return Field{Path: path, Name: owner + "." + key, Label: labelOf(owner, key), Kind: Choice, Choices: mark(source(b.plan), v.String())}
	}
	return b.field(path, owner, key, v)
}

func (b builder) pointer(f *Field, v reflect.Value) {
	f.Optional = true
	if v.IsNil() {
		f.Kind = Absent
		return
	}
	f.Kind, f.Fields = Group, b.fields(f.Path, v.Elem())
}

func (b builder) fields(path string, v reflect.Value) []Field {
	var fields []Field
	owner := ownerOf(v.Type())
	for i := range v.NumField() {
		key := keyOf(v.Type().Field(i))
		if hidden[owner+"."+key] {
			continue
		}
		fields = append(fields, b.field(path+"."+key, owner, key, v.Field(i)))
	}
	return fields
}

func (b builder) rows(path string, v reflect.Value) []Row {
	var rows []Row
	for i := range v.Len() {
		rows = append(rows, rowOf(at(path, i), v.Index(i)))
	}
	return rows
}

func rowOf(path string, entry reflect.Value) Row {
	row := Row{Path: path}
	for _, key := range []string{"title", "name", "subject", "purpose", "criteria", "why"} {
		if name := fieldBy(entry, key); name.IsValid() && row.Name.IsZero() {
			row.Name, _ = name.Interface().(holdfast.Text)
		}
	}
	for _, key := range []string{"id", "party", "stage"} {
		if id := fieldBy(entry, key); id.IsValid() && row.ID == "" {
			row.ID = id.String()
		}
	}
	if kind := fieldBy(entry, "stage"); kind.IsValid() {
		row.Word = "choice.stage." + kind.String()
	}
	if level, ok := entry.Interface().(plan.Level); ok {
		row.Word = "choice.level." + level.Level.String()
	}
	return row
}

// Entry returns what a row says of the entry at a path, or false if there is no
// such entry.
func Entry(p *plan.Plan, path string) (Row, bool) {
	v, _, _, ok := locate(reflect.ValueOf(p).Elem(), path)
	if !ok || v.Kind() != reflect.Struct || !strings.HasSuffix(path, "]") {
		return Row{}, false
	}
	return rowOf(path, v), true
}

// Label returns the key after "field." of the label of what stands at a path; of an
// entry that of its list.
func Label(p *plan.Plan, path string) (string, bool) {
	_, owner, key, ok := locate(reflect.ValueOf(p).Elem(), path)
	return labelOf(owner, key), ok && path != ""
}

func (b builder) scalar(f *Field, key string, v reflect.Value) {
	switch {
	case v.Kind() == reflect.Bool:
		f.Kind, f.Value = Flag, strconv.FormatBool(v.Bool())
	case v.Type() == levelType:
		f.Kind, f.Choices = Choice, mark(levels, given(v)...)
	case v.Kind() == reflect.Int:
		f.Kind, f.Value = Number, numberText(float64(v.Int()))
	case v.Kind() == reflect.Float64:
		f.Kind, f.Value = Number, numberText(v.Float())
	case expressions[f.Name]:
		f.Kind, f.Value = Expression, v.String()
	default:
		f.Kind, f.Value, f.Long = Line, v.String(), longTexts[key]
	}
}

func numberText(n float64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

func spanText(d procedure.Duration) string {
	if d == 0 {
		return ""
	}
	text := d.String() // 8h0m0s is 8h
	if rest, ok := strings.CutSuffix(text, "m0s"); ok {
		text = rest + "m"
	}
	if rest, ok := strings.CutSuffix(text, "h0m"); ok {
		text = rest + "h"
	}
	return text
}

func inLangs(t holdfast.Text) []InLang {
	return []InLang{{holdfast.ZhHant, t.ZhHant}, {holdfast.ZhHans, t.ZhHans}, {holdfast.En, t.En}}
}

// given returns the values that are chosen now.
func given(v reflect.Value) []string {
	if v.Kind() != reflect.Slice {
		if v.Type() == levelType {
			return []string{strconv.Itoa(int(v.Uint()))}
		}
		return []string{v.String()}
	}
	var all []string
	for i := range v.Len() {
		all = append(all, given(v.Index(i))...)
	}
	return all
}

// mark returns the options with those chosen selected. A value that is none of
// them, such as a role that was removed, is kept as an option of its own: it is
// for the person to choose anew, not for the form to lose.
func mark(options []Option, chosen ...string) []Option {
	marked := append([]Option(nil), options...)
	for _, value := range chosen {
		found := false
		for i := range marked {
			if marked[i].Value == value {
				marked[i].Selected, found = true, true
			}
		}
		if !found && value != "" && value != "0" {
			marked = append(marked, Option{Value: value, Selected: true})
		}
	}
	return marked
}

func at(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

func labelOf(owner, key string) string {
	if plain[key] && owner != "plan" {
		return key
	}
	return owner + "." + key
}

// ownerOf names a type in the names of labels: procedure.Task is task.
func ownerOf(t reflect.Type) string { return strings.ToLower(t.Name()) }

func keyOf(f reflect.StructField) string {
	key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return key
}

// fieldBy returns the field of a struct with a key, or the zero Value.
func fieldBy(v reflect.Value, key string) reflect.Value {
	if v.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	for i := range v.NumField() {
		if keyOf(v.Type().Field(i)) == key {
			return v.Field(i)
		}
	}
	return reflect.Value{}
}

// locate walks to a path. owner and key name the field it is, of an entry the
// list it stands in.
func locate(v reflect.Value, path string) (found reflect.Value, owner, key string, ok bool) {
	for _, part := range strings.Split(path, ".") {
		for v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return reflect.Value{}, "", "", false
			}
			v = v.Elem()
		}
		name, indexes, _ := strings.Cut(part, "[")
		if v.Kind() != reflect.Struct {
			return reflect.Value{}, "", "", false
		}
		owner, key = ownerOf(v.Type()), name
		if v = fieldBy(v, name); !v.IsValid() {
			return reflect.Value{}, "", "", false
		}
		if indexes == "" {
			continue
		}
		i, err := strconv.Atoi(strings.TrimSuffix(indexes, "]"))
		if err != nil || v.Kind() != reflect.Slice || i < 0 || i >= v.Len() {
			return reflect.Value{}, "", "", false
		}
		v = v.Index(i)
	}
	return v, owner, key, true
}
