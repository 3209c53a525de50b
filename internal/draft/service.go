package draft

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/approval"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
)

// Service carries out acts on drafts. It is safe for concurrent use. The caller
// has checked the account's right; who may comment, and whose turn an approval
// is, the service checks.
type Service struct {
	Desk  *journal.Desk
	Nouns Nouns
	// Files keeps attachments and scans.
	Files journal.Blobs
	// Letters makes the links of outside reviewers; nobody outside can be invited
	// without.
	Letters Letters

	mu sync.Mutex
	// here is who opened which chapter when; it is lost with the process.
	here map[place]map[string]visitor
}

type place struct{ draft, chapter string }

type visitor struct {
	name string
	at   time.Time
}

// presence is how long somebody who opened a chapter counts as there.
const presence = 2 * time.Minute

func (s *Service) do(ctx context.Context, by holdfast.Actor, act string, decide func(now time.Time) ([]journal.Draft, error)) error {
	if _, err := s.Desk.Do(ctx, by, decide); err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	return nil
}

// Begin opens a draft. With a text it is that of the text's plan; without one it
// is that of the latest revision of the plan that incidents run, in force or not
// yet.
func (s *Service) Begin(ctx context.Context, by holdfast.Actor, note string, text []byte) (id string, err error) {
	err = s.do(ctx, by, "begin a draft", func(time.Time) (drafts []journal.Draft, err error) {
		id, drafts, err = s.Nouns.begin(note, text)
		return drafts, err
	})
	return id, err
}

// Save replaces a chapter's text; base is the number of the save that the author
// saw, 0 for the text that the draft began with. A refused save changes nothing:
// code Conflict with a [Newer] in the chain if another was faster, Invalid with
// [plan.Faults] if the text cannot be read.
func (s *Service) Save(ctx context.Context, by holdfast.Actor, id, chapter string, base int, text []byte) error {
	_, err := s.Put(ctx, by, id, chapter, base, text)
	return err
}

// Put is Save for who goes on with the chapter: it returns the number of the save
// that the chapter has by it.
func (s *Service) Put(ctx context.Context, by holdfast.Actor, id, chapter string, base int, text []byte) (number int, err error) {
	err = s.do(ctx, by, "save the chapter", func(time.Time) ([]journal.Draft, error) {
		drafts, err := save(s.Nouns.Drafts, id, chapter, base, text)
		if err != nil {
			return nil, err
		}
		d, _ := s.Nouns.Drafts.Draft(id)
		if _, number = d.Chapter(chapter); len(drafts) > 0 {
			number = len(d.Saves) + 1
		}
		return drafts, nil
	})
	return number, err
}

// Restore brings an earlier save of a chapter back; 0 is the text that the draft
// began with.
func (s *Service) Restore(ctx context.Context, by holdfast.Actor, id, chapter string, base, number int) error {
	return s.do(ctx, by, "restore the chapter", func(time.Time) ([]journal.Draft, error) {
		return restore(s.Nouns.Drafts, id, chapter, base, number)
	})
}

// Invite lets an account review the draft.
func (s *Service) Invite(ctx context.Context, by holdfast.Actor, id, account string) error {
	return s.do(ctx, by, "invite a reviewer", func(time.Time) ([]journal.Draft, error) { return invite(s.Nouns.Drafts, id, account) })
}

// Dismiss takes an invitation back.
func (s *Service) Dismiss(ctx context.Context, by holdfast.Actor, id, account string) error {
	return s.do(ctx, by, "dismiss a reviewer", func(time.Time) ([]journal.Draft, error) { return dismiss(s.Nouns.Drafts, id, account) })
}

// Review opens the draft to its reviewers.
func (s *Service) Review(ctx context.Context, by holdfast.Actor, id string) error {
	return s.do(ctx, by, "send to review", func(time.Time) ([]journal.Draft, error) { return review(s.Nouns.Drafts, id) })
}

// Comment adds a remark on a place. mayWrite says that the account may draft;
// others must be invited.
func (s *Service) Comment(ctx context.Context, by holdfast.Actor, mayWrite bool, id string, m Remark) error {
	d, err := s.Draft(id)
	if err != nil {
		return err
	}
	c, err := d.anchored(m)
	if err != nil {
		return err
	}
	return s.do(ctx, by, "comment", func(time.Time) ([]journal.Draft, error) {
		return comment(s.Nouns.Drafts, id, c, by, mayWrite)
	})
}

// Reply adds to the thread of a comment.
func (s *Service) Reply(ctx context.Context, by holdfast.Actor, mayWrite bool, id string, number int, text string) error {
	return s.do(ctx, by, "reply", func(time.Time) ([]journal.Draft, error) {
		return reply(s.Nouns.Drafts, id, replied{number, text}, by, mayWrite)
	})
}

// Resolve answers a comment by what has changed since, or by a reason.
func (s *Service) Resolve(ctx context.Context, by holdfast.Actor, id string, number int, reason string) error {
	return s.do(ctx, by, "resolve the comment", func(time.Time) ([]journal.Draft, error) { return resolve(s.Nouns.Drafts, id, number, reason) })
}

// Reopen takes the answer to a comment back.
func (s *Service) Reopen(ctx context.Context, by holdfast.Actor, mayWrite bool, id string, number int) error {
	return s.do(ctx, by, "reopen the comment", func(time.Time) ([]journal.Draft, error) {
		return reopen(s.Nouns.Drafts, id, number, by, mayWrite)
	})
}

// Submit sends the draft to approval. document is the operator's number for it.
func (s *Service) Submit(ctx context.Context, by holdfast.Actor, id, document string) error {
	text, err := s.allKept(ctx, id)
	if err != nil {
		return fmt.Errorf("submit the draft: %w", err)
	}
	return s.do(ctx, by, "submit the draft", func(now time.Time) ([]journal.Draft, error) {
		if d, found := s.Nouns.Drafts.Draft(id); found && plan.Hash(d.Text()) != text {
			return nil, holdfast.Errorf(holdfast.Conflict, "the text was changed while it was being submitted: read it again, then submit it")
		}
		return s.Nouns.submit(id, document, now)
	})
}

// Approve gives the actor's consent to the text with a hash, as the first missing role
// that he fills.
func (s *Service) Approve(ctx context.Context, by holdfast.Actor, id string, hash holdfast.Hash) error {
	return s.ApproveAs(ctx, by, id, hash, "")
}

// ApproveAs is Approve as a role that the actor chooses; an empty one leaves it open.
func (s *Service) ApproveAs(ctx context.Context, by holdfast.Actor, id string, hash holdfast.Hash, as string) error {
	return s.do(ctx, by, "approve the draft", func(time.Time) ([]journal.Draft, error) { return s.Nouns.approve(id, hash, as, by) })
}

// Return gives the draft back to its authors, with a reason: it is refused, taken
// back, or its approval revoked. All decisions on it are void.
func (s *Service) Return(ctx context.Context, by holdfast.Actor, id, reason string) error {
	return s.do(ctx, by, "return the draft", func(time.Time) ([]journal.Draft, error) { return s.Nouns.giveBack(id, reason) })
}

// Withdraw ends a draft for good.
func (s *Service) Withdraw(ctx context.Context, by holdfast.Actor, id, reason string) error {
	return s.do(ctx, by, "withdraw the draft", func(time.Time) ([]journal.Draft, error) { return s.Nouns.withdraw(id, reason) })
}

// Publish makes the approved draft the next revision, in force from a moment; the
// zero time is now. It returns the revision's number.
func (s *Service) Publish(ctx context.Context, by holdfast.Actor, id string, from time.Time) (number int, err error) {
	err = s.do(ctx, by, "publish the draft", func(now time.Time) (drafts []journal.Draft, err error) {
		number, drafts, err = s.Nouns.publish(id, from, now)
		return drafts, err
	})
	return number, err
}

// Reader returns the person for whom somebody acknowledges, or named if the roster
// names nobody.
func (s *Service) Reader(by holdfast.Actor, named string) (person string) {
	s.Desk.State.View(func() { person = s.Nouns.reader(by, named) })
	return person
}

// Draft returns a draft, or code NotFound.
func (s *Service) Draft(id string) (d *Draft, err error) {
	found := false
	s.Desk.State.View(func() { d, found = s.Nouns.Drafts.Draft(id) })
	if !found {
		return nil, holdfast.Errorf(holdfast.NotFound, "there is no draft %q", id)
	}
	return d, nil
}

// MayDecideAs lists the roles as one of which somebody may decide on a draft now.
func (s *Service) MayDecideAs(d *Draft, by holdfast.Actor) (roles []string) {
	s.Desk.State.View(func() {
		if d.State == InApproval {
			_, roles, _ = s.Nouns.Ladder(d).Roles(d.Decisions, by)
		}
	})
	return roles
}

// Drafts lists all drafts, the newest first.
func (s *Service) Drafts() (list []*Draft) {
	s.Desk.State.View(func() { list = s.Nouns.Drafts.Drafts() })
	return list
}

// Place says how far a draft's approval has come, and, for somebody, whether it
// is his turn; the error says why not.
func (s *Service) Place(d *Draft, by holdfast.Actor) (place approval.Place, complete bool, turn error) {
	s.Desk.State.View(func() {
		l := s.Nouns.Ladder(d)
		place, complete = l.Place(d.Decisions), len(l.Steps) > 0 && l.Complete(d.Decisions)
		_, _, turn = s.Nouns.turn(d, by, "")
	})
	return place, complete, turn
}

// Opened notes that somebody has a chapter open, and returns the names of others
// who have.
func (s *Service) Opened(id, chapter string, by holdfast.Actor) (others []string) {
	now := s.Desk.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.here == nil {
		s.here = map[place]map[string]visitor{}
	}
	at := place{id, chapter}
	if s.here[at] == nil {
		s.here[at] = map[string]visitor{}
	}
	for who, v := range s.here[at] {
		switch {
		case now.Sub(v.at) > presence:
			delete(s.here[at], who)
		case who != by.ID:
			others = append(others, v.name)
		}
	}
	s.here[at][by.ID] = visitor{by.String(), now}
	slices.Sort(others)
	return others
}
