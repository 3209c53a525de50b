package improvement

import (
	"strings"
	"time"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/attachment"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

// Nouns are what decisions on improvements ask. Use them under the state's lock.
type Nouns struct {
	Book      *Book
	Incidents *incident.Book
	Plans     *plan.Book
	Roster    *roster.Book
	// Zone is the operator's, by which due days are counted.
	Zone *time.Location
	// Runs reports whether an account runs incidents.
	Runs func(by holdfast.Actor) bool
}

// State says how far an improvement is.
func (n Nouns) State(im *Improvement, now time.Time) State { return im.State(now, n.Zone) }

// Owns reports whether an account's person owns an improvement.
func (n Nouns) Owns(by holdfast.Actor, im *Improvement) bool {
	if by.Kind != holdfast.Account {
		return false
	}
	for _, p := range n.named(im) {
		if p.Account == by.ID {
			return true
		}
	}
	return false
}

// named lists the owner, or those who fill the role that owns.
func (n Nouns) named(im *Improvement) []roster.Person {
	if im.Role != "" {
		return n.Roster.Holders(im.Role)
	}
	if p, found := n.Roster.Person(im.Person); found {
		return []roster.Person{p}
	}
	return nil
}

// record decides on an improvement. The same told again is the same improvement.
func (n Nouns) record(f Form, now time.Time) (string, []journal.Draft, error) {
	f.Text = payment.Mask(strings.TrimSpace(f.Text))
	if err := n.check(f, now); err != nil {
		return "", nil, err
	}
	of := n.Book.Of(f.Incident)
	for _, im := range of {
		if im.Text == f.Text {
			return im.ID, nil, nil
		}
	}
	if len(of) >= maxOf {
		return "", nil, holdfast.Errorf(holdfast.TooMany, "incident %s has %d improvements, which is the limit: put some together", f.Incident, maxOf).At("incident")
	}
	if err := n.checkDue(f.Due, "", now); err != nil {
		return "", nil, err
	}
	id := n.Book.nextID()
	return id, []journal.Draft{journal.NewDraft(subject(id), 0, kindRecorded, f)}, nil
}

func (n Nouns) check(f Form, now time.Time) error {
	switch in := n.Incidents.Incident(f.Incident); {
	case in == nil:
		return holdfast.Errorf(holdfast.NotFound, "there is no incident %q", f.Incident).At("incident")
	case in.State == incident.Merged:
		return holdfast.Errorf(holdfast.Conflict, "incident %s is part of %s: record improvements there", in.ID, in.Into).At("incident")
	}
	if err := sized("text", f.Text); err != nil {
		return err
	}
	if err := n.checkOwner(f.Role, f.Person, now); err != nil {
		return err
	}
	if _, found := plan.ChapterOf(f.Chapter); f.Chapter != "" && !found {
		return holdfast.Errorf(holdfast.Invalid, "a plan has no chapter %q", f.Chapter).At("chapter")
	}
	if f.Revise && f.Chapter == "" {
		return holdfast.Errorf(holdfast.Invalid, "name the chapter of the plan that has to be updated").At("chapter")
	}
	if f.Risk != "" {
		if _, found := n.plan(now).Risk(f.Risk); !found {
			return holdfast.Errorf(holdfast.Invalid, "the plan in force has no risk %q", f.Risk).At("risk")
		}
	}
	return nil
}

// plan is the one in force, or an empty one.
func (n Nouns) plan(now time.Time) *plan.Plan {
	if r, found := n.Plans.Current("", now); found {
		return r.Plan()
	}
	return &plan.Plan{}
}

func (n Nouns) checkOwner(role, person string, now time.Time) error {
	if (role == "") == (person == "") {
		return holdfast.Errorf(holdfast.Invalid, "an improvement has one owner: a role of the plan, or a person of the roster").At("role")
	}
	if role != "" {
		if _, found := n.plan(now).Role(role); !found {
			return holdfast.Errorf(holdfast.Invalid, "the plan in force has no role %q", role).At("role")
		}
		return nil
	}
	if _, found := n.Roster.Person(person); !found {
		return holdfast.Errorf(holdfast.Invalid, "there is no person %q on the roster", person).At("person")
	}
	return nil
}

// checkDue refuses a day that is no day, is over, is not later than the one before,
// or too far away.
func (n Nouns) checkDue(due, was plan.Date, now time.Time) error {
	var day plan.Date
	if err := day.UnmarshalText([]byte(due)); err != nil {
		return holdfast.Errorf(holdfast.Invalid, "%q is not a day: write year, month and day as 2026-11-25", string(due)).At("due")
	}
	end := ends(due, n.Zone)
	switch {
	case !end.After(now) || end.After(now.Add(longest)):
		return holdfast.Errorf(holdfast.Invalid, "the due day is over or more than five years away: give one to come").At("due")
	case due <= was: // both are written as year, month, day
		return holdfast.Errorf(holdfast.Invalid, "it is due on %s already: extend it to a later day", string(was)).At("due")
	}
	return nil
}

func sized(field, text string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return holdfast.Errorf(holdfast.Invalid, "%s is empty: write it", field).At(field)
	case utf8.RuneCountInString(text) > maxText:
		return holdfast.Errorf(holdfast.TooLarge, "%s has more than %d characters; shorten it", field, maxText).At(field)
	}
	return nil
}

// open returns an improvement that has not ended, for one who may act on it.
func (n Nouns) open(by holdfast.Actor, id string) (*Improvement, error) {
	im, found := n.Book.Improvement(id)
	switch {
	case !found:
		return nil, holdfast.Errorf(holdfast.NotFound, "there is no improvement %q", id)
	case im.End != nil:
		return nil, holdfast.Errorf(holdfast.Conflict, "improvement %s is %s already", id, string(im.End.State))
	case !n.Owns(by, im) && !n.Runs(by):
		return nil, holdfast.Errorf(holdfast.Forbidden, "improvement %s is for its owner, or for somebody who runs incidents, to change", id)
	}
	return im, nil
}

// masked hides card numbers in evidence: a text, or a link alone.
func masked(evidence string) string {
	if strings.HasPrefix(evidence, "https://") && len(strings.Fields(evidence)) == 1 {
		return payment.MaskLink(evidence)
	}
	return payment.Mask(evidence)
}

func (im *Improvement) draft(kind string, body fact) []journal.Draft {
	body.Reason, body.Evidence = payment.Mask(strings.TrimSpace(body.Reason)), masked(strings.TrimSpace(body.Evidence))
	return []journal.Draft{journal.NewDraft(subject(im.ID), im.revision, kind, body)}
}

// extend decides on a later due day.
func (n Nouns) extend(by holdfast.Actor, id string, due plan.Date, reason string, now time.Time) ([]journal.Draft, error) {
	im, err := n.open(by, id)
	if err == nil {
		err = n.checkDue(due, im.Due, now)
	}
	if err == nil {
		err = sized("reason", reason)
	}
	if err != nil {
		return nil, err
	}
	return im.draft(kindExtended, fact{Due: due, Reason: reason}), nil
}

// assign decides on another owner.
func (n Nouns) assign(by holdfast.Actor, id, role, person, reason string, now time.Time) ([]journal.Draft, error) {
	im, err := n.open(by, id)
	if err == nil {
		err = n.checkOwner(role, person, now)
	}
	if err == nil {
		err = sized("reason", reason)
	}
	if err != nil || im.Role == role && im.Person == person {
		return nil, err
	}
	return im.draft(kindAssigned, fact{Role: role, Person: person, Reason: reason}), nil
}

// done decides that it is done. What shows it is written, or stands in a file.
func (n Nouns) done(by holdfast.Actor, id, evidence string) ([]journal.Draft, error) {
	im, err := n.open(by, id)
	if err == nil {
		err = sized("evidence", evidence)
	}
	if err != nil {
		return nil, err
	}
	return im.draft(kindDone, fact{Evidence: evidence}), nil
}

// keep decides on a file as evidence; once it is done, too.
func (n Nouns) keep(by holdfast.Actor, id string, file attachment.File) ([]journal.Draft, error) {
	im, found := n.Book.Improvement(id)
	switch {
	case !found:
		return nil, holdfast.Errorf(holdfast.NotFound, "there is no improvement %q", id)
	case !n.Owns(by, im) && !n.Runs(by):
		return nil, holdfast.Errorf(holdfast.Forbidden, "improvement %s is for its owner, or for somebody who runs incidents, to change", id)
	}
	for _, f := range im.Files {
		if f.File.Hash == file.Hash {
			return nil, nil
		}
	}
	if len(im.Files) >= maxFiles {
		return nil, holdfast.Errorf(holdfast.TooMany, "improvement %s has %d files, which is the limit", id, maxFiles)
	}
	return im.draft(kindFile, fact{File: &file}), nil
}

// askDrop decides on the wish to drop it.
func (n Nouns) askDrop(by holdfast.Actor, id, reason string) ([]journal.Draft, error) {
	im, err := n.open(by, id)
	switch {
	case err != nil:
		return nil, err
	case im.Drop != nil:
		return nil, holdfast.Errorf(holdfast.Conflict, "%s has asked to drop improvement %s already; a second person has to consent", im.Drop.By, id)
	}
	if err := sized("reason", reason); err != nil {
		return nil, err
	}
	return im.draft(kindDropAsked, fact{Reason: reason}), nil
}

// answerDrop decides on a second person's answer. The caller has checked that he
// may approve; who asked may take it back, but not consent.
func (n Nouns) answerDrop(by holdfast.Actor, id string, granted bool, reason string) ([]journal.Draft, error) {
	im, found := n.Book.Improvement(id)
	switch {
	case !found:
		return nil, holdfast.Errorf(holdfast.NotFound, "there is no improvement %q", id)
	case im.Drop == nil:
		return nil, holdfast.Errorf(holdfast.Conflict, "nobody has asked to drop improvement %s", id)
	case granted && by.SameParty(im.Drop.By):
		return nil, holdfast.Errorf(holdfast.Forbidden, "you asked to drop this improvement; a second person has to consent")
	case granted:
		return im.draft(kindDropped, fact{}), nil
	}
	if err := sized("reason", reason); err != nil {
		return nil, err
	}
	return im.draft(kindDropRefused, fact{Reason: reason}), nil
}

// reopen decides that what was over is not.
func (n Nouns) reopen(id, reason string) ([]journal.Draft, error) {
	im, found := n.Book.Improvement(id)
	switch {
	case !found:
		return nil, holdfast.Errorf(holdfast.NotFound, "there is no improvement %q", id)
	case im.End == nil:
		return nil, holdfast.Errorf(holdfast.Conflict, "improvement %s is not over", id)
	}
	if err := sized("reason", reason); err != nil {
		return nil, err
	}
	return im.draft(kindReopened, fact{Reason: reason}), nil
}
