// Package posture holds what goes from the control plane to the gates: all
// directives in force, as one immutable value numbered by the journal.
//
// A [Set] is the posture as data: it travels over fleet and lies on the gate's
// disk. [Compile] turns it into a [Posture], whose Decide is the only place
// where a payment is judged. Deciding is pure: no clock, no lock, no I/O.
//
// The order of judgement: a stop that covers the payment declines it; else, where
// stand-in covers it, it is stood in for once that is open, and held until then; else each
// limit that covers it must let its payer through; else it is forwarded, to the second
// primary where a reroute that is open covers it. What
// cannot be read counts as covered, and a set that cannot be compiled declines
// everything: a restriction is never skipped. A permission is never given for what
// cannot be read.
package posture

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/expression"
	"holdfast/internal/payment"
)

// Kind is what a directive does. Mask is a word of the plan that this gate does
// not know yet; a set that holds one declines.
type Kind string

const (
	// Stop declines every payment and refund in the scope.
	Stop Kind = "stop"
	// Limit admits a share of the payers in the scope, up to a rate.
	Limit Kind = "limit"
	// Cap is a limit that admits only so much of one currency each second as well. What
	// it covers in another currency, or with an amount that cannot be read, is declined.
	Cap Kind = "cap"
	// StandIn forwards nothing of the scope. Once it is open, gates answer themselves.
	StandIn Kind = "stand-in"
	// OneByOne forwards as usual. Once it is open, gates answer a payment of the scope
	// for which the primary failed before its first byte was written.
	OneByOne Kind = "one-by-one"
	// Reroute sends payments of the scope to the second primary of their route, once it is
	// open. What was claimed for one primary at the fence is never sent to the other.
	Reroute Kind = "reroute"
)

// Directive is an instruction in force. A field that narrows or widens what a
// kind does must come as a new kind: a gate that does not know a field ignores
// it, and a gate that does not know a kind declines.
type Directive struct {
	ID   string `json:"id"`
	Kind Kind   `json:"kind"`
	// Scope is "all" or an expression over payment fields.
	Scope string `json:"scope"`
	// Incident the directive belongs to; a probe of that incident passes it.
	Incident string `json:"incident,omitempty"`
	// Position of the fact that put it in force; 0 for a gate's local stop.
	Position holdfast.Position `json:"position,omitempty"`
	// Drain is how long payments in flight when the directive arrives may take
	// before they count as unknown.
	Drain time.Duration `json:"drain,omitempty"`
	// Share of payers a limit admits, in [0, 1].
	Share float64 `json:"share,omitempty"`
	// Salt fixes which payers a share picks. Limits with the same salt pick
	// nested sets: who is in the 1 % is in the 10 %.
	Salt string `json:"salt,omitempty"`
	// Rates caps admitted payments per second, split over the gates by name so
	// that the parts sum to the cap whatever each gate knows of the others. Nil
	// means no cap; a gate that is not named has no part of it and admits none, so
	// an empty map, which admits nobody, must stay one on its way.
	Rates map[string]float64 `json:"rates,omitzero"`
	// Amounts caps what a cap admits each second, in minor units of Currency, split over
	// the gates as Rates are.
	Amounts  map[string]float64 `json:"amounts,omitzero"`
	Currency string             `json:"currency,omitempty"`

	// Open is set once what the kind waits for is so. The payments of a stand-in are held
	// until then; one-by-one and reroute change nothing before.
	Open bool `json:"open,omitempty"`
	// Fence is the id of the one fence of a reroute. A gate with another, or none, holds.
	Fence string `json:"fence,omitempty"`

	// What follows is of stand-in.
	// Profile is a standin.Profile as JSON; Planned says which of its terms hold.
	Profile json.RawMessage `json:"profile,omitempty"`
	Planned bool            `json:"planned,omitempty"`
	// Source is the id of the one advice source. A gate with another, or none, holds.
	Source string `json:"source,omitempty"`
	// Excluded are the identities that were in flight or unknown when forwarding was
	// confirmed stopped; at most MaxExcluded.
	Excluded []string `json:"excluded,omitempty"`
	// Lasts is how long a gate stands in after it first had the open directive, by
	// CLOCK_BOOTTIME, and Ends until when by wall clock; zero is no end. Then it holds.
	Lasts time.Duration `json:"lasts,omitempty"`
	Ends  time.Time     `json:"ends,omitzero"`
}

// MaxExcluded is the most identities that one directive excludes.
const MaxExcluded = 100_000

// Set is the posture as data.
type Set struct {
	// Head is the position of the last fact that changed the posture, and the
	// journal's hash there.
	Head holdfast.Head `json:"head"`
	// Lease is how long a gate may admit after a heartbeat without the next.
	Lease time.Duration `json:"lease"`
	// ProbeKeys are the public keys that sign probe marks (Ed25519).
	ProbeKeys  []ed25519.PublicKey `json:"probe_keys,omitempty"`
	Directives []Directive         `json:"directives"`
}

// Union holds the restrictions of both sets under the head of s. A gate that
// meets two histories enforces it until a person has decided which one holds.
func (s Set) Union(other Set) Set {
	u := s
	u.Directives = slices.Clone(s.Directives)
	for _, d := range other.Directives {
		if !Contains(u.Directives, d) {
			u.Directives = append(u.Directives, d)
		}
	}
	return u
}

// Contains reports whether a directive is in a list. The whole of it is
// compared: two histories give the same ids to different directives.
func Contains(list []Directive, d Directive) bool {
	return slices.ContainsFunc(list, func(e Directive) bool { return reflect.DeepEqual(d, e) })
}

// Action is what the gate does with a payment.
type Action uint8

const (
	// Forward sends it to the primary.
	Forward Action = iota
	// Decline answers it as the route says.
	Decline
	// Substitute has the decider of stand-in answer it.
	Substitute
)

func (a Action) String() string { return [...]string{"forward", "decline", "stand-in"}[a] }

// Reason says why.
type Reason uint8

const (
	None Reason = iota
	// Stopped: a stop covers it.
	Stopped
	// OutOfShare: a limit admits other payers now.
	OutOfShare
	// OverRate: a limit's rate is used up for this second.
	OverRate
	// NoLease: the route is strict and the gate has no lease.
	NoLease
	// NoPosture: the gate has no posture it may admit under.
	NoPosture
	// Unreadable: the route declines what it cannot read.
	Unreadable
	// Full: the gate cannot list one more payment in flight.
	Full
	// Held: stand-in covers it and is not open, has ended, or cannot be had at this gate.
	Held
)

func (r Reason) String() string {
	return [...]string{"", "stopped", "out-of-share", "over-rate", "no-lease", "no-posture", "unreadable", "full", "held"}[r]
}

// Verdict is the judgement of one payment.
type Verdict struct {
	Action Action
	Reason Reason
	// Directive is the id of the one that declined it or stands in; of what is forwarded,
	// of the one that stands in if the primary fails before the first byte.
	Directive string
	// Draw has bit i set if the payment must draw on the rate of Limits()[i].
	Draw uint64
	// Reroute is the id of the directive that sends it to the second primary, and Fence that
	// of the fence to claim it at; empty if the first is meant.
	Reroute, Fence string
}

// MaxLimits is how many limits one posture can hold.
const MaxLimits = 64

// Posture is a compiled set. It never changes.
type Posture struct {
	set    Set
	closed bool
	stops  rules
	stands rules
	alone  rules // those that stand in one by one
	away   rules // those that reroute
	limits rules
	rates  []float64 // by limit; negative means no cap
	sums   []float64 // by limit, of amounts; negative means no cap
}

// rules are directives of one kind, found by what a payment says.
type rules struct {
	list  []rule
	index *expression.Index
}

func (r *rules) makeIndex() {
	scopes := make([]*expression.Scope, len(r.list))
	for i := range r.list {
		scopes[i] = r.list[i].scope
	}
	r.index = expression.NewIndex(scopes)
}

// first returns the first rule that covers the payment and holds for it, or -1.
func (r *rules) first(pay *payment.Payment, holds func(i int) bool) int {
	first := -1
	if len(r.list) == 0 {
		return first
	}
	r.index.Visit(pay, func(i int) {
		if r.list[i].covers(pay) && holds(i) && (first < 0 || i < first) {
			first = i
		}
	})
	return first
}

type rule struct {
	Directive
	scope *expression.Scope
}

// Compile makes the posture a named gate enforces: the set's directives and the
// gate's own local stops. On an error it returns, with it, a posture that
// declines every payment: that is what the gate must enforce, and must not
// acknowledge.
func Compile(set Set, local []Directive, gate string) (*Posture, error) {
	p := &Posture{set: set}
	for i, d := range slices.Concat(set.Directives, local) {
		// What the control plane's present history does not say never opens stand-in.
		d.Open = d.Open && i < len(set.Directives)
		if err := p.add(d, gate); err != nil {
			return Closed(set), fmt.Errorf("directive %s: %w", d.ID, err)
		}
	}
	p.stops.makeIndex()
	p.stands.makeIndex()
	p.alone.makeIndex()
	p.away.makeIndex()
	p.limits.makeIndex()
	return p, nil
}

// Closed returns a posture that declines every payment and refund.
func Closed(set Set) *Posture { return &Posture{set: set, closed: true} }

func (p *Posture) add(d Directive, gate string) error {
	scope, err := expression.CompileScope(d.Scope)
	if err != nil {
		return err
	}
	switch d.Kind {
	case Stop:
		p.stops.list = append(p.stops.list, rule{d, scope})
	case StandIn, OneByOne:
		if len(d.Excluded) > MaxExcluded || d.Lasts < 0 || d.Open && (d.Source == "" || len(d.Profile) == 0) {
			return fmt.Errorf("stand-in is open without its source or profile, or excludes more than %d payments", MaxExcluded)
		}
		if d.Kind == OneByOne {
			p.alone.list = append(p.alone.list, rule{d, scope})
		} else {
			p.stands.list = append(p.stands.list, rule{d, scope})
		}
	case Reroute:
		if d.Open && d.Fence == "" {
			return fmt.Errorf("a reroute is open without its fence")
		}
		p.away.list = append(p.away.list, rule{d, scope})
	case Limit, Cap:
		if len(p.limits.list) == MaxLimits {
			return fmt.Errorf("more than %d limits at once", MaxLimits)
		}
		if !(d.Share >= 0 && d.Share <= 1) {
			return fmt.Errorf("share %v is not between 0 and 1", d.Share)
		}
		rate, sum := -1.0, -1.0
		if d.Rates != nil {
			rate = d.Rates[gate]
			if !(rate >= 0 && rate <= math.MaxFloat64) {
				return fmt.Errorf("rate %v is not a number of payments", rate)
			}
		}
		if d.Kind == Cap {
			if sum = d.Amounts[gate]; !(sum >= 0 && sum <= math.MaxFloat64) || d.Currency == "" {
				return fmt.Errorf("%v of %q is not an amount", sum, d.Currency)
			}
		}
		p.limits.list = append(p.limits.list, rule{d, scope})
		p.rates, p.sums = append(p.rates, rate), append(p.sums, sum)
	default:
		return fmt.Errorf("this gate does not know the kind %q", d.Kind)
	}
	return nil
}

// Set returns the data the posture was compiled from.
func (p *Posture) Set() Set { return p.set }

// Head identifies the posture.
func (p *Posture) Head() holdfast.Head { return p.set.Head }

// IsClosed reports whether it declines everything because it could not be
// compiled or was never had.
func (p *Posture) IsClosed() bool { return p.closed }

// Limits returns the ids of the limits, in the order of Verdict.Draw, and their
// caps in payments per second for this gate; a negative cap means none.
func (p *Posture) Limits() (ids []string, rates []float64) {
	for _, l := range p.limits.list {
		ids = append(ids, l.ID)
	}
	return ids, p.rates
}

// Sums returns the caps of the limits in minor units per second for this gate, in the
// order of Verdict.Draw; a negative one means none.
func (p *Posture) Sums() []float64 { return p.sums }

// Decide judges a payment. It does not allocate unless a scope needs the
// expression machine.
func (p *Posture) Decide(pay *payment.Payment) Verdict {
	if !pay.Kind.MovesMoney() {
		return Verdict{}
	}
	if p.closed {
		return Verdict{Action: Decline, Reason: NoPosture}
	}
	if i := p.stops.first(pay, always); i >= 0 {
		return Verdict{Action: Decline, Reason: Stopped, Directive: p.stops.list[i].ID}
	}
	if i := p.stands.first(pay, always); i >= 0 {
		d := &p.stands.list[i]
		if !d.Open || pay.Advice {
			return Verdict{Action: Decline, Reason: Held, Directive: d.ID}
		}
		return Verdict{Action: Substitute, Directive: d.ID}
	}
	if pay.Advice {
		return Verdict{}
	}
	var draw uint64
	over := -1
	out := p.limits.first(pay, func(i int) bool {
		l := &p.limits.list[i]
		if p.rates[i] >= 0 || p.sums[i] >= 0 {
			draw |= 1 << i
		}
		if l.Kind == Cap && (over < 0 || i < over) && !l.counts(pay) {
			over = i
		}
		return !l.picks(pay)
	})
	if out >= 0 {
		return Verdict{Action: Decline, Reason: OutOfShare, Directive: p.limits.list[out].ID}
	}
	if over >= 0 {
		return Verdict{Action: Decline, Reason: OverRate, Directive: p.limits.list[over].ID}
	}
	if i := p.away.first(pay, func(i int) bool { return p.away.list[i].Open }); i >= 0 {
		// The second primary failing is no reason to answer in place of the first.
		return Verdict{Draw: draw, Reroute: p.away.list[i].ID, Fence: p.away.list[i].Fence}
	}
	return Verdict{Draw: draw, Directive: p.falls(pay)}
}

// falls returns the directive that stands in for a payment if the primary fails for it.
func (p *Posture) falls(pay *payment.Payment) string {
	i := p.alone.first(pay, func(i int) bool {
		d := &p.alone.list[i]
		return d.Open && d.scope.Match(pay) == expression.Yes
	})
	if i < 0 {
		return ""
	}
	return p.alone.list[i].ID
}

func always(int) bool { return true }

// covers counts "cannot tell" as covered.
func (r *rule) covers(pay *payment.Payment) bool {
	if pay.Probe != "" && pay.Probe == r.Incident {
		return false
	}
	return r.scope.Match(pay) != expression.No
}

// counts reports whether a cap can count the payment.
func (r *rule) counts(pay *payment.Payment) bool {
	return pay.Read.Has(payment.Amount) && pay.Read.Has(payment.Currency) && pay.Currency == r.Currency
}

// picks reports whether the payer is in the limit's share. A payer that cannot
// be read is in no share but the whole.
func (r *rule) picks(pay *payment.Payment) bool {
	if r.Share >= 1 {
		return true
	}
	return pay.Read.Has(payment.Payer) && Fraction(r.Salt, pay.Payer.Reveal()) < r.Share
}

// Fraction maps a payer to a number in [0, 1), the same at every gate: FNV-1a
// (64 bits) over salt, a zero byte and payer, finished with the 64-bit mixer of
// MurmurHash3 so that short, similar names spread evenly.
func Fraction(salt, payer string) float64 {
	h := uint64(14695981039346656037)
	for i := range len(salt) {
		h = (h ^ uint64(salt[i])) * 1099511628211
	}
	h *= 1099511628211 // the zero byte
	for i := range len(payer) {
		h = (h ^ uint64(payer[i])) * 1099511628211
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	return float64(h>>11) / (1 << 53)
}
