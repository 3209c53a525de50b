// Package status keeps what the public is told: how the components of the payment
// system are, and bulletins on interruptions and planned maintenance.
//
// # Components
//
// The plan in force declares them (components): a name in three languages and the
// payments that it stands for, as a scope. How one is shown comes from two sides,
// and is good news only if both are:
//
//   - what a person published: the worst state that a bulletin which is not over
//     gives it. A maintenance that was announced begins by itself at its time; one
//     that nobody ended is unknown once its time is over.
//   - what Holdfast knows ([Nouns.Doubt]). A directive in force that touches its
//     payments, an incident that may touch the public and on which nothing was
//     published, a gate that is silent, no gate at all, or a restored journal that
//     nobody has settled: each makes it unknown, and says no more than that.
//
// Nothing of a drill counts or can be published.
//
// # Bulletins
//
//	           draft ──▶ published (an entry) ──▶ next draft … ──▶ over
//	             └──▶ dropped
//
//	on an interruption   investigating, identified, monitoring ──▶ resolved
//	on maintenance       scheduled, in-progress ──▶ completed or cancelled
//
// A draft is filled from the incident ([Nouns.Fill]); a person changes it as he
// likes, and publishes it with the right to. Where the plan says so
// (announcing.second_person), nobody publishes what he wrote himself. An entry is
// never changed: a mistake is put right by a new entry that names the wrong one.
//
// A bulletin holds what is published and nothing else that is inside: the texts in
// all three languages, names of components, states, times. Who wrote, who published,
// the incident, stand in the facts and never on the page.
//
// Facts stand on the subject bulletin/<n>, n counting from 1:
//
//	bulletin.drafted    {kind, incident, content}   a new text of the next entry
//	bulletin.published  {draft}                     that text, from now on
//	bulletin.dropped    {draft, reason}
//
// The same journal at the same time gives the same [Page] on every node.
package status

import (
	"slices"
	"time"

	"holdfast"
)

// State is how a component is.
type State string

const (
	Operational State = "operational"
	Maintenance State = "maintenance"
	Unknown     State = "unknown"
	Limited     State = "limited"
	Stopped     State = "stopped"
)

// States lists them, the best first.
var States = [...]State{Operational, Maintenance, Unknown, Limited, Stopped}

// worse returns the worse of two states.
func worse(a, b State) State {
	if slices.Index(States[:], b) > slices.Index(States[:], a) {
		return b
	}
	return a
}

// Kind is what a bulletin is on.
type Kind string

const (
	Interruption Kind = "interruption"
	Planned      Kind = "maintenance"
)

// Stage is how far the matter of a bulletin is.
type Stage string

const (
	Investigating Stage = "investigating"
	Identified    Stage = "identified"
	Monitoring    Stage = "monitoring"
	Resolved      Stage = "resolved"

	Scheduled  Stage = "scheduled"
	InProgress Stage = "in-progress"
	Completed  Stage = "completed"
	Cancelled  Stage = "cancelled"
)

// Stages lists the stages of a kind in their order.
func (k Kind) Stages() []Stage {
	switch k {
	case Interruption:
		return []Stage{Investigating, Identified, Monitoring, Resolved}
	case Planned:
		return []Stage{Scheduled, InProgress, Completed, Cancelled}
	}
	return nil
}

// Ends reports whether a bulletin is over with the stage.
func (s Stage) Ends() bool { return s == Resolved || s == Completed || s == Cancelled }

// Said is what an entry says of one component. The name is as it was then.
type Said struct {
	Component string        `json:"component"`
	Name      holdfast.Text `json:"name"`
	State     State         `json:"state"`
}

// Content is the text of an entry.
type Content struct {
	Stage Stage `json:"stage"`
	// Title and Text are in all three languages.
	Title  holdfast.Text `json:"title"`
	Text   holdfast.Text `json:"text"`
	States []Said        `json:"states"`
	// From and Until bound a planned maintenance.
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// Corrects is the number of the entry that it puts right; 0 for none.
	Corrects int `json:"corrects,omitempty"`
}

// Entry is one that was published.
type Entry struct {
	Number int `json:"number"`
	Content
	// Writer wrote it, By published it At the time.
	Writer holdfast.Actor `json:"writer"`
	By     holdfast.Actor `json:"by"`
	At     time.Time      `json:"at"`
	// Position is where the journal has it.
	Position holdfast.Position `json:"position"`
}

// Draft is a text that nobody has published yet.
type Draft struct {
	// Number counts the texts of the bulletin.
	Number int `json:"number"`
	Content
	By holdfast.Actor `json:"by"`
	At time.Time      `json:"at"`
}

// Bulletin is what the public is told of one matter.
type Bulletin struct {
	ID   string `json:"id"`
	Kind Kind   `json:"kind"`
	// Incident is the one that it is on, if it is on one. It is never published.
	Incident string `json:"incident,omitempty"`
	// Entries are those published, oldest first.
	Entries []Entry `json:"entries"`
	// Draft is nil where there is none.
	Draft *Draft `json:"draft,omitempty"`
	// Dropped is why the last draft was dropped, if it was.
	Dropped string    `json:"dropped,omitempty"`
	Opened  time.Time `json:"opened"`

	drafts   int
	revision holdfast.Revision
}

// Last returns the newest entry.
func (b *Bulletin) Last() (Entry, bool) {
	if len(b.Entries) == 0 {
		return Entry{}, false
	}
	return b.Entries[len(b.Entries)-1], true
}

// Over reports whether the newest entry ends it.
func (b *Bulletin) Over() bool {
	last, some := b.Last()
	return some && last.Stage.Ends()
}

// Corrected reports whether a later entry puts the one of a number right.
func (b *Bulletin) Corrected(number int) bool {
	return slices.ContainsFunc(b.Entries, func(e Entry) bool { return e.Corrects == number })
}

// state is what the bulletin says of a component at a time; ok is false if it says
// nothing of it.
func (b *Bulletin) state(component string, now time.Time) (s State, ok bool) {
	last, some := b.Last()
	if !some || last.Stage.Ends() || last.Stage == Scheduled && now.Before(last.From) {
		return "", false
	}
	for _, said := range last.States {
		if said.Component != component {
			continue
		}
		if b.Kind == Planned && now.After(last.Until) {
			return Unknown, true
		}
		return said.State, true
	}
	return "", false
}
