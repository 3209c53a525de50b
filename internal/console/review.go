package console

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/attachment"
	"holdfast/internal/draft"
	"holdfast/internal/plan"
	"holdfast/internal/view"
)

// The pages of an outside reviewer, below /review/{draft}/{reviewer}. They need no
// sign-in: who holds the link's secret may read that draft and comment on it. The
// first request brings the secret in the address; from then on a cookie has it,
// which is sent to these pages only, so that the address can be seen by anyone.

// Who came by a link reads once in readEvery on average and posts once in postEvery; a
// client that has no working link tries once in guessEvery.
const (
	readEvery, readBurst   = time.Second / 2, 200
	postEvery, postBurst   = 6 * time.Second, 20
	guessEvery, guessBurst = 5 * time.Second, 10
	maxGuests              = 10000
)

// guests bound what strangers may send.
type guests struct{ reads, posts, guesses *access.Limiter }

func newGuests() guests {
	return guests{access.NewLimiter(readEvery, readBurst, maxGuests), access.NewLimiter(postEvery, postBurst, maxGuests), access.NewLimiter(guessEvery, guessBurst, maxGuests)}
}

// reviewPage is the draft as its outside reviewer reads it.
type reviewPage struct {
	Draft    *draft.Draft
	Title    string
	Reviewer draft.Outside
	Finished time.Time
	// Address is that of the page.
	Address string
	Faults  int
	Body    planBody
	// May says that comments are taken now.
	May bool
	// Withdrawn says that there is nothing to read any more.
	Withdrawn bool
}

func (v *visit) reviewAddress() string {
	return "/review/" + v.path("draft") + "/" + v.path("reviewer")
}

func (v *visit) link(c *Console) draft.Link {
	return draft.Link{Draft: v.path("draft"), Reviewer: v.path("reviewer"), Secret: cmp.Or(v.query("key"), c.web.GuestSecret(v.r))}
}

// guest finds the draft and the reviewer of the link that the browser brought.
// Whoever he is signed in as elsewhere does not count here.
func (c *Console) guest(v *visit) (*draft.Draft, draft.Reviewer, error) {
	v.req.Who = access.Principal{}
	d, r, err := c.Drafts.Admit(v.link(c))
	if busy := c.guests.bound(v, v.reviewAddress(), err, c.Desk.Now()); busy != nil {
		return nil, r, busy
	}
	return d, r, err
}

// bound bounds how often the page of a link is asked for, and how often a client
// tries one that does not work; err is what the link was answered with.
func (g guests) bound(v *visit, page string, err error, now time.Time) error {
	switch {
	case err == nil:
		return g.reads.Take(page, now)
	case holdfast.CodeOf(err) == holdfast.NotFound:
		return g.guesses.Take(access.ClientKey(v.req.Client), now)
	}
	return nil
}

func (c *Console) review(v *visit) error {
	d, r, err := c.guest(v)
	if err != nil {
		return err
	}
	address := v.reviewAddress()
	if key := v.query("key"); key != "" {
		c.web.SetGuest(v.w, address, key, r.Outside.Expires)
		http.Redirect(v.w, v.r, address, http.StatusSeeOther)
		return nil
	}
	p, faults := plan.Decode("", d.Text())
	own := reviewPage{
		Draft: d, Title: p.Title.In(v.words.Lang()), Reviewer: *r.Outside, Finished: r.Finished, Address: address, Faults: len(faults),
		May: d.State.Reviewable(), Withdrawn: d.State == draft.Withdrawn,
	}
	if !own.Withdrawn {
		list := v.kept(threads(d, p, d.ThreadsOf(r.Outside.Actor(d.ID)), address, address, "read", false, own.May))
		own.Body = newPlanBody(v.words, p, address)
		own.Body.Remarks = newRemarks(p, v.words.Lang(), list, address, address+"/comments")
		own.Body.Remarks.May = own.May
		own.Body.Remarks.choose(cmp.Or(v.form("path"), v.query("at")), v.form("text"))
	}
	return c.show(v, "review", cmp.Or(own.Title, v.words.T("review.title")), false, own)
}

// outside carries out an act of an outside reviewer, and goes back to his page.
func (c *Console) outside(v *visit, done, fragment string, act func(l draft.Link) error) error {
	_, r, err := c.guest(v)
	if err != nil {
		return err
	}
	if err := c.guests.posts.Take(v.path("draft")+"/"+r.Outside.ID, c.Desk.Now()); err != nil {
		return err
	}
	if err := act(v.link(c)); err != nil {
		return err
	}
	return v.toFragment(v.reviewAddress(), done, fragment)
}

// toFragment sends the browser to a place in a page.
func (v *visit) toFragment(path, done, fragment string) error {
	if done != "" {
		path += "?ok=" + url.QueryEscape(done)
	}
	if fragment != "" {
		path += "#" + url.PathEscape(fragment)
	}
	http.Redirect(v.w, v.r, path, http.StatusSeeOther)
	return nil
}

func (v *visit) remark() draft.Remark {
	return draft.Remark{Chapter: v.form("chapter"), Path: v.form("path"), Quote: v.form("quote"), Lang: v.words.Lang(), Text: v.form("text")}
}

// remarked names where a new comment is found.
func (v *visit) remarked() string {
	if path := v.form("path"); path != "" {
		return "place-" + path
	}
	return "rest"
}

func (c *Console) reviewComment(v *visit) error {
	return c.outside(v, "commented", v.remarked(), func(l draft.Link) error { return c.Drafts.OutsideComment(v.r.Context(), l, v.remark()) })
}

func (c *Console) reviewReply(v *visit) error {
	return c.outside(v, "commented", "comment-"+v.path("n"), func(l draft.Link) error {
		return c.Drafts.OutsideReply(v.r.Context(), l, v.commentNumber(), v.form("text"))
	})
}

func (c *Console) reviewReopen(v *visit) error {
	return c.outside(v, "", "comment-"+v.path("n"), func(l draft.Link) error { return c.Drafts.OutsideReopen(v.r.Context(), l, v.commentNumber()) })
}

func (c *Console) reviewFinish(v *visit) error {
	return c.outside(v, "finished", "", func(l draft.Link) error { return c.Drafts.OutsideFinish(v.r.Context(), l) })
}

func (c *Console) reviewChanges(v *visit) error {
	d, r, err := c.guest(v)
	if err != nil {
		return err
	}
	comments := d.ThreadsOf(r.Outside.Actor(d.ID))
	if d.State == draft.Withdrawn {
		comments = nil
	}
	return c.commentDiff(v, d, comments, v.reviewAddress())
}

// reviewFile gives out a file that the text names; scans of approvals are not his
// to see.
func (c *Console) reviewFile(v *visit) error {
	d, _, err := c.guest(v)
	if err != nil {
		return err
	}
	if d.State == draft.Withdrawn {
		return holdfast.Errorf(holdfast.NotFound, "there is no page %s", v.r.URL.Path)
	}
	return c.giveOut(v, func(h holdfast.Hash) (attachment.File, error) { return c.Drafts.TextFile(d, h) })
}

// commentDiffPage shows the change that answered a comment.
type commentDiffPage struct {
	Comment *draft.Comment
	// Up is the page that it belongs to.
	Up     string
	Change view.ChapterChange
	Lines  []diffLine
}

func (c *Console) draftAnswer(v *visit) error {
	d, err := c.Drafts.Draft(v.path("id"))
	if err != nil {
		return err
	}
	return c.commentDiff(v, d, d.Comments, "/drafts/"+d.ID)
}

// commentDiff shows the change that answered one of the comments that the reader
// may see.
func (c *Console) commentDiff(v *visit, d *draft.Draft, comments []*draft.Comment, up string) error {
	n := v.commentNumber()
	for _, one := range comments {
		if change, changed := view.ChapterChangeOf(d, one); one.ID == n && changed {
			own := commentDiffPage{one, up + "#comment-" + strconv.Itoa(n), change, diffLines(alike(change))}
			return c.show(v, "commentdiff", v.words.T("comment.change"), false, own)
		}
	}
	return holdfast.Errorf(holdfast.NotFound, "no change answers comment %d", n)
}

// alike returns a chapter before and after a change, both written in the same
// way: the first save by a form writes a text anew that says the same. What only
// differs in its notes is shown as it was written.
func alike(c view.ChapterChange) (before, after string) {
	chapter, _ := plan.ChapterOf(c.Chapter)
	encode := func(text string) string {
		p, _ := plan.Decode("", []byte(text)) // whole, or it would not have been saved
		return string(plan.EncodeChapter(p, chapter))
	}
	if before, after = encode(c.Before), encode(c.After); before == after {
		return c.Before, c.After
	}
	return before, after
}

// The acts of authors on outside reviewers.

func (c *Console) inviteOutside(v *visit) error {
	days, err := v.days()
	if err != nil {
		return err
	}
	o, link, err := c.Drafts.InviteOutside(v.r.Context(), v.by(), v.path("id"), draft.Guest{
		Name: v.form("name"), Address: strings.TrimSpace(v.form("address")), Lang: holdfast.Lang(v.form("lang")), Days: days,
	})
	return c.showLink(v, o, link, err)
}

func (c *Console) newOutsideLink(v *visit) error {
	o, link, err := c.Drafts.NewLink(v.r.Context(), v.by(), v.path("id"), v.path("reviewer"), 0)
	return c.showLink(v, o, link, err)
}

// showLink shows the link once, so not after a redirect.
func (c *Console) showLink(v *visit, o draft.Outside, link string, err error) error {
	if err != nil {
		return err
	}
	return c.draftWith(v, &view.OutsideLink{OutsideReviewer: c.View.Outside(v.path("id"), o), Link: link})
}

// days reads for how long a link works; 0 is as usual.
func (v *visit) days() (int, error) {
	text := strings.TrimSpace(v.form("days"))
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > draft.MaxLinkDays {
		return 0, holdfast.Errorf(holdfast.Invalid, "a link works for 1 to %d days", draft.MaxLinkDays).At("days")
	}
	return n, nil
}

func (c *Console) dismissOutside(v *visit) error {
	return c.draftDone(v, "dismissed", c.Drafts.DismissOutside(v.r.Context(), v.by(), v.path("id"), v.path("reviewer")))
}

// finishReview is for reviewers with an account.
func (c *Console) finishReview(v *visit) error {
	return c.draftDone(v, "finished", c.Drafts.Finish(v.r.Context(), v.by(), v.path("id")))
}
