package api

import (
	"errors"
	"strconv"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/draft"
	"holdfast/internal/plan"
	"holdfast/internal/view"
)

// BeginDraft begins a draft of a text, or, without one, of the latest revision.
type BeginDraft struct {
	Note string `json:"note,omitempty"`
	Text string `json:"text,omitempty"`
}

// SaveChapter replaces a chapter's text. Base is the save that its author saw.
type SaveChapter struct {
	Base int    `json:"base"`
	Text string `json:"text"`
}

// RestoreChapter brings an earlier save back over the one that its author saw;
// save 0 is the text that the draft began with.
type RestoreChapter struct {
	Base int `json:"base"`
	Save int `json:"save"`
}

// Saved names the save that a chapter has now.
type Saved struct {
	Save int `json:"save"`
}

// Remark is a comment on a place. Path is an anchor, such as
// risks[power].title, or a path with positions; the chapter and the quote are
// filled in from it. Without a path it is on the whole chapter.
type Remark struct {
	Chapter string `json:"chapter,omitempty"`
	Path    string `json:"path,omitempty"`
	Quote   string `json:"quote,omitempty"`
	Text    string `json:"text"`
}

// Reply is one more remark on a comment.
type Reply struct {
	Text string `json:"text"`
}

// Resolve answers a comment: by a reason, or, without one, by what was saved of
// its chapter since.
type Resolve struct {
	Reason string `json:"reason,omitempty"`
}

// Submit sends a draft to approval, under the operator's number for it.
type Submit struct {
	Document string `json:"document,omitempty"`
}

// ApproveDraft consents to the text with a hash: the one that was read.
type ApproveDraft struct {
	Hash holdfast.Hash `json:"hash"`
	// Role is the one that you decide as, if you fill several; missing is the first
	// that the step waits for.
	Role string `json:"role,omitempty"`
}

// PublishDraft says from when the revision is in force; missing is at once.
type PublishDraft struct {
	From time.Time `json:"from,omitzero"`
}

// newer is a refused save with the text that another author saved.
type newer struct {
	error
	draft.Newer
}

func (n newer) Error() string { return n.error.Error() }

func (n newer) Unwrap() error { return n.error }

// More is what the problem carries.
func (n newer) More() any { return view.NewerOf(n.Newer) }

func conflicting(err error) error {
	var n draft.Newer
	if errors.As(err, &n) {
		return newer{err, n}
	}
	return err
}

func (a *API) drafts(*call) (any, error) {
	list := []view.DraftHead{}
	for _, d := range a.Drafts.Drafts() {
		list = append(list, view.HeadOf(d))
	}
	return list, nil
}

func (a *API) draft(c *call) (any, error) {
	d, err := a.Drafts.Draft(c.path("id"))
	if err != nil {
		return nil, err
	}
	place, complete, _ := a.Drafts.Place(d, c.by())
	v := view.DraftOf(d, place, complete)
	v.ToWorkIn = a.View.ToWorkIn(d)
	v.Reviewers = a.View.Reviewers(d)
	if d.State.Open() {
		v.Deciders = append(v.Deciders, a.Drafts.Deciders(d)...)
	}
	return v, nil
}

func (a *API) beginDraft(c *call) (any, error) {
	in, err := body[BeginDraft](c)
	if err != nil {
		return nil, err
	}
	id, err := a.Drafts.Begin(c.r.Context(), c.by(), in.Note, []byte(in.Text))
	return Created{id}, err
}

func (a *API) chapter(c *call) (any, error) {
	d, err := a.Drafts.Draft(c.path("id"))
	if err != nil {
		return nil, err
	}
	key := c.path("chapter")
	if _, known := plan.ChapterOf(key); !known {
		return nil, holdfast.Errorf(holdfast.NotFound, "a plan has no chapter %q", key)
	}
	return view.ChapterTextOf(d, key), nil
}

func (a *API) saveChapter(c *call) (any, error) {
	in, err := body[SaveChapter](c)
	if err != nil {
		return nil, err
	}
	n, err := a.Drafts.Put(c.r.Context(), c.by(), c.path("id"), c.path("chapter"), in.Base, []byte(in.Text))
	return Saved{n}, conflicting(err)
}

func (a *API) restoreChapter(c *call) (any, error) {
	in, err := body[RestoreChapter](c)
	if err != nil {
		return nil, err
	}
	return nil, conflicting(a.Drafts.Restore(c.r.Context(), c.by(), c.path("id"), c.path("chapter"), in.Base, in.Save))
}

func (a *API) review(c *call) (any, error) {
	return nil, a.Drafts.Review(c.r.Context(), c.by(), c.path("id"))
}

// mayWrite reports whether the caller comments as an author; others must be
// invited.
func (c *call) mayWrite() bool { return c.who.May(access.DraftPlan) }

func (a *API) remark(c *call) (any, error) {
	in, err := body[Remark](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Drafts.Comment(c.r.Context(), c.by(), c.mayWrite(), c.path("id"), draft.Remark{Chapter: in.Chapter, Path: in.Path, Quote: in.Quote, Lang: c.lang, Text: in.Text})
}

// comment reads the number of a comment from the path; 0, which no comment has,
// if it is none.
func (c *call) comment() int {
	n, err := strconv.Atoi(c.path("n"))
	if err != nil {
		return 0
	}
	return n
}

func (a *API) reply(c *call) (any, error) {
	in, err := body[Reply](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Drafts.Reply(c.r.Context(), c.by(), c.mayWrite(), c.path("id"), c.comment(), in.Text)
}

func (a *API) resolve(c *call) (any, error) {
	in, err := body[Resolve](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Drafts.Resolve(c.r.Context(), c.by(), c.path("id"), c.comment(), in.Reason)
}

func (a *API) reopen(c *call) (any, error) {
	return nil, a.Drafts.Reopen(c.r.Context(), c.by(), c.mayWrite(), c.path("id"), c.comment())
}

func (a *API) submit(c *call) (any, error) {
	in, err := body[Submit](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Drafts.Submit(c.r.Context(), c.by(), c.path("id"), in.Document)
}

func (a *API) approveDraft(c *call) (any, error) {
	in, err := body[ApproveDraft](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Drafts.ApproveAs(c.r.Context(), c.by(), c.path("id"), in.Hash, in.Role)
}

// giveBack is for those who decide and for the authors.
func (a *API) giveBack(c *call) (any, error) {
	in, err := body[Reason](c)
	if err != nil {
		return nil, err
	}
	if _, err := a.Drafts.Draft(c.path("id")); err != nil {
		return nil, err
	}
	if !c.who.May(access.ApprovePlan) {
		if err := c.who.Require(access.DraftPlan); err != nil {
			return nil, err
		}
	}
	return nil, a.Drafts.Return(c.r.Context(), c.by(), c.path("id"), in.Reason)
}

func (a *API) withdraw(c *call) (any, error) {
	in, err := body[Reason](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Drafts.Withdraw(c.r.Context(), c.by(), c.path("id"), in.Reason)
}

func (a *API) publishDraft(c *call) (any, error) {
	in, err := body[PublishDraft](c)
	if err != nil {
		return nil, err
	}
	n, err := a.Drafts.Publish(c.r.Context(), c.by(), c.path("id"), in.From)
	return Published{n}, err
}

// numbered is the revision that a path names, of the plan that incidents run.
func (a *API) numbered(c *call) (view.Plan, error) {
	v, err := a.revision(c)
	if err != nil {
		return view.Plan{}, err
	}
	return v.(view.Plan), nil
}

func (a *API) readings(c *call) (any, error) {
	p, err := a.numbered(c)
	if err != nil {
		return nil, err
	}
	list, err := a.Drafts.Readings(p.ID, p.Revision)
	return view.ReadingsOf(list), err
}

func (a *API) remindReaders(c *call) (any, error) {
	in, err := body[Remind](c)
	if err != nil {
		return nil, err
	}
	p, err := a.numbered(c)
	if err != nil {
		return nil, err
	}
	people, err := a.Drafts.Remind(c.r.Context(), c.by(), p.ID, p.Revision, in.Person)
	if people == nil {
		people = []string{}
	}
	return RemindedPeople{people}, err
}

func (a *API) news(c *call) (any, error) {
	p, err := a.numbered(c)
	if err != nil {
		return nil, err
	}
	before, own, others, err := a.Drafts.ChangesFor(p.ID, p.Revision, a.Drafts.Reader(c.by(), c.who.Person))
	return view.News{Before: before, Own: append([]plan.Change{}, own...), Others: append([]plan.Change{}, others...)}, err
}

func (a *API) acknowledgeReading(c *call) (any, error) {
	p, err := a.numbered(c)
	if err != nil {
		return nil, err
	}
	return nil, a.Drafts.Acknowledge(c.r.Context(), c.by(), p.ID, p.Revision, c.who.Person)
}
