package draft

import (
	"bytes"
	"slices"
	"time"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/approval"
	"holdfast/internal/journal"
	"holdfast/internal/notify"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

// Nouns are the books that approval and publication read. What is a function is
// called under the state's lock.
type Nouns struct {
	Drafts *Book
	Plans  *plan.Book
	Roster *roster.Book
	// Notices say who was told of a revision; nil knows of none.
	Notices *notify.Book
	// MayApprove reports whether somebody has the right to approve now: a decision
	// counts only as long as he does. nil leaves it to the caller.
	MayApprove func(by holdfast.Actor) bool
	// Judge says why the text of a draft may not be approved as it is; nil finds
	// nothing.
	Judge func(d *Draft, p *plan.Plan, now time.Time) error
}

// whole decodes the text of a draft; a text with faults is refused.
func (n Nouns) whole(d *Draft, now time.Time) (*plan.Plan, []byte, error) {
	src := d.Text()
	p, faults := plan.Decode("", src)
	if len(faults) > 0 {
		return nil, nil, holdfast.Errorf(holdfast.Invalid, "the draft has %d faults; mend them first", len(faults)).Because(faults)
	}
	if p.ID != d.Plan {
		return nil, nil, holdfast.Errorf(holdfast.Invalid, "the draft is of plan %s and its text says %s: set the plan's id right", d.Plan, p.ID)
	}
	if n.Judge != nil {
		if err := n.Judge(d, p, now); err != nil {
			return nil, nil, err
		}
	}
	return p, src, nil
}

// steps are the ladder that a draft needs: that of the revision that governs, so
// that no draft loosens the rules for itself; its own where there is none before; one
// decision of another person where no plan says more.
func (n Nouns) steps(d *Draft, p *plan.Plan, now time.Time) ([]approval.Step, time.Duration) {
	governance := p.Governance
	if r, found := n.Plans.Governing(d.Plan, now); found {
		governance = r.Plan().Governance
	}
	var steps []approval.Step
	for _, s := range governance.Approval {
		steps = append(steps, approval.Step{ID: s.ID, Title: s.Title, Mode: s.Mode, Roles: s.Roles})
	}
	if len(steps) == 0 {
		steps = []approval.Step{{ID: "approval", Mode: approval.One}}
	}
	validFor := governance.ValidFor.D()
	if validFor == 0 {
		validFor = DefaultValidFor
	}
	return steps, validFor
}

// Ladder returns the ladder of a submitted draft over its text as it is now.
func (n Nouns) Ladder(d *Draft) approval.Ladder {
	l := approval.Ladder{Hash: plan.Hash(d.Text()), Author: d.Author, Holds: n.holds}
	if d.Submitted != nil {
		l.Steps = d.Submitted.Ladder
	}
	return l
}

func (n Nouns) holds(by holdfast.Actor, role string) bool {
	switch {
	case by.Kind != holdfast.Account || n.MayApprove != nil && !n.MayApprove(by):
		return false
	case role == "":
		return true
	}
	return slices.ContainsFunc(n.Roster.Holders(role), func(p roster.Person) bool { return p.Account == by.ID })
}

// begin opens a draft of a text, or of the latest revision.
func (n Nouns) begin(note string, text []byte) (id string, drafts []journal.Draft, err error) {
	if len(text) > 0 {
		p, _ := plan.Decode("", text)
		if !holdfast.ValidName(p.ID) {
			return "", nil, holdfast.Errorf(holdfast.Invalid, "the text names no plan: give it an id").At("text")
		}
		since := 0
		if latest, found := n.Plans.Latest(p.ID); found {
			since = latest.Number
		}
		return begin(n.Drafts, p.ID, 0, since, note, text)
	}
	plans := n.Plans.Plans()
	if len(plans) == 0 {
		return "", nil, holdfast.Errorf(holdfast.NotFound, "no plan is published yet: begin with a text")
	}
	r, _ := n.Plans.Latest(plans[0])
	return begin(n.Drafts, r.ID, r.Number, r.Number, note, []byte(r.Text))
}

// submit sends the draft to approval, under the hash of its text.
func (n Nouns) submit(id, document string, now time.Time) ([]journal.Draft, error) {
	d, err := n.Drafts.writable(id)
	if err != nil {
		return nil, err
	}
	if err := d.answered(); err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(document) > maxDocument {
		return nil, holdfast.Errorf(holdfast.TooLarge, "the document number has more than %d characters; shorten it", maxDocument).At("document")
	}
	p, src, err := n.whole(d, now)
	if err != nil {
		return nil, err
	}
	if err := n.fresh(d); err != nil {
		return nil, err
	}
	if latest, found := n.Plans.Latest(d.Plan); found && bytes.Equal(src, formatted(latest)) {
		return nil, holdfast.Errorf(holdfast.Conflict, "the draft says what revision %d says: there is nothing to approve", latest.Number)
	}
	steps, validFor := n.steps(d, p, now)
	return d.fact(kindSubmitted, submitted{plan.Hash(src), document, steps, int64(validFor / time.Second)}), nil
}

// submittedOpen returns a draft that is in approval or approved.
func (n Nouns) submittedOpen(id string) (*Draft, error) {
	d, err := n.Drafts.open(id)
	if err == nil && d.State != InApproval {
		err = holdfast.Errorf(holdfast.Conflict, "draft %s is not in approval", id)
	}
	return d, err
}

// turn returns the step and role in which somebody may decide on a draft now; as is
// the role that he asks for.
func (n Nouns) turn(d *Draft, by holdfast.Actor, as string) (step, role string, err error) {
	if d.State != InApproval {
		return "", "", holdfast.Errorf(holdfast.Conflict, "draft %s is not in approval", d.ID)
	}
	if step, role, err = n.Ladder(d).TurnAs(d.Decisions, by, as); err == nil {
		err = d.answered()
	}
	return step, role, err
}

// approve gives one person's consent to the text with a hash: the text that he
// was shown.
func (n Nouns) approve(id string, hash holdfast.Hash, as string, by holdfast.Actor) ([]journal.Draft, error) {
	d, err := n.submittedOpen(id)
	if err != nil {
		return nil, err
	}
	ladder := n.Ladder(d)
	if hash != ladder.Hash || d.Submitted.Hash != ladder.Hash {
		return nil, holdfast.Errorf(holdfast.Conflict, "the text is not the one that you were shown: read it again, then decide")
	}
	step, role, err := n.turn(d, by, as)
	if err != nil {
		return nil, err
	}
	return d.fact(kindApproved, approved{step, role, hash}), nil
}

// giveBack returns a draft to its authors: who may approve refuses it, an author
// takes it back, or who approved revokes.
func (n Nouns) giveBack(id, why string) ([]journal.Draft, error) {
	d, err := n.Drafts.open(id)
	switch {
	case err != nil:
		return nil, err
	case d.State == Drafting:
		return nil, nil
	}
	if err := sized("reason", why, maxText); err != nil {
		return nil, err
	}
	return d.fact(kindReturned, reason{why}), nil
}

func (n Nouns) withdraw(id, why string) ([]journal.Draft, error) {
	d, err := n.Drafts.open(id)
	if err != nil {
		return nil, err
	}
	if err := sized("reason", why, maxText); err != nil {
		return nil, err
	}
	return d.fact(kindWithdrawn, reason{why}), nil
}

// publish makes an approved draft the next revision, in force from a moment; the
// zero time is now.
func (n Nouns) publish(id string, from, now time.Time) (number int, drafts []journal.Draft, err error) {
	d, err := n.submittedOpen(id)
	if err != nil {
		return 0, nil, err
	}
	ladder := n.Ladder(d)
	switch {
	case d.Submitted.Hash != ladder.Hash:
		return 0, nil, holdfast.Errorf(holdfast.Conflict, "the text was changed after it was submitted: submit it again")
	case !ladder.Complete(d.Decisions):
		return 0, nil, holdfast.Errorf(holdfast.Conflict, "the approval is not complete: it waits for the step %s", ladder.Steps[ladder.Place(d.Decisions).Step].ID)
	case now.After(d.ApprovedAt().Add(d.Submitted.ValidFor)):
		return 0, nil, holdfast.Errorf(holdfast.Conflict, "the approval has run out on %s: submit the draft again", d.ApprovedAt().Add(d.Submitted.ValidFor).UTC().Format(time.DateOnly))
	}
	if err := n.unchanged(d, now); err != nil {
		return 0, nil, err
	}
	approved := plan.Approved{Draft: id, Document: d.Submitted.Document, From: from}
	for _, g := range d.Decisions {
		if ladder.Counts(g) {
			approved.Approvals = append(approved.Approvals, plan.Approval{Step: g.Step, Role: g.Role, By: g.By, At: g.At})
		}
	}
	number, drafts, err = plan.PublishApproved(n.Plans, d.Plan, d.Text(), d.Note, approved, now)
	if err != nil {
		return 0, nil, err
	}
	return number, append(drafts, d.fact(kindPublished, publication{number})...), nil
}

// unchanged reports what has happened since the draft was submitted that an
// approval cannot have taken into account.
func (n Nouns) unchanged(d *Draft, now time.Time) error {
	if err := d.answered(); err != nil {
		return err
	}
	if err := n.fresh(d); err != nil {
		return err
	}
	p, _, err := n.whole(d, now)
	if err != nil {
		return err
	}
	same := func(a, b approval.Step) bool {
		return a.ID == b.ID && a.Mode == b.Mode && slices.Equal(a.Roles, b.Roles)
	}
	if steps, _ := n.steps(d, p, now); !slices.EqualFunc(steps, d.Submitted.Ladder, same) {
		return holdfast.Errorf(holdfast.Conflict, "the revision in force says otherwise now who approves: submit the draft again")
	}
	return nil
}

// answered refuses a draft with comments that nobody has answered.
func (d *Draft) answered() error {
	if open := d.OpenComments(); open > 0 {
		return holdfast.Errorf(holdfast.Conflict, "%d comments are open: answer each by a change or a reason first", open)
	}
	return nil
}

// fresh refuses a draft that would undo a revision published since it began.
func (n Nouns) fresh(d *Draft) error {
	if latest, found := n.Plans.Latest(d.Plan); found && latest.Number != d.Since {
		return holdfast.Errorf(holdfast.Conflict, "revision %d was published after draft %s began, and would be undone: withdraw the draft and begin a new one", latest.Number, d.ID)
	}
	return nil
}

// formatted is the text of a revision as a draft of it would have it.
func formatted(r *plan.Revision) []byte {
	chapters, faults := plan.Split([]byte(r.Text))
	if len(faults) > 0 {
		return []byte(r.Text)
	}
	return plan.Join(chapters)
}
