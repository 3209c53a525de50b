package draft

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
)

// Letters makes the links of outside reviewers and mails them. A link is named by
// draft, reviewer and a word of its own, joined by "/".
type Letters interface {
	// Secret returns the secret of a link, the same each time.
	Secret(link string) string
	// Address is where a link leads, with its secret.
	Address(link string, lang holdfast.Lang) string
	// Send mails a link. The secret must not stand in the journal.
	Send(ctx context.Context, by holdfast.Actor, link string, plan holdfast.Text, to Outside) error
}

// InviteOutside lets an outside person review the draft, and returns the address
// that lets him in: it is told once. Where an e-mail address is given, the link is
// mailed, too.
func (s *Service) InviteOutside(ctx context.Context, by holdfast.Actor, id string, g Guest) (o Outside, address string, err error) {
	link, reviewer := holdfast.NewID(), ""
	err = s.do(ctx, by, "invite an outside reviewer", func(now time.Time) (drafts []journal.Draft, err error) {
		reviewer, drafts, err = inviteOutside(s.Nouns.Drafts, id, g, link, func(reviewer string) holdfast.Hash { return s.secretHash(LinkName(id, reviewer, link)) }, now)
		return drafts, err
	})
	if err != nil {
		return Outside{}, "", err
	}
	return s.handOver(ctx, by, id, reviewer)
}

// NewLink makes a new link for an outside reviewer, for days from now; the former
// works no more.
func (s *Service) NewLink(ctx context.Context, by holdfast.Actor, id, reviewer string, days int) (o Outside, address string, err error) {
	link := holdfast.NewID()
	err = s.do(ctx, by, "make a new link", func(now time.Time) ([]journal.Draft, error) {
		return relink(s.Nouns.Drafts, id, reviewer, days, link, s.secretHash(LinkName(id, reviewer, link)), now)
	})
	if err != nil {
		return Outside{}, "", err
	}
	return s.handOver(ctx, by, id, reviewer)
}

// LinkName names a link as [Letters] do.
func LinkName(draft, reviewer, link string) string { return draft + "/" + reviewer + "/" + link }

func (s *Service) secretHash(link string) holdfast.Hash {
	return sha256.Sum256([]byte(s.Letters.Secret(link)))
}

// handOver mails the link of a reviewer, and returns its address.
func (s *Service) handOver(ctx context.Context, by holdfast.Actor, id, reviewer string) (o Outside, address string, err error) {
	d, err := s.Draft(id)
	if err != nil {
		return Outside{}, "", err
	}
	r := d.outsider(reviewer)
	if r == nil {
		return Outside{}, "", holdfast.Errorf(holdfast.NotFound, "the draft has no outside reviewer %q", reviewer) // dismissed meanwhile
	}
	o = *r.Outside
	link := LinkName(id, o.ID, o.Link)
	if o.Address != "" {
		p, _ := plan.Decode("", d.Text())
		if err := s.Letters.Send(ctx, by, link, p.Title, o); err != nil {
			return Outside{}, "", fmt.Errorf("mail the link: %w", err)
		}
	}
	return o, s.Letters.Address(link, o.Lang), nil
}

// DismissOutside ends the link of an outside reviewer.
func (s *Service) DismissOutside(ctx context.Context, by holdfast.Actor, id, reviewer string) error {
	return s.do(ctx, by, "dismiss an outside reviewer", func(time.Time) ([]journal.Draft, error) {
		return dismissOutside(s.Nouns.Drafts, id, reviewer)
	})
}

// Finish states that a reviewer with an account has finished.
func (s *Service) Finish(ctx context.Context, by holdfast.Actor, id string) error {
	return s.do(ctx, by, "finish the review", func(time.Time) ([]journal.Draft, error) { return finish(s.Nouns.Drafts, id, by) })
}

// Admit returns the draft and the reviewer of a link: code NotFound for one that
// does not work, Conflict for one that has run out.
func (s *Service) Admit(l Link) (d *Draft, r Reviewer, err error) {
	now := s.Desk.Now()
	s.Desk.State.View(func() { d, r, err = s.Nouns.Drafts.admit(l, now) })
	return d, r, err
}

// outsiders carries out an act of whoever has a link.
func (s *Service) outsiders(ctx context.Context, act string, l Link, decide func(d *Draft, by holdfast.Actor) ([]journal.Draft, error)) error {
	_, r, err := s.Admit(l)
	if err != nil {
		return err
	}
	return s.do(ctx, r.Outside.Actor(l.Draft), act, func(now time.Time) ([]journal.Draft, error) {
		d, by, err := s.Nouns.Drafts.speak(l, now)
		if err != nil {
			return nil, err
		}
		return decide(d, by)
	})
}

// OutsideComment adds an outside reviewer's remark on a place.
func (s *Service) OutsideComment(ctx context.Context, l Link, m Remark) error {
	d, _, err := s.Admit(l)
	if err != nil {
		return err
	}
	c, err := d.anchored(m)
	if err != nil {
		return err
	}
	return s.outsiders(ctx, "comment", l, func(d *Draft, by holdfast.Actor) ([]journal.Draft, error) {
		return comment(s.Nouns.Drafts, d.ID, c, by, false)
	})
}

// OutsideReply adds to a thread that the outside reviewer began.
func (s *Service) OutsideReply(ctx context.Context, l Link, number int, text string) error {
	return s.outsiders(ctx, "reply", l, func(d *Draft, by holdfast.Actor) ([]journal.Draft, error) {
		if err := d.ownThread(number, by); err != nil {
			return nil, err
		}
		return reply(s.Nouns.Drafts, d.ID, replied{number, text}, by, false)
	})
}

// OutsideReopen takes back the answer to a comment that the outside reviewer made.
func (s *Service) OutsideReopen(ctx context.Context, l Link, number int) error {
	return s.outsiders(ctx, "reopen the comment", l, func(d *Draft, by holdfast.Actor) ([]journal.Draft, error) {
		if err := d.ownThread(number, by); err != nil {
			return nil, err
		}
		return reopen(s.Nouns.Drafts, d.ID, number, by, false)
	})
}

// OutsideFinish states that an outside reviewer has finished.
func (s *Service) OutsideFinish(ctx context.Context, l Link) error {
	return s.outsiders(ctx, "finish the review", l, func(d *Draft, by holdfast.Actor) ([]journal.Draft, error) {
		return finish(s.Nouns.Drafts, d.ID, by)
	})
}
