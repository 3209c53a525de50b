package authority

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
)

func reasoned(text string) (string, error) {
	text = strings.TrimSpace(text)
	if n := utf8.RuneCountInString(text); n < minReason || n > maxReason {
		return "", holdfast.Errorf(holdfast.Invalid, "say why in %d to %d characters", minReason, maxReason).At("reason")
	}
	return payment.Mask(text), nil
}

// delegate decides on a delegation. any lets who manages the roster give one for
// another person.
func (n Nouns) delegate(by holdfast.Actor, g Given, others bool, now time.Time) (id string, drafts []journal.Draft, err error) {
	if g.Reason, err = reasoned(g.Reason); err != nil {
		return "", nil, err
	}
	own, hasPerson := n.person(by.ID)
	if g.From == "" {
		g.From = own.ID
	}
	from, found := n.Roster.Person(g.From)
	switch {
	case !found:
		return "", nil, holdfast.Errorf(holdfast.Invalid, "nobody of the roster is %q: name who delegates", g.From).At("from")
	case !others && (!hasPerson || own.ID != g.From):
		return "", nil, holdfast.Errorf(holdfast.Forbidden, "you delegate your own roles only; for another, who manages the roster does it").At("from")
	}
	to, found := n.Roster.Person(g.To)
	switch {
	case !found || g.To == g.From:
		return "", nil, holdfast.Errorf(holdfast.Invalid, "name another person of the roster to whom it is delegated").At("to")
	case to.Account == "":
		return "", nil, holdfast.Errorf(holdfast.Invalid, "%s has no account, and could not decide on anything", to.Name).At("to")
	}
	for _, r := range g.Roles {
		if !slices.Contains(from.Roles, r) {
			return "", nil, holdfast.Errorf(holdfast.Invalid, "%s does not hold the role %q", from.Name, r).At("roles")
		}
	}
	if len(from.Roles) == 0 {
		return "", nil, holdfast.Errorf(holdfast.Invalid, "%s holds no role", from.Name).At("from")
	}
	g.Since, g.Until = g.Since.UTC().Truncate(time.Microsecond), g.Until.UTC().Truncate(time.Microsecond)
	if g.Since.IsZero() || g.Since.Before(now) {
		g.Since = now.UTC().Truncate(time.Microsecond)
	}
	if !g.Until.After(g.Since) || g.Until.Sub(g.Since) > MaxDelegation {
		return "", nil, holdfast.Errorf(holdfast.Invalid, "a delegation ends after it begins, within %d days", int(MaxDelegation.Hours())/24).At("until")
	}
	id = "d" + strconv.Itoa(len(n.Book.delegations)+1)
	return id, []journal.Draft{journal.NewDraft(holdfast.NewSubject("delegation", id), 0, kindGiven, g)}, nil
}

// endDelegation decides on ending one before its time. Told again it gives no fact.
func (n Nouns) endDelegation(by holdfast.Actor, id, why string, others bool, now time.Time) ([]journal.Draft, error) {
	d := n.Book.Delegation(id)
	if d == nil {
		return nil, holdfast.Errorf(holdfast.NotFound, "there is no delegation %q", id)
	}
	own, _ := n.person(by.ID)
	switch {
	case d.Ended != nil || !now.Before(d.Until):
		return nil, nil
	case !others && own.ID != d.From && own.ID != d.To:
		return nil, holdfast.Errorf(holdfast.Forbidden, "delegation %s is ended by who gave it, who has it, or who manages the roster", id)
	}
	why, err := reasoned(why)
	if err != nil {
		return nil, err
	}
	return []journal.Draft{journal.NewDraft(holdfast.NewSubject("delegation", id), d.revision, kindEnded, reasonOnly{why})}, nil
}

type reasonOnly struct {
	Reason string `json:"reason"`
}

// smash decides on breaking the glass.
func (n Nouns) smash(by holdfast.Actor, why, incident string, now time.Time) (id string, drafts []journal.Draft, err error) {
	if in := n.Incidents.Incident(incident); incident != "" && (in == nil || in.Over()) {
		return "", nil, holdfast.Errorf(holdfast.Invalid, "there is no open incident %q", incident).At("incident")
	}
	rev, published := n.Ruling(incident, now)
	if !published {
		return "", nil, holdfast.Errorf(holdfast.Conflict, "no plan is in force, so nothing says on which terms somebody may act beyond his authority")
	}
	t, ok := terms(rev)
	if !ok {
		return "", nil, holdfast.Errorf(holdfast.Forbidden, "the plan in force lets nobody act beyond his authority; its owner may add governance.break_glass")
	}
	person, found := n.person(by.ID)
	if !found || !n.onDuty(rev, person, now) {
		return "", nil, holdfast.Errorf(holdfast.Forbidden, "only who is on duty may act beyond his authority, and you are not, as the roster has it")
	}
	if g, broken := n.Book.BrokenBy(person.ID, now); broken {
		return "", nil, holdfast.Errorf(holdfast.Conflict, "you act beyond your authority already, until %s", g.Until.Format(time.RFC3339))
	}
	if why, err = reasoned(why); err != nil {
		return "", nil, err
	}
	lasts, answer := t.Terms()
	now = now.UTC().Truncate(time.Microsecond)
	id = "g" + strconv.Itoa(len(n.Book.glasses)+1)
	return id, []journal.Draft{journal.NewDraft(holdfast.NewSubject("glass", id), 0, kindBroken, Broken{
		Person: person.ID, Reason: why, Incident: incident, Plan: rev.ID, Revision: rev.Number, Directives: t.Directives,
		Until: now.Add(lasts), Superior: t.Superior, AnswerBy: now.Add(answer),
	})}, nil
}

// endGlass decides on ending before its time: by who broke it, or by who judges.
func (n Nouns) endGlass(by holdfast.Actor, id, why string, now time.Time) ([]journal.Draft, error) {
	g := n.Book.Glass(id)
	switch {
	case g == nil:
		return nil, noGlass(id)
	case !g.Holds(now):
		return nil, nil
	case !by.SameParty(g.By) && !n.Fills(by.ID, g.Superior, now):
		return nil, holdfast.Errorf(holdfast.Forbidden, "it is ended by who acts by it, or by a holder of the role %s", g.Superior)
	}
	why, err := reasoned(why)
	if err != nil {
		return nil, err
	}
	return []journal.Draft{journal.NewDraft(holdfast.NewSubject("glass", id), g.revision, kindOver, reasonOnly{why})}, nil
}

// judge decides on a superior's judgement.
func (n Nouns) judge(by holdfast.Actor, id string, right bool, why string, now time.Time) ([]journal.Draft, error) {
	g := n.Book.Glass(id)
	switch {
	case g == nil:
		return nil, noGlass(id)
	case g.Judged != nil:
		return nil, holdfast.Errorf(holdfast.Conflict, "%s has judged it already", g.Judged.By)
	case by.SameParty(g.By):
		return nil, holdfast.Errorf(holdfast.Forbidden, "nobody judges what he did himself")
	case !n.Fills(by.ID, g.Superior, now):
		return nil, holdfast.Errorf(holdfast.Forbidden, "it is judged by a holder of the role %s", g.Superior)
	}
	own, _ := n.person(by.ID)
	for _, d := range n.Book.delegations {
		if d.From == g.Person && d.To == own.ID && d.Holds(now) && !slices.Contains(own.Roles, g.Superior) {
			return nil, holdfast.Errorf(holdfast.Forbidden, "you hold the role %s by a delegation of the person concerned", g.Superior)
		}
	}
	why, err := reasoned(why)
	if err != nil {
		return nil, err
	}
	return []journal.Draft{journal.NewDraft(holdfast.NewSubject("glass", id), g.revision, kindJudged, struct {
		Right  bool   `json:"right"`
		Reason string `json:"reason"`
	}{right, why})}, nil
}

func noGlass(id string) error {
	return holdfast.Errorf(holdfast.NotFound, "nobody has acted beyond his authority under %q", id)
}

// overdue states once for each break of the glass that was not judged in time.
func (n Nouns) overdue(now time.Time) (drafts []journal.Draft) {
	for _, g := range n.Book.glasses {
		if g.Judged == nil && !g.Overdue && now.After(g.AnswerBy) {
			drafts = append(drafts, journal.NewDraft(holdfast.NewSubject("glass", g.ID), g.revision, kindOverdue, struct {
				Due time.Time `json:"due"`
			}{g.AnswerBy}))
		}
	}
	return drafts
}
