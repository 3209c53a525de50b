// Package draft is the life of a plan's revision until it is published, and its
// reading afterwards: chapters written by several authors, comments of reviewers,
// a ladder of approvals bound to the hash of the exact text, publication, and who
// has acknowledged it.
//
// # Life cycle
//
//	draft ──▶ in-review ──▶ draft … ──▶ in-approval ──▶ published
//	  └──────────────── withdrawn, from any state before published
//
// A draft in approval is approved once its ladder is complete: that follows from
// the decisions, the text and who holds which role, so no fact states it.
//
// A plan has one open draft at a time. Facts stand on the subject draft/<id>:
//
//	draft.begun       from a revision, or from a text that was brought in
//	draft.saved       one chapter; the number of the save it replaces goes along
//	draft.invited     a reviewer: an account, or an outside person with a link
//	draft.dismissed   a reviewer
//	draft.finished    a reviewer has said all he has to say
//	draft.in-review   to review; draft.returned brings it back, with a reason
//	draft.commented, draft.replied, draft.resolved, draft.reopened
//	draft.submitted   to approval: the hash of the text and the ladder
//	draft.approved    one decision on that hash; draft.returned if it is refused
//	draft.attached    a file was handed in; the text names it by its hash
//	draft.scanned     a signed paper beside a decision; it decides nothing
//	draft.withdrawn, draft.published
//
// and on the subject reading/<plan>.<revision>: reading.acknowledged and
// reading.reminded.
//
// # Places
//
// A comment is anchored to a place by a [plan.Plan.Anchor], which names entries by
// their ids: rows that are added or moved leave it where it belongs. It keeps the
// words that stood there, by which it can be read once the place is gone.
//
// # Outside reviewers
//
// An outside person reviews one draft by a [Link], without an account. The link
// holds a secret, of which the journal has only the hash; it ends at a time, when
// its reviewer is dismissed, and when a new one is made for him. Whoever has the
// link can read the text, comment on it, and answer in his own threads, as long as
// it is in draft or in review; later he can read it, until the link ends. He sees
// no comments but his own. Nobody sees a text that was withdrawn. His acts are
// those of the actor of kind reviewer with the id draft.reviewer, d1.o1.
//
// # Nothing is overwritten silently
//
// A chapter is saved over the save that its author saw. If another has saved it
// since, the save is refused with code Conflict and a [Newer] in the chain, which
// carries the other's text. Every save stays and can be restored.
package draft

import (
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/approval"
	"holdfast/internal/plan"
)

// State is where a draft stands.
type State string

const (
	Drafting   State = "draft"
	InReview   State = "in-review"
	InApproval State = "in-approval"
	Published  State = "published"
	Withdrawn  State = "withdrawn"
)

// Open reports whether a draft may still become a revision.
func (s State) Open() bool { return s != Published && s != Withdrawn }

// The most there can be, so that one draft stays within bounds.
const (
	// MaxChapter is the largest text of one chapter in bytes.
	MaxChapter = 512 << 10
	// MaxComments is how many comments one draft may have, replies counted.
	MaxComments = 5000
	maxText     = 4000 // characters of a comment, a reply or a reason
	maxQuote    = 500  // characters
	maxReviewer = 100
	maxDocument = 100 // characters of a document number
)

// DefaultValidFor is how long an approval holds where the plan does not say.
const DefaultValidFor = 30 * 24 * time.Hour

// DefaultAcknowledgeWithin is the time to read a revision where the plan does not
// say.
const DefaultAcknowledgeWithin = 7 * 24 * time.Hour

// Draft is one draft. It must not be changed by who reads it.
type Draft struct {
	ID, Plan string
	// From is the revision it began with; 0 for a text that was brought in.
	From int
	// Since is the plan's latest revision when it began: it must still be the latest
	// when the draft is published, or what is new there would be lost.
	Since int
	State State
	By    holdfast.Actor
	At    time.Time
	// Note says what the revision is about.
	Note string

	// begun is the text that it began with, chapters what it says now.
	begun, chapters map[string]string
	// last is the number of the save that each chapter has now; none has 0.
	last      map[string]int
	Saves     []Save
	Reviewers []Reviewer
	// outside counts the outside reviewers who were ever invited.
	outside  int
	Comments []*Comment
	Returned []Returned

	// Of the text that was submitted.
	Submitted *Submitted
	Decisions []approval.Decision
	// Scans are the signed papers beside decisions, those that are void included.
	Scans []Scan
	// Revision is the number that it was published under.
	Revision int

	// handed are the files that were handed in.
	handed map[holdfast.Hash]bool
	// decided counts the decisions, those that are void included.
	decided  int
	revision holdfast.Revision
}

// Save is one state of one chapter.
type Save struct {
	// Number counts the saves of the draft from 1.
	Number  int
	Chapter string
	Text    string
	By      holdfast.Actor
	At      time.Time
}

// Comment is a remark on a place in the text, with the thread below it.
type Comment struct {
	// ID counts the draft's comments from 1.
	ID      int
	Chapter string
	// Path is the place in the plan; Quote is what stood there.
	Path, Quote, Text string
	By                holdfast.Actor
	At                time.Time
	Replies           []Reply
	// On is the save of the chapter that it was written on; 0 is the text that the
	// draft began with.
	On int
	// After is the number of saves there were when it was made or reopened: later
	// ones may answer it.
	After int
	// Resolved is set once it is answered.
	Resolved *Resolved
}

// Reply is one more remark on a comment.
type Reply struct {
	Text string
	By   holdfast.Actor
	At   time.Time
}

// Resolved answers a comment: by saves of its chapter since, or by a reason.
type Resolved struct {
	Saves  []int
	Reason string
	By     holdfast.Actor
	At     time.Time
}

// Submitted is what was sent for approval.
type Submitted struct {
	Hash holdfast.Hash
	// Document is the operator's number for it, 文號.
	Document string
	Ladder   []approval.Step
	// ValidFor is how long the approval holds once it is complete.
	ValidFor time.Duration
	By       holdfast.Actor
	At       time.Time
}

// Returned is a reason for which it went back to its authors, or was withdrawn.
type Returned struct {
	From   State
	Reason string
	By     holdfast.Actor
	At     time.Time
}

// Chapter returns the text of a chapter and the number of its save.
func (d *Draft) Chapter(key string) (text string, save int) { return d.chapters[key], d.last[key] }

// Text returns the whole text as it would be published.
func (d *Draft) Text() []byte {
	parts := make(map[string][]byte, len(d.chapters))
	for key, text := range d.chapters {
		parts[key] = []byte(text)
	}
	return plan.Join(parts)
}

// SavesOf lists the saves of one chapter, the newest first.
func (d *Draft) SavesOf(chapter string) (saves []Save) {
	for _, s := range slices.Backward(d.Saves) {
		if s.Chapter == chapter {
			saves = append(saves, s)
		}
	}
	return saves
}

// TextAt returns a chapter's text as it was when it had a save; 0 is the text that the
// draft began with.
func (d *Draft) TextAt(chapter string, save int) string {
	for _, s := range slices.Backward(d.Saves[:min(max(save, 0), len(d.Saves))]) {
		if s.Chapter == chapter {
			return s.Text
		}
	}
	return d.begun[chapter]
}

// Answer returns what a chapter said on the save that a comment was written on,
// and on the one that answered it; false for a comment that no change answers.
func (d *Draft) Answer(c *Comment) (before, after string, changed bool) {
	if c.Resolved == nil || len(c.Resolved.Saves) == 0 {
		return "", "", false
	}
	return d.TextAt(c.Chapter, c.On), d.TextAt(c.Chapter, slices.Max(c.Resolved.Saves)), true
}

// Author reports whether somebody wrote of the draft. Who began it from a
// revision has not; who brought a text in has.
func (d *Draft) Author(by holdfast.Actor) bool {
	if d.From == 0 && d.By.SameParty(by) {
		return true
	}
	return slices.ContainsFunc(d.Saves, func(s Save) bool { return s.By.SameParty(by) })
}

// OpenComments counts the comments that nobody has resolved.
func (d *Draft) OpenComments() (n int) {
	for _, c := range d.Comments {
		if c.Resolved == nil {
			n++
		}
	}
	return n
}

// ApprovedAt is when the last decision was given.
func (d *Draft) ApprovedAt() time.Time {
	var last time.Time
	for _, g := range d.Decisions {
		if g.At.After(last) {
			last = g.At
		}
	}
	return last
}

// Newer says that another author has saved a chapter since. It is the cause of a
// refused save.
type Newer struct{ Save }

func (n Newer) Error() string { return "the chapter has a newer save" }
