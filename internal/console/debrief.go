package console

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"holdfast/internal/access"
	"holdfast/internal/debrief"
	"holdfast/internal/docx"
	"holdfast/internal/plan"
	"holdfast/internal/view"
	"holdfast/internal/web"
)

// debriefRoutes are the screens of the summary after an incident.
var debriefRoutes = []route{
	{"GET /incidents/{id}/debrief", access.Read, (*Console).debrief, nil},
	{"GET /incidents/{id}/debrief/report", access.Read, (*Console).debriefReport, nil},
	{"GET /incidents/{id}/debrief/report.docx", access.Read, (*Console).debriefDocument, nil},
	{"POST /incidents/{id}/debrief", access.RunIncident, (*Console).writeDebrief, (*Console).debrief},
	{"POST /incidents/{id}/debrief/causes", access.RunIncident, (*Console).setCause, (*Console).debrief},
	{"POST /incidents/{id}/debrief/causes/{cause}", access.RunIncident, (*Console).setCause, (*Console).debrief},
	{"POST /incidents/{id}/debrief/causes/{cause}/withdraw", access.RunIncident, (*Console).withdrawCause, (*Console).debrief},
	{"POST /incidents/{id}/debrief/improvements", access.RunIncident, (*Console).setImprovement, (*Console).debrief},
	{"POST /incidents/{id}/debrief/improvements/{improvement}", access.RunIncident, (*Console).setImprovement, (*Console).debrief},
	{"POST /incidents/{id}/debrief/improvements/{improvement}/withdraw", access.RunIncident, (*Console).withdrawImprovement, (*Console).debrief},
	{"POST /incidents/{id}/debrief/present", access.RunIncident, (*Console).presentDebrief, (*Console).debrief},
	{"POST /incidents/{id}/debrief/sign", access.Read, (*Console).signDebrief, (*Console).debrief},
	{"POST /incidents/{id}/debrief/return", access.Read, (*Console).returnDebrief, (*Console).debrief},
	{"POST /incidents/{id}/close", access.RunIncident, (*Console).closeIncident, (*Console).incident},
}

// debriefPage answers: what happened, why, what will change, and who agrees?
type debriefPage struct {
	view.Debrief
	Sections       []sectionField
	Whys           []whyLine
	Why            whyForm
	Changes        []changeLine
	Change         changeForm
	Facts          []factChapter
	People         []view.Person
	Risks          []view.Named
	Chapters       []string
	Classes, Kinds []string
	// Mine are the roles that the reader can sign for, and MayReturn whether he can
	// send the round back.
	Mine      []view.Named
	MayReturn bool
	// Now is the round that stands, if one does.
	Now *debrief.Round
}

// sectionField is one text as it is written, or as it was typed.
type sectionField struct {
	Name    debrief.Section
	Text    debrief.Text
	Typed   string
	Blaming []string
}

// whyForm is a cause to be written; Prefix tells the ids of its fields apart.
type whyForm struct {
	Prefix, Action string
	debrief.CauseForm
	Text, Link string
	// Parents are the causes that it can answer.
	Parents []debrief.Branch
	Open    bool
	Page    *debriefPage
}

type whyLine struct {
	debrief.Branch
	Form    whyForm
	Blaming []string
}

// changeForm is an improvement to be written.
type changeForm struct {
	Prefix, Action string
	debrief.ImprovementForm
	Open bool
	Page *debriefPage
}

type changeLine struct {
	view.Improvement
	Form changeForm
}

// reportBlock is a block of a report for a template.
type reportBlock struct {
	Kind string
	// Level of a heading, as of the page's.
	Level int
	Text  string
	Head  []string
	Rows  [][]string
}

func (c *Console) debrief(v *visit) error {
	d, err := c.View.Debrief(v.path("id"))
	if err != nil {
		return err
	}
	short := edition(v)
	short.Most = mostRows
	own := &debriefPage{Debrief: d, Facts: factChapters(blocksOf(d.FigureBlocks(short))), Classes: debrief.Classes[:], Kinds: debrief.Kinds[:]}
	own.People = c.View.People()
	own.Risks = c.View.DebriefRisks(d.Incident)
	for _, ch := range plan.Chapters {
		own.Chapters = append(own.Chapters, ch.Key)
	}
	for _, s := range debrief.Sections {
		f := sectionField{Name: s, Text: d.Texts[s], Typed: d.Texts[s].Text}
		if v.r.PostForm.Has(string(s)) {
			f.Typed = v.form(string(s))
		}
		f.Blaming = debrief.Blaming(f.Typed)
		own.Sections = append(own.Sections, f)
	}
	own.whys(v)
	own.changes(v)
	own.signing(v)
	return c.show(v, "debrief", v.words.T("debrief.report", "id", d.Incident), false, own)
}

// mostRows is how many rows of each table of figures the screen shows; the report has
// them all.
const mostRows = 100

func edition(v *visit) debrief.Edition { return debrief.Edition{Words: v.words, Zone: v.zone} }

// whys are the causes with the forms that change them. What was typed into one that
// was refused stands in it again.
func (p *debriefPage) whys(v *visit) {
	for _, b := range p.Causes {
		f := whyForm{Prefix: b.ID, Action: "/incidents/" + p.Incident + "/debrief/causes/" + b.ID, CauseForm: b.CauseForm, Page: p}
		for _, o := range p.Causes {
			if o.ID != b.ID {
				f.Parents = append(f.Parents, o)
			}
		}
		p.Whys = append(p.Whys, whyLine{b, f.typed(v), debrief.Blaming(b.Why)})
	}
	p.Why = whyForm{Prefix: "new", Action: "/incidents/" + p.Incident + "/debrief/causes", CauseForm: debrief.CauseForm{Kind: debrief.Contributing}, Parents: p.Causes, Page: p, Open: len(p.Causes) == 0}.typed(v)
}

func (f whyForm) typed(v *visit) whyForm {
	if v.form("form") != "cause-"+f.Prefix {
		return f
	}
	f.Open, f.Text, f.Link = true, v.form("text"), v.form("link")
	f.Parent, f.Why, f.Kind, f.Class = v.form("parent"), v.form("why"), v.form("kind"), v.form("class")
	return f
}

func (p *debriefPage) changes(v *visit) {
	for _, m := range p.Improvements {
		f := changeForm{Prefix: m.ID, Action: "/incidents/" + p.Incident + "/debrief/improvements/" + m.ID, ImprovementForm: m.ImprovementForm, Page: p}
		p.Changes = append(p.Changes, changeLine{m, f.typed(v)})
	}
	p.Change = changeForm{Prefix: "new", Action: "/incidents/" + p.Incident + "/debrief/improvements", Page: p, Open: len(p.Improvements) == 0}.typed(v)
}

func (f changeForm) typed(v *visit) changeForm {
	if v.form("form") == "improvement-"+f.Prefix {
		f.Open, f.ImprovementForm = true, readImprovement(v)
	}
	return f
}

// signing says what the reader can do about the round that stands.
func (p *debriefPage) signing(v *visit) {
	if p.State == debrief.Writing || len(p.Rounds) == 0 {
		return
	}
	p.Now = &p.Rounds[0]
	if p.State != debrief.Presented {
		return
	}
	signed := slices.ContainsFunc(p.Now.Signatures, func(s debrief.Signature) bool { return s.By.SameParty(v.by()) })
	for _, s := range p.Sign {
		if !slices.Contains(s.Accounts, v.who().Account) || v.who().Account == "" {
			continue
		}
		p.MayReturn = true
		if s.Signature == nil && !signed {
			p.Mine = append(p.Mine, s.Role)
		}
	}
}

// blocksOf prepares a report for a template.
func blocksOf(blocks []docx.Block) (list []reportBlock) {
	for _, b := range blocks {
		r := reportBlock{Level: b.Level, Text: b.Text, Rows: b.Rows}
		switch b.Kind {
		case docx.Title:
			r.Kind = "title"
		case docx.Heading:
			r.Kind = "heading"
		case docx.Entry:
			r.Kind = "entry"
		case docx.TableBlock:
			if r.Kind = "table"; len(b.Rows) > 0 {
				r.Head, r.Rows = b.Rows[0], b.Rows[1:]
			}
		default:
			r.Kind = "text"
		}
		list = append(list, r)
	}
	return list
}

// figuresLevel is that of the headings of view.Debrief.FigureBlocks.
const figuresLevel = 3

// factChapter is one part of the figures; a phone folds it.
type factChapter struct {
	Title  string // empty for what stands before the first heading
	Blocks []reportBlock
}

// factChapters parts the figures at their headings.
func factChapters(blocks []reportBlock) []factChapter {
	list := []factChapter{{}}
	for _, b := range blocks {
		if b.Kind == "heading" && b.Level <= figuresLevel {
			list = append(list, factChapter{Title: b.Text})
			continue
		}
		last := &list[len(list)-1]
		last.Blocks = append(last.Blocks, b)
	}
	return list
}

// debriefReportPage is the report to be read and printed.
type debriefReportPage struct {
	view.Debrief
	Blocks []reportBlock
}

func (c *Console) debriefReport(v *visit) error {
	d, err := c.View.Debrief(v.path("id"))
	if err != nil {
		return err
	}
	document := d.Report(edition(v))
	return c.showPrinted(v, "debriefreport", document.Title, document.Foot, debriefReportPage{d, blocksOf(document.Blocks)})
}

func (c *Console) debriefDocument(v *visit) error {
	d, err := c.View.Debrief(v.path("id"))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := docx.Write(&b, d.Report(edition(v))); err != nil {
		return err
	}
	return web.WriteFile(v.w, fmt.Sprintf("debrief-%s-%s.docx", d.Incident, v.words.Lang()), b.Bytes())
}

// toDebrief shows the debrief after an act, at a place of it.
func (v *visit) toDebrief(err error, done, at string) error {
	if err != nil {
		return err
	}
	http.Redirect(v.w, v.r, "/incidents/"+v.path("id")+"/debrief?ok="+done+"#"+at, http.StatusSeeOther)
	return nil
}

func (c *Console) writeDebrief(v *visit) error {
	text := func(s debrief.Section) *string {
		if !v.r.PostForm.Has(string(s)) {
			return nil
		}
		typed := v.form(string(s))
		return &typed
	}
	s := debrief.Sheet{Summary: text(debrief.Summary), Well: text(debrief.Well), Badly: text(debrief.Badly), Lucky: text(debrief.Lucky)}
	return v.toDebrief(c.Debriefs.Write(v.r.Context(), v.by(), v.path("id"), s), "saved", "texts")
}

// setCause writes a new cause or corrects one. What it rested on stays, but for what
// was unmarked.
func (c *Console) setCause(v *visit) error {
	f := debrief.CauseForm{Parent: v.form("parent"), Why: v.form("why"), Kind: v.form("kind"), Class: v.form("class")}
	id := v.path("cause")
	if id != "" {
		d, err := c.View.Debrief(v.path("id"))
		if err != nil {
			return err
		}
		for _, b := range d.Causes {
			if b.ID != id {
				continue
			}
			for i, e := range b.Evidence {
				if slices.Contains(v.r.PostForm["keep"], strconv.Itoa(i)) {
					f.Evidence = append(f.Evidence, e)
				}
			}
		}
	}
	kept, err := c.keep(v)
	if err != nil {
		return err
	}
	more := debrief.Evidence{Text: v.form("text"), Link: strings.TrimSpace(v.form("link"))}
	if len(kept) > 0 {
		more.File = &kept[0]
	}
	f.Evidence = append(f.Evidence, more)
	id, err = c.Debriefs.SetCause(v.r.Context(), v.by(), v.path("id"), id, f)
	return v.toDebrief(err, "saved", "cause-"+id)
}

func (c *Console) withdrawCause(v *visit) error {
	return v.toDebrief(c.Debriefs.WithdrawCause(v.r.Context(), v.by(), v.path("id"), v.path("cause"), v.form("reason")), "done", "causes")
}

func readImprovement(v *visit) debrief.ImprovementForm {
	return debrief.ImprovementForm{What: v.form("what"), Owner: v.form("owner"), Who: v.form("who"), Due: v.form("due"), Chapter: v.form("chapter"), Risk: v.form("risk")}
}

func (c *Console) setImprovement(v *visit) error {
	id, err := c.Debriefs.SetImprovement(v.r.Context(), v.by(), v.path("id"), v.path("improvement"), readImprovement(v))
	return v.toDebrief(err, "saved", "improvement-"+id)
}

func (c *Console) withdrawImprovement(v *visit) error {
	return v.toDebrief(c.Debriefs.WithdrawImprovement(v.r.Context(), v.by(), v.path("id"), v.path("improvement"), v.form("reason")), "done", "improvements")
}

func (c *Console) presentDebrief(v *visit) error {
	return v.toDebrief(c.Debriefs.Present(v.r.Context(), v.by(), v.path("id")), "presented", "signatures")
}

// roundOf reads which round the reader has seen.
func (v *visit) roundOf() int {
	n, _ := strconv.Atoi(v.form("round")) // 0 is no round, and refused
	return n
}

func (c *Console) signDebrief(v *visit) error {
	return v.toDebrief(c.Debriefs.Sign(v.r.Context(), v.by(), v.path("id"), v.roundOf(), v.form("role")), "signed", "signatures")
}

func (c *Console) returnDebrief(v *visit) error {
	return v.toDebrief(c.Debriefs.Return(v.r.Context(), v.by(), v.path("id"), v.roundOf(), v.form("reason")), "returned", "signatures")
}

func (c *Console) closeIncident(v *visit) error {
	return v.act(c.Response.Close(v.r.Context(), v.by(), v.path("id")))
}
