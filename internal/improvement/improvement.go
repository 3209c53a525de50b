// Package improvement keeps what was decided to change after an incident: by
// whom, by which day, and what came of it (R4.9).
//
// # Life cycle
//
//	open ──▶ done        with evidence
//	 │  └──▶ dropped     with a reason and the consent of a second person
//	 └─ ─ ▶ overdue      by itself, when the due day is over; and on as if open
//
// and back to open, with a reason, from done and from dropped. Facts stand on the
// subject improvement/<id>, such as improvement/i1:
//
//	improvement.recorded        {incident, decision, text, role or person, due, chapter, risk, revise}
//	improvement.extended        {due, reason}
//	improvement.assigned        {role or person, reason}
//	improvement.done            {evidence}
//	improvement.file-kept       {file}
//	improvement.drop-asked      {reason}
//	improvement.dropped         {}
//	improvement.drop-refused    {reason}
//	improvement.reopened        {reason}
//	improvement.trigger-opened  {trigger}
//
// The due day is a day in the operator's zone: an improvement is overdue once the
// next day has begun there. Due days that were extended stay in the history.
//
// # From debriefs
//
// When a debrief is over, [Service.Run] records what it decided; what changes a
// chapter of the plan opens a trigger. The same decision, or the same text, of one
// incident is recorded once, whoever writes it.
//
// # Who may
//
// Who runs incidents records. The owner, who may do nothing else in Holdfast, or
// who runs incidents says that it is done, extends it, or asks to drop it; a drop
// needs the consent of somebody else who may approve.
//
// # Telling
//
// The owner is told at the beginning, reminded before the day, and told each week
// while it is overdue; who commanded the incident and who owns the plan are told
// once it is overdue for some days ([Nouns.Letters]). An improvement whose owner is
// nobody any more is theirs from the beginning.
package improvement

import (
	"time"

	"holdfast"
	"holdfast/internal/attachment"
	"holdfast/internal/plan"
)

// State is how far an improvement is.
type State string

// The states of an improvement.
const (
	Open    State = "open"
	Overdue State = "overdue"
	Done    State = "done"
	Dropped State = "dropped"
)

// Settled reports whether nothing is left to do.
func (s State) Settled() bool { return s == Done || s == Dropped }

const (
	maxText = 4000 // characters of a text, a reason, evidence
	// maxOf is how many improvements one incident may have.
	maxOf = 200
	// maxFiles is how many files one improvement may have.
	maxFiles = 20
	// longest is how far away a due day may be.
	longest = 5 * 366 * 24 * time.Hour
)

// Form is what is decided.
type Form struct {
	// Incident is the one whose debrief decided it.
	Incident string `json:"incident"`
	// Decision is its id in that debrief; empty for one that was added by hand.
	Decision string `json:"decision,omitempty"`
	Text     string `json:"text"`
	// Role of the plan or Person of the roster owns it; one of the two.
	Role   string    `json:"role,omitempty"`
	Person string    `json:"person,omitempty"`
	Due    plan.Date `json:"due"`
	// Chapter of the plan that it changes, and Risk that it lessens, if any.
	Chapter string `json:"chapter,omitempty"`
	Risk    string `json:"risk,omitempty"`
	// Revise says that it demands an update of the plan: a trigger is opened by itself.
	Revise bool `json:"revise,omitempty"`
}

// Improvement is one that was recorded.
type Improvement struct {
	ID string `json:"id"`
	Form
	By holdfast.Actor `json:"by"`
	At time.Time      `json:"at"`
	// End is how it ended; nil while it has not.
	End *End `json:"end,omitempty"`
	// Drop waits for a second person's consent.
	Drop *Wish `json:"drop,omitempty"`
	// Trigger is the one that it has opened, if it has.
	Trigger string `json:"trigger,omitempty"`
	// History has every change, oldest first.
	History []Change `json:"history"`
	Files   []File   `json:"files,omitempty"`

	revision holdfast.Revision
}

// End is how an improvement ended: done with evidence, or dropped for a reason.
type End struct {
	State    State          `json:"state"`
	Evidence string         `json:"evidence,omitempty"`
	Reason   string         `json:"reason,omitempty"`
	By       holdfast.Actor `json:"by"`
	At       time.Time      `json:"at"`
}

// Wish is somebody's wish to drop an improvement.
type Wish struct {
	Reason string         `json:"reason"`
	By     holdfast.Actor `json:"by"`
	At     time.Time      `json:"at"`
}

// Change is one act on an improvement.
type Change struct {
	// Kind is that of the fact, without its noun: extended.
	Kind string         `json:"kind"`
	By   holdfast.Actor `json:"by"`
	At   time.Time      `json:"at"`
	// Text is the reason or the evidence.
	Text string `json:"text,omitempty"`
	// Was and Due are the due day before and after.
	Was plan.Date `json:"was,omitempty"`
	Due plan.Date `json:"due,omitempty"`
	// Role or Person owns it since.
	Role   string `json:"role,omitempty"`
	Person string `json:"person,omitempty"`
}

// File is kept as evidence.
type File struct {
	File attachment.File `json:"file"`
	By   holdfast.Actor  `json:"by"`
	At   time.Time       `json:"at"`
}

// Ends is when an improvement's due day is over in a zone.
func (im *Improvement) Ends(zone *time.Location) time.Time { return ends(im.Due, zone) }

func ends(due plan.Date, zone *time.Location) time.Time {
	day, err := time.Parse(time.DateOnly, string(due))
	if err != nil {
		return time.Time{}
	}
	return time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, zone)
}

// State says how far it is, by the clocks of a zone.
func (im *Improvement) State(now time.Time, zone *time.Location) State {
	switch {
	case im.End != nil:
		return im.End.State
	case !now.Before(im.Ends(zone)):
		return Overdue
	}
	return Open
}
