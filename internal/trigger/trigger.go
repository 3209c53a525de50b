// Package trigger keeps what demands an update of the plan: a change of a system,
// of law or policy, of a risk. Each has an owner and a deadline, and somebody
// disposes of it: the plan is revised by a draft, or stays as it is because ….
//
// # Life cycle
//
//	open ──▶ revising ──▶ revised
//	  │  ◀──────┘ the draft was withdrawn
//	  └──▶ unchanged
//
// Facts stand on the subject trigger/<id>, such as trigger/t1:
//
//	trigger.opened    {plan, kind, title, source, reference, text, owner, due, about, improvement}
//	trigger.disposed  {draft} or {reason}
//
// The states revising and revised are no facts of their own: they follow from the
// draft and the revision that it became. A trigger is revised once that revision
// is in force.
//
// # When a plan is current
//
// A plan is current at an instant if one of its revisions is in force and each of
// its triggers is revised or unchanged. An open one makes it not current at once,
// not only when its deadline has passed: the deadline says when it is late. Age
// plays no part; lint warns of that.
//
// # Told twice
//
// A program tells of a change with its source and the reference the change has
// there, such as a ticket's number. Telling the same again while the trigger is
// not settled opens no second one.
//
// # Entries that change
//
// A risk that is assessed anew and a material that has a new version open a
// trigger by themselves, which names the entry and what it should say ([About]).
// A draft shows it as to be worked in until its text says so. Telling the same of
// an entry again while that trigger is not settled opens no second one.
//
// # From improvements
//
// An improvement that changes a chapter of the plan opens one trigger, by itself
// ([Service.Run]) if it was recorded so, else when somebody asks. Each names the
// other, in facts of one append.
package trigger

import (
	"time"

	"holdfast"
)

// Kind is what has changed.
type Kind string

const (
	System Kind = "system"
	Law    Kind = "law" // law or policy
	Risk   Kind = "risk"
	Other  Kind = "other"
)

// Kinds lists the kinds.
func Kinds() []Kind { return []Kind{System, Law, Risk, Other} }

// State is how far a trigger is disposed of.
type State string

const (
	Open      State = "open"
	Revising  State = "revising"
	Revised   State = "revised"
	Unchanged State = "unchanged"
)

// Settled reports whether the plan needs nothing more for it.
func (s State) Settled() bool { return s == Revised || s == Unchanged }

// The most there can be.
const (
	// MaxUnsettled is how many triggers of one plan may wait, so that a program
	// that runs wild fills no journal.
	MaxUnsettled = 1000
	maxTitle     = 200  // characters
	maxSource    = 100  // characters of source and of reference
	maxText      = 4000 // characters of text and of reason
	// longest is how far away a deadline may be.
	longest = 5 * 366 * 24 * time.Hour
)

// Report is what somebody tells of a change.
type Report struct {
	Kind  Kind   `json:"kind"`
	Title string `json:"title"`
	// Source is where the change comes from: a deployment tool, a gazette.
	// Reference is its number there.
	Source    string `json:"source"`
	Reference string `json:"reference,omitempty"`
	Text      string `json:"text,omitempty"`
	// Role of the plan or Person of the roster owns it; one of the two.
	Role   string `json:"role,omitempty"`
	Person string `json:"person,omitempty"`
	// Due is until when it must be disposed of.
	Due time.Time `json:"due"`
}

// Trigger is one demand.
type Trigger struct {
	ID   string `json:"id"`
	Plan string `json:"plan"`
	Report
	// About is the entry of the plan that it names, if one has changed.
	About *About `json:"about,omitempty"`
	// Improvement is the one that opened it, if one did.
	Improvement string         `json:"improvement,omitempty"`
	By          holdfast.Actor `json:"by"`
	At          time.Time      `json:"at"`
	// Disposed is the last disposal; none has none.
	Disposed *Disposed `json:"disposed,omitempty"`

	revision holdfast.Revision
}

// Disposal is what is done about a trigger: the draft that revises the plan, or
// the reason for which it stays.
type Disposal struct {
	Draft  string `json:"draft,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Disposed is a disposal with who decided it.
type Disposed struct {
	Disposal
	By holdfast.Actor `json:"by"`
	At time.Time      `json:"at"`
}
