package view

import (
	"time"

	"holdfast"
	"holdfast/internal/approval"
	"holdfast/internal/draft"
	"holdfast/internal/plan"
)

// DraftHead is a draft in a list.
type DraftHead struct {
	ID   string `json:"id"`
	Plan string `json:"plan"`
	// From is the revision it began with; 0 for a text that was brought in.
	From  int       `json:"from"`
	State string    `json:"state"`
	By    *Actor    `json:"by"`
	At    time.Time `json:"at"`
	Note  string    `json:"note,omitempty"`
	// OpenComments counts the comments that nobody has resolved.
	OpenComments int `json:"open_comments"`
	// Revision is the number it was published under; 0 if it is not.
	Revision int `json:"revision,omitempty"`
}

// Draft is a draft, whole.
type Draft struct {
	DraftHead
	// Text is all of it as it would be published, and Hash the text's: an approval
	// names it.
	Text      string          `json:"text"`
	Hash      holdfast.Hash   `json:"hash"`
	Chapters  []DraftChapter  `json:"chapters"`
	Reviewers []Reviewer      `json:"reviewers"`
	Comments  []Comment       `json:"comments"`
	Returned  []DraftReturned `json:"returned"`
	// Deciders are those who fill the roles of the ladder that it has, or would have if
	// it were submitted now: who can approve, and who not and why.
	Deciders []draft.Decider `json:"deciders"`
	// ToWorkIn lists the changes told since that the text has to take up.
	ToWorkIn []WorkIn `json:"to_work_in"`
	// Approval is there once the draft was submitted.
	Approval *DraftApproval `json:"approval,omitempty"`
}

// DraftChapter says which save a chapter has.
type DraftChapter struct {
	Chapter string `json:"chapter"`
	// Save is the number to save over; 0 is the text that the draft began with.
	Save int       `json:"save"`
	By   *Actor    `json:"by,omitempty"`
	At   time.Time `json:"at,omitzero"`
}

// ChapterText is a chapter with its text and all its saves, newest first.
type ChapterText struct {
	DraftChapter
	Text  string         `json:"text"`
	Saves []DraftChapter `json:"saves"`
}

// Comment is a remark with the thread below it.
type Comment struct {
	ID       int              `json:"id"`
	Chapter  string           `json:"chapter"`
	Path     string           `json:"path,omitempty"`
	Quote    string           `json:"quote,omitempty"`
	Text     string           `json:"text"`
	By       *Actor           `json:"by"`
	At       time.Time        `json:"at"`
	Replies  []CommentReply   `json:"replies"`
	Resolved *CommentResolved `json:"resolved,omitempty"`
	// On is the save of the chapter that it was written on; 0 is the text that the
	// draft began with.
	On int `json:"on"`
	// Gone says that the place at Path is no longer there.
	Gone bool `json:"gone,omitempty"`
}

// CommentReply is one more remark on a comment.
type CommentReply struct {
	Text string    `json:"text"`
	By   *Actor    `json:"by"`
	At   time.Time `json:"at"`
}

// CommentResolved says which saves, or which reason, answer a comment.
type CommentResolved struct {
	Saves  []int     `json:"saves,omitempty"`
	Reason string    `json:"reason,omitempty"`
	By     *Actor    `json:"by"`
	At     time.Time `json:"at"`
}

// DraftReturned says why a draft went back to its authors, or was withdrawn.
type DraftReturned struct {
	From   string    `json:"from"`
	Reason string    `json:"reason"`
	By     *Actor    `json:"by"`
	At     time.Time `json:"at"`
}

// DraftApproval is how far the approval of a draft has come.
type DraftApproval struct {
	Hash     holdfast.Hash       `json:"hash"`
	Document string              `json:"document,omitempty"`
	By       *Actor              `json:"by"`
	At       time.Time           `json:"at"`
	Steps    []approval.Step     `json:"steps"`
	Given    []approval.Decision `json:"given"`
	// Scans are the signed papers beside the decisions given, the newest of each
	// first.
	Scans []Scan `json:"scans"`
	// Complete says that it may be published, until the time Until.
	Complete bool      `json:"complete"`
	Until    time.Time `json:"until,omitzero"`
	// Step is the step that is open, and Missing the roles it waits for; "" is
	// whoever may approve.
	Step    string   `json:"step,omitempty"`
	Missing []string `json:"missing"`
}

// HeadOf shows a draft in a list.
func HeadOf(d *draft.Draft) DraftHead {
	return DraftHead{
		ID: d.ID, Plan: d.Plan, From: d.From, State: string(d.State), By: actor(d.By), At: d.At, Note: d.Note,
		OpenComments: d.OpenComments(), Revision: d.Revision,
	}
}

// DraftOf shows a draft whose approval has come to a place; [Source.Reviewers]
// adds who reviews it, [Source.ToWorkIn] what it has to take up.
func DraftOf(d *draft.Draft, place approval.Place, complete bool) Draft {
	text := d.Text()
	v := Draft{
		DraftHead: HeadOf(d), Text: string(text), Hash: plan.Hash(text),
		Chapters: []DraftChapter{}, Reviewers: []Reviewer{}, Comments: []Comment{}, Returned: []DraftReturned{}, Deciders: []draft.Decider{}, ToWorkIn: []WorkIn{},
	}
	for _, c := range plan.Chapters {
		v.Chapters = append(v.Chapters, chapterOf(d, c.Key))
	}
	p, _ := plan.Decode("", text)
	for _, c := range d.Comments {
		shown := commentOf(c)
		if c.Path != "" {
			_, found := p.Find(c.Path)
			shown.Gone = !found
		}
		v.Comments = append(v.Comments, shown)
	}
	for _, r := range d.Returned {
		v.Returned = append(v.Returned, DraftReturned{string(r.From), r.Reason, actor(r.By), r.At})
	}
	if s := d.Submitted; s != nil {
		a := &DraftApproval{
			Hash: s.Hash, Document: s.Document, By: actor(s.By), At: s.At, Steps: s.Ladder, Complete: complete,
			Given: append([]approval.Decision{}, d.Decisions...), Missing: append([]string{}, place.Missing...), Scans: []Scan{},
		}
		for _, g := range d.Decisions {
			a.Scans = append(a.Scans, scansOf(d, g.Number)...)
		}
		if complete {
			a.Until = d.ApprovedAt().Add(s.ValidFor)
		} else if place.Step < len(s.Ladder) {
			a.Step = s.Ladder[place.Step].ID
		}
		v.Approval = a
	}
	return v
}

func chapterOf(d *draft.Draft, key string) DraftChapter {
	_, n := d.Chapter(key)
	if n == 0 {
		return DraftChapter{Chapter: key}
	}
	return saveOf(d.Saves[n-1])
}

func saveOf(s draft.Save) DraftChapter {
	return DraftChapter{Chapter: s.Chapter, Save: s.Number, By: actor(s.By), At: s.At}
}

// ChapterTextOf shows one chapter of a draft.
func ChapterTextOf(d *draft.Draft, key string) ChapterText {
	text, _ := d.Chapter(key)
	v := ChapterText{DraftChapter: chapterOf(d, key), Text: text, Saves: []DraftChapter{}}
	for _, s := range d.SavesOf(key) {
		v.Saves = append(v.Saves, saveOf(s))
	}
	return v
}

// NewerOf shows the save that another author was faster with.
func NewerOf(n draft.Newer) ChapterText {
	return ChapterText{DraftChapter: saveOf(n.Save), Text: n.Text, Saves: []DraftChapter{}}
}

func commentOf(c *draft.Comment) Comment {
	v := Comment{ID: c.ID, Chapter: c.Chapter, Path: c.Path, Quote: c.Quote, Text: c.Text, By: actor(c.By), At: c.At, On: c.On, Replies: []CommentReply{}}
	for _, r := range c.Replies {
		v.Replies = append(v.Replies, CommentReply{r.Text, actor(r.By), r.At})
	}
	if r := c.Resolved; r != nil {
		v.Resolved = &CommentResolved{r.Saves, r.Reason, actor(r.By), r.At}
	}
	return v
}

// Reading is one person who has to read a revision.
type Reading struct {
	Person string   `json:"person"`
	Name   string   `json:"name"`
	Roles  []string `json:"roles"`
	// At is when he acknowledged it; missing if he has not.
	At  time.Time `json:"at,omitzero"`
	Due time.Time `json:"due"`
	// Told is when he was told, and each time that he was reminded.
	Told []time.Time `json:"told"`
	// Reached says that a notice was delivered; reachable, that one can be.
	Reached   bool `json:"reached"`
	Reachable bool `json:"reachable"`
}

// News is what a revision changes for a person.
type News struct {
	// Before is the revision that he has read last, or the one before; 0 for the
	// first revision.
	Before int `json:"before"`
	// Own concern the roles that he holds.
	Own    []plan.Change `json:"own"`
	Others []plan.Change `json:"others"`
}

// ReadingsOf shows who has to read a revision.
func ReadingsOf(list []draft.Owed) []Reading {
	v := []Reading{}
	for _, o := range list {
		r := Reading{Person: o.Person, Name: o.Name, Roles: o.Roles, At: o.At, Due: o.Due, Told: o.Told, Reached: o.Reached, Reachable: o.Reachable}
		if r.Told == nil {
			r.Told = []time.Time{}
		}
		v = append(v, r)
	}
	return v
}
