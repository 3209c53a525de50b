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
// gate.drained, gate.outcomes, gate.retired.
package enrolment

import (
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
)

// Kinds of facts.
const (
	KindEnrolled     = "gate.enrolled"
	KindAcknowledged = "gate.acknowledged"
	KindDrained      = "gate.drained"
	KindOutcomes     = "gate.outcomes"
	KindRetired      = "gate.retired"
)

// Route is a route of a gate, with its mode: static, strict or observe.
type Route struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	Mode string `json:"mode"`
}

// Enrolled introduces an incarnation.
type Enrolled struct {
	Boot     string  `json:"boot"`
	Replaces string  `json:"replaces,omitempty"`
	Version  string  `json:"version,omitempty"`
	Routes   []Route `json:"routes"`
}

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
	// Gone is true once it was replaced or retired.
	Gone    bool
	GoneWhy string
	// Posture is the newest posture it has acknowledged, and when, by its clock.
	Posture holdfast.Head
	Acked   time.Time
	// Stops holds what it said of each stop, by the posture's position.
	Stops map[holdfast.Position]*Stop
}

// Stop is what one incarnation said of its payments in flight at one stop.
type Stop struct {
	InFlight []payment.Record
	Deadline time.Time
	// Drained is nil until the gate has reported the end of the drain.
	Drained *Drained
}

// Strict reports whether every route of the gate that moves money is strict, so
// that its lease running out stops it for any scope.
func (i *Incarnation) Strict() bool {
	return i.everyMoneyRoute(func(mode string) bool { return mode == "strict" })
}

// Observes reports whether a route that moves money only observes: a stop is
// not enforced there.
func (i *Incarnation) Observes() bool {
	return !i.everyMoneyRoute(func(mode string) bool { return mode != "observe" })
}

func (i *Incarnation) everyMoneyRoute(ok func(mode string) bool) bool {
	for _, r := range i.Routes {
		kind, err := payment.ParseKind(r.Kind)
		if (err != nil || kind.MovesMoney()) && !ok(r.Mode) {
			return false
		}
	}
	return true
}

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

func subject(gate string) holdfast.Subject { return holdfast.NewSubject("gate", gate) }

// Enrol decides on an incarnation that introduces itself. It returns no facts if
// it is known and live.
func Enrol(g *Gate, name string, e Enrolled) ([]journal.Draft, error) {
	if !holdfast.ValidName(name) || e.Boot == "" || len(e.Boot) > 64 {
		return nil, holdfast.Errorf(holdfast.Invalid, "gate %q: the name or the boot id cannot be used", name)
	}
	var revision holdfast.Revision
	if g != nil {
		revision = g.Revision
	}
	known := g.Incarnation(e.Boot)
	switch {
	case known == nil:
		return []journal.Draft{journal.NewDraft(subject(name), revision, KindEnrolled, e)}, nil
	case known.Gone:
		return nil, holdfast.Errorf(holdfast.Forbidden, "this run of gate %s was taken out of service (%s); start the gate anew", name, known.GoneWhy)
	default:
		return nil, nil
	}
}

// Acknowledge decides on an acknowledgement: one that says nothing new changes
// nothing.
func Acknowledge(g *Gate, a Acknowledged) ([]journal.Draft, error) {
	i := g.Incarnation(a.Boot)
	if i == nil {
		return nil, errUnknown(a.Boot)
	}
	if a.Posture.Position <= i.Posture.Position && !a.Listed {
		return nil, nil
	}
	return []journal.Draft{journal.NewDraft(subject(g.Name), g.Revision, KindAcknowledged, a)}, nil
}

// Drain decides on the report of a drain's end.
func Drain(g *Gate, d Drained) ([]journal.Draft, error) {
	i := g.Incarnation(d.Boot)
	if i == nil {
		return nil, errUnknown(d.Boot)
	}
	if s := i.Stops[d.Position]; s != nil && s.Drained != nil {
		return nil, nil
	}
	return []journal.Draft{journal.NewDraft(subject(g.Name), g.Revision, KindDrained, d)}, nil
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

// Retire decides on a person's word that a gate is gone for good. From then on
// no stop waits for it.
func Retire(g *Gate, reason string) ([]journal.Draft, error) {
	i := g.Present()
	switch {
	case i == nil || i.Gone:
		return nil, holdfast.Errorf(holdfast.NotFound, "there is no gate of that name in service")
	case reason == "":
		return nil, holdfast.Errorf(holdfast.Invalid, "write why the gate is gone: a stop will not wait for it any more").At("reason")
	}
	return []journal.Draft{journal.NewDraft(subject(g.Name), g.Revision, KindRetired, Retired{Boot: i.Boot, Reason: reason})}, nil
}

func errUnknown(boot string) error {
	return holdfast.Errorf(holdfast.NotFound, "the gate's run %q is not enrolled", boot)
}

// StopAt returns what the incarnation said of the stop at a position: the first
// of its lists at or after it, since several directives may have reached the
// gate as one posture. Nil means that it has not said anything.
func (i *Incarnation) StopAt(at holdfast.Position) *Stop {
	var found *Stop
	var position holdfast.Position
	for p, s := range i.Stops {
		if p >= at && (found == nil || p < position) {
			found, position = s, p
		}
	}
	return found
}
