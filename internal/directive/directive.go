// Package directive holds the authorised instructions to the gates and their
// life:
//
//	proposed ──▶ in force ──▶ lifted        at once, or asked for by one
//	    └──────▶ refused                    person and granted by a second
//
// A directive that the plan pre-authorises goes into force with its proposal;
// any other needs the approval of a second person. In force, a directive is
// issued until every gate is accounted for, and then confirmed; see [Judge] for
// what that takes. Restrictions end only by a fact, never by a clock.
//
// A stand-in stops forwarding like a stop, and is confirmed like one. Only then it
// is opened, and from then on the gates answer for the primary; see [Obstacles] for
// what that takes. The opening ends with its time, or with the lift:
//
//	issued ──▶ confirmed ──▶ opened ──▶ ended ──▶ lifted
//
// One that stands in one by one stops nothing, and is opened without being confirmed.
//
// Facts on subject directive/<id>: directive.proposed, directive.approved,
// directive.issued, directive.refused, directive.confirmed, directive.without, directive.excluded,
// directive.opened, directive.ended, directive.lift-asked, directive.lift-refused,
// directive.lifted.
// On subject posture/main: posture.lease-set, posture.key-added. The facts
// issued, opened, ended, lifted, lease-set and key-added change the posture; its
// head is the position of the newest of them.
package directive

import (
	"crypto/ed25519"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/expression"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

// Kinds of facts.
const (
	KindProposed  = "directive.proposed"
	KindApproved  = "directive.approved"
	KindIssued    = "directive.issued"
	KindRefused   = "directive.refused"
	KindConfirmed = "directive.confirmed"
	KindLifted    = "directive.lifted"

	KindLiftAsked   = "directive.lift-asked"
	KindLiftRefused = "directive.lift-refused"

	KindLeaseSet = "posture.lease-set"
	KindKeyAdded = "posture.key-added"
)

// State is where a directive stands.
type State string

const (
	Proposed State = "proposed"
	InForce  State = "in-force"
	Refused  State = "refused"
	Lifted   State = "lifted"
)

// Proposal is what someone wants the gates to do.
type Proposal struct {
	Kind posture.Kind `json:"kind"`
	// Scope is "all" or an expression over payment fields.
	Scope    string `json:"scope"`
	Reason   string `json:"reason"`
	Incident string `json:"incident,omitempty"`
	// Task of the incident's procedure that asked for it, if one did.
	Task string `json:"task,omitempty"`
	// Drain is how long payments in flight at a stop may take to answer.
	Drain time.Duration `json:"drain,omitempty"`
	// Share of payers that a limit admits, in [0, 1].
	Share float64 `json:"share,omitempty"`
	Salt  string  `json:"salt,omitempty"`
	// Rate caps admitted payments per second over all gates; 0 means no cap.
	Rate float64 `json:"rate,omitempty"`
	// Amount caps what a cap admits each second over all gates, in minor units of
	// Currency.
	Amount   int64  `json:"amount,omitempty"`
	Currency string `json:"currency,omitempty"`
	// Glass is the break of the glass by which it is ordered, if it is.
	Glass string `json:"glass,omitempty"`
	// StandIn is what a stand-in is by; no other kind has it.
	StandIn *StandIn `json:"stand_in,omitempty"`
	// Reroute is what a reroute is by; no other kind has it.
	Reroute *Reroute `json:"reroute,omitempty"`
	// LeftOut are the gates that people had a stand-in opened without in whose place this one
	// comes, each with where that went into force.
	LeftOut map[string]holdfast.Position `json:"left_out,omitempty"`
}

// Issued puts a proposal in force.
type Issued struct {
	Directive posture.Directive `json:"directive"`
}

// WithReason is the body of facts that a person gives a reason for.
type WithReason struct {
	Reason string `json:"reason"`
}

// Directive is one instruction as the book knows it.
type Directive struct {
	ID       string
	Revision holdfast.Revision
	State    State
	Proposal
	// PreAuthorised means that no second person was asked.
	PreAuthorised bool
	ProposedBy    holdfast.Actor
	ProposedAt    time.Time
	ApprovedBy    holdfast.Actor
	// Position is where it went into force.
	Position holdfast.Position
	IssuedAt time.Time
	// ended is where it was lifted.
	ended holdfast.Position
	// Confirmation is nil until every gate was accounted for.
	Confirmation *Confirmation
	// LiftWish is set while somebody asks for it to be lifted.
	LiftWish *LiftWish
	// Without are the gates that a stand-in or a reroute is opened without.
	Without []string
	// Opening is nil until a stand-in or a reroute was opened; excluded is what was in flight then.
	Opening   *Opening
	excluded  []string
	LiftedBy  holdfast.Actor
	LiftedAt  time.Time
	EndReason string
}

// Limits on what a person may write.
const (
	maxReason = 2000
	maxDrain  = 10 * time.Minute
)

// Check refuses a proposal that no gate could carry out.
func (p Proposal) Check() error {
	if strings.TrimSpace(p.Reason) == "" || len(p.Reason) > maxReason {
		return holdfast.Errorf(holdfast.Invalid, "write the reason, in at most %d bytes: it is told to everyone who asks why payments are held", maxReason).At("reason")
	}
	if _, err := expression.CompileScope(p.Scope); err != nil {
		return holdfast.Errorf(holdfast.Invalid, "the scope cannot be used: %v", err).At("scope")
	}
	if p.Drain < 0 || p.Drain > maxDrain {
		return holdfast.Errorf(holdfast.Invalid, "the drain is between 0 and %v", maxDrain).At("drain")
	}
	if (p.Kind == posture.StandIn) != (p.StandIn != nil) {
		return holdfast.Errorf(holdfast.Invalid, "a stand-in is by a profile of the plan, and nothing else is").At("stand_in")
	}
	if (p.Kind == posture.Reroute) != (p.Reroute != nil) {
		return holdfast.Errorf(holdfast.Invalid, "a reroute is by a solution of the plan, and nothing else is").At("reroute")
	}
	switch p.Kind {
	case posture.StandIn:
		return p.StandIn.check()
	case posture.Reroute:
	case posture.Stop:
		if p.Share != 0 || p.Rate != 0 || p.Amount != 0 {
			return holdfast.Errorf(holdfast.Invalid, "a stop has no share and no rate; propose a limit").At("kind")
		}
	case posture.Limit, posture.Cap:
		if (p.Kind == posture.Cap) != (p.Amount > 0) || (p.Amount > 0) != (p.Currency != "") {
			return holdfast.Errorf(holdfast.Invalid, "a cap has an amount above 0 and its currency, and a limit has neither").At("amount")
		}
		if !(p.Share > 0 && p.Share <= 1) {
			return holdfast.Errorf(holdfast.Invalid, "a limit's share is above 0 and at most 1; to admit nobody, propose a stop").At("share")
		}
		if !(p.Rate >= 0 && p.Rate <= 1e6) {
			return holdfast.Errorf(holdfast.Invalid, "a limit's rate is between 0 (no cap) and 1000000 payments per second").At("rate")
		}
	default:
		return holdfast.Errorf(holdfast.Invalid, "directive kind %q: write stop, limit, stand-in or reroute", p.Kind).At("kind")
	}
	return nil
}

func subject(id string) holdfast.Subject { return holdfast.NewSubject("directive", id) }

const postureSubject = holdfast.Subject("posture/main")

// Propose decides on a proposal. With preAuthorised it goes into force in the
// same append. gates names the gate of each process in service; a rate is split
// over them once, in the fact, so that the parts never sum to more than the cap.
func Propose(b *Book, p Proposal, preAuthorised bool, gates []string) (string, []journal.Draft, error) {
	if err := p.Check(); err != nil {
		return "", nil, err
	}
	if err := b.room(p, 0); err != nil {
		return "", nil, err
	}
	id := b.NextID(0)
	return id, p.drafts(id, preAuthorised, gates), nil
}

// room refuses a limit above what one posture holds: gates that cannot compile
// a posture decline everything. n limits are about to be added besides it. It
// refuses a second stand-in too: what one shard approves is by one profile.
func (b *Book) room(p Proposal, n int) error {
	if err := b.roomForReroute(p); err != nil {
		return err
	}
	for _, d := range b.force {
		if (d.Kind == posture.StandIn || d.Kind == posture.OneByOne) && p.Kind == posture.StandIn {
			return holdfast.Errorf(holdfast.Conflict, "directive %s stands in already; lift it first", d.ID)
		}
		if limits(d.Kind) {
			n++
		}
	}
	if limits(p.Kind) && n >= posture.MaxLimits {
		return holdfast.Errorf(holdfast.Conflict, "%d limits are in force, and a gate takes no more; lift one first", posture.MaxLimits)
	}
	return nil
}

func limits(k posture.Kind) bool { return k == posture.Limit || k == posture.Cap }

func (p Proposal) drafts(id string, preAuthorised bool, gates []string) []journal.Draft {
	if p.Salt == "" {
		p.Salt = id
	}
	p.Reason = payment.Mask(p.Reason)
	drafts := []journal.Draft{journal.NewDraft(subject(id), 0, KindProposed, proposed{p, preAuthorised})}
	if preAuthorised {
		drafts = append(drafts, journal.NewDraft(subject(id), 1, KindIssued, Issued{p.directive(id, gates)}))
	}
	return drafts
}

type proposed struct {
	Proposal
	PreAuthorised bool `json:"pre_authorised,omitempty"`
}

func (p Proposal) directive(id string, gates []string) posture.Directive {
	d := posture.Directive{
		ID: id, Kind: p.Kind, Scope: p.Scope, Incident: p.Incident,
		Drain: p.Drain, Share: p.Share,
	}
	if limits(p.Kind) {
		d.Salt = p.Salt
	}
	if s := p.StandIn; s != nil {
		d.Profile, d.Planned, d.Lasts = s.text(), s.Planned, s.Longest
		if s.OneByOne {
			d.Kind = posture.OneByOne
		}
	}
	if p.Rate > 0 {
		d.Rates = split(p.Rate, gates)
	}
	if p.Kind == posture.Cap {
		d.Amounts, d.Currency = split(float64(p.Amount), gates), p.Currency
	}
	return d
}

func split(all float64, gates []string) map[string]float64 {
	parts := map[string]float64{}
	for _, g := range gates {
		parts[g] = all / float64(len(gates))
	}
	return parts
}

// Approve decides on a second person's approval, which puts the directive in
// force.
func Approve(b *Book, id string, by holdfast.Actor, gates []string) ([]journal.Draft, error) {
	d := b.Directive(id)
	if err := d.answerable(by); err != nil {
		return nil, err
	}
	if err := b.room(d.Proposal, 0); err != nil {
		return nil, err
	}
	return []journal.Draft{
		journal.NewDraft(subject(d.ID), d.Revision, KindApproved, struct{}{}),
		journal.NewDraft(subject(d.ID), d.Revision+1, KindIssued, Issued{d.directive(d.ID, gates)}),
	}, nil
}

// Refuse decides on a refusal. Who proposed it may take it back.
func Refuse(d *Directive, reason string) ([]journal.Draft, error) {
	if d == nil || d.State != Proposed {
		return nil, errState(d, "directive %s is %s; only a proposal can be refused")
	}
	if strings.TrimSpace(reason) == "" || len(reason) > maxReason {
		return nil, holdfast.Errorf(holdfast.Invalid, "write why it is refused").At("reason")
	}
	return []journal.Draft{journal.NewDraft(subject(d.ID), d.Revision, KindRefused, WithReason{payment.Mask(reason)})}, nil
}

func (d *Directive) answerable(by holdfast.Actor) error {
	if d == nil || d.State != Proposed {
		return errState(d, "directive %s is %s; only a proposal can be approved")
	}
	if by.SameParty(d.ProposedBy) {
		return holdfast.Errorf(holdfast.Forbidden, "directive %s was proposed by you; a second person has to approve it", d.ID)
	}
	return nil
}

// Lift decides on ending a directive. seen is the revision the author looked
// at; 0 means the present one. A lift names one directive, so it can never undo
// a stop that came in meanwhile.
func Lift(d *Directive, seen holdfast.Revision, reason string) ([]journal.Draft, error) {
	if d == nil || d.State != InForce {
		return nil, errState(d, "directive %s is %s; only one in force can be lifted")
	}
	if seen != 0 && seen != d.Revision {
		return nil, holdfast.Errorf(holdfast.Conflict, "directive %s changed since you looked: it is at revision %d, not %d", d.ID, d.Revision, seen)
	}
	if strings.TrimSpace(reason) == "" || len(reason) > maxReason {
		return nil, holdfast.Errorf(holdfast.Invalid, "write why it is lifted").At("reason")
	}
	return []journal.Draft{journal.NewDraft(subject(d.ID), d.Revision, KindLifted, WithReason{payment.Mask(reason)})}, nil
}

// Replace decides on putting proposals in force in place of other directives, in
// one append: the new restrictions first, then the lifts, so that at no position
// the posture is more open than before and after. For that moment there must be
// room for both.
func Replace(b *Book, ps []Proposal, gates []string, old []string, reason string) (ids []string, drafts []journal.Draft, err error) {
	for n, p := range ps {
		if err := p.Check(); err != nil {
			return nil, nil, err
		}
		if err := b.room(p, n); err != nil {
			return nil, nil, err
		}
		id := b.NextID(n)
		ids = append(ids, id)
		drafts = append(drafts, p.drafts(id, true, gates)...)
	}
	for _, o := range old {
		lift, err := Lift(b.Directive(o), 0, reason)
		if err != nil {
			return nil, nil, err
		}
		drafts = append(drafts, lift...)
	}
	return ids, drafts, nil
}

// errState makes an error of a format that takes the directive's id and state.
func errState(d *Directive, format string) error {
	if d == nil {
		return holdfast.Errorf(holdfast.NotFound, "there is no such directive")
	}
	return holdfast.Errorf(holdfast.Conflict, format, d.ID, d.State)
}

// SetLease decides on the lease L. It is a fact, so that every control node
// knows it before any of them grants by it.
func SetLease(b *Book, l time.Duration) []journal.Draft {
	if b.lease == l {
		return nil
	}
	return []journal.Draft{journal.NewDraft(postureSubject, b.revision, KindLeaseSet, leaseSet{l})}
}

type leaseSet struct {
	Lease time.Duration `json:"lease"`
}

// AddKey decides on a public key that may sign probe marks.
func AddKey(b *Book, key ed25519.PublicKey) []journal.Draft {
	for _, k := range b.keys {
		if k.Equal(key) {
			return nil
		}
	}
	return []journal.Draft{journal.NewDraft(postureSubject, b.revision, KindKeyAdded, keyAdded{key})}
}

type keyAdded struct {
	Key ed25519.PublicKey `json:"key"`
}
