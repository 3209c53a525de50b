// Package enrolment is the control plane's record of the gates: which processes
// exist, what each has acknowledged, what it had in flight at each stop, which
// payments it could not tell the outcome of.
//
// A gate's process (an incarnation: gate name and boot id) is enrolled by a fact
// before its first lease. It stays in the set that a stop must hear from until
// another incarnation replaces it, which proves by the lock on the gate's
// directory that the former process is gone, or until a person retires it. A
// gate that merely stopped is not left out: it may come back, without the
// control plane, under the posture on its disk.
//
//	enrolled ──▶ live ──▶ replaced (by a later boot on the same directory)
//	                └───▶ retired (by a person, with a reason)
//
// Facts, all on subject gate/<name>: gate.enrolled, gate.acknowledged,
// gate.drained, gate.listed, gate.outcomes, gate.unlisted, gate.retired. A list of
// payments that is too long for one fact goes on in gate.listed, in the same append.
package enrolment

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/expression"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
)

// Kinds of facts.
const (
	KindEnrolled     = "gate.enrolled"
	KindAcknowledged = "gate.acknowledged"
	KindDrained      = "gate.drained"
	KindListed       = "gate.listed"
	KindOutcomes     = "gate.outcomes"
	KindUnlisted     = "gate.unlisted"
	KindRetired      = "gate.retired"
)

// Route is a route of a gate, with its mode: static, strict or observe.
type Route struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	Mode string `json:"mode"`
	// Fields lists the fields of a payment that the route reads; nil means that the
	// gate did not say.
	Fields []string `json:"fields,omitempty"`
	// Channels lists the channels that its payments can have; empty means any.
	Channels []string `json:"channels,omitempty"`
	// StandIn says that the gate has an answer for its payments while it stands in.
	StandIn bool `json:"stand_in,omitempty"`
	// Second says that its payments may be rerouted to a second primary.
	Second bool `json:"second,omitempty"`
	// Deduplicates says that the primary does a payment of the route once, however often it
	// gets its identity: it may be stood in for one by one.
	Deduplicates bool `json:"deduplicates,omitempty"`
}

// Takes reports whether payments of a scope may come by the route and move money there.
func (r Route) Takes(scope string) bool {
	kind, err := payment.ParseKind(r.Kind)
	return err == nil && kind.MovesMoney() && !expression.Apart(scope, `route == "`+r.Name+`" and kind == "`+r.Kind+`"`)
}

// Enrolled introduces an incarnation.
type Enrolled struct {
	Boot string `json:"boot"`
	// Replaces is the run that used the directory before; Before are those that
	// did before it and may not have come to enrol.
	Replaces string   `json:"replaces,omitempty"`
	Before   []string `json:"before,omitempty"`
	Version  string   `json:"version,omitempty"`
	Routes   []Route  `json:"routes"`
}

// replaced lists the runs that are gone with this one's start.
func (e Enrolled) replaced() []string { return append([]string{e.Replaces}, e.Before...) }

// Acknowledged says that an incarnation enforces a posture.
type Acknowledged struct {
	Boot    string        `json:"boot"`
	Posture holdfast.Head `json:"posture"`
	// InFlight lists what was in flight when a stop arrived; Listed says that the
	// list was given, so that an empty one means none.
	InFlight []payment.Record `json:"in_flight,omitempty"`
	Listed   bool             `json:"listed,omitempty"`
	Drain    time.Duration    `json:"drain,omitempty"`
	At       time.Time        `json:"at"`
}

// Drained says what became of the payments in flight at a stop.
type Drained struct {
	Boot     string            `json:"boot"`
	Position holdfast.Position `json:"position"`
	Done     int               `json:"done"`
	NotDone  int               `json:"not_done"`
	Unknown  []payment.Record  `json:"unknown,omitempty"`
	At       time.Time         `json:"at"`
}

// Listed goes on with the list of an acknowledgement (InFlight) or of a drain's
// end (Unknown).
type Listed struct {
	Boot     string            `json:"boot"`
	Position holdfast.Position `json:"position"`
	InFlight []payment.Record  `json:"in_flight,omitempty"`
	Unknown  []payment.Record  `json:"unknown,omitempty"`
}

// recordsPerFact keeps a fact within journal.MaxBody even if every byte of every
// identity has to be escaped.
const recordsPerFact = 500

// Entry is a change in a gate's account of unknown outcomes.
type Entry struct {
	Seq     uint64          `json:"seq"`
	Record  payment.Record  `json:"record"`
	Outcome payment.Outcome `json:"outcome"`
	Why     string          `json:"why"`
	At      time.Time       `json:"at"`
}

// Outcomes is a batch of entries of one account, in order. A gate that lost its
// directory begins a new account.
type Outcomes struct {
	Account string  `json:"account"`
	Entries []Entry `json:"entries"`
}

// Unlisted says that a gate's account does not list the payments of resolutions that it
// was told of: it came back without its directory, or with an older one.
type Unlisted struct {
	Account     string   `json:"account"`
	Resolutions []string `json:"resolutions"`
}

// Retired takes an incarnation out of the set a stop must hear from.
type Retired struct {
	Boot   string `json:"boot"`
	Reason string `json:"reason"`
}

// Gate is what is known of one gate.
type Gate struct {
	Name     string
	Revision holdfast.Revision
	// Incarnations in the order of their enrolment; the last is the present one.
	Incarnations []*Incarnation
	// replaced has the runs that a later one has named as gone, whether they were
	// known or not: the enrolment of a dead run may still be on its way.
	replaced map[string]bool
	// Reported is the last recorded entry of each of the gate's accounts.
	Reported map[string]uint64
}

// Incarnation is one run of a gate's process.
type Incarnation struct {
	Gate    string
	Boot    string
	Version string
	Routes  []Route
	// Enrolled is the position of the fact that made it known.
	Enrolled holdfast.Position
	At       time.Time
	// Gone is true once it was replaced or retired, by the fact at GoneAt.
	Gone    bool
	GoneWhy string
	GoneAt  holdfast.Position
	// Posture is the newest posture it has acknowledged, and when, by its clock.
	Posture holdfast.Head
	Acked   time.Time
	acks    []Ack // by position, one of each
	// Stops holds what it said of each stop, by the posture's position.
	Stops map[holdfast.Position]*Stop
}

// Ack is one posture that an incarnation has enforced.
type Ack struct {
	Position holdfast.Position
	At       time.Time // by the gate's clock
}

// Stop is what one incarnation said of its payments in flight at one stop.
type Stop struct {
	InFlight []payment.Record
	Deadline time.Time
	// Drained is nil until the gate has reported the end of the drain.
	Drained *Drained
	left    map[string]bool // what that left unknown
}

// Left reports whether the payment was left unknown; while the gate drains, whether it was
// in flight.
func (s *Stop) Left(identity string) bool {
	if s.Drained != nil {
		return s.left[identity]
	}
	return slices.ContainsFunc(s.InFlight, func(r payment.Record) bool { return r.Identity == identity })
}

func (s *Stop) leaves(list []payment.Record) {
	for _, r := range list {
		s.left[r.Identity] = true
	}
}

// Strict reports whether every route of the gate that moves money is strict, so
// that its lease running out stops it for any scope. A gate that names no such
// route has not said that it is strict.
func (i *Incarnation) Strict() bool {
	modes := i.moneyModes()
	return len(modes) > 0 && !slices.ContainsFunc(modes, func(mode string) bool { return mode != "strict" })
}

// Observes reports whether a route that moves money only observes: a stop is
// not enforced there.
func (i *Incarnation) Observes() bool { return slices.Contains(i.moneyModes(), "observe") }

// moneyModes lists the modes of the routes that move money, or may: a kind that
// this node does not know counts as one that does.
func (i *Incarnation) moneyModes() []string {
	var modes []string
	for _, r := range i.Routes {
		if kind, err := payment.ParseKind(r.Kind); err != nil || kind.MovesMoney() {
			modes = append(modes, r.Mode)
		}
	}
	return modes
}

// concerns reports whether a directive in force since a position matters to it.
func (i *Incarnation) concerns(at holdfast.Position) bool {
	return !i.Gone || i.Enrolled < at && i.GoneAt > at
}

// Replaced reports whether a later process has taken over what this one kept, and
// lists what it had left in flight.
func (i *Incarnation) Replaced() bool { return i.Gone && i.GoneWhy == whyReplaced }

// Present returns the newest incarnation, or nil.
func (g *Gate) Present() *Incarnation {
	if g == nil || len(g.Incarnations) == 0 {
		return nil
	}
	return g.Incarnations[len(g.Incarnations)-1]
}

// Incarnation returns the one with a boot id, or nil.
func (g *Gate) Incarnation(boot string) *Incarnation {
	if g == nil {
		return nil
	}
	for _, i := range g.Incarnations {
		if i.Boot == boot {
			return i
		}
	}
	return nil
}

const whyReplaced = "replaced by a later run"

func (g *Gate) hasReplaced(boot string) bool { return g != nil && g.replaced[boot] }

func subject(gate string) holdfast.Subject { return holdfast.NewSubject("gate", gate) }

// Limits on what a gate says when it introduces itself, and a person when it is
// gone.
const (
	maxBoot    = 64
	maxBefore  = 1000
	maxVersion = 200
	maxRoutes  = 1000
	maxReason  = 2000
	// maxNames bounds the fields and channels of all routes together, in bytes.
	maxNames = 100_000
)

// names counts the bytes that a gate's routes take to name fields and channels.
func (e Enrolled) names() (n int) {
	for _, r := range e.Routes {
		for _, name := range slices.Concat(r.Fields, r.Channels) {
			n += len(name) + len(`"",`)
		}
	}
	return n
}

// Enrol decides on an incarnation that introduces itself. It returns no facts if
// it is known and live.
func Enrol(g *Gate, name string, e Enrolled) ([]journal.Draft, error) {
	if !holdfast.ValidName(name) || e.Boot == "" || len(e.Boot) > maxBoot || len(e.Before) > maxBefore ||
		slices.ContainsFunc(e.replaced(), func(boot string) bool { return len(boot) > maxBoot || boot == e.Boot }) {
		return nil, holdfast.Errorf(holdfast.Invalid, "gate %q: the name or the boot id cannot be used", name)
	}
	if len(e.Version) > maxVersion || len(e.Routes) > maxRoutes || e.names() > maxNames {
		return nil, holdfast.Errorf(holdfast.TooLarge, "gate %s introduces itself with more than %d routes or too long a version", name, maxRoutes)
	}
	var revision holdfast.Revision
	if g != nil {
		revision = g.Revision
	}
	known := g.Incarnation(e.Boot)
	switch {
	case known == nil && g.hasReplaced(e.Boot):
		return nil, holdfast.Errorf(holdfast.Forbidden, "this run of gate %s was taken out of service (%s); start the gate anew", name, whyReplaced)
	case known == nil:
		return []journal.Draft{journal.NewDraft(subject(name), revision, KindEnrolled, e)}, nil
	case known.Gone:
		return nil, holdfast.Errorf(holdfast.Forbidden, "this run of gate %s was taken out of service (%s); start the gate anew", name, known.GoneWhy)
	default:
		return nil, nil
	}
}

// Acknowledge decides on an acknowledgement: one that says nothing new changes
// nothing. ours reports whether a head is one that this journal's posture had. A
// number alone proves nothing: a gate that followed another history may have
// seen a higher one without ever having seen the stop.
func Acknowledge(g *Gate, a Acknowledged, ours func(holdfast.Head) bool) ([]journal.Draft, error) {
	i := g.Incarnation(a.Boot)
	if i == nil {
		return nil, errUnknown(a.Boot)
	}
	if !ours(a.Posture) {
		return nil, holdfast.Errorf(holdfast.Conflict, "gate %s acknowledges the posture %s, which this journal never had", g.Name, a.Posture)
	}
	if a.Posture.Position <= i.Posture.Position && (!a.Listed || i.Stops[a.Posture.Position] != nil) {
		return nil, nil
	}
	var more []Listed
	a.InFlight, more = split(a.InFlight, func(r []payment.Record) Listed {
		return Listed{Boot: a.Boot, Position: a.Posture.Position, InFlight: r}
	})
	return g.drafts(KindAcknowledged, a, more), nil
}

// Drain decides on the report of a drain's end. One that was reported already
// changes nothing, nor does one of a stop whose list was never taken.
func Drain(g *Gate, d Drained) ([]journal.Draft, error) {
	i := g.Incarnation(d.Boot)
	if i == nil {
		return nil, errUnknown(d.Boot)
	}
	if s := i.Stops[d.Position]; s == nil || s.Drained != nil {
		return nil, nil
	}
	var more []Listed
	d.Unknown, more = split(d.Unknown, func(r []payment.Record) Listed {
		return Listed{Boot: d.Boot, Position: d.Position, Unknown: r}
	})
	return g.drafts(KindDrained, d, more), nil
}

// split cuts a list into what one fact holds and facts for the rest.
func split(all []payment.Record, rest func([]payment.Record) Listed) (head []payment.Record, more []Listed) {
	if len(all) <= recordsPerFact {
		return all, nil
	}
	for part := range slices.Chunk(all[recordsPerFact:], recordsPerFact) {
		more = append(more, rest(part))
	}
	return all[:recordsPerFact], more
}

func (g *Gate) drafts(kind string, body any, more []Listed) []journal.Draft {
	drafts := []journal.Draft{journal.NewDraft(subject(g.Name), g.Revision, kind, body)}
	for n, m := range more {
		drafts = append(drafts, journal.NewDraft(subject(g.Name), g.Revision+holdfast.Revision(n)+1, KindListed, m))
	}
	return drafts
}

// Tell decides on a batch of entries: those recorded already are dropped, and a
// gap is refused, since entries come in order.
func Tell(g *Gate, account string, entries []Entry) ([]journal.Draft, error) {
	if g == nil {
		return nil, errUnknown("")
	}
	var fresh []Entry
	reported := g.Reported[account]
	next := reported + 1
	for _, e := range entries {
		switch {
		case e.Seq < next:
		case e.Seq == next || reported == 0 && len(fresh) == 0:
			// A control plane that never heard of this gate takes its account from
			// wherever it begins.
			fresh = append(fresh, e)
			next = e.Seq + 1
		default:
			return nil, holdfast.Errorf(holdfast.Conflict, "gate %s reports entry %d; %d is next", g.Name, e.Seq, next)
		}
	}
	if len(fresh) == 0 {
		return nil, nil
	}
	return []journal.Draft{journal.NewDraft(subject(g.Name), g.Revision, KindOutcomes, Outcomes{account, fresh})}, nil
}

// Unlist decides on a gate's word that it does not list the payments of resolutions. What
// it is not waited for with changes nothing.
func Unlist(b *Book, name, account string, ids []string) ([]journal.Draft, error) {
	g := b.gates[name]
	switch {
	case g == nil:
		return nil, errUnknown("")
	case len(account) > maxBoot || len(ids) > maxOrders:
		return nil, holdfast.Errorf(holdfast.TooLarge, "gate %s says of %d resolutions at once that it does not list their payments; it is told of at most %d", name, len(ids), maxOrders)
	}
	said := Unlisted{Account: account}
	for _, id := range ids {
		r, some := b.resolutions[id]
		told := some && (b.ordered(r, name) || r.withoutGate(name)) && !b.unlisted[unlistedKey{id, name, account}]
		if told && !slices.Contains(said.Resolutions, id) {
			said.Resolutions = append(said.Resolutions, id)
		}
	}
	if len(said.Resolutions) == 0 {
		return nil, nil
	}
	return []journal.Draft{journal.NewDraft(subject(name), g.Revision, KindUnlisted, said)}, nil
}

// Retire decides on a person's word that a gate is gone for good. From then on
// no stop waits for it.
func Retire(g *Gate, reason string) ([]journal.Draft, error) {
	i := g.Present()
	switch {
	case i == nil || i.Gone:
		return nil, holdfast.Errorf(holdfast.NotFound, "there is no gate of that name in service")
	case strings.TrimSpace(reason) == "" || len(reason) > maxReason:
		return nil, holdfast.Errorf(holdfast.Invalid, "write why the gate is gone: a stop will not wait for it any more").At("reason")
	}
	return []journal.Draft{journal.NewDraft(subject(g.Name), g.Revision, KindRetired, Retired{Boot: i.Boot, Reason: reason})}, nil
}

func errUnknown(boot string) error {
	return holdfast.Errorf(holdfast.NotFound, "the gate's run %q is not enrolled", boot)
}

func byPosition(a Ack, at holdfast.Position) int { return cmp.Compare(a.Position, at) }

// AckOf returns the first posture at or after a position, and before another
// (0: no bound), that the incarnation has enforced.
func (i *Incarnation) AckOf(at, before holdfast.Position) (first Ack, ok bool) {
	n, _ := slices.BinarySearchFunc(i.acks, at, byPosition)
	if n == len(i.acks) || before != 0 && i.acks[n].Position >= before {
		return Ack{}, false
	}
	return i.acks[n], true
}

// StopAt returns what the incarnation said of the stop at a position: its list
// with the first posture that held the stop, since several directives may have
// reached the gate as one. Nil means that it has not said anything; a list it
// gave for a later stop says nothing of this one.
func (i *Incarnation) StopAt(at holdfast.Position) *Stop {
	a, ok := i.AckOf(at, 0)
	if !ok {
		return nil
	}
	return i.Stops[a.Position]
}
