package improvement

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// Decided is what a debrief decided, as people wrote it there.
type Decided struct {
	Incident string
	// ID is that within the debrief: it is recorded once.
	ID   string
	Text string
	// Owner is a person of the roster; Who is a name where it is none of them.
	Owner, Who    string
	Due           string
	Chapter, Risk string
}

// Recent is how long after a debrief was over what it decided is recorded by itself:
// one of long ago, from before there were improvements, pages nobody.
const Recent = 30 * 24 * time.Hour

// recordDecided records the first of a list that is not yet. Its day may be over: it
// is overdue from the beginning.
func (n Nouns) recordDecided(list []Decided, now time.Time) []journal.Draft {
	for _, d := range list {
		f := n.form(d, now)
		known := func(im *Improvement) bool { return im.Decision == d.ID || im.Text == f.Text }
		if n.check(f, now) != nil || slices.ContainsFunc(n.Book.Of(d.Incident), known) {
			continue // nobody to own it while no plan is in force
		}
		return []journal.Draft{journal.NewDraft(subject(n.Book.nextID()), 0, kindRecorded, f)}
	}
	return nil
}

// form makes an improvement of what a debrief decided. Who owns it may be written as
// people do: the id or the name of a role or a person. Of a name that is nobody's the
// role of the debrief is the owner, and the text keeps the name. One that changes a
// chapter of the plan opens a trigger.
func (n Nouns) form(d Decided, now time.Time) Form {
	f := Form{
		Incident: d.Incident, Decision: d.ID, Text: payment.Mask(strings.TrimSpace(d.Text)), Due: plan.Date(d.Due), Chapter: d.Chapter, Risk: d.Risk,
	}
	if _, known := plan.ChapterOf(f.Chapter); !known {
		f.Chapter = ""
	}
	f.Revise = f.Chapter != ""
	p := n.plan(now)
	if _, known := p.Risk(f.Risk); !known {
		f.Risk = ""
	}
	if f.Role, f.Person = n.called(p, d.Owner); f.Role == "" && f.Person == "" {
		f.Role, f.Person = n.called(p, d.Who)
	}
	if f.Role == "" && f.Person == "" {
		f.Text += " (" + payment.Mask(d.Who+d.Owner) + ")"
		f.Role = n.debriefing(p, d.Incident, now)
	}
	return f
}

// called returns the role or the person that a name is of.
func (n Nouns) called(p *plan.Plan, name string) (role, person string) {
	if name == "" {
		return "", ""
	}
	is := func(id string, names holdfast.Text, more ...string) bool {
		return slices.Contains(append(more, id, names.ZhHant, names.ZhHans, names.En), name)
	}
	for _, who := range n.Roster.People() {
		if is(who.ID, who.Names, who.Name) {
			return "", who.ID
		}
	}
	for _, r := range p.Roles {
		if is(r.ID, r.Name) {
			return r.ID, ""
		}
	}
	return "", ""
}

// debriefing is the role that the plan gives an incident's debrief, or the plan's owner,
// or of the team that owns it the first that somebody answers for now.
func (n Nouns) debriefing(p *plan.Plan, id string, now time.Time) string {
	if in := n.Incidents.Incident(id); in != nil {
		for _, s := range in.Procedure.Stages {
			if _, known := p.Role(s.Role); s.Kind == procedure.Review && known {
				return s.Role
			}
		}
	}
	return cmp.Or(p.Governance.Owner, n.Roster.Answering(p.Team, now))
}

const (
	// lookAgain is how long at most the loop waits without looking.
	lookAgain = 10 * time.Minute
	// retryAfter is when what could not be recorded is tried again.
	retryAfter = 5 * time.Second
)

// Run records what debriefs decided, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	watch, end := s.Desk.State.Watch()
	defer end()
	for {
		wait := lookAgain
		for {
			receipt, err := s.Desk.Do(ctx, holdfast.Self("improvement"), func(now time.Time) ([]journal.Draft, error) {
				return s.Nouns.recordDecided(s.Decided(now), now), nil
			})
			if err != nil && ctx.Err() == nil {
				s.Log.Warn("an improvement cannot be recorded now", "error", err)
				wait = retryAfter
			}
			if err != nil || receipt.Last == 0 {
				break
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-watch:
		case <-time.After(wait):
		}
	}
}
