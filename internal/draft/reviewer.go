package draft

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

const (
	// DefaultLinkDays is how long an outside reviewer's link works where nobody
	// says otherwise, MaxLinkDays the longest.
	DefaultLinkDays = 14
	MaxLinkDays     = 90
	// MaxOutside is how many comments and replies one outside reviewer may write.
	MaxOutside   = 500
	maxGuestName = 100 // characters
	maxAddress   = 254 // bytes of an e-mail address, by RFC 5321
)

// Reviewer is somebody who was invited to comment: an account, or an outside
// person.
type Reviewer struct {
	// Account is empty for an outside person.
	Account string
	Outside *Outside
	By      holdfast.Actor
	At      time.Time
	// Finished is when he said that he has finished; the zero time if he has not,
	// has commented since, or the draft was sent to review again.
	Finished time.Time
}

// Outside is an outside person with a link to one draft.
type Outside struct {
	// ID is unique within the draft and never used again: o1.
	ID   string
	Name string
	// Address is where the link is mailed to; empty if it is handed over.
	Address string
	Lang    holdfast.Lang
	// Link tells his links apart; it is no secret.
	Link string
	// Expires is when the link works no more.
	Expires time.Time

	hash holdfast.Hash
}

// Link is what an outside reviewer comes in by.
type Link struct{ Draft, Reviewer, Secret string }

// Guest is an outside person to invite.
type Guest struct {
	Name, Address string
	Lang          holdfast.Lang
	// Days is how long the link works; 0 is DefaultLinkDays.
	Days int
}

// Actor is who an outside reviewer acts as.
func (o Outside) Actor(draft string) holdfast.Actor {
	return holdfast.Actor{Kind: holdfast.Reviewer, ID: draft + "." + o.ID, Name: o.Name}
}

// Is reports whether a reviewer of a draft is the one who acts.
func (r Reviewer) Is(draft string, by holdfast.Actor) bool {
	if r.Outside != nil {
		return r.Outside.Actor(draft).SameParty(by)
	}
	return by.Kind == holdfast.Account && by.ID == r.Account
}

// Reviews reports whether somebody is a reviewer of the draft.
func (d *Draft) Reviews(by holdfast.Actor) bool {
	return slices.ContainsFunc(d.Reviewers, func(r Reviewer) bool { return r.Is(d.ID, by) })
}

// HasFinished reports whether a reviewer has said so.
func (d *Draft) HasFinished(by holdfast.Actor) bool {
	return slices.ContainsFunc(d.Reviewers, func(r Reviewer) bool { return r.Is(d.ID, by) && !r.Finished.IsZero() })
}

// Reviewable reports whether reviewers may have their say: later the text stands.
func (s State) Reviewable() bool { return s == Drafting || s == InReview }

// outsider returns the outside reviewer with an id.
func (d *Draft) outsider(id string) *Reviewer {
	for i, r := range d.Reviewers {
		if r.Outside != nil && r.Outside.ID == id {
			return &d.Reviewers[i]
		}
	}
	return nil
}

// The facts about reviewers.
type (
	// invited and dismissed name an account or an outside person. A person who is
	// invited again under his id has a new link.
	invited struct {
		Account string        `json:"account,omitempty"`
		Outside *outsideFacts `json:"outside,omitempty"`
	}
	outsideFacts struct {
		ID      string        `json:"id"`
		Name    string        `json:"name,omitempty"`
		Address string        `json:"address,omitempty"`
		Lang    holdfast.Lang `json:"lang,omitempty"`
		Link    string        `json:"link,omitempty"`
		Hash    holdfast.Hash `json:"hash,omitzero"`
		Expires time.Time     `json:"expires,omitzero"`
	}
)

func (d *Draft) applyReviewer(f holdfast.Fact) error {
	d.Reviewers = slices.Clone(d.Reviewers)
	if f.Kind == kindFinished {
		for i, r := range d.Reviewers {
			if r.Is(d.ID, f.Actor) {
				d.Reviewers[i].Finished = f.Time
			}
		}
		return nil
	}
	var body invited
	if err := f.Decode(&body); err != nil {
		return err
	}
	same := func(r Reviewer) bool {
		return r.Outside == nil && body.Outside == nil && r.Account == body.Account ||
			r.Outside != nil && body.Outside != nil && r.Outside.ID == body.Outside.ID
	}
	switch i := slices.IndexFunc(d.Reviewers, same); {
	case f.Kind == kindDismissed:
		d.Reviewers = slices.DeleteFunc(d.Reviewers, same)
	case body.Outside == nil:
		d.Reviewers = append(slices.DeleteFunc(d.Reviewers, same), Reviewer{Account: body.Account, By: f.Actor, At: f.Time})
	case i >= 0: // a new link
		o := *d.Reviewers[i].Outside
		o.Link, o.Expires, o.hash = body.Outside.Link, body.Outside.Expires, body.Outside.Hash
		d.Reviewers[i].Outside = &o
	default:
		d.outside++
		o := body.Outside
		d.Reviewers = append(d.Reviewers, Reviewer{Outside: &Outside{o.ID, o.Name, o.Address, o.Lang, o.Link, o.Expires, o.Hash}, By: f.Actor, At: f.Time})
	}
	return nil
}

// unfinished takes back what reviewers have said of being finished.
func (d *Draft) unfinished(who func(Reviewer) bool) {
	d.Reviewers = slices.Clone(d.Reviewers)
	for i, r := range d.Reviewers {
		if who(r) {
			d.Reviewers[i].Finished = time.Time{}
		}
	}
}

func invite(b *Book, id, who string) ([]journal.Draft, error) {
	d, err := b.open(id)
	if err != nil {
		return nil, err
	}
	if !holdfast.ValidName(who) {
		return nil, holdfast.Errorf(holdfast.Invalid, "%q is no account", who).At("account")
	}
	if d.Reviews(holdfast.Actor{Kind: holdfast.Account, ID: who}) {
		return nil, nil
	}
	if err := d.seat(); err != nil {
		return nil, err
	}
	return d.fact(kindInvited, invited{Account: who}), nil
}

func (d *Draft) seat() error {
	if len(d.Reviewers) >= maxReviewer {
		return holdfast.Errorf(holdfast.TooLarge, "a draft has at most %d reviewers", maxReviewer)
	}
	return nil
}

func dismiss(b *Book, id, who string) ([]journal.Draft, error) {
	d, err := b.open(id)
	if err != nil || !d.Reviews(holdfast.Actor{Kind: holdfast.Account, ID: who}) {
		return nil, err
	}
	return d.fact(kindDismissed, invited{Account: who}), nil
}

// check judges what is said of an outside person.
func (g Guest) check() error {
	if err := sized("name", g.Name, maxGuestName); err != nil {
		return err
	}
	if strings.ContainsAny(g.Name, "\r\n\t") {
		return holdfast.Errorf(holdfast.Invalid, "write the name in one line").At("name")
	}
	if g.Address != "" {
		a, err := mail.ParseAddress(g.Address)
		if err != nil || a.Address != g.Address || len(g.Address) > maxAddress {
			return holdfast.Errorf(holdfast.Invalid, "%q is not an e-mail address; write it as name@example.com, or leave it empty and hand the link over", g.Address).At("address")
		}
	}
	if !slices.Contains(holdfast.Langs[:], g.Lang) {
		return holdfast.Errorf(holdfast.Invalid, "there is no language %q", g.Lang).At("lang")
	}
	return checkDays(g.Days)
}

func checkDays(days int) error {
	if days < 0 || days > MaxLinkDays {
		return holdfast.Errorf(holdfast.Invalid, "a link works for 1 to %d days", MaxLinkDays).At("days")
	}
	return nil
}

func ends(days int, now time.Time) time.Time {
	if days == 0 {
		days = DefaultLinkDays
	}
	return now.AddDate(0, 0, days)
}

// inviteOutside lets an outside person review the draft. hash tells the hash of
// the secret of his link for the id that he gets. Names are told apart, since comments
// stand under them.
func inviteOutside(b *Book, id string, g Guest, link string, hash func(reviewer string) holdfast.Hash, now time.Time) (reviewer string, drafts []journal.Draft, err error) {
	d, err := b.open(id)
	if err != nil {
		return "", nil, err
	}
	g.Name, g.Address = strings.TrimSpace(g.Name), strings.TrimSpace(g.Address)
	if err := g.check(); err != nil {
		return "", nil, err
	}
	for _, r := range d.Reviewers {
		if o := r.Outside; o != nil && (strings.EqualFold(o.Name, g.Name) || o.Address != "" && strings.EqualFold(o.Address, g.Address)) {
			return "", nil, holdfast.Errorf(holdfast.Conflict, "%s is invited already: make a new link for that person, or dismiss the reviewer first", o.Name)
		}
	}
	if err := d.seat(); err != nil {
		return "", nil, err
	}
	reviewer = fmt.Sprintf("o%d", d.outside+1)
	return reviewer, d.fact(kindInvited, invited{Outside: &outsideFacts{reviewer, g.Name, g.Address, g.Lang, link, hash(reviewer), ends(g.Days, now)}}), nil
}

// relink makes a new link for an outside reviewer; the former works no more.
func relink(b *Book, id, reviewer string, days int, link string, hash holdfast.Hash, now time.Time) ([]journal.Draft, error) {
	d, err := b.open(id)
	if err != nil {
		return nil, err
	}
	if d.outsider(reviewer) == nil {
		return nil, holdfast.Errorf(holdfast.NotFound, "the draft has no outside reviewer %q", reviewer)
	}
	if err := checkDays(days); err != nil {
		return nil, err
	}
	return d.fact(kindInvited, invited{Outside: &outsideFacts{ID: reviewer, Link: link, Hash: hash, Expires: ends(days, now)}}), nil
}

// dismissOutside ends the link of an outside reviewer. It may be done in every
// state: an ended review does not end the link's right to read.
func dismissOutside(b *Book, id, reviewer string) ([]journal.Draft, error) {
	d, known := b.drafts[id]
	if !known {
		return nil, holdfast.Errorf(holdfast.NotFound, "there is no draft %q", id)
	}
	if d.outsider(reviewer) == nil {
		return nil, nil
	}
	return d.fact(kindDismissed, invited{Outside: &outsideFacts{ID: reviewer}}), nil
}

// finish states that a reviewer has said all he has to say.
func finish(b *Book, id string, by holdfast.Actor) ([]journal.Draft, error) {
	d, err := b.open(id)
	switch {
	case err != nil:
		return nil, err
	case !d.Reviews(by):
		return nil, holdfast.Errorf(holdfast.Forbidden, "only an invited reviewer of draft %s says that his review is finished", id)
	case !d.State.Reviewable():
		return nil, holdfast.Errorf(holdfast.Conflict, "the review of this draft is over: it can be read, and no more commented on")
	case d.HasFinished(by):
		return nil, nil
	}
	return d.fact(kindFinished, struct{}{}), nil
}

// admit returns the draft and the reviewer of a link. All that is wrong with a
// link but its age gets the same answer, in the same time: a stranger learns
// nothing from it.
func (b *Book) admit(l Link, now time.Time) (*Draft, Reviewer, error) {
	var found *Reviewer
	var want holdfast.Hash // of no secret
	d := b.drafts[l.Draft]
	if d != nil {
		found = d.outsider(l.Reviewer)
	}
	if found != nil {
		want = found.Outside.hash
	}
	hash := sha256.Sum256([]byte(l.Secret))
	if subtle.ConstantTimeCompare(hash[:], want[:]) != 1 || found == nil {
		return nil, Reviewer{}, holdfast.Errorf(holdfast.NotFound, "this link does not work, or no longer; ask for a new one")
	}
	if !now.Before(found.Outside.Expires) {
		return nil, Reviewer{}, holdfast.Errorf(holdfast.Conflict, "this link has run out; ask for a new one")
	}
	return d, *found, nil
}

// speak returns who speaks by a link, if he may.
func (b *Book) speak(l Link, now time.Time) (*Draft, holdfast.Actor, error) {
	d, r, err := b.admit(l, now)
	switch {
	case err != nil:
		return nil, holdfast.Actor{}, err
	case !d.State.Reviewable():
		return nil, holdfast.Actor{}, holdfast.Errorf(holdfast.Conflict, "the review of this draft is over: it can be read, and no more commented on")
	}
	by := r.Outside.Actor(d.ID)
	n := 0
	for _, c := range d.Comments {
		if c.By.SameParty(by) {
			n++
		}
		for _, r := range c.Replies {
			if r.By.SameParty(by) {
				n++
			}
		}
	}
	if n >= MaxOutside {
		return nil, holdfast.Actor{}, holdfast.Errorf(holdfast.TooLarge, "you have written %d comments and replies, which is the limit", MaxOutside)
	}
	return d, by, nil
}

// ownThread refuses a thread that another began: outside reviewers see only their
// own.
func (d *Draft) ownThread(number int, by holdfast.Actor) error {
	c, err := d.comment(number)
	if err == nil && !c.By.SameParty(by) {
		err = holdfast.Errorf(holdfast.NotFound, "the draft has no comment %d", number)
	}
	return err
}

// ThreadsOf lists the comments that somebody made.
func (d *Draft) ThreadsOf(by holdfast.Actor) (list []*Comment) {
	for _, c := range d.Comments {
		if c.By.SameParty(by) {
			list = append(list, c)
		}
	}
	return list
}
