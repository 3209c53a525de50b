package enrolment

import (
	"slices"
	"sort"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/payment"
)

// Book is the record folded from the journal. Use it under the state's lock.
type Book struct {
	gates map[string]*Gate
	// unknown holds the payments whose outcome nobody has settled.
	unknown map[unknownKey]Unknown
	// settled holds the newest ones that were, oldest first.
	settled      []Unknown
	settledCount int
	// resolutions are what people say of such payments, by id, in their order, and by
	// the payment's identity.
	resolutions   map[string]*Resolution
	resolutionIDs []string
	resolutionOf  map[string][]string
	// unlisted has what gates said of resolutions: that they do not list the payment.
	unlisted map[unlistedKey]bool
}

type unknownKey struct{ gate, identity string }

// unlistedKey has the account that does not list the payment: should the gate's former
// directory be found, it is told after all.
type unlistedKey struct{ resolution, gate, account string }

// Unknown is a payment whose outcome was unknown at a gate.
type Unknown struct {
	Gate   string         `json:"gate"`
	Record payment.Record `json:"record"`
	// Since is when it became unknown and Why says what was seen.
	Since time.Time `json:"since"`
	Why   string    `json:"why"`
	// Outcome is unknown until settled; Settled is when, How by what.
	Outcome payment.Outcome `json:"outcome"`
	Settled time.Time       `json:"settled,omitzero"`
	How     string          `json:"how,omitempty"`
}

// keepSettled bounds how many settled payments the book lists; the journal has
// them all.
const keepSettled = 10_000

// NewBook returns an empty book.
func NewBook() *Book {
	return &Book{gates: map[string]*Gate{}, unknown: map[unknownKey]Unknown{}, resolutions: map[string]*Resolution{}, resolutionOf: map[string][]string{}, unlisted: map[unlistedKey]bool{}}
}

// Apply folds a fact.
func (b *Book) Apply(f holdfast.Fact) error {
	noun, name := f.Subject.Split()
	if noun == "resolution" {
		return b.applyResolution(name, f)
	}
	if noun != "gate" {
		return nil
	}
	g := b.gates[name]
	if g == nil {
		g = &Gate{Name: name, Reported: map[string]uint64{}, replaced: map[string]bool{}}
		b.gates[name] = g
	}
	g.Revision = f.Revision
	switch f.Kind {
	case KindEnrolled:
		return b.enrolled(g, f)
	case KindAcknowledged:
		return b.acknowledged(g, f)
	case KindDrained:
		return b.drained(g, f)
	case KindListed:
		return b.listed(g, f)
	case KindOutcomes:
		return b.outcomes(g, f)
	case KindUnlisted:
		return b.notListed(g, f)
	case KindRetired:
		return b.retired(g, f)
	}
	return nil
}

func (b *Book) enrolled(g *Gate, f holdfast.Fact) error {
	var e Enrolled
	if err := f.Decode(&e); err != nil {
		return err
	}
	for _, boot := range e.replaced() {
		g.replaced[boot] = true
		if old := g.Incarnation(boot); old != nil && !old.Gone {
			old.Gone, old.GoneWhy, old.GoneAt = true, whyReplaced, f.Position
		}
	}
	g.Incarnations = append(g.Incarnations, &Incarnation{
		Gate: g.Name, Boot: e.Boot, Version: e.Version, Routes: e.Routes,
		Enrolled: f.Position, At: f.Time, Stops: map[holdfast.Position]*Stop{},
	})
	return nil
}

func (b *Book) acknowledged(g *Gate, f holdfast.Fact) error {
	var a Acknowledged
	if err := f.Decode(&a); err != nil {
		return err
	}
	i := g.Incarnation(a.Boot)
	if i == nil {
		return nil
	}
	if a.Posture.Position >= i.Posture.Position {
		i.Posture, i.Acked = a.Posture, a.At
	}
	if n, had := slices.BinarySearchFunc(i.acks, a.Posture.Position, byPosition); !had {
		i.acks = slices.Insert(i.acks, n, Ack{a.Posture.Position, a.At})
	}
	if a.Listed && i.Stops[a.Posture.Position] == nil {
		i.Stops[a.Posture.Position] = &Stop{InFlight: a.InFlight, Deadline: a.At.Add(a.Drain)}
	}
	return nil
}

func (b *Book) drained(g *Gate, f holdfast.Fact) error {
	var d Drained
	if err := f.Decode(&d); err != nil {
		return err
	}
	if i := g.Incarnation(d.Boot); i != nil && i.Stops[d.Position] != nil {
		s := i.Stops[d.Position]
		s.Drained, s.left = &d, map[string]bool{}
		s.leaves(d.Unknown)
	}
	return nil
}

func (b *Book) listed(g *Gate, f holdfast.Fact) error {
	var l Listed
	if err := f.Decode(&l); err != nil {
		return err
	}
	i := g.Incarnation(l.Boot)
	if i == nil || i.Stops[l.Position] == nil {
		return nil
	}
	s := i.Stops[l.Position]
	s.InFlight = append(s.InFlight, l.InFlight...)
	if s.Drained != nil {
		s.Drained.Unknown = append(s.Drained.Unknown, l.Unknown...)
		s.leaves(l.Unknown)
	}
	return nil
}

func (b *Book) outcomes(g *Gate, f holdfast.Fact) error {
	var o Outcomes
	if err := f.Decode(&o); err != nil {
		return err
	}
	for _, e := range o.Entries {
		g.Reported[o.Account] = max(g.Reported[o.Account], e.Seq)
		key := unknownKey{g.Name, e.Record.Identity}
		u, open := b.unknown[key]
		if !e.Outcome.Settled() {
			if !open { // a repeat that stays unknown too does not begin it anew
				u.Since = e.At
			}
			b.unknown[key] = Unknown{Gate: g.Name, Record: e.Record, Since: u.Since, Why: e.Why, Outcome: e.Outcome}
			b.told(g.Name, e, f.Position)
			continue
		}
		if !open {
			u = Unknown{Gate: g.Name, Record: e.Record, Since: e.At}
		}
		u.Outcome, u.Settled, u.How = e.Outcome, e.At, e.Why
		delete(b.unknown, key)
		without := b.withoutGate(g.Name, e.Record.Identity)
		b.told(g.Name, e, f.Position)
		if without {
			b.settledAnew(u)
			continue
		}
		b.hasSettled(u)
	}
	return nil
}

// notListed settles without the gate what it was to settle and does not list.
func (b *Book) notListed(g *Gate, f holdfast.Fact) error {
	var u Unlisted
	if err := f.Decode(&u); err != nil {
		return err
	}
	for _, id := range u.Resolutions {
		old := b.resolutions[id]
		if old == nil {
			return holdfast.Errorf(holdfast.Damaged, "the fact %s names a resolution %s that was never asked for", f.Kind, id)
		}
		b.unlisted[unlistedKey{id, g.Name, u.Account}] = true
		r := *old // readers keep what they were given
		if b.ordered(&r, g.Name) {
			b.settleWithout(&r, g.Name, f, true)
		}
		b.keep(&r)
	}
	return nil
}

// settledAnew puts what a gate tells in place of what was counted without it, as far as
// that is still listed.
func (b *Book) settledAnew(u Unknown) {
	for i, old := range slices.Backward(b.settled) {
		if old.Gate == u.Gate && old.Record.Identity == u.Record.Identity {
			u.Since = old.Since
			b.settled[i] = u
			return
		}
	}
}

// hasSettled lists a payment that was settled.
func (b *Book) hasSettled(u Unknown) {
	b.settledCount++
	if b.settled = append(b.settled, u); len(b.settled) > keepSettled {
		b.settled = b.settled[1:]
	}
}

func (b *Book) retired(g *Gate, f holdfast.Fact) error {
	var r Retired
	if err := f.Decode(&r); err != nil {
		return err
	}
	// Every run of the gate that is still counted goes with it.
	for _, i := range g.Incarnations {
		if !i.Gone {
			i.Gone, i.GoneWhy, i.GoneAt = true, r.Reason, f.Position
		}
	}
	for _, id := range b.resolutionIDs {
		r := *b.resolutions[id]
		b.settleGone(&r, f)
		b.keep(&r)
	}
	return nil
}

// Gate returns a gate, or nil.
func (b *Book) Gate(name string) *Gate { return b.gates[name] }

// Gates returns all gates by name.
func (b *Book) Gates() []*Gate {
	all := make([]*Gate, 0, len(b.gates))
	for _, g := range b.gates {
		all = append(all, g)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}

// Live returns the incarnations that a stop must hear from, by gate and then by
// enrolment.
func (b *Book) Live() []*Incarnation {
	return b.incarnations(func(i *Incarnation) bool { return !i.Gone })
}

// Concerned returns the incarnations that matter to a directive in force since a
// position, in the order of Live: those it must hear from, and those that were
// enrolled before it and are gone since. Nobody waits for the latter, but what
// they had in flight must not be left out.
func (b *Book) Concerned(at holdfast.Position) []*Incarnation {
	return b.incarnations(func(i *Incarnation) bool { return i.concerns(at) })
}

func (b *Book) incarnations(pick func(*Incarnation) bool) []*Incarnation {
	var list []*Incarnation
	for _, g := range b.Gates() {
		for _, i := range g.Incarnations {
			if pick(i) {
				list = append(list, i)
			}
		}
	}
	return list
}

// Unresolved returns the payments whose outcome is unknown, oldest first.
func (b *Book) Unresolved() []Unknown {
	list := make([]Unknown, 0, len(b.unknown))
	for _, u := range b.unknown {
		list = append(list, u)
	}
	sort.Slice(list, func(i, j int) bool {
		if !list[i].Since.Equal(list[j].Since) {
			return list[i].Since.Before(list[j].Since)
		}
		if list[i].Record.Identity != list[j].Record.Identity {
			return list[i].Record.Identity < list[j].Record.Identity
		}
		return list[i].Gate < list[j].Gate
	})
	return list
}

// UnresolvedOf returns what of one payment is unknown, by gate.
func (b *Book) UnresolvedOf(identity string) (list []Unknown) {
	for name := range b.gates {
		if u, open := b.unknown[unknownKey{name, identity}]; open {
			list = append(list, u)
		}
	}
	slices.SortFunc(list, func(x, y Unknown) int { return strings.Compare(x.Gate, y.Gate) })
	return list
}

// LeftAt reports whether a gate found a payment in flight at the stop at a position and left
// it unknown; while it drains, whether it found it.
func (b *Book) LeftAt(name, identity string, at holdfast.Position) bool {
	g := b.gates[name]
	return g != nil && slices.ContainsFunc(g.Incarnations, func(i *Incarnation) bool {
		if !i.concerns(at) {
			return false
		}
		s := i.StopAt(at)
		return s != nil && s.Left(identity)
	})
}

// UnresolvedCount returns how many outcomes are unknown.
func (b *Book) UnresolvedCount() int { return len(b.unknown) }

// Settled returns the newest settled ones, newest first, and how many there
// were ever.
func (b *Book) Settled() ([]Unknown, int) {
	list := make([]Unknown, len(b.settled))
	for i, u := range b.settled {
		list[len(list)-1-i] = u
	}
	return list, b.settledCount
}
