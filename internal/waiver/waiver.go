// Package waiver keeps what somebody answers for although the rules of lint find
// it: a finding of one rule at one place of the plan, accepted until a day.
//
// # Life cycle
//
//	granted ──▶ expired        by itself, when its day has come
//	      └───▶ revoked        by whoever may approve plans, with a reason
//
// Facts stand on the subject waiver/<id>, such as waiver/w1:
//
//	waiver.granted  {plan, rule, path, owner, reason, expires}
//	waiver.revoked  {reason}
//
// A waiver belongs to a plan, not to a revision: its path is an anchor, made of
// ids, and holds as long as the place is there. What it accepts is shown as
// waived, never hidden, and blocks no approval. One that has expired accepts
// nothing any more, and lint says so until somebody revokes it.
//
// # Who may
//
// Who may approve plans grants. Nobody grants one for a plan of which he has
// written an open draft, and what an author of a draft has granted, at whatever
// time, counts for nothing when that draft is judged ([Book.For]): the errors of
// a text are never accepted by who wrote it.
package waiver

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/draft"
	"holdfast/internal/journal"
	"holdfast/internal/lint"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

const (
	kindGranted = "waiver.granted"
	kindRevoked = "waiver.revoked"
)

// Longest is the longest time for which a finding is accepted: until the next
// yearly check of the plan (R6.1), at most.
const Longest = 366 * 24 * time.Hour

const (
	maxPath   = 300  // bytes
	minReason = 10   // characters
	maxReason = 1000 // characters
)

// State is how far a waiver is.
type State string

// The states of a waiver.
const (
	Active  State = "active"
	Expired State = "expired"
	Revoked State = "revoked"
)

// Form is what somebody wants accepted.
type Form struct {
	// Plan is the plan's id; empty is the plan that incidents run.
	Plan string `json:"plan,omitempty"`
	// Rule is that of the finding, such as L205.
	Rule string `json:"rule"`
	// Path is the finding's anchor, or that of a part which holds it; empty accepts
	// the rule's findings everywhere.
	Path string `json:"path,omitempty"`
	// Owner is the person of the roster who answers for it.
	Owner  string `json:"owner"`
	Reason string `json:"reason"`
	// Expires is when it ends, at most [Longest] away.
	Expires time.Time `json:"expires"`
}

// Waiver is one that was granted.
type Waiver struct {
	ID string `json:"id"`
	Form
	By holdfast.Actor `json:"by"`
	At time.Time      `json:"at"`
	// Revoked is missing while it is not.
	Revoked *Revocation `json:"revoked,omitempty"`

	revision holdfast.Revision
}

// Revocation says why a waiver was taken back.
type Revocation struct {
	Reason string         `json:"reason"`
	By     holdfast.Actor `json:"by"`
	At     time.Time      `json:"at"`
}

// State says how far the waiver is.
func (w *Waiver) State(now time.Time) State {
	switch {
	case w.Revoked != nil:
		return Revoked
	case !now.Before(w.Expires):
		return Expired
	}
	return Active
}

// Book is all waivers. Use it under the state's lock.
type Book struct {
	waivers map[string]*Waiver
	ids     []string
}

// NewBook returns an empty book.
func NewBook() *Book { return &Book{waivers: map[string]*Waiver{}} }

var _ journal.Projection = (*Book)(nil)

func subject(id string) holdfast.Subject { return holdfast.NewSubject("waiver", id) }

type reason struct {
	Reason string `json:"reason"`
}

// Apply folds a fact.
func (b *Book) Apply(f holdfast.Fact) error {
	noun, id := f.Subject.Split()
	if noun != "waiver" {
		return nil
	}
	if f.Kind == kindGranted {
		var body Form
		if err := f.Decode(&body); err != nil {
			return err
		}
		b.waivers[id] = &Waiver{ID: id, Form: body, By: f.Actor, At: f.Time, revision: f.Revision}
		b.ids = append(b.ids, id)
		return nil
	}
	old := b.waivers[id]
	if old == nil {
		return holdfast.Errorf(holdfast.Damaged, "the fact %s is of a waiver %s that was never granted", f.Kind, id)
	}
	// Readers keep what they were given: what a fact changes is copied first.
	next := *old
	next.revision = f.Revision
	if f.Kind == kindRevoked {
		var body reason
		if err := f.Decode(&body); err != nil {
			return err
		}
		next.Revoked = &Revocation{body.Reason, f.Actor, f.Time}
	}
	b.waivers[id] = &next
	return nil
}

// All lists all waivers, the newest first.
func (b *Book) All() []*Waiver {
	list := make([]*Waiver, 0, len(b.ids))
	for _, id := range slices.Backward(b.ids) {
		list = append(list, b.waivers[id])
	}
	return list
}

// For lists the waivers of a plan that were not revoked, as lint takes them,
// without those that an author granted; nil leaves none out.
func (b *Book) For(plan string, author func(holdfast.Actor) bool) (list []lint.Waiver) {
	for _, id := range b.ids {
		w := b.waivers[id]
		if w.Plan == plan && w.Revoked == nil && (author == nil || !author(w.By)) {
			list = append(list, lint.Waiver{Rule: w.Rule, Path: w.Path, Owner: w.Owner, Reason: w.Reason, Expires: w.Expires})
		}
	}
	return list
}

// Nouns is what decisions on waivers ask.
type Nouns struct {
	Waivers *Book
	Plans   *plan.Book
	Drafts  *draft.Book
	Roster  *roster.Book
}

// grant decides on a waiver.
func (n Nouns) grant(by holdfast.Actor, f Form, now time.Time) (string, []journal.Draft, error) {
	f.Rule, f.Path, f.Reason = strings.TrimSpace(f.Rule), strings.TrimSpace(f.Path), strings.TrimSpace(f.Reason)
	if f.Plan == "" && len(n.Plans.Plans()) > 0 {
		f.Plan = n.Plans.Plans()[0]
	}
	if err := n.known(f); err != nil {
		return "", nil, err
	}
	if err := reasoned(f.Reason); err != nil {
		return "", nil, err
	}
	f.Expires = f.Expires.UTC().Truncate(time.Microsecond)
	if !f.Expires.After(now) || f.Expires.After(now.Add(Longest)) {
		return "", nil, holdfast.Errorf(holdfast.Invalid, "a waiver ends on a day to come, within %d days: name it", int(Longest.Hours())/24).At("expires")
	}
	if d, open := n.Drafts.OpenOf(f.Plan); open && d.Author(by) {
		return "", nil, holdfast.Errorf(holdfast.Forbidden, "you have written draft %s of this plan: what is wrong in it is accepted by somebody else who may approve plans", d.ID)
	}
	for _, w := range n.Waivers.All() {
		if w.Plan == f.Plan && w.Rule == f.Rule && w.Path == f.Path && w.State(now) == Active {
			return "", nil, holdfast.Errorf(holdfast.Conflict, "waiver %s accepts this already, until %s; revoke it first", w.ID, w.Expires.Format(time.DateOnly)).At("rule")
		}
	}
	id := "w" + strconv.Itoa(len(n.Waivers.ids)+1)
	return id, []journal.Draft{journal.NewDraft(subject(id), 0, kindGranted, f)}, nil
}

// known refuses what a waiver cannot name.
func (n Nouns) known(f Form) error {
	switch {
	case f.Plan == "":
		return holdfast.Errorf(holdfast.NotFound, "there is no plan yet, so there is nothing to accept").At("plan")
	case !slices.Contains(n.Plans.Plans(), f.Plan):
		return holdfast.Errorf(holdfast.NotFound, "there is no plan %q", f.Plan).At("plan")
	case !lint.Waivable(f.Rule):
		return holdfast.Errorf(holdfast.Invalid, "%q is no rule that can be waived; holdfast plan rules lists them", f.Rule).At("rule")
	case len(f.Path) > maxPath || strings.ContainsAny(f.Path, "\r\n"):
		return holdfast.Errorf(holdfast.Invalid, "the place is one line of at most %d bytes, as lint names it", maxPath).At("path")
	}
	if _, found := n.Roster.Person(f.Owner); !found {
		return holdfast.Errorf(holdfast.Invalid, "nobody of the roster is %q: name the person who answers for it", f.Owner).At("owner")
	}
	return nil
}

func reasoned(text string) error {
	if n := utf8.RuneCountInString(text); n < minReason || n > maxReason {
		return holdfast.Errorf(holdfast.Invalid, "say why in %d to %d characters", minReason, maxReason).At("reason")
	}
	return nil
}

// revoke decides on taking a waiver back. Told again it gives no fact.
func (n Nouns) revoke(id, why string) ([]journal.Draft, error) {
	w := n.Waivers.waivers[id]
	switch {
	case w == nil:
		return nil, holdfast.Errorf(holdfast.NotFound, "there is no waiver %q", id)
	case w.Revoked != nil:
		return nil, nil
	}
	why = strings.TrimSpace(why)
	if err := reasoned(why); err != nil {
		return nil, err
	}
	return []journal.Draft{journal.NewDraft(subject(id), w.revision, kindRevoked, reason{why})}, nil
}
