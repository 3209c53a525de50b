package draft

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"holdfast"
	"holdfast/internal/approval"
	"holdfast/internal/journal"
)

const (
	kindBegun     = "draft.begun"
	kindSaved     = "draft.saved"
	kindInvited   = "draft.invited"
	kindDismissed = "draft.dismissed"
	kindFinished  = "draft.finished"
	kindInReview  = "draft.in-review"
	kindReturned  = "draft.returned"
	kindCommented = "draft.commented"
	kindReplied   = "draft.replied"
	kindResolved  = "draft.resolved"
	kindReopened  = "draft.reopened"
	kindSubmitted = "draft.submitted"
	kindApproved  = "draft.approved"
	kindWithdrawn = "draft.withdrawn"
	kindPublished = "draft.published"
)

type (
	begun struct {
		Plan     string            `json:"plan"`
		From     int               `json:"from"`
		Since    int               `json:"since"`
		Note     string            `json:"note,omitempty"`
		Chapters map[string]string `json:"chapters"`
	}
	saved struct {
		Chapter string `json:"chapter"`
		Text    string `json:"text"`
		Base    int    `json:"base"`
	}
	reason struct {
		Reason string `json:"reason"`
	}
	commented struct {
		Chapter string `json:"chapter"`
		Path    string `json:"path,omitempty"`
		Quote   string `json:"quote,omitempty"`
		Text    string `json:"text"`
	}
	replied struct {
		Comment int    `json:"comment"`
		Text    string `json:"text"`
	}
	resolved struct {
		Comment int    `json:"comment"`
		Saves   []int  `json:"saves,omitempty"`
		Reason  string `json:"reason,omitempty"`
	}
	submitted struct {
		Hash     holdfast.Hash   `json:"hash"`
		Document string          `json:"document,omitempty"`
		Ladder   []approval.Step `json:"ladder"`
		ValidFor int64           `json:"valid_for_seconds"`
	}
	approved struct {
		Step string        `json:"step"`
		Role string        `json:"role,omitempty"`
		Hash holdfast.Hash `json:"hash"`
	}
	publication struct {
		Revision int `json:"revision"`
	}
)

// Book is all drafts and readings. Use it under the state's lock.
type Book struct {
	drafts   map[string]*Draft
	ids      []string
	readings map[string]*reading
}

// NewBook returns an empty book.
func NewBook() *Book { return &Book{drafts: map[string]*Draft{}, readings: map[string]*reading{}} }

var _ journal.Projection = (*Book)(nil)

func subject(id string) holdfast.Subject { return holdfast.NewSubject("draft", id) }

// Apply folds a fact.
func (b *Book) Apply(f holdfast.Fact) error {
	noun, id := f.Subject.Split()
	switch noun {
	case "draft":
		return b.applyDraft(id, f)
	case "reading":
		return b.applyReading(id, f)
	}
	return nil
}

func (b *Book) applyDraft(id string, f holdfast.Fact) error {
	if f.Kind == kindBegun {
		var body begun
		if err := f.Decode(&body); err != nil {
			return err
		}
		b.drafts[id] = &Draft{
			ID: id, Plan: body.Plan, From: body.From, Since: body.Since, Note: body.Note, State: Drafting, By: f.Actor, At: f.Time,
			begun: body.Chapters, chapters: body.Chapters, last: map[string]int{}, revision: f.Revision,
		}
		if body.Chapters == nil {
			b.drafts[id].chapters = map[string]string{}
		}
		b.ids = append(b.ids, id)
		return nil
	}
	d := b.drafts[id]
	if d == nil {
		return holdfast.Errorf(holdfast.Damaged, "the fact %s is of a draft %s that was never begun", f.Kind, id)
	}
	// Readers keep what they were given: what a fact changes is copied first.
	next := *d
	next.revision = f.Revision
	if err := next.apply(f); err != nil {
		return err
	}
	b.drafts[id] = &next
	return nil
}

func (d *Draft) apply(f holdfast.Fact) error {
	switch f.Kind {
	case kindSaved:
		return d.applySaved(f)
	case kindInvited, kindDismissed, kindFinished:
		return d.applyReviewer(f)
	case kindCommented, kindReplied, kindResolved, kindReopened:
		return d.applyComment(f)
	case kindSubmitted:
		var body submitted
		if err := f.Decode(&body); err != nil {
			return err
		}
		d.State, d.Decisions = InApproval, nil
		d.Submitted = &Submitted{body.Hash, body.Document, body.Ladder, time.Duration(body.ValidFor) * time.Second, f.Actor, f.Time}
	case kindApproved:
		var body approved
		if err := f.Decode(&body); err != nil {
			return err
		}
		d.decided++
		d.Decisions = append(slices.Clip(d.Decisions), approval.Decision{Number: d.decided, Step: body.Step, Role: body.Role, By: f.Actor, At: f.Time, Hash: body.Hash})
	case kindAttached:
		return d.applyAttached(f)
	case kindScanned:
		return d.applyScanned(f)
	case kindInReview:
		d.State = InReview
		d.unfinished(func(Reviewer) bool { return true })
	case kindReturned:
		if err := d.applyReason(f); err != nil {
			return err
		}
		d.State, d.Submitted, d.Decisions = Drafting, nil, nil
	case kindWithdrawn:
		if err := d.applyReason(f); err != nil {
			return err
		}
		d.State = Withdrawn
	case kindPublished:
		var body publication
		if err := f.Decode(&body); err != nil {
			return err
		}
		d.State, d.Revision = Published, body.Revision
	}
	return nil
}

func (d *Draft) applyReason(f holdfast.Fact) error {
	var body reason
	if err := f.Decode(&body); err != nil {
		return err
	}
	d.Returned = append(slices.Clip(d.Returned), Returned{d.State, body.Reason, f.Actor, f.Time})
	return nil
}

func (d *Draft) applySaved(f holdfast.Fact) error {
	var body saved
	if err := f.Decode(&body); err != nil {
		return err
	}
	d.chapters, d.last = maps.Clone(d.chapters), maps.Clone(d.last)
	d.Saves = append(slices.Clip(d.Saves), Save{len(d.Saves) + 1, body.Chapter, body.Text, f.Actor, f.Time})
	d.chapters[body.Chapter], d.last[body.Chapter] = body.Text, len(d.Saves)
	return nil
}

func (d *Draft) applyComment(f holdfast.Fact) error {
	if f.Kind == kindCommented {
		var body commented
		if err := f.Decode(&body); err != nil {
			return err
		}
		d.Comments = append(slices.Clip(d.Comments), &Comment{ID: len(d.Comments) + 1, Chapter: body.Chapter, Path: body.Path, Quote: body.Quote, Text: body.Text, By: f.Actor, At: f.Time, On: d.last[body.Chapter], After: len(d.Saves)})
		d.unfinished(func(r Reviewer) bool { return r.Is(d.ID, f.Actor) })
		return nil
	}
	var body struct {
		replied
		Saves  []int  `json:"saves"`
		Reason string `json:"reason"`
	}
	if err := f.Decode(&body); err != nil {
		return err
	}
	if body.Comment < 1 || body.Comment > len(d.Comments) {
		return holdfast.Errorf(holdfast.Damaged, "draft %s has no comment %d", d.ID, body.Comment)
	}
	d.Comments = slices.Clone(d.Comments)
	c := *d.Comments[body.Comment-1]
	d.Comments[body.Comment-1] = &c
	switch f.Kind {
	case kindReplied:
		c.Replies = append(slices.Clip(c.Replies), Reply{body.Text, f.Actor, f.Time})
	case kindResolved:
		c.Resolved = &Resolved{body.Saves, body.Reason, f.Actor, f.Time}
	case kindReopened:
		c.Resolved, c.After = nil, len(d.Saves)
	}
	return nil
}

// Draft returns the draft with an id.
func (b *Book) Draft(id string) (*Draft, bool) {
	d, ok := b.drafts[id]
	return d, ok
}

// Drafts lists all drafts, the newest first.
func (b *Book) Drafts() (list []*Draft) {
	for _, id := range slices.Backward(b.ids) {
		list = append(list, b.drafts[id])
	}
	return list
}

// OpenOf returns the open draft of a plan.
func (b *Book) OpenOf(plan string) (*Draft, bool) {
	for _, d := range b.drafts {
		if d.Plan == plan && d.State.Open() {
			return d, true
		}
	}
	return nil, false
}

func (b *Book) nextID() string { return "d" + strconv.Itoa(len(b.ids)+1) }
