package directive

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/enrolment"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/standin"
)

// Kinds of facts of a stand-in.
const (
	KindWithout  = "directive.without"
	KindExcluded = "directive.excluded"
	KindOpened   = "directive.opened"
	KindEnded    = "directive.ended"
)

// StandIn is the part of a plan that a stand-in is by.
type StandIn struct {
	// Temporary is the plan's solution, with its title; Role decides on it.
	Temporary string        `json:"temporary"`
	Title     holdfast.Text `json:"title"`
	Role      string        `json:"role"`
	// Profile is what the plan approved, Planned which of its terms hold.
	Profile standin.Profile `json:"profile"`
	Planned bool            `json:"planned,omitempty"`
	// OneByOne leaves payments to the primary: stood in for are those for which it fails
	// before the first byte.
	OneByOne bool `json:"one_by_one,omitempty"`
	// Longest is how long it stays open; 0 until it is lifted.
	Longest time.Duration `json:"longest,omitempty"`
}

// Opening is since when gates stand in or reroute, and how it ended.
type Opening struct {
	// Source is the one advice source that decisions are kept in.
	Source string `json:"source,omitempty"`
	// Fence is the one fence of a reroute.
	Fence string    `json:"fence,omitempty"`
	At    time.Time `json:"-"`
	// Ends is when the gates end it by themselves; zero if they do not.
	Ends time.Time `json:"ends,omitzero"`
	// Excluded is how many payments were in flight or unknown, and are not approved.
	Excluded int `json:"excluded"`
	// Ended is when it ended by time.
	Ended time.Time `json:"-"`
}

// Without is a person's word that a stand-in be opened without gates: what they had
// in flight is not waited for, and they need not have its source. There payments stay
// held. A reroute is opened without gates whose fence is not as it should be: there payments
// of its scope are held.
type Without struct {
	Gates  []string `json:"gates"`
	Reason string   `json:"reason"`
}

type excluded struct {
	Identities []string `json:"identities"`
}

const (
	maxLongest = 7 * 24 * time.Hour
	// maxExcludedBytes keeps the posture small enough to be told at once.
	maxExcludedBytes = 4 << 20
	// excludedPerFact bytes of identities go into one fact; JSON may write a byte as six.
	excludedPerFact = journal.MaxBody / 8
)

func (s *StandIn) check() error {
	if s.Longest < 0 || s.Longest > maxLongest {
		return holdfast.Errorf(holdfast.Invalid, "a stand-in lasts at most %v", maxLongest).At("stand_in")
	}
	if s.OneByOne && !s.Profile.OneByOne {
		return holdfast.Errorf(holdfast.Invalid, "the profile of %q does not let payments be stood in for one by one", s.Temporary).At("stand_in")
	}
	if _, err := s.Profile.Compile(s.Planned); err != nil {
		return fmt.Errorf("stand in by %s: %w", s.Temporary, err)
	}
	return nil
}

func (s *StandIn) text() json.RawMessage {
	text, err := json.Marshal(s.Profile)
	if err != nil {
		panic("directive: stand-in profile: " + err.Error()) // texts and numbers: cannot fail
	}
	return text
}

// Why a stand-in is not open.
const (
	// Unconfirmed: a gate may still forward.
	Unconfirmed = "unconfirmed"
	// Unlisted: a gate has not said what it had in flight, so a payment that the
	// primary did could be approved once more.
	Unlisted = "unlisted"
	// NoSource: a gate has no advice source, or has not named it yet.
	NoSource = "no-source"
	// OtherSource: gates keep decisions in different sources, and would both decide.
	OtherSource = "other-source"
	// TooMany: more is in flight or unknown than a posture can name.
	TooMany = "too-many"
)

// Obstacle is one thing that keeps a stand-in from being opened.
type Obstacle struct {
	Why string `json:"why"`
	// Gates it is about; none where it is about all of them.
	Gates []string `json:"gates,omitempty"`
}

// Scene is what the opening of a stand-in is decided on besides the directive.
type Scene struct {
	// Gates are those that the directive concerns.
	Gates []*enrolment.Incarnation
	// Unknown are the identities whose outcome nobody has settled.
	Unknown []string
	// Sources has the advice source that each process of a gate names, by boot id, and
	// Fences its fence.
	Sources map[string]string
	Fences  map[string]Fence
	// Now is by when a fence is old enough.
	Now time.Time
}

// Obstacles lists what keeps a stand-in in force from being opened; none if it is
// open, or may be opened now. It takes the confirmation, and of every gate that had
// acknowledged the list of what it had in flight and the name of its source. A gate
// without any lease is not asked for its source: with another one it declines. Nor is
// one that a person has decided to go without. One that stands in one by one stops
// nothing: it takes the names of the sources alone.
func Obstacles(d *Directive, s Scene) (list []Obstacle) {
	if !d.Waits() {
		return nil
	}
	if d.Kind == posture.Reroute {
		return rerouteObstacles(d, s)
	}
	by := map[string][]string{}
	add := func(why, gate string) {
		if !slices.Contains(by[why], gate) {
			by[why] = append(by[why], gate)
		}
	}
	rows, confirmed := Judge(d.Position, s.Gates, d.Confirmation != nil)
	sources := map[string]string{}
	for i, r := range rows {
		g := s.Gates[i]
		if !r.Standing.Settled() && !d.OneByOne() {
			add(Unconfirmed, r.Gate)
		}
		without := slices.Contains(d.Without, r.Gate)
		if !d.OneByOne() && (!without || d.heardSince(g)) && !listed(r, g, rows, s.Gates) {
			add(Unlisted, r.Gate)
		}
		if without {
			continue
		}
		if g.Gone || r.Standing == LeaseOut {
			continue
		}
		if sources[r.Gate] = s.Sources[g.Boot]; sources[r.Gate] == "" {
			add(NoSource, r.Gate)
		}
	}
	named := slices.Compact(slices.Sorted(maps.Values(sources)))
	switch {
	case len(sources) == 0 && len(rows) > 0:
		by[NoSource] = slices.Clone(by[NoSource])
	case len(by[NoSource]) == 0 && len(named) > 1:
		by[OtherSource] = slices.Sorted(maps.Keys(sources))
	}
	if !d.OneByOne() && (d.Confirmation == nil || !confirmed) {
		by[Unconfirmed] = slices.Clone(by[Unconfirmed])
	}
	if _, fits := s.excluded(d); !fits {
		by[TooMany] = nil
	}
	for _, why := range []string{Unconfirmed, Unlisted, NoSource, OtherSource, TooMany} {
		if gates, ok := by[why]; ok {
			list = append(list, Obstacle{why, gates})
		}
	}
	return list
}

// WentWithout has the gates that this stand-in was to be opened without, for one that comes
// in its place, each with where the first that was went into force; nil if there are none.
func (d *Directive) WentWithout() map[string]holdfast.Position {
	if len(d.Without) == 0 {
		return nil
	}
	all := map[string]holdfast.Position{}
	for _, gate := range d.Without {
		all[gate] = d.Position
	}
	maps.Copy(all, d.LeftOut)
	return all
}

// heardSince reports whether a run of a gate that was left out of an earlier stand-in came to
// enforce a posture since. It may have forwarded payments then, and people have said nothing
// of those: what it had in flight is waited for again.
func (d *Directive) heardSince(g *enrolment.Incarnation) bool {
	since, before := d.LeftOut[g.Gate]
	return before && (g.Enrolled > since || g.Posture.Position >= since)
}

// listed reports whether it is known what a gate had in flight: it has said so, it
// never admitted under an older posture, or the process that took its records over
// has said so, which lists what an earlier one left.
func listed(r Row, g *enrolment.Incarnation, rows []Row, gates []*enrolment.Incarnation) bool {
	if r.Known || r.Standing == Joined {
		return true
	}
	if !g.Replaced() {
		return false
	}
	for i, later := range gates {
		if later.Gate == g.Gate && later.Enrolled > g.Enrolled && rows[i].Known {
			return true
		}
	}
	return false
}

// excluded lists, sorted, what was in flight when forwarding stopped, or of that what a
// drain that is over left unknown, and what is unknown besides.
func (s Scene) excluded(d *Directive) (all []string, fits bool) {
	all = slices.Clone(s.Unknown)
	for _, g := range s.Gates {
		stop := g.StopAt(d.Position)
		if stop == nil {
			continue
		}
		left := stop.InFlight
		if stop.Drained != nil {
			left = stop.Drained.Unknown
		}
		for _, r := range left {
			all = append(all, r.Identity)
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	size := 0
	for _, identity := range all {
		size += len(identity)
	}
	return all, len(all) <= posture.MaxExcluded && size <= maxExcludedBytes
}

// Open decides on opening a stand-in: no facts while there is an obstacle.
func Open(d *Directive, s Scene, now time.Time) (drafts []journal.Draft) {
	if !d.Waits() || len(Obstacles(d, s)) > 0 {
		return nil
	}
	if d.Kind == posture.Reroute {
		return []journal.Draft{journal.NewDraft(subject(d.ID), d.Revision, KindOpened, s.rerouted(d))}
	}
	all, _ := s.excluded(d)
	o := Opening{Excluded: len(all)}
	for _, g := range s.Gates {
		if source := s.Sources[g.Boot]; !g.Gone && source != "" && !slices.Contains(d.Without, g.Gate) {
			o.Source = source
		}
	}
	if d.StandIn.Longest > 0 {
		o.Ends = now.UTC().Add(d.StandIn.Longest)
	}
	revision := d.Revision
	write := func(kind string, body any) {
		drafts = append(drafts, journal.NewDraft(subject(d.ID), revision, kind, body))
		revision++
	}
	for len(all) > 0 {
		n, size := 0, 0
		for n < len(all) && size+len(all[n]) <= excludedPerFact {
			size += len(all[n])
			n++
		}
		write(KindExcluded, excluded{all[:n]})
		all = all[n:]
	}
	write(KindOpened, o)
	return drafts
}

// GoWithout decides on opening a stand-in without gates that keep it closed.
func GoWithout(d *Directive, s Scene, w Without) ([]journal.Draft, error) {
	if !d.Waits() {
		return nil, errState(d, "directive %s is %s; only what is in force and waits to be opened can go without a gate")
	}
	if strings.TrimSpace(w.Reason) == "" || len(w.Reason) > maxReason {
		return nil, holdfast.Errorf(holdfast.Invalid, "write why it goes without this gate").At("reason")
	}
	w.Gates = slices.Compact(slices.Sorted(slices.Values(w.Gates)))
	for _, gate := range w.Gates {
		keeps := func(o Obstacle) bool { return o.Why != Unconfirmed && slices.Contains(o.Gates, gate) }
		if !slices.ContainsFunc(Obstacles(d, s), keeps) {
			return nil, holdfast.Errorf(holdfast.Conflict, "gate %s does not keep directive %s closed by what it could go without", gate, d.ID).At("gates")
		}
	}
	if len(w.Gates) == 0 {
		return nil, holdfast.Errorf(holdfast.Invalid, "name the gates that it goes without").At("gates")
	}
	w.Reason = payment.Mask(w.Reason)
	return []journal.Draft{journal.NewDraft(subject(d.ID), d.Revision, KindWithout, w)}, nil
}

// End decides on the fact that the time of a stand-in has passed.
func End(d *Directive, now time.Time) []journal.Draft {
	if d == nil || d.State != InForce || !d.Open() || d.Opening.Ends.IsZero() || now.Before(d.Opening.Ends) {
		return nil
	}
	return []journal.Draft{journal.NewDraft(subject(d.ID), d.Revision, KindEnded, struct{}{})}
}

// Waits reports whether it is a stand-in or a reroute in force that was not opened yet.
func (d *Directive) Waits() bool {
	return d != nil && (d.Kind == posture.StandIn || d.Kind == posture.Reroute) && d.State == InForce && d.Opening == nil
}

// OneByOne reports whether it is a stand-in that leaves payments to the primary.
func (d *Directive) OneByOne() bool { return d.StandIn != nil && d.StandIn.OneByOne }

// Ready reports whether it may be opened as far as forwarding goes: that is confirmed
// stopped, or goes on.
func (d *Directive) Ready() bool { return d.Waits() && (d.Confirmation != nil || !d.Restricts()) }

// Open reports whether gates stand in, or reroute, by it.
func (d *Directive) Open() bool {
	return d.State == InForce && d.Opening != nil && d.Opening.Ended.IsZero()
}

func (b *Book) applyOpening(d *Directive, f holdfast.Fact) error {
	switch f.Kind {
	case KindWithout:
		var w Without
		if err := f.Decode(&w); err != nil {
			return err
		}
		d.Without = slices.Compact(slices.Sorted(slices.Values(slices.Concat(d.Without, w.Gates))))
		d.LeftOut = maps.Clone(d.LeftOut)
		for _, gate := range w.Gates { // said of this one now
			delete(d.LeftOut, gate)
		}
		return nil
	case KindExcluded:
		var e excluded
		err := f.Decode(&e)
		d.excluded = append(d.excluded, e.Identities...)
		return err
	case KindOpened:
		o := Opening{At: f.Time}
		if err := f.Decode(&o); err != nil {
			return err
		}
		d.Opening = &o
		b.change(d.ID, func(p *posture.Directive) {
			p.Open, p.Source, p.Fence, p.Ends, p.Excluded = true, o.Source, o.Fence, o.Ends, d.excluded
		})
		d.excluded = nil
	case KindEnded:
		if d.Opening == nil {
			return holdfast.Errorf(holdfast.Damaged, "the fact %s is of %s, which never began", f.Kind, f.Subject)
		}
		o := *d.Opening
		o.Ended = f.Time
		d.Opening = &o
		b.change(d.ID, func(p *posture.Directive) { p.Open, p.Excluded = false, nil })
	}
	b.moved(f)
	return nil
}

// change changes a directive in force in a new list: sets that were given out stay
// as they are.
func (b *Book) change(id string, with func(*posture.Directive)) {
	b.force = slices.Clone(b.force)
	for i := range b.force {
		if b.force[i].ID == id {
			with(&b.force[i])
		}
	}
}
