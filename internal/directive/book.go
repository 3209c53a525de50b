package directive

import (
	"crypto/ed25519"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/posture"
)

// Book is all directives, folded from the journal. Use it under the state's
// lock.
type Book struct {
	all      map[string]*Directive
	order    []*Directive // by id
	force    []posture.Directive
	head     holdfast.Head
	heads    map[holdfast.Position]holdfast.Hash // every one the posture had
	lease    time.Duration
	longest  time.Duration
	keys     []ed25519.PublicKey
	revision holdfast.Revision // of posture/main
}

// NewBook returns an empty book for the journal with this genesis.
func NewBook(genesis holdfast.Head) *Book {
	return &Book{
		all: map[string]*Directive{}, head: genesis,
		heads: map[holdfast.Position]holdfast.Hash{genesis.Position: genesis.Hash},
	}
}

// Apply folds a fact.
func (b *Book) Apply(f holdfast.Fact) error {
	switch noun, id := f.Subject.Split(); {
	case f.Subject == postureSubject:
		return b.applyPosture(f)
	case noun == "directive":
		return b.applyDirective(id, f)
	}
	return nil
}

func (b *Book) applyPosture(f holdfast.Fact) error {
	b.revision = f.Revision
	b.moved(f)
	switch f.Kind {
	case KindLeaseSet:
		var s leaseSet
		if err := f.Decode(&s); err != nil {
			return err
		}
		b.lease, b.longest = s.Lease, max(b.longest, s.Lease)
	case KindKeyAdded:
		var k keyAdded
		if err := f.Decode(&k); err != nil {
			return err
		}
		b.keys = append(slices.Clone(b.keys), k.Key)
	}
	return nil
}

func (b *Book) applyDirective(id string, f holdfast.Fact) error {
	d := b.all[id]
	if d == nil {
		d = &Directive{ID: id}
		b.all[id] = d
		b.order = append(b.order, d)
	}
	d.Revision = f.Revision
	switch f.Kind {
	case KindProposed:
		var p proposed
		if err := f.Decode(&p); err != nil {
			return err
		}
		d.State, d.Proposal, d.PreAuthorised = Proposed, p.Proposal, p.PreAuthorised
		d.ProposedBy, d.ProposedAt = f.Actor, f.Time
		d.Without = slices.Sorted(maps.Keys(p.LeftOut))
	case KindApproved:
		d.ApprovedBy = f.Actor
	case KindIssued:
		return b.issued(d, f)
	case KindConfirmed:
		var c Confirmation
		if err := f.Decode(&c); err != nil {
			return err
		}
		d.Confirmation = &c
	case KindWithout, KindExcluded, KindOpened, KindEnded:
		return b.applyOpening(d, f)
	case KindLiftAsked:
		d.LiftWish = &LiftWish{By: f.Actor, At: f.Time}
		return f.Decode(d.LiftWish)
	case KindLiftRefused:
		d.LiftWish = nil
	case KindRefused, KindLifted:
		return b.ended(d, f)
	}
	return nil
}

func (b *Book) issued(d *Directive, f holdfast.Fact) error {
	var i Issued
	if err := f.Decode(&i); err != nil {
		return err
	}
	d.State, d.Position, d.IssuedAt = InForce, f.Position, f.Time
	i.Directive.Position = f.Position
	b.force = append(slices.Clone(b.force), i.Directive)
	b.moved(f)
	return nil
}

func (b *Book) ended(d *Directive, f holdfast.Fact) error {
	var r WithReason
	if err := f.Decode(&r); err != nil {
		return err
	}
	d.EndReason, d.LiftedBy, d.LiftedAt = r.Reason, f.Actor, f.Time
	if f.Kind == KindRefused {
		d.State = Refused
		return nil
	}
	d.State, d.ended = Lifted, f.Position
	b.force = slices.DeleteFunc(slices.Clone(b.force), func(p posture.Directive) bool { return p.ID == d.ID })
	b.moved(f)
	return nil
}

func (b *Book) moved(f holdfast.Fact) {
	b.head.Position, b.head.Hash = f.Position, f.Hash
	b.heads[f.Position] = f.Hash
}

// Had reports whether a head is one that the posture has had in this journal.
func (b *Book) Had(h holdfast.Head) bool {
	hash, ok := b.heads[h.Position]
	return ok && h.Journal == b.head.Journal && h.Epoch == b.head.Epoch && h.Hash == hash
}

// Set returns the posture. Its slices are never changed afterwards.
func (b *Book) Set() posture.Set {
	return posture.Set{Head: b.head, Lease: b.lease, ProbeKeys: b.keys, Directives: b.force}
}

// Head identifies the posture.
func (b *Book) Head() holdfast.Head { return b.head }

// LongestLease returns the largest lease that was ever a fact: what a confirmer
// waits by.
func (b *Book) LongestLease() time.Duration { return b.longest }

// Directive returns a directive, or nil.
func (b *Book) Directive(id string) *Directive { return b.all[id] }

// All returns every directive, newest first.
func (b *Book) All() []*Directive {
	all := slices.Clone(b.order)
	slices.Reverse(all)
	return all
}

// InForce returns the directives in force, oldest first; for an incident, or
// all for "".
func (b *Book) InForce(incident string) []*Directive {
	var list []*Directive
	for _, p := range b.force {
		if incident == "" || p.Incident == incident {
			list = append(list, b.all[p.ID])
		}
	}
	return list
}

// Restricting returns those in force for an incident that restrict something.
func (b *Book) Restricting(incident string) []*Directive {
	return slices.DeleteFunc(b.InForce(incident), func(d *Directive) bool { return !d.Restricts() })
}

// NextID returns the id of the n-th directive to come, from 0: d1, d2, … An id
// is taken by the first fact on its subject, so two proposers never share one.
func (b *Book) NextID(n int) string {
	last := 0
	if len(b.order) > 0 {
		last, _ = strconv.Atoi(strings.TrimPrefix(b.order[len(b.order)-1].ID, "d"))
	}
	return "d" + strconv.Itoa(last+1+n)
}
