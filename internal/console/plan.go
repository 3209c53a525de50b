package console

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/docx"
	"holdfast/internal/draft"
	"holdfast/internal/plan"
	"holdfast/internal/plandoc"
	"holdfast/internal/view"
	"holdfast/internal/web"
)

type planPage struct {
	Plan view.Plan
	// Readings are the people who have to read it, Owes says that the reader has
	// still to acknowledge it.
	Readings []draft.Owed
	Owes     bool
	// Read and Unread count them.
	Read, Unread int
	// News is what the revision changes for the reader; May says that he may have the
	// others reminded.
	News *readingNews
	May  bool
	// Findings are what lint says of the revision in force; UpToDate says that no
	// trigger waits.
	Findings         []finding
	Errors, Warnings int
	UpToDate         bool
	// Lost are the files that are not kept here, with a form to hand them in again.
	Lost *upload
}

// revision reads the revision in the path; the one in force is 0.
func (v *visit) revision() (int, error) {
	text := v.path("n")
	if text == "" {
		return 0, nil
	}
	return number(text)
}

func number(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, holdfast.Errorf(holdfast.NotFound, "the plan has no revision %q", text)
	}
	return n, nil
}

func (c *Console) plan(v *visit) error {
	n, err := v.revision()
	if err != nil {
		return err
	}
	p, err := c.View.Plan(n)
	if n == 0 && holdfast.CodeOf(err) == holdfast.NotFound {
		return c.noPlan(v)
	}
	if err != nil {
		return err
	}
	title := p.Content.Title.In(v.words.Lang())
	own := planPage{Plan: p}
	if own.Readings, err = c.Drafts.Readings(p.ID, p.Revision); err != nil {
		return err
	}
	if own.UpToDate = c.View.PlanCurrent().Current || !p.Current; p.Current {
		if err := own.judge(c, v); err != nil {
			return err
		}
	}
	if lost := slices.DeleteFunc(fileLines("/plan/"+strconv.Itoa(p.Revision), p.Content, c.View.Lost(p.Content), func(plan.Attachment) bool { return true }), func(f fileLine) bool { return !f.Lost }); len(lost) > 0 {
		own.Lost = &upload{Files: lost}
		if v.who().May(access.DraftPlan) {
			own.Lost.Address = "/plan/" + strconv.Itoa(p.Revision) + "/files"
		}
	}
	if err := own.tell(c, v); err != nil {
		return err
	}
	page := c.page(v, title, own)
	page.PrintFoot = planFoot(v, p)
	return c.write(v, "plan", 200, page)
}

// judge adds what lint finds in the revision in force, with the roster and the
// gates as they are.
func (own *planPage) judge(c *Console, v *visit) error {
	p := own.Plan.Content
	found, err := c.View.Lint()
	if err != nil {
		return err
	}
	own.Errors, own.Warnings = found.Errors, found.Warnings
	for _, f := range found.Findings {
		own.Findings = append(own.Findings, finding{Severity: string(f.Severity), Rule: f.Rule, Message: inWords(v, p, f.Path, f.Error), Place: placeIn(v, p, chapterOf(p, f.Path, f.Error), f.Path)})
		own.Findings[len(own.Findings)-1].waiving(v, f)
	}
	bySeverity(own.Findings)
	return nil
}

func (c *Console) planText(v *visit) error {
	n, err := v.revision()
	if err != nil {
		return err
	}
	p, err := c.View.Plan(n)
	if err != nil {
		return err
	}
	return web.WriteFile(v.w, fmt.Sprintf("%s-r%d.yaml", p.ID, p.Revision), []byte(p.Text))
}

// planDocument sends a revision as a word-processing document in the reader's
// language.
func (c *Console) planDocument(v *visit) error {
	n, err := v.revision()
	if err != nil {
		return err
	}
	p, err := c.View.Plan(n)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := docx.Write(&b, plandoc.Export(p.Content, v.words, coverOf(v, p))); err != nil {
		return err
	}
	return web.WriteFile(v.w, fmt.Sprintf("%s-r%d-%s.docx", p.ID, p.Revision, v.words.Lang()), b.Bytes())
}

// coverOf is how a revision was agreed to, for its cover.
func coverOf(v *visit, p view.Plan) plandoc.Record {
	r := plandoc.Record{Revision: p.Revision, Document: p.Document, InForce: p.InForce, Zone: v.zone, Hash: p.Hash}
	for _, a := range p.Approvals {
		signed := plandoc.Signature{Step: a.Step.ID, At: a.At}
		if a.By != nil {
			signed.Name = a.By.Name
		}
		if a.Role != nil {
			signed.Role = a.Role.ID
		}
		r.Signed = append(r.Signed, signed)
	}
	return r
}

// emergencyPack sends the pack to print, made now of a revision, the roster and
// the gates in service.
func (c *Console) emergencyPack(v *visit) error {
	n, err := v.revision()
	if err != nil {
		return err
	}
	p, err := c.View.Plan(n)
	if err != nil {
		return err
	}
	pack := plandoc.Pack{Plan: p.Content, People: c.Roster.People(), Parties: c.Roster.Parties(), Revision: p.Revision, Hash: p.Hash, Made: c.Desk.Now(), Zone: v.zone}
	for _, g := range c.View.AllGates() {
		pack.Gates = append(pack.Gates, g.Name)
	}
	var b bytes.Buffer
	if err := docx.Write(&b, plandoc.EmergencyPack(pack, v.words)); err != nil {
		return err
	}
	return web.WriteFile(v.w, fmt.Sprintf("%s-r%d-pack-%s.docx", p.ID, p.Revision, v.words.Lang()), b.Bytes())
}

// planFoot stands at the foot of each printed page of a revision.
func planFoot(v *visit, p view.Plan) string {
	return fmt.Sprintf("%s · %s · %s", p.Content.Title.In(v.words.Lang()), v.words.T("plan.revision", "n", p.Revision), p.Hash)
}
