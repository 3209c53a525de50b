package view

import (
	"time"

	"holdfast"
	"holdfast/internal/callout"
	"holdfast/internal/draft"
	"holdfast/internal/plan"
)

// Reviewer is who was invited to comment on a draft: an account, or an outside
// person.
type Reviewer struct {
	Account string           `json:"account,omitempty"`
	Outside *OutsideReviewer `json:"outside,omitempty"`
	By      *Actor           `json:"by"`
	At      time.Time        `json:"at"`
	// Finished is when the reviewer said that he has finished; missing if he has
	// not, or has commented since.
	Finished time.Time `json:"finished,omitzero"`
	// Comments counts his comments, Open those that nobody has resolved.
	Comments int `json:"comments"`
	Open     int `json:"open"`
}

// OutsideReviewer is an outside person with a link to one draft.
type OutsideReviewer struct {
	ID      string        `json:"id"`
	Name    string        `json:"name"`
	Address string        `json:"address,omitempty"`
	Lang    holdfast.Lang `json:"lang"`
	// Expires is when the link works no more; Ended says that it does not now.
	Expires time.Time `json:"expires"`
	Ended   bool      `json:"ended,omitempty"`
	// Mailed is how far the delivery of the link is; missing if it was handed over.
	Mailed string `json:"mailed,omitempty"`
}

// OutsideLink is an outside reviewer with the address that lets him in, which is
// told once.
type OutsideLink struct {
	OutsideReviewer
	Link string `json:"link"`
}

// ChapterChange is how a chapter was changed in answer to a comment: from the save
// that it was written on to the one that answered it.
type ChapterChange struct {
	Chapter string        `json:"chapter"`
	From    int           `json:"from"`
	To      int           `json:"to"`
	Before  string        `json:"before"`
	After   string        `json:"after"`
	Changes []plan.Change `json:"changes"`
}

// Reviewers lists who was invited to comment on a draft.
func (s *Source) Reviewers(d *draft.Draft) []Reviewer {
	list := []Reviewer{}
	for _, r := range d.Reviewers {
		v := Reviewer{Account: r.Account, By: actor(r.By), At: r.At, Finished: r.Finished}
		if r.Outside != nil {
			o := s.Outside(d.ID, *r.Outside)
			v.Outside = &o
		}
		for _, c := range d.Comments {
			if r.Is(d.ID, c.By) {
				v.Comments++
				if c.Resolved == nil {
					v.Open++
				}
			}
		}
		list = append(list, v)
	}
	return list
}

// Outside shows an outside reviewer of a draft.
func (s *Source) Outside(id string, o draft.Outside) OutsideReviewer {
	v := OutsideReviewer{ID: o.ID, Name: o.Name, Address: o.Address, Lang: o.Lang, Expires: o.Expires, Ended: !s.Now().Before(o.Expires)}
	if o.Address != "" {
		s.State.View(func() { v.Mailed = delivery(s.Notices, callout.InvitationSubject, draft.LinkName(id, o.ID, o.Link)) })
	}
	return v
}

// ChapterChangeOf shows the change that answered a comment; false if none did.
func ChapterChangeOf(d *draft.Draft, c *draft.Comment) (v ChapterChange, changed bool) {
	before, after, changed := d.Answer(c)
	if !changed {
		return v, false
	}
	was, _ := plan.Decode("", []byte(before))
	is, _ := plan.Decode("", []byte(after))
	return ChapterChange{
		Chapter: c.Chapter, From: c.On, To: c.Resolved.Saves[len(c.Resolved.Saves)-1], Before: before, After: after,
		Changes: append([]plan.Change{}, plan.Compare(was, is)...),
	}, true
}
