package console

import (
	"time"

	"holdfast"
	"holdfast/internal/draft"
	"holdfast/internal/journal"
)

// When somebody last looked at a draft is kept as a document: it may be lost, and then
// he is told once more of what he has seen.

// seenFor is how long it is kept, longer than a draft is worked on.
const seenFor = 400 * 24 * time.Hour

func seenKey(d *draft.Draft, v *visit) string { return "seen/" + d.ID + "/" + v.who().Account }

// concerned reports whether somebody is told of what is said on a draft.
func concerned(d *draft.Draft, by holdfast.Actor) bool { return d.Author(by) || d.Reviews(by) }

// news counts what others have said on a draft since the reader last looked at it.
func (c *Console) news(v *visit, d *draft.Draft) int {
	if !d.State.Open() || !concerned(d, v.by()) || d.News(v.by(), time.Time{}) == 0 {
		return 0
	}
	return d.News(v.by(), c.seen(v, d).at)
}

type lookedAt struct {
	at       time.Time
	revision holdfast.Revision
}

func (c *Console) seen(v *visit, d *draft.Draft) (s lookedAt) {
	doc, err := c.Store.Document(v.r.Context(), seenKey(d, v))
	if err != nil {
		return s // he has not looked, or it cannot be known now: he is told too much, not too little
	}
	s.revision = doc.Revision
	_ = s.at.UnmarshalText(doc.Body) // what cannot be read counts as never
	return s
}

// looked notes that the reader has seen what was said on a draft.
func (c *Console) looked(v *visit, d *draft.Draft) {
	if c.news(v, d) == 0 {
		return
	}
	now := c.Desk.Now()
	body, err := now.UTC().MarshalText()
	if err == nil {
		_, err = c.Store.PutDocument(v.r.Context(), journal.Document{Key: seenKey(d, v), Revision: c.seen(v, d).revision, Body: body, Expires: now.Add(seenFor)})
	}
	if err != nil && holdfast.CodeOf(err) != holdfast.Conflict { // another tab of his was faster
		c.Log.Warn("when a draft was looked at cannot be kept", "draft", d.ID, "error", err)
	}
}
