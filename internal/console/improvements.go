package console

import (
	"encoding/csv"
	"slices"
	"strings"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/attachment"
	"holdfast/internal/improvement"
	"holdfast/internal/plan"
	"holdfast/internal/view"
)

// improvementRoutes are the screens of what debriefs decided to change, and of what
// incidents have in common.
var improvementRoutes = []route{
	{"GET /improvements", access.Read, (*Console).improvements, nil},
	{"GET /improvements.csv", access.Read, (*Console).improvementsCSV, nil},
	{"POST /improvements", access.RunIncident, (*Console).recordImprovement, (*Console).improvements},
	{"GET /improvements/{id}", access.Read, (*Console).improvement, nil},
	{"POST /improvements/{id}/done", access.Acknowledge, (*Console).endImprovement, (*Console).improvement},
	{"POST /improvements/{id}/extend", access.Acknowledge, (*Console).extendImprovement, (*Console).improvement},
	{"POST /improvements/{id}/assign", access.Acknowledge, (*Console).assignImprovement, (*Console).improvement},
	{"POST /improvements/{id}/drop", access.Acknowledge, (*Console).dropImprovement, (*Console).improvement},
	{"POST /improvements/{id}/drop/answer", access.Approve, (*Console).answerDrop, (*Console).improvement},
	{"POST /improvements/{id}/reopen", access.RunIncident, (*Console).reopenImprovement, (*Console).improvement},
	{"POST /improvements/{id}/trigger", access.OpenTrigger, (*Console).triggerImprovement, (*Console).improvement},
	{"POST /improvements/{id}/files", access.Acknowledge, (*Console).keepImprovementFile, (*Console).improvement},
	{"GET /improvements/{id}/files/{hash}", access.Read, (*Console).improvementFile, nil},
	{"GET /trends", access.Read, (*Console).trends, nil},
	{"GET /trends.csv", access.Read, (*Console).trendsCSV, nil},
}

// improvementStates are what the list can be of.
var improvementStates = []string{view.Unsettled, string(improvement.Overdue), string(improvement.Open), string(improvement.Done), string(improvement.Dropped), "all"}

// improvementsPage answers: what did we say would change, and has it?
type improvementsPage struct {
	view.Page[view.TrackedImprovement]
	Pages  pages
	Query  view.ImprovementQuery
	States []string
	// Export leads to the same list as a file.
	Export string
	// Owners may own one: roles of the plan, then people.
	Roles    []view.Named
	People   []view.Person
	Chapters []plan.Chapter
	Risks    []view.Named
}

func (v *visit) improvementQuery() view.ImprovementQuery {
	q := view.ImprovementQuery{State: v.query("state"), Incident: v.query("incident"), Owner: v.query("owner"), Text: v.query("q")}
	switch {
	case q.State == "all":
		q.State = ""
	case !slices.Contains(improvementStates, q.State):
		q.State = view.Unsettled
	}
	return q
}

func (c *Console) improvements(v *visit) error {
	own := improvementsPage{Query: v.improvementQuery(), States: improvementStates, People: c.View.People(), Chapters: plan.Chapters, Export: "/improvements.csv?" + v.r.URL.Query().Encode()}
	own.Page = c.View.AllImprovements(own.Query, v.offset(), view.PageSize)
	own.Pages = pagesOf(v, own.Page)
	if own.Query.State == "" {
		own.Query.State = "all"
	}
	own.Roles, own.Risks = c.rolesAndRisks()
	return c.show(v, "improvements", v.words.T("improvements.title"), false, own)
}

// rolesAndRisks lists those of the plan in force.
func (c *Console) rolesAndRisks() (roles, risks []view.Named) {
	p, err := c.View.Plan(0)
	if err != nil {
		return nil, nil
	}
	for _, r := range p.Content.Roles {
		roles = append(roles, view.Named{ID: r.ID, Name: r.Name})
	}
	for _, r := range p.Content.Risks {
		risks = append(risks, view.Named{ID: r.ID, Name: r.Title})
	}
	return roles, risks
}

// improvementsCSV exports what the list picks: days of the operator's calendar, times
// in UTC.
func (c *Console) improvementsCSV(v *visit) error {
	h := v.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="improvements.csv"`)
	out := csv.NewWriter(v.w)
	_ = out.Write([]string{"improvement", "state", "due", "owner", "owner_name", "incident", "text", "chapter", "risk", "trigger", "trigger_state", "plan_revision", "recorded_at", "ended_at", "ended_by", "evidence_or_reason", "extensions"})
	for offset := 0; ; {
		list := c.View.AllImprovements(v.improvementQuery(), offset, view.MaxPage)
		for _, im := range list.Items {
			_ = out.Write(improvementRow(im, v.words.Lang()))
		}
		if list.Next == 0 {
			break
		}
		offset = list.Next
	}
	out.Flush()
	return out.Error()
}

func improvementRow(im view.TrackedImprovement, lang holdfast.Lang) []string {
	end, extended, revision := improvement.End{}, 0, ""
	if im.End != nil {
		end = *im.End
	}
	for _, h := range im.History {
		if h.Was != "" {
			extended++
		}
	}
	if im.Revision > 0 {
		revision = itoa(im.Revision)
	}
	return []string{
		im.ID, string(im.State), string(im.Due), im.Role + im.Person, cell(im.OwnerName.In(lang)), im.Incident, cell(im.Text), im.Chapter, im.Risk, im.Trigger,
		string(im.TriggerState), revision, instant(im.At), instant(end.At), cell(end.By.Name), cell(end.Evidence + end.Reason), itoa(extended),
	}
}

// ownerSelect is a choice of an owner.
type ownerSelect struct {
	ID     string
	Roles  []view.Named
	People []view.Person
	Was    string
}

// owner reads the owner of a form: role:ID or person:ID.
func (v *visit) owner() (role, person string) {
	of, id, _ := strings.Cut(v.form("owner"), ":")
	if of == "role" {
		return id, ""
	}
	return "", id
}

func (c *Console) recordImprovement(v *visit) error {
	f := improvement.Form{Incident: strings.TrimSpace(v.form("incident")), Text: v.form("text"), Due: plan.Date(v.form("due")), Chapter: v.form("chapter"), Risk: v.form("risk"), Revise: v.form("revise") != ""}
	f.Role, f.Person = v.owner()
	id, err := c.Improvements.Record(v.r.Context(), v.by(), f)
	if err != nil {
		return err
	}
	return v.seeOther("/improvements/"+id, "saved")
}

// improvementPage answers: what has to change, who does it, until when, what came of
// it?
type improvementPage struct {
	Improvement view.TrackedImprovement
	// MayChange says that the reader owns it or runs incidents.
	MayChange bool
	// MayDecide says that the reader is a second person for its drop.
	MayDecide bool
	Roles     []view.Named
	People    []view.Person
	Files     []fileLine
}

func (c *Console) improvement(v *visit) error {
	im, err := c.View.OneImprovement(v.path("id"))
	if err != nil {
		return err
	}
	own := improvementPage{Improvement: im, MayChange: c.View.MayChange(v.by(), im), People: c.View.People()}
	own.MayDecide = im.Drop != nil && v.who().May(access.Approve) && !im.Drop.By.SameParty(v.by())
	own.Roles, _ = c.rolesAndRisks()
	for _, f := range im.Files {
		line := lineOf("/improvements/"+im.ID, f.File)
		line.By, line.At = f.By.Name, f.At
		own.Files = append(own.Files, line)
	}
	return c.show(v, "improvement", v.words.T("improvement.title", "id", im.ID), false, own)
}

// changedImprovement shows an improvement again after an act on it.
func (v *visit) changedImprovement(err error) error {
	if err != nil {
		return err
	}
	return v.seeOther("/improvements/"+v.path("id"), "saved")
}

// endImprovement takes a file with what is written, as evidence; the file first, so
// that what is refused leaves it open.
func (c *Console) endImprovement(v *visit) error {
	if _, head, err := v.r.FormFile("file"); err == nil && head.Size > 0 {
		name, content, err := v.file()
		if err != nil {
			return err
		}
		if _, err := c.Improvements.Keep(v.r.Context(), v.by(), v.path("id"), name, content); err != nil {
			return err
		}
	}
	return v.changedImprovement(c.Improvements.Done(v.r.Context(), v.by(), v.path("id"), v.form("evidence")))
}

func (c *Console) extendImprovement(v *visit) error {
	return v.changedImprovement(c.Improvements.Extend(v.r.Context(), v.by(), v.path("id"), plan.Date(v.form("due")), v.form("reason")))
}

func (c *Console) assignImprovement(v *visit) error {
	role, person := v.owner()
	return v.changedImprovement(c.Improvements.Assign(v.r.Context(), v.by(), v.path("id"), role, person, v.form("reason")))
}

func (c *Console) dropImprovement(v *visit) error {
	return v.changedImprovement(c.Improvements.AskDrop(v.r.Context(), v.by(), v.path("id"), v.form("reason")))
}

func (c *Console) answerDrop(v *visit) error {
	return v.changedImprovement(c.Improvements.AnswerDrop(v.r.Context(), v.by(), v.path("id"), v.form("granted") != "", v.form("reason")))
}

func (c *Console) reopenImprovement(v *visit) error {
	return v.changedImprovement(c.Improvements.Reopen(v.r.Context(), v.by(), v.path("id"), v.form("reason")))
}

func (c *Console) triggerImprovement(v *visit) error {
	_, err := c.Triggers.FromImprovement(v.r.Context(), v.by(), v.path("id"))
	return v.changedImprovement(err)
}

func (c *Console) keepImprovementFile(v *visit) error {
	name, content, err := v.file()
	if err == nil {
		_, err = c.Improvements.Keep(v.r.Context(), v.by(), v.path("id"), name, content)
	}
	return v.changedImprovement(err)
}

func (c *Console) improvementFile(v *visit) error {
	return c.giveOut(v, func(h holdfast.Hash) (attachment.File, error) { return c.Improvements.File(v.path("id"), h) })
}

// mostAwaited is how many improvements the first page names; the rest stand in the
// list.
const mostAwaited = 5

// awaitingImprovements lists the improvements that wait for the reader: his own, and
// those that somebody asks to drop.
func (c *Console) awaitingImprovements(v *visit) (list []awaited) {
	own, toDrop := c.View.OwnImprovements(v.by())
	if !v.who().May(access.Approve) {
		toDrop = nil
	}
	add := func(key string, some []view.TrackedImprovement) {
		for _, im := range some[:min(len(some), mostAwaited)] {
			name := v.words.T("improvement.awaited", "id", im.ID, "incident", im.Incident, "due", string(im.Due))
			if im.State == improvement.Overdue {
				name += " · " + v.words.T("improvement.state.overdue")
			}
			list = append(list, awaited{key, name, "/improvements/" + im.ID})
		}
	}
	add("improve", own)
	add("drop", toDrop)
	return list
}
