package console

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/console/form"
	"holdfast/internal/draft"
	"holdfast/internal/expression"
	"holdfast/internal/lint"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
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
	// Threads are the comments on the chapter, those on what is shown first.
	Threads []thread
	// Text is the chapter as YAML.
	Text string
	// Upload hands a file in, where the page is of one.
	Upload *upload
}

type crumb struct{ Path, Name string }

// finding is something that lint or the plan's form found, with a link to the
// form where it is mended.
type finding struct {
	Severity, Rule, Message, Link, Chapter, Path string
	// Waived is the waiver that accepts it; Waive leads to where one is granted.
	Waived *lint.Waiver
	Waive  string
}

// save is one state of a chapter that can be restored.
type save struct {
	Number  int
	At      time.Time
	By      string
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
	var fields map[string]expression.Type
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

// mendAt returns the query that opens the form nearest to a path: of the
// innermost entry that has a form of its own.
func mendAt(p *plan.Plan, path string) string {
	for {
		end := strings.LastIndexByte(path, ']')
		if end < 0 {
			return ""
		}
		path = path[:end+1]
		if f, ok := form.Build(p, path); ok && f.Kind == form.Group {
			return "?at=" + url.QueryEscape(path)
		}
		path = path[:strings.LastIndexByte(path, '[')]
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

// edit applies a posted form of a chapter to the plan.
func edit(p *plan.Plan, chapter plan.Chapter, v *visit) (next *plan.Plan, entry string, problems map[string]string, err error) {
	problems = map[string]string{}
	next = p
	for _, path := range parts(p, chapter, v.form("at")) {
		if next.ChapterAt(path) != chapter.Key {
			return p, "", problems, holdfast.Errorf(holdfast.NotFound, "the draft has no %s: someone may have removed it; go back to the chapter", path)
		}
		var faults []form.Fault
		next, faults = form.Read(next, path, v.r.PostForm)
		for _, f := range faults {
			problems[f.Path] = v.words.Error(f.Error)
		}
	}
	act := v.form("act")
	if act == "" || len(problems) > 0 {
		return next, "", problems, nil
	}
	next, entry, err = form.Act(next, act)
	if n := len(next.Procedures); err == nil && chapter.Level != holdfast.Unknown && act == form.Add+" procedures" && n > 0 {
		next.Procedures[n-1].Level = chapter.Level
	}
	return next, entry, problems, err
}

// theChapter reads the chapter in the path.
func (v *visit) theChapter() (plan.Chapter, error) {
	chapter, known := plan.ChapterOf(v.path("chapter"))
	if !known {
		return chapter, holdfast.Errorf(holdfast.NotFound, "a plan has no chapter %q", v.path("chapter"))
	}
	return chapter, nil
}

// chapter shows the form of a chapter. After a refused save it shows what was
// typed, over the text as it is now.
func (c *Console) chapter(v *visit) error {
	d, p, faults, err := c.theDraft(v)
	if err != nil {
		return err
	}
	chapter, err := v.theChapter()
	if err != nil {
		return err
	}
	address := "/drafts/" + d.ID + "/chapters/" + chapter.Key
	text, save := d.Chapter(chapter.Key)
	own := chapterPage{
		Editor: editor{Address: address, Plan: p, Problems: map[string]string{}}, Heading: v.words.T("choice.chapter." + chapter.Key), Up: "/drafts/" + d.ID,
		Crumbs: []crumb{{"/drafts/" + d.ID, v.words.T("drafts.draft", "id", d.ID)}}, At: v.query("at"), Base: save, Text: text,
		Others: c.Drafts.Opened(d.ID, chapter.Key, v.by()),
	}
	typed := map[string]string{}
	if v.r.Method == http.MethodPost {
		own.At = v.form("at")
		if next, _, problems, err := edit(p, chapter, v); err == nil {
			own.Editor.Plan, typed = next, problems
		}
		if base, _ := strconv.Atoi(v.form("base")); base != save {
			own.Newer = text
		}
	}
	for _, f := range c.findings(v, d, p, faults) {
		if f.Chapter == chapter.Key {
			own.Findings = append(own.Findings, f)
			if f.Severity == string(lint.Error) {
				own.Editor.Problems[f.Path] = f.Message
			}
		}
	}
	maps.Copy(own.Editor.Problems, typed)
	if err := own.build(v, chapter); err != nil {
		return err
	}
	own.saves(d, chapter.Key)
	own.Upload = c.uploadOf(d, p, &own, chapter.Key)
	for _, t := range threads(d, p, d.Comments, "/drafts/"+d.ID, "/drafts/"+d.ID+"/read", chapter.Key, true, d.State.Open()) {
		if t.Chapter == chapter.Key {
			own.Threads = append(own.Threads, t)
		}
	}
	own.Threads = hereFirst(p, own.At, own.Threads)
	return c.show(v, "chapter", own.Heading, false, own)
}

// build makes the forms of the page.
func (own *chapterPage) build(v *visit, chapter plan.Chapter) error {
	p := own.Editor.Plan
	if own.At != "" && p.ChapterAt(own.At) == chapter.Key {
		own.Crumbs = append(own.Crumbs, crumb{own.Editor.Address, own.Heading})
		own.Up = own.Editor.Address
		for _, above := range entriesAbove(own.At) {
			own.Crumbs = append(own.Crumbs, crumb{own.Editor.At(above), entryName(v, p, above)})
			own.Up = own.Editor.At(above)
		}
		own.Heading = entryName(v, p, own.At)
	} else {
		own.At = ""
	}
	for _, path := range parts(p, chapter, own.At) {
		part, ok := form.Build(p, path)
		if !ok {
			return holdfast.Errorf(holdfast.NotFound, "the draft has no %s: someone may have removed it; go back to the chapter", path)
		}
		own.Parts = append(own.Parts, part)
	}
	if len(own.Parts) == 0 {
		own.Parts = []form.Field{{Path: "procedures", Name: "plan.procedures", Label: "plan.procedures", Kind: form.Absent}}
	}
	return nil
}

// entriesAbove lists the entries that hold another, the outermost first; the
// procedure of a chapter, which is the chapter itself, is left out.
func entriesAbove(path string) (list []string) {
	for i := range path {
		if path[i] == ']' && i+1 < len(path) {
			if above := path[:i+1]; !strings.HasPrefix(above, "procedures[") || strings.Contains(above, ".") {
				list = append(list, above)
			}
		}
	}
	return list
}

// entryName names an entry as its row does.
func entryName(v *visit, p *plan.Plan, path string) string {
	cut := strings.LastIndexByte(path, '[')
	list, ok := form.Build(p, path[:max(cut, 0)])
	if !ok {
		return path
	}
	for _, row := range list.Rows {
		if row.Path == path {
			return cmp.Or(rowName(v.words, row), row.ID, v.words.T("form.unnamed"))
		}
	}
	return v.words.T("field." + list.Label)
}

// saves lists the chapter's saves, the newest first.
func (own *chapterPage) saves(d *draft.Draft, chapter string) {
	for i, s := range d.SavesOf(chapter) {
		if i == 0 {
			own.SavedBy = s.By.Name
		}
		if i == maxSaves {
			break
		}
		own.Saves = append(own.Saves, save{s.Number, s.At, s.By.Name, i == 0})
	}
}

// maxSaves is how many saves of a chapter its page lists.
const maxSaves = 30

// saveChapter stores a chapter as its form says, and carries out an act on its
// rows.
func (c *Console) saveChapter(v *visit) error {
	_, p, _, err := c.theDraft(v)
	if err != nil {
		return err
	}
	chapter, err := v.theChapter()
	if err != nil {
		return err
	}
	next, entry, problems, err := edit(p, chapter, v)
	switch {
	case err != nil:
		return err
	case len(problems) > 0:
		return holdfast.Errorf(holdfast.Invalid, "values that cannot be read: %d; they are marked below, the rest is kept in the form", len(problems))
	}
	if err := c.storeChapter(v, chapter.Key, plan.EncodeChapter(next, chapter)); err != nil {
		return err
	}
	if v.r.Header.Get("X-Autosave") != "" {
		d, err := c.Drafts.Draft(v.path("id"))
		if err != nil {
			return err
		}
		_, save := d.Chapter(chapter.Key)
		v.w.Header().Set("X-Base", strconv.Itoa(save))
		v.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	at := v.form("at")
	if f, ok := form.Build(next, entry); ok && strings.HasPrefix(v.form("act"), form.Add+" ") && f.Kind == form.Group && strings.HasSuffix(entry, "]") && !form.Inline(next, entry) {
		at = entry // to the form of what was added
	}
	return c.toChapter(v, chapter.Key, at)
}

func (c *Console) toChapter(v *visit, chapter, at string) error {
	query := url.Values{"ok": {"saved"}}
	if at != "" {
		query.Set("at", at)
	}
	http.Redirect(v.w, v.r, "/drafts/"+v.path("id")+"/chapters/"+chapter+"?"+query.Encode(), http.StatusSeeOther)
	return nil
}

func (c *Console) storeChapter(v *visit, chapter string, text []byte) error {
	base, err := strconv.Atoi(v.form("base"))
	if err != nil {
		return holdfast.Errorf(holdfast.Invalid, "the form does not say which text it changes: load the page again")
	}
	return c.Drafts.Save(v.r.Context(), v.by(), v.path("id"), chapter, base, text)
}

// saveChapterText stores a chapter as it was written as text.
func (c *Console) saveChapterText(v *visit) error {
	if err := c.storeChapter(v, v.path("chapter"), []byte(strings.ReplaceAll(v.form("text"), "\r\n", "\n"))); err != nil {
		return err
	}
	return c.toChapter(v, v.path("chapter"), "")
}

func (c *Console) restoreChapter(v *visit) error {
	base, _ := strconv.Atoi(v.form("base"))
	number, _ := strconv.Atoi(v.form("save")) // 0 is no save, which the act says
	if err := c.Drafts.Restore(v.r.Context(), v.by(), v.path("id"), v.path("chapter"), base, number); err != nil {
		return err
	}
	return c.toChapter(v, v.path("chapter"), "")
}
