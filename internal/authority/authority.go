// Package authority says who may decide on directives (R4.12): by the roles that
// the plan gives authority to, by delegation, and by breaking the glass.
//
// # By role
//
// A plan's role has authority for kinds of directives, over a scope, down to a
// level, alone or with a second person. A person has it through the roles of the
// roster, and through roles that were delegated to him and still are.
// [Nouns.May] works it out anew each time; no fact says "may".
//
// # Delegation
//
//	given ──▶ ended        by whoever gave it, or who manages the roster
//	    └───▶ expired      by itself, when its time has come
//
// Who holds roles delegates them to one other person from a time to a time, for
// an absence say. What was delegated is not delegated on. It gives no second pair
// of eyes: who acts by a delegation of the proposer does not approve what the
// proposer wants.
//
// # Break-glass
//
//	broken ──▶ over        by itself, when its time has come, or ended before
//	    └────▶ judged      by a holder of the role the plan names, right or wrong
//
// Whoever is on duty may, with a reason, act alone beyond his authority for as
// long as the plan says. It is announced to the superiors at once, stands on every
// page while it lasts, and each directive issued by it names it. What was ordered
// stays in force when the time is over: restrictions end by a fact, never by a
// clock. A superior judges it within a time; when that has passed, the fact
// glass.overdue says so once.
//
// Facts stand on the subjects delegation/<id> and glass/<id>:
//
//	delegation.given   {from, to, roles, since, until, reason}
//	delegation.ended   {reason}
//	glass.broken       {person, reason, incident, plan, revision, directives, until, superior, answer_by}
//	glass.ended        {reason}
//	glass.judged       {right, reason}
//	glass.overdue      {due}
package authority

import (
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
)

const (
	kindGiven   = "delegation.given"
	kindEnded   = "delegation.ended"
	kindBroken  = "glass.broken"
	kindOver    = "glass.ended"
	kindJudged  = "glass.judged"
	kindOverdue = "glass.overdue"
)

const (
	// MaxDelegation is the longest time for which roles are delegated.
	MaxDelegation = 90 * 24 * time.Hour
	minReason     = 4    // characters
	maxReason     = 1000 // characters
)

// Delegation is roles of one person that another has for a time.
type Delegation struct {
	ID string `json:"id"`
	Given
	By    holdfast.Actor `json:"by"`
	At    time.Time      `json:"at"`
	Ended *Word          `json:"ended,omitempty"`

	revision holdfast.Revision
}

// Given is the content of a delegation.
type Given struct {
	// From and To are persons of the roster.
	From string `json:"from"`
	To   string `json:"to"`
	// Roles are roles of the plan that From holds; empty means all.
	Roles  []string  `json:"roles,omitempty"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
}

// Holds reports whether the delegation is in force.
func (d *Delegation) Holds(now time.Time) bool {
	return d.Ended == nil && !now.Before(d.Since) && now.Before(d.Until)
}

// Word is what somebody said, and when.
type Word struct {
	Reason string         `json:"reason"`
	By     holdfast.Actor `json:"by"`
	At     time.Time      `json:"at"`
}

// Glass is one time that somebody acted beyond his authority.
type Glass struct {
	ID string `json:"id"`
	Broken
	By      holdfast.Actor `json:"by"`
	At      time.Time      `json:"at"`
	Ended   *Word          `json:"ended,omitempty"`
	Judged  *Judged        `json:"judged,omitempty"`
	Overdue bool           `json:"overdue,omitempty"`

	revision holdfast.Revision
}

// Broken is the content of a break of the glass, its terms copied from the plan.
type Broken struct {
	// Person of the roster who acts.
	Person   string `json:"person"`
	Reason   string `json:"reason"`
	Incident string `json:"incident,omitempty"`
	Plan     string `json:"plan"`
	Revision int    `json:"revision"`
	// Directives that he may order: stop, limit, lift.
	Directives []string  `json:"directives"`
	Until      time.Time `json:"until"`
	// Superior is the role that judges it, by AnswerBy.
	Superior string    `json:"superior"`
	AnswerBy time.Time `json:"answer_by"`
}

// Judged is a superior's judgement.
type Judged struct {
	Right bool `json:"right"`
	Word
	// Late means that it came after its time.
	Late bool `json:"late,omitempty"`
}

// Holds reports whether the holder may still act by it.
func (g *Glass) Holds(now time.Time) bool { return g.Ended == nil && now.Before(g.Until) }

// Book is all delegations and breaks of the glass. Use it under the state's lock.
type Book struct {
	delegations []*Delegation
	glasses     []*Glass
}

// NewBook returns an empty book.
func NewBook() *Book { return &Book{} }

var _ journal.Projection = (*Book)(nil)

// Delegations lists all, the newest first.
func (b *Book) Delegations() []*Delegation { return reversed(b.delegations) }

// Glasses lists all, the newest first.
func (b *Book) Glasses() []*Glass { return reversed(b.glasses) }

func reversed[E any](list []E) []E {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

// Glass returns one, nil if there is none.
func (b *Book) Glass(id string) *Glass {
	return find(b.glasses, func(g *Glass) bool { return g.ID == id })
}

// Delegation returns one, nil if there is none.
func (b *Book) Delegation(id string) *Delegation {
	return find(b.delegations, func(d *Delegation) bool { return d.ID == id })
}

func find[E any](list []*E, is func(*E) bool) *E {
	if i := slices.IndexFunc(list, is); i >= 0 {
		return list[i]
	}
	return nil
}

// Apply folds a fact. Readers keep what they were given: what a fact changes is
// copied first.
func (b *Book) Apply(f holdfast.Fact) error {
	noun, id := f.Subject.Split()
	switch noun {
	case "delegation":
		return b.applyDelegation(id, f)
	case "glass":
		return b.applyGlass(id, f)
	}
	return nil
}

func (b *Book) applyDelegation(id string, f holdfast.Fact) error {
	if f.Kind == kindGiven {
		d := &Delegation{ID: id, By: f.Actor, At: f.Time, revision: f.Revision}
		b.delegations = append(b.delegations, d)
		return f.Decode(&d.Given)
	}
	return change(b.delegations, f, func(d *Delegation) bool { return d.ID == id }, func(d *Delegation) error {
		d.revision = f.Revision
		if f.Kind != kindEnded {
			return nil
		}
		d.Ended = &Word{By: f.Actor, At: f.Time}
		return f.Decode(d.Ended)
	})
}

func (b *Book) applyGlass(id string, f holdfast.Fact) error {
	if f.Kind == kindBroken {
		g := &Glass{ID: id, By: f.Actor, At: f.Time, revision: f.Revision}
		b.glasses = append(b.glasses, g)
		return f.Decode(&g.Broken)
	}
	return change(b.glasses, f, func(g *Glass) bool { return g.ID == id }, func(g *Glass) error {
		g.revision = f.Revision
		switch f.Kind {
		case kindOver:
			g.Ended = &Word{By: f.Actor, At: f.Time}
			return f.Decode(g.Ended)
		case kindJudged:
			g.Judged = &Judged{Word: Word{By: f.Actor, At: f.Time}, Late: f.Time.After(g.AnswerBy)}
			return f.Decode(g.Judged)
		case kindOverdue:
			g.Overdue = true
		}
		return nil
	})
}

// change puts a changed copy of an entry in its place.
func change[E any](list []*E, f holdfast.Fact, is func(*E) bool, with func(*E) error) error {
	i := slices.IndexFunc(list, is)
	if i < 0 {
		return orphan(f)
	}
	next := *list[i]
	list[i] = &next
	return with(&next)
}

func orphan(f holdfast.Fact) error {
	return holdfast.Errorf(holdfast.Damaged, "the fact %s is of %s, which never began", f.Kind, f.Subject)
}

// BrokenBy returns the break of the glass by which a person may act now.
func (b *Book) BrokenBy(person string, now time.Time) (*Glass, bool) {
	for _, g := range b.glasses {
		if g.Person == person && g.Holds(now) {
			return g, true
		}
	}
	return nil, false
}

// terms of breaking the glass that a revision has.
func terms(r *plan.Revision) (plan.BreakGlass, bool) {
	if b := r.Plan().Governance.BreakGlass; b != nil {
		return *b, true
	}
	return plan.BreakGlass{}, false
}
