package console

import (
	"cmp"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	udiff "github.com/aymanbagabas/go-udiff"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/approval"
	"holdfast/internal/attachment"
	"holdfast/internal/draft"
	"holdfast/internal/lint"
	"holdfast/internal/plan"
	"holdfast/internal/view"
	"holdfast/internal/web"
)

// The screens of a draft: what it says, what is wrong with it, who has agreed.

type draftsPage struct {
	Drafts []*draft.Draft
	// Open is the draft that is being worked on, if there is one.
	Open *draft.Draft
	// Published says that there is a revision to begin from.
	Published bool
	// Langs are those that a document may be written in.
	Langs []holdfast.Lang
}

func (c *Console) drafts(v *visit) error {
	own := draftsPage{Drafts: c.Drafts.Drafts(), Published: c.View.PlanRevisions("", 0, 1).Total > 0, Langs: holdfast.Langs[:]}
	for _, d := range own.Drafts {
		if d.State.Open() {
			own.Open = d
		}
	}
	return c.show(v, "drafts", v.words.T("drafts.title"), false, own)
}

// beginDraft opens a draft of the revision in force, of the built-in plan, of an
// empty text, or of a file of a plan. A Word document is shown first as it was
// read; the form there sends the text that it gave.
func (c *Console) beginDraft(v *visit) error {
	var text []byte
	switch v.form("from") {
	case "builtin":
		text = plan.Builtin()
	case "empty":
		text = emptyPlan(v)
	case "text":
		text = []byte(strings.ReplaceAll(v.form("text"), "\r\n", "\n"))
	case "file":
		name, content, err := planFile(v)
		if err != nil {
			return err
		}
		switch kindOf(name, content) {
		case wordFile:
			return c.showWord(v, name, content)
		case otherFile:
			return holdfast.Errorf(holdfast.Invalid, "%s is neither a Word document (.docx) nor a plan in YAML (.yaml), so no draft was begun: choose one of these two. Save an older document as .docx; a picture or a PDF is attached to the draft later, in its chapter of attachments",
				attachment.SafeName(name)).At("file")
		}
		text = content
	}
	id, err := c.Drafts.Begin(v.r.Context(), v.by(), v.form("note"), text)
	if faults := (plan.Faults)(nil); errors.As(err, &faults) && len(faults) > 0 {
		first := faults[0]
		return holdfast.Errorf(holdfast.Invalid, "the plan has %d faults, so no draft was begun; the first is in line %d, column %d: %s", len(faults), first.Line, first.Column, v.words.Error(first.Error)).At("file")
	}
	if err != nil {
		return err
	}
	return v.seeOther("/drafts/"+id, "")
}

// emptyPlan is a text with nothing but what every plan must have.
func emptyPlan(v *visit) []byte {
	p := &plan.Plan{Format: plan.Format, ID: view.NewPlan, Language: v.words.Lang()}
	for l := holdfast.Level1; l <= holdfast.Level3; l++ {
		p.Levels = append(p.Levels, plan.Level{Level: l})
	}
	return plan.Encode(p)
}

// draftPage is one draft.
type draftPage struct {
	Draft    *draft.Draft
	Chapters []chapterLine
	Findings []finding
	// Errors and Warnings count the findings.
	Errors, Warnings int
	Hash             holdfast.Hash
	Steps            []ladderStep
	Complete         bool
	// Deciders are those who hold the roles of the ladder, as long as they are needed.
	Deciders []decider
	// Turn is why the reader cannot approve now, or empty if he can.
	Turn string
	// As are the roles as one of which he can.
	As []view.Named
	// Until is when a complete approval runs out, Expired that it did before the
	// draft was published.
	Until    time.Time
	Expired  bool
	Comments []thread
	// Reviewers are those invited; Unfinished counts those who have not finished.
	Reviewers  []view.Reviewer
	Unfinished int
	// Accounts are those who can be invited, by name.
	Accounts []access.Account
	// Link is that of an outside reviewer, shown once.
	Link *view.OutsideLink
	// Langs are the languages that an outside reviewer may read.
	Langs []holdfast.Lang
	// Reviews and Finished say of the reader that he is to review, and has.
	Reviews, Finished bool
	// MayWrite, MayComment and MayApprove say what the reader may do; MayInvite that
	// he may end the links of outside reviewers, which he may in every state.
	MayWrite, MayComment, MayApprove, MayInvite bool
	// ToWorkIn are the changes told since that its text has to take up.
	ToWorkIn []view.WorkIn
	// MayScan says to which decisions, by their numbers, he may attach a scan.
	MayScan map[int]bool
}

type ladderStep struct {
	Step  approval.Step
	State string // done, open, waiting
	// Missing are the roles that the open step waits for.
	Missing   []view.Named
	Decisions []approval.Decision
}

// theDraft reads the draft in the path, and its text as far as it can be read.
func (c *Console) theDraft(v *visit) (*draft.Draft, *plan.Plan, plan.Faults, error) {
	d, err := c.Drafts.Draft(v.path("id"))
	if err != nil {
		return nil, nil, nil, err
	}
	p, faults := plan.Decode("", d.Text())
	return d, p, faults, nil
}

// mayWrite reports whether the reader may change a draft's text.
func mayWrite(v *visit, d *draft.Draft) bool {
	return v.who().May(access.DraftPlan) && d.State.Open()
}

func (c *Console) draft(v *visit) error { return c.draftWith(v, nil) }

func (c *Console) draftWith(v *visit, link *view.OutsideLink) error {
	d, p, faults, err := c.theDraft(v)
	if err != nil {
		return err
	}
	c.looked(v, d)
	own := draftPage{
		Draft: d, Hash: plan.Hash(d.Text()), Reviewers: c.View.Reviewers(d), Link: link, Langs: holdfast.Langs[:], MayWrite: mayWrite(v, d),
		MayApprove: v.who().May(access.ApprovePlan), MayInvite: v.who().May(access.DraftPlan),
	}
	own.MayComment = d.State.Open() && (own.MayWrite || d.Reviews(v.by()))
	own.Reviews, own.Finished = d.Reviews(v.by()) && d.State.Reviewable(), d.HasFinished(v.by())
	own.Comments = v.kept(threads(d, p, d.Comments, "/drafts/"+d.ID, "/drafts/"+d.ID+"/read", "", own.MayWrite, own.MayComment))
	if own.MayWrite {
		own.Accounts = c.invitable(d)
	}
	for _, r := range own.Reviewers {
		if r.Finished.IsZero() {
			own.Unfinished++
		}
	}
	own.ToWorkIn = c.View.ToWorkIn(d)
	own.Findings = c.findings(v, d, p, faults)
	for _, f := range own.Findings {
		switch f.Severity {
		case string(lint.Error):
			own.Errors++
		case string(lint.Warning):
			own.Warnings++
		}
	}
	own.Chapters = chapterLines(d, p, own.Findings)
	if d.Submitted != nil {
		c.ladder(v, d, p, &own)
	}
	if d.State.Open() && !own.Complete {
		own.Deciders = c.deciders(d, p)
	}
	title := cmp.Or(p.Title.In(v.words.Lang()), v.words.T("drafts.draft", "id", d.ID))
	return c.show(v, "draft", title, d.State.Open() && !own.MayWrite, own)
}

// invitable lists the people with an account who are not reviewers yet.
func (c *Console) invitable(d *draft.Draft) []access.Account {
	return slices.DeleteFunc(c.Access.Accounts(), func(a access.Account) bool {
		return a.Disabled || slices.Contains(a.Roles, access.Sender) || d.Reviews(holdfast.Actor{Kind: holdfast.Account, ID: a.Name})
	})
}

func (c *Console) ladder(v *visit, d *draft.Draft, p *plan.Plan, own *draftPage) {
	place, complete, turn := c.Drafts.Place(d, v.by())
	own.Complete, own.MayScan = complete, mayScan(v, d)
	if complete {
		own.Until = d.ApprovedAt().Add(d.Submitted.ValidFor)
		own.Expired = d.State == draft.InApproval && c.Desk.Now().After(own.Until)
	}
	if turn != nil {
		own.Turn = v.words.Error(turn)
	} else {
		own.As = namedRoles(p, c.Drafts.MayDecideAs(d, v.by()))
	}
	for i, s := range d.Submitted.Ladder {
		step := ladderStep{Step: s, State: "waiting"}
		switch {
		case i < place.Step:
			step.State = "done"
		case i == place.Step:
			step.State = "open"
			step.Missing = namedRoles(p, place.Missing)
		}
		for _, g := range d.Decisions {
			if g.Step == s.ID {
				step.Decisions = append(step.Decisions, g)
			}
		}
		own.Steps = append(own.Steps, step)
	}
}

func namedRoles(p *plan.Plan, roles []string) (list []view.Named) {
	for _, role := range roles {
		named := view.Named{ID: role}
		if r, ok := p.Role(role); ok {
			named.Name = r.Name
		}
		list = append(list, named)
	}
	return list
}

// findings are the faults of the draft's text and what lint finds in it, each
// with a link to where it is mended.
func (c *Console) findings(v *visit, d *draft.Draft, p *plan.Plan, faults plan.Faults) (list []finding) {
	add := func(severity, rule, path string, err *holdfast.Error) {
		f := finding{Severity: severity, Rule: rule, Message: inWords(v, p, path, err), Chapter: chapterOf(p, path, err), Path: path}
		if f.Chapter != "" {
			f.Link = "/drafts/" + d.ID + "/chapters/" + f.Chapter + mendAt(p, path)
			f.Place = placeIn(v, p, f.Chapter, path)
		}
		list = append(list, f)
	}
	for _, f := range faults {
		add(string(lint.Error), f.Rule, f.Path, f.Error)
	}
	if len(faults) > 0 {
		return list // what lint says of half a plan is noise
	}
	_, places, _ := plan.Read("", d.Text())
	for _, f := range c.View.LintDraft(d, p, places) {
		add(string(f.Severity), f.Rule, f.Path, f.Error)
		list[len(list)-1].waiving(v, f)
	}
	bySeverity(list)
	return list
}

// bySeverity puts the gravest first, and what is waived last.
func bySeverity(list []finding) {
	rank := func(f finding) int {
		if f.Waived != nil {
			return len(lint.Severities)
		}
		return slices.Index(lint.Severities[:], lint.Severity(f.Severity))
	}
	slices.SortStableFunc(list, func(a, b finding) int { return cmp.Compare(rank(a), rank(b)) })
}

// draftText sends the whole text as a file.
func (c *Console) draftText(v *visit) error {
	d, _, _, err := c.theDraft(v)
	if err != nil {
		return err
	}
	return web.WriteFile(v.w, d.Plan+"-"+d.ID+".yaml", d.Text())
}

type draftReadPage struct {
	Draft *draft.Draft
	Body  planBody
	// Faults say that the plan cannot be shown whole.
	Faults     int
	MayComment bool
	// Reviews and Finished say of the reader that he is to review, and has.
	Reviews, Finished bool
	// Chapters are those to comment on as a whole.
	Chapters []string
}

// draftRead is the draft as a document, with the comments at their places.
func (c *Console) draftRead(v *visit) error {
	d, p, faults, err := c.theDraft(v)
	if err != nil {
		return err
	}
	c.looked(v, d)
	mayWrite := v.who().May(access.DraftPlan) && d.State.Open()
	own := draftReadPage{
		Draft: d, Body: newPlanBody(v.words, p, "/drafts/"+d.ID), Faults: len(faults), MayComment: d.State.Open() && (mayWrite || d.Reviews(v.by())),
		Reviews: d.Reviews(v.by()) && d.State.Reviewable(), Finished: d.HasFinished(v.by()),
	}
	base := "/drafts/" + d.ID
	list := threads(d, p, d.Comments, base, base+"/read", "read", mayWrite, own.MayComment)
	own.Body.Remarks = newRemarks(p, v.words.Lang(), list, base+"/read", base+"/comments")
	own.Body.Remarks.May = own.MayComment
	own.Body.Remarks.choose(cmp.Or(v.form("path"), v.query("at")), v.form("text"))
	for _, chapter := range plan.Chapters {
		own.Chapters = append(own.Chapters, chapter.Key)
	}
	return c.showPrinted(v, "draftread", cmp.Or(p.Title.In(v.words.Lang()), v.words.T("drafts.draft", "id", d.ID)), v.words.T("drafts.draft", "id", d.ID)+" · "+plan.Hash(d.Text()).String(), own)
}

type diffPage struct {
	Draft *draft.Draft
	// Against is the revision that it is compared with.
	Against int
	Changes []plan.Change
	Lines   []diffLine
}

type diffLine struct{ Kind, Text string }

// draftDiff shows what the draft changes in the revision that it began with.
func (c *Console) draftDiff(v *visit) error {
	d, p, _, err := c.theDraft(v)
	if err != nil {
		return err
	}
	own := diffPage{Draft: d, Against: d.From}
	if d.From > 0 {
		before, err := c.View.Plan(d.From)
		if err != nil {
			return err
		}
		own.Changes = plan.Compare(before.Content, p)
		own.Lines = diffLines(view.Canonical(before.Text), string(d.Text()))
	}
	return c.show(v, "draftdiff", v.words.T("drafts.changes"), false, own)
}

func diffLines(before, after string) (lines []diffLine) {
	if before == after {
		return nil
	}
	return unifiedLines(udiff.Unified("before", "after", before, after))
}

// unifiedLines marks the lines of a unified difference.
func unifiedLines(unified string) (lines []diffLine) {
	if unified == "" {
		return nil
	}
	for _, line := range strings.Split(strings.TrimRight(unified, "\n"), "\n") {
		switch {
		case strings.HasPrefix(line, "---"), strings.HasPrefix(line, "+++"):
		case strings.HasPrefix(line, "@@"):
			lines = append(lines, diffLine{"place", line})
		case strings.HasPrefix(line, "+"):
			lines = append(lines, diffLine{"added", line})
		case strings.HasPrefix(line, "-"):
			lines = append(lines, diffLine{"removed", line})
		default:
			lines = append(lines, diffLine{"same", line})
		}
	}
	return lines
}

// The acts on a draft.

// draftDone goes back to where the act was done: the draft's page, its reading
// view, or a chapter.
func (c *Console) draftDone(v *visit, done string, err error) error {
	if err != nil {
		return err
	}
	page := "/drafts/" + v.path("id")
	fragment := ""
	if n := v.path("n"); n != "" {
		fragment = "comment-" + n
	}
	back := v.form("back")
	if back == "read" {
		return v.toFragment(page+"/read", done, fragment)
	}
	if _, known := plan.ChapterOf(back); known {
		return v.toFragment(page+"/chapters/"+back, done, fragment)
	}
	return v.toFragment(page, done, fragment)
}

func (c *Console) inviteReviewer(v *visit) error {
	account := strings.TrimSpace(v.form("account"))
	if _, err := c.Access.Account(account); err != nil {
		return err
	}
	return c.draftDone(v, "invited", c.Drafts.Invite(v.r.Context(), v.by(), v.path("id"), account))
}

func (c *Console) dismissReviewer(v *visit) error {
	return c.draftDone(v, "", c.Drafts.Dismiss(v.r.Context(), v.by(), v.path("id"), v.form("account")))
}

func (c *Console) reviewDraft(v *visit) error {
	return c.draftDone(v, "inreview", c.Drafts.Review(v.r.Context(), v.by(), v.path("id")))
}

func (c *Console) commentDraft(v *visit) error {
	if err := c.Drafts.Comment(v.r.Context(), v.by(), v.who().May(access.DraftPlan), v.path("id"), v.remark()); err != nil {
		return err
	}
	return v.toFragment("/drafts/"+v.path("id")+"/read", "commented", v.remarked())
}

// commentNumber reads which comment an act is about.
func (v *visit) commentNumber() int {
	n, _ := strconv.Atoi(v.path("n")) // 0 is no comment, which the act says
	return n
}

func (c *Console) replyComment(v *visit) error {
	return c.draftDone(v, "commented", c.Drafts.Reply(v.r.Context(), v.by(), v.who().May(access.DraftPlan), v.path("id"), v.commentNumber(), v.form("text")))
}

func (c *Console) resolveComment(v *visit) error {
	return c.draftDone(v, "resolved", c.Drafts.Resolve(v.r.Context(), v.by(), v.path("id"), v.commentNumber(), v.form("reason")))
}

func (c *Console) reopenComment(v *visit) error {
	return c.draftDone(v, "", c.Drafts.Reopen(v.r.Context(), v.by(), v.who().May(access.DraftPlan), v.path("id"), v.commentNumber()))
}

func (c *Console) submitDraft(v *visit) error {
	return c.draftDone(v, "submitted", c.Drafts.Submit(v.r.Context(), v.by(), v.path("id"), v.form("document")))
}

func (c *Console) approveDraft(v *visit) error {
	var hash holdfast.Hash
	b, err := hex.DecodeString(v.form("hash"))
	if err != nil || len(b) != len(hash) {
		return holdfast.Errorf(holdfast.Invalid, "the form does not say which text it approves: load the page again")
	}
	copy(hash[:], b)
	return c.draftDone(v, "approved", c.Drafts.ApproveAs(v.r.Context(), v.by(), v.path("id"), hash, v.form("role")))
}

// returnDraft gives the draft back: who approves refuses it, an author takes it
// back.
func (c *Console) returnDraft(v *visit) error {
	if !v.who().May(access.ApprovePlan) {
		if err := v.who().Require(access.DraftPlan); err != nil {
			return err
		}
	}
	return c.draftDone(v, "returned", c.Drafts.Return(v.r.Context(), v.by(), v.path("id"), v.form("reason")))
}

func (c *Console) withdrawDraft(v *visit) error {
	return c.draftDone(v, "withdrawn", c.Drafts.Withdraw(v.r.Context(), v.by(), v.path("id"), v.form("reason")))
}

func (c *Console) publishDraft(v *visit) error {
	var from time.Time
	if day := v.form("from"); day != "" {
		var err error
		if from, err = time.ParseInLocation(time.DateOnly, day, v.zone); err != nil {
			return holdfast.Errorf(holdfast.Invalid, "%q is not a day: write year, month and day as 2026-11-25", day).At("from")
		}
	}
	if _, err := c.Drafts.Publish(v.r.Context(), v.by(), v.path("id"), from); err != nil {
		return err
	}
	return v.seeOther("/plan", "published")
}
