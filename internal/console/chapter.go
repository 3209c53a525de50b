package console

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/console/form"
	"holdfast/internal/draft"
	"holdfast/internal/lint"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// chapterPage is the form of one chapter of a draft, or of one part of it, with
// the chapter as it will read beside it.
type chapterPage struct {
	Draft, Chapter string
	Editor         editor
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
	Newer string
	// Unsaved says that the form holds what was refused.
	Unsaved  bool
	Findings []finding
	Saves    []save
	// Threads are the comments on the chapter, those on what is shown first.
	Threads []thread
	// Undo is the save before an entry was removed just now, or nil.
	Undo *int
	// Usual says that the usual entries can be put in.
	Usual bool
	// Text is the chapter as YAML.
	Text string
	// Upload hands a file in, where the page is of one.
	Upload  *upload
	Preview previewPage
	Nav     []chapterLine
	// Prev and Next are the chapters beside it.
	Prev, Next string
}

type crumb struct{ Path, Name string }

// finding is something that lint or the plan's form found, with a link to the
// form where it is mended.
type finding struct {
	Severity, Rule, Message, Link, Chapter, Path string
	// Place names it in the words of the form.
	Place string
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

// edit applies a posted form of a chapter to the plan. Values that cannot be read
// are problems, by path.
func edit(p *plan.Plan, chapter plan.Chapter, v *visit) (next *plan.Plan, problems map[string]string, err error) {
	problems = map[string]string{}
	next = p
	for _, path := range parts(p, chapter, v.form("at")) {
		if next.ChapterAt(path) != chapter.Key {
			return p, problems, holdfast.Errorf(holdfast.NotFound, "the draft has no %s: someone may have removed it; go back to the chapter", path)
		}
		var faults []form.Fault
		next, faults = form.Read(next, path, v.r.PostForm)
		for _, f := range faults {
			problems[f.Path] = v.words.Error(f.Error)
		}
	}
	return next, problems, nil
}

// usual is the act that puts the usual entries in.
const usual = "usual"

// act carries out the posted act on the rows of a chapter; entry is what it
// concerns.
func act(p *plan.Plan, chapter plan.Chapter, act string) (next *plan.Plan, entry string, err error) {
	if act == usual {
		return form.Usual(p, chapter), "", nil
	}
	next, entry, err = form.Act(p, act)
	if n := len(next.Procedures); err == nil && chapter.Level != holdfast.Unknown && act == form.Add+" procedures" && n > 0 {
		next.Procedures[n-1].Level, next.Procedures[n-1].Stages = chapter.Level, mustHave(next, procedure.Mandatory(chapter.Level)...)
	}
	if err == nil && act == form.Add+" leak" && len(next.Leak.Stages) == 0 {
		next.Leak.Stages = mustHave(next, procedure.Handle, procedure.Notify)
	}
	return next, entry, err
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
	if on := v.query("on"); on != "" {
		return c.toPlace(v, on)
	}
	own, err := c.chapterOf(v, v.r.Method == http.MethodPost)
	if err != nil {
		return err
	}
	return c.show(v, "chapter", own.Heading, false, *own)
}

// chapterOf makes the page of a chapter; typed says that a form was posted and is
// not saved.
func (c *Console) chapterOf(v *visit, typed bool) (*chapterPage, error) {
	d, p, faults, err := c.theDraft(v)
	if err != nil {
		return nil, err
	}
	chapter, err := v.theChapter()
	if err != nil {
		return nil, err
	}
	address := "/drafts/" + d.ID + "/chapters/" + chapter.Key
	text, save := d.Chapter(chapter.Key)
	own := &chapterPage{
		Draft: d.ID, Chapter: chapter.Key, Editor: editor{Address: address, Plan: p, Problems: map[string]string{}, Show: v.query("show")},
		Heading: v.words.T("choice.chapter." + chapter.Key), Up: "/drafts/" + d.ID, Crumbs: []crumb{{"/drafts/" + d.ID, v.words.T("drafts.draft", "id", d.ID)}},
		At: cmp.Or(v.query("at"), v.form("at")), Base: save, Text: text, Others: c.Drafts.Opened(d.ID, chapter.Key, v.by()), Unsaved: typed,
	}
	wrong := map[string]string{}
	if typed {
		if next, problems, err := edit(p, chapter, v); err == nil {
			own.Editor.Plan, wrong = next, problems
		}
		if base, _ := strconv.Atoi(v.form("base")); base != save {
			own.Newer = text
		}
	}
	findings := c.findings(v, d, p, faults)
	for _, f := range findings {
		if f.Chapter == chapter.Key {
			own.Findings = append(own.Findings, f)
			if f.Severity == string(lint.Error) {
				own.Editor.Problems[f.Path] = f.Message
			}
		}
	}
	maps.Copy(own.Editor.Problems, wrong)
	own.comments(d, p, chapter.Key)
	if err := own.build(v, chapter); err != nil {
		return nil, err
	}
	own.nav(chapterLines(d, p, findings), chapter.Key)
	own.saves(v, d, chapter.Key)
	own.Upload = c.uploadOf(d, p, own, chapter.Key)
	return own, nil
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
	own.Editor.Open = own.At
	own.Usual = own.At == "" && chapter.Key != "attachments" && form.Bare(p, chapter)
	open := own.At
	if strings.HasPrefix(own.Editor.Show, open) {
		open = own.Editor.Show
	}
	own.Preview = previewOf(v.words, p, chapter, open, "/drafts/"+own.Draft)
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
	if row, ok := form.Entry(p, path); ok {
		if name := cmp.Or(rowName(v.words, row), row.ID); name != "" {
			return name
		}
	}
	if label, ok := form.Label(p, path); ok {
		return v.words.T("field." + label)
	}
	return path
}

// placeName names the place of a finding in the words of the form: the entries
// that it lies in, and the field.
func placeName(v *visit, p *plan.Plan, path string) string {
	path, _ = withoutLang(path)
	var names []string
	for i := range path {
		if path[i] == ']' {
			names = append(names, entryName(v, p, path[:i+1]))
		}
	}
	if label, ok := form.Label(p, path); ok && !strings.HasSuffix(path, "]") {
		names = append(names, v.words.T("field."+label))
	}
	return strings.Join(names, " › ")
}

// saves lists the chapter's saves, the newest first, and offers to undo a removal
// while it is the last of them.
func (own *chapterPage) saves(v *visit, d *draft.Draft, chapter string) {
	all := d.SavesOf(chapter)
	for i, s := range all {
		if i == 0 {
			own.SavedBy = s.By.Name
		}
		if i == maxSaves {
			break
		}
		own.Saves = append(own.Saves, save{s.Number, s.At, s.By.Name, i == 0})
	}
	if len(all) == 0 {
		return
	}
	before := save{At: d.At, By: d.By.Name}
	if len(all) < maxSaves {
		own.Saves = append(own.Saves, before)
	}
	if len(all) > 1 {
		before.Number = all[1].Number
	}
	if asked, err := strconv.Atoi(v.query("undo")); err == nil && asked == before.Number {
		own.Undo = &asked
	}
}

// maxSaves is how many saves of a chapter its page lists.
const maxSaves = 30

// saveChapter stores a chapter as its form says, and then, as a save of its own
// that can be undone, what an act on its rows makes of it.
func (c *Console) saveChapter(v *visit) error {
	_, p, _, err := c.theDraft(v)
	if err != nil {
		return err
	}
	chapter, err := v.theChapter()
	if err != nil {
		return err
	}
	next, problems, err := edit(p, chapter, v)
	switch {
	case err != nil:
		return err
	case len(problems) > 0:
		return holdfast.Errorf(holdfast.Invalid, "values that cannot be read: %d; they are marked below, the rest is kept in the form", len(problems))
	}
	base, err := v.base()
	if err != nil {
		return err
	}
	base, err = c.Drafts.Put(v.r.Context(), v.by(), v.path("id"), chapter.Key, base, plan.EncodeChapter(next, chapter))
	switch asked := v.form("act"); {
	case err != nil:
		return err
	case asked != "":
		return c.actOn(v, chapter, next, asked, base)
	case v.r.Header.Get("X-Autosave") != "":
		return c.autosaved(v, base)
	}
	return c.toChapter(v, chapter.Key, where(v.form("at"), ""), "saved")
}

// actOn carries out an act on the rows of a chapter and shows what came of it.
func (c *Console) actOn(v *visit, chapter plan.Chapter, p *plan.Plan, asked string, base int) error {
	next, entry, err := act(p, chapter, asked)
	if err != nil {
		return err
	}
	if _, err := c.Drafts.Put(v.r.Context(), v.by(), v.path("id"), chapter.Key, base, plan.EncodeChapter(next, chapter)); err != nil {
		return err
	}
	verb, _, _ := strings.Cut(asked, " ")
	at := v.form("at")
	switch f, ok := form.Build(next, entry); {
	case verb == form.Remove:
		return c.toChapter(v, chapter.Key, where(at, entry), "", "undo", strconv.Itoa(base))
	case ok && verb == form.Add && f.Kind == form.Group && strings.HasSuffix(entry, "]") && !form.Inline(next, entry):
		at, entry = entry, "" // to the form of what was added
	}
	return c.toChapter(v, chapter.Key, where(at, entry), "saved")
}

// autosaved answers a form that saved itself with its page as it is now, without
// what stands around it: the script takes from it what has changed.
func (c *Console) autosaved(v *visit, base int) error {
	own, err := c.chapterOf(v, false)
	if err != nil {
		return err
	}
	v.w.Header().Set("X-Base", strconv.Itoa(base))
	return c.part(v, "chapter", c.page(v, own.Heading, *own))
}

// toChapter goes to a chapter's page, to the place that a query and fragment name.
// done names what was done, more are pairs of a query.
func (c *Console) toChapter(v *visit, chapter, place, done string, more ...string) error {
	query, fragment, _ := strings.Cut(strings.TrimPrefix(place, "?"), "#")
	q, err := url.ParseQuery(query)
	if err != nil {
		return err
	}
	if done != "" {
		q.Set("ok", done)
	}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	to := url.URL{Path: "/drafts/" + v.path("id") + "/chapters/" + chapter, RawQuery: q.Encode()}
	address := to.String()
	if fragment != "" {
		address += "#" + fragment
	}
	http.Redirect(v.w, v.r, address, http.StatusSeeOther)
	return nil
}

// base reads which save the posted form was made from.
func (v *visit) base() (int, error) {
	base, err := strconv.Atoi(v.form("base"))
	if err != nil {
		return 0, holdfast.Errorf(holdfast.Invalid, "the form does not say which text it changes: load the page again")
	}
	return base, nil
}

// saveChapterText stores a chapter as it was written as text.
func (c *Console) saveChapterText(v *visit) error {
	base, err := v.base()
	if err != nil {
		return err
	}
	text := []byte(strings.ReplaceAll(v.form("text"), "\r\n", "\n"))
	if err := c.Drafts.Save(v.r.Context(), v.by(), v.path("id"), v.path("chapter"), base, text); err != nil {
		return err
	}
	return c.toChapter(v, v.path("chapter"), "", "saved")
}

func (c *Console) restoreChapter(v *visit) error {
	base, err := v.base()
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(v.form("save"))
	if err != nil {
		number = -1 // no save, which the act says
	}
	if err := c.Drafts.Restore(v.r.Context(), v.by(), v.path("id"), v.path("chapter"), base, number); err != nil {
		return err
	}
	return c.toChapter(v, v.path("chapter"), where(v.form("at"), v.form("show")), "saved")
}
