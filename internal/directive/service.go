package directive

import (
	"context"
	"crypto/ed25519"
	"time"

	"holdfast"
	"holdfast/internal/enrolment"
	"holdfast/internal/journal"
)

// Service carries out acts on directives. The caller has checked that the actor
// may act; that proposer and approver differ is checked here.
type Service struct {
	Desk  *journal.Desk
	Book  *Book
	Gates *enrolment.Book
	// Fences has what each process of a gate says of its fence, by boot id. May be nil.
	Fences func() map[string]Fence
}

// Propose proposes a directive, and puts it in force if pre-authorised. It
// returns the directive's id.
func (s *Service) Propose(ctx context.Context, by holdfast.Actor, p Proposal, preAuthorised bool) (id string, err error) {
	_, err = s.Desk.Do(ctx, by, func(time.Time) (drafts []journal.Draft, err error) {
		id, drafts, err = Propose(s.Book, p, preAuthorised, s.GateProcesses())
		return drafts, err
	})
	return id, err
}

// Approve puts a proposed directive in force.
func (s *Service) Approve(ctx context.Context, by holdfast.Actor, id string) error {
	return s.do(ctx, by, func(time.Time) ([]journal.Draft, error) {
		return Approve(s.Book, id, by, s.GateProcesses())
	})
}

// Refuse ends a proposal.
func (s *Service) Refuse(ctx context.Context, by holdfast.Actor, id, reason string) error {
	return s.do(ctx, by, func(time.Time) ([]journal.Draft, error) {
		return Refuse(s.Book.Directive(id), reason)
	})
}

// Lift ends a directive in force. seen is the revision its author looked at, or
// 0.
func (s *Service) Lift(ctx context.Context, by holdfast.Actor, id string, seen holdfast.Revision, reason string) error {
	return s.do(ctx, by, func(time.Time) ([]journal.Draft, error) {
		return Lift(s.Book.Directive(id), seen, reason)
	})
}

// Confirm records that a directive is confirmed, if it is.
func (s *Service) Confirm(ctx context.Context, by holdfast.Actor, id string, waited bool) error {
	return s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) {
		d := s.Book.Directive(id)
		if d == nil {
			return nil, nil
		}
		return Confirm(d, s.Gates.Concerned(d.Position), waited, now), nil
	})
}

// Open opens a stand-in, if nothing keeps it closed. sources has the advice source
// that each process of a gate names, by boot id.
func (s *Service) Open(ctx context.Context, by holdfast.Actor, id string, sources map[string]string) error {
	return s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) {
		d := s.Book.Directive(id)
		if !d.Waits() {
			return nil, nil
		}
		return Open(d, s.Scene(d, sources, now), now), nil
	})
}

// GoWithout opens a stand-in without gates that keep it closed.
func (s *Service) GoWithout(d *Directive, sources map[string]string, w Without, now time.Time) ([]journal.Draft, error) {
	if d == nil {
		return GoWithout(nil, Scene{}, w)
	}
	return GoWithout(d, s.Scene(d, sources, now), w)
}

// End records that the time of a stand-in has passed, if it has.
func (s *Service) End(ctx context.Context, by holdfast.Actor, id string) error {
	return s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) { return End(s.Book.Directive(id), now), nil })
}

// Scene is what the opening of a stand-in is decided on. Call it under the state's
// lock.
func (s *Service) Scene(d *Directive, sources map[string]string, now time.Time) Scene {
	scene := Scene{Gates: s.Gates.Concerned(d.Position), Sources: sources, Now: now}
	if s.Fences != nil {
		scene.Fences = s.Fences()
	}
	for _, u := range s.Gates.Unresolved() {
		scene.Unknown = append(scene.Unknown, u.Record.Identity)
	}
	return scene
}

// Prepare makes the lease and this node's probe key facts, if they are not yet.
func (s *Service) Prepare(ctx context.Context, lease time.Duration, key ed25519.PublicKey) error {
	by := holdfast.Self("posture")
	if err := s.do(ctx, by, func(time.Time) ([]journal.Draft, error) { return SetLease(s.Book, lease), nil }); err != nil {
		return err
	}
	return s.do(ctx, by, func(time.Time) ([]journal.Draft, error) { return AddKey(s.Book, key), nil })
}

func (s *Service) do(ctx context.Context, by holdfast.Actor, decide func(time.Time) ([]journal.Draft, error)) error {
	_, err := s.Desk.Do(ctx, by, decide)
	return err
}

// GateProcesses returns the name of the gate of each process in service, so a
// name stands there as often as processes use it. Call it under the state's
// lock.
func (s *Service) GateProcesses() []string {
	var names []string
	for _, i := range s.Gates.Live() {
		names = append(names, i.Gate)
	}
	return names
}
