package enrolment

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
)

// Kinds of facts on subject resolution/<id>: what people say became of a payment of
// unknown outcome.
const (
	// ResolutionAskedKind is the kind of the first.
	ResolutionAskedKind = "resolution.asked"

	kindAgreed    = "resolution.agreed"
	kindWithdrawn = "resolution.withdrawn"
)

// ResolutionState is how far a resolution is.
//
//	asked ──▶ ordered ──▶ carried
//	  │          │  └───▶ overtaken
//	  └──────────┴──────▶ withdrawn
type ResolutionState string

const (
	// ResolutionAsked waits for a second person.
	ResolutionAsked ResolutionState = "asked"
	// ResolutionOrdered waits for the gates that list the payment, as far as they are in
	// service: at one that is gone for good it counts at once, and at one that came back
	// without its records as soon as it says so.
	ResolutionOrdered ResolutionState = "ordered"
	// ResolutionCarried: a gate has settled the payment by it.
	ResolutionCarried ResolutionState = "carried"
	// ResolutionOvertaken: the payment was settled otherwise first, or was sent again.
	ResolutionOvertaken ResolutionState = "overtaken"
	// ResolutionWithdrawn: taken back, or refused by the second person.
	ResolutionWithdrawn ResolutionState = "withdrawn"
)

// Resolution is what people say became of a payment of unknown outcome.
type Resolution struct {
	ID       string          `json:"id"`
	Identity string          `json:"identity"`
	Amount   int64           `json:"amount"`
	Currency string          `json:"currency,omitempty"`
	Outcome  payment.Outcome `json:"outcome"`
	// Reason says why, Evidence where that can be looked up.
	Reason   string `json:"reason"`
	Evidence string `json:"evidence"`
	// Two says that it takes a second person.
	Two bool `json:"two,omitempty"`
	// Incidents are those that left the payment unknown.
	Incidents []string        `json:"incidents,omitempty"`
	State     ResolutionState `json:"state"`
	By        holdfast.Actor  `json:"by"`
	At        time.Time       `json:"at"`
	// Second is who agreed, or took it back for WhyNot; Answered is when.
	Second   *holdfast.Actor `json:"second,omitempty"`
	Answered time.Time       `json:"answered,omitzero"`
	WhyNot   string          `json:"why_not,omitempty"`
	// Ends is what became of the payment at gates since.
	Ends []ResolutionEnd `json:"ends,omitempty"`
	// Contradicted says that something else settled it, with another outcome.
	Contradicted bool `json:"contradicted,omitempty"`

	attempts map[string]time.Time // the attempts that the person was shown, by gate
	revision holdfast.Revision
}

// ResolutionEnd is how a gate's entry settled the payment.
type ResolutionEnd struct {
	Gate    string          `json:"gate"`
	Outcome payment.Outcome `json:"outcome"`
	How     string          `json:"how"`
	At      time.Time       `json:"at"`
	// Position is that of the fact with the entry.
	Position holdfast.Position `json:"position,omitempty"`
	// Gone says that it was counted without the gate, which was gone for good or, if
	// Unlisted, said that it does not list the payment.
	Gone     bool `json:"gone,omitempty"`
	Unlisted bool `json:"unlisted,omitempty"`
}

// Of reports whether one of the incidents left the payment unknown.
func (r *Resolution) Of(incidents []string) bool {
	return slices.ContainsFunc(r.Incidents, func(id string) bool { return slices.Contains(incidents, id) })
}

// Carries reports whether an end is that a gate carried the resolution out.
func (r *Resolution) Carries(e ResolutionEnd) bool { return e.How == whySaid(r.ID) }

// ByPerson reports whether an entry that says how it settles its payment does so by a
// resolution.
func ByPerson(how string) bool { return strings.HasPrefix(how, whySaid("")) }

// Over reports whether nothing more comes of it.
func (r *Resolution) Over() bool {
	return r.State != ResolutionAsked && r.State != ResolutionOrdered
}

// ResolutionForm is what a person says.
type ResolutionForm struct {
	Identity string          `json:"identity"`
	Outcome  payment.Outcome `json:"outcome"`
	Reason   string          `json:"reason"`
	Evidence string          `json:"evidence"`
}

type resolutionAsked struct {
	Identity string          `json:"identity"`
	Amount   int64           `json:"amount"`
	Currency string          `json:"currency,omitempty"`
	Outcome  payment.Outcome `json:"outcome"`
	Reason   string          `json:"reason"`
	Evidence string          `json:"evidence"`
	Two      bool            `json:"two,omitempty"`
	// Incidents are those that left the payment unknown: the fact is of their story.
	Incidents []string `json:"incidents,omitempty"`
	// Attempts are those of the payment that are unknown, by gate.
	Attempts map[string]time.Time `json:"attempts"`
}

type resolutionAnswered struct {
	Reason string `json:"reason,omitempty"`
}

// longestNote is the length of a reason or of an evidence reference in bytes.
const longestNote = 1000

// Order has a gate settle a payment of unknown outcome.
type Order struct {
	ID       string
	Identity string
	// At is when the attempt was sent that the person was shown.
	At      time.Time
	Outcome payment.Outcome
	// Why is what the gate's entry is to say: by it the entry is known again.
	Why string
}

func whySaid(id string) string { return "a person said so, in resolution " + id }

// maxOrders bounds the resolutions in one answer to a gate.
const maxOrders = 100

// Resolve decides on what a person says of a payment. above is the amount, in minor
// units, above which it takes two people; -1 if all do. An amount that could not be read
// takes two. incidents are those that left the payment unknown. Of two people who say
// something of one payment at the same moment, the journal takes one.
func Resolve(b *Book, f ResolutionForm, above int64, incidents []string) (id string, drafts []journal.Draft, err error) {
	f.Reason, f.Evidence = payment.Mask(strings.TrimSpace(f.Reason)), payment.Mask(strings.TrimSpace(f.Evidence))
	switch {
	case !f.Outcome.Settled():
		return "", nil, holdfast.Errorf(holdfast.Invalid, "say whether the payment is done or not done").At("outcome")
	case f.Reason == "" || len(f.Reason) > longestNote:
		return "", nil, holdfast.Errorf(holdfast.Invalid, "say why, in at most %d bytes", longestNote).At("reason")
	case f.Evidence == "" || len(f.Evidence) > longestNote:
		return "", nil, holdfast.Errorf(holdfast.Invalid, "say where the evidence can be looked up, in at most %d bytes", longestNote).At("evidence")
	}
	asked := resolutionAsked{Identity: f.Identity, Outcome: f.Outcome, Reason: f.Reason, Evidence: f.Evidence, Incidents: incidents, Attempts: map[string]time.Time{}}
	for _, u := range b.UnresolvedOf(f.Identity) {
		asked.Attempts[u.Gate] = u.Record.At
		asked.Amount, asked.Currency = max(asked.Amount, u.Record.Amount), cmp.Or(asked.Currency, u.Record.Currency)
		asked.Two = asked.Two || above < 0 || u.Record.Currency == "" || u.Record.Amount > above
	}
	if len(asked.Attempts) == 0 {
		return "", nil, holdfast.Errorf(holdfast.NotFound, "no gate lists the payment %q as unknown any more", payment.Mask(f.Identity)).At("identity")
	}
	if r, active := b.ResolutionOf(f.Identity); active && !r.Over() {
		return "", nil, holdfast.Errorf(holdfast.Conflict, "%s was decided on already, in %s", payment.Mask(f.Identity), r.ID).At("identity")
	}
	id = b.nextResolution(f.Identity)
	return id, []journal.Draft{journal.NewDraft(resolutionSubject(id), 0, ResolutionAskedKind, asked)}, nil
}

// nextResolution is the id of the next resolution of a payment. Whoever has read the same
// book comes to the same id, so that only one of them is appended. The identity itself is
// not in it: it may hold what a client should not have put there.
func (b *Book) nextResolution(identity string) string {
	sum := sha256.Sum256([]byte(identity))
	return hex.EncodeToString(sum[:12]) + ".r" + strconv.Itoa(len(b.resolutionOf[identity])+1)
}

// AnswerResolution decides on a second person's answer.
func AnswerResolution(b *Book, by holdfast.Actor, id string, granted bool, reason string) ([]journal.Draft, error) {
	r, found := b.resolutions[id]
	switch {
	case !found:
		return nil, holdfast.Errorf(holdfast.NotFound, "there is no resolution %q", id)
	case r.State != ResolutionAsked:
		return nil, holdfast.Errorf(holdfast.Conflict, "the resolution %s does not wait for a second person", id)
	case !granted:
		return WithdrawResolution(b, id, reason)
	case by.SameParty(r.By):
		return nil, holdfast.Errorf(holdfast.Forbidden, "you asked for %s yourself: it takes a second person", id)
	}
	return []journal.Draft{journal.NewDraft(resolutionSubject(id), r.revision, kindAgreed, resolutionAnswered{})}, nil
}

// WithdrawResolution decides on taking one back that no gate has told to be carried out.
func WithdrawResolution(b *Book, id, reason string) ([]journal.Draft, error) {
	r, found := b.resolutions[id]
	reason = payment.Mask(strings.TrimSpace(reason))
	switch {
	case !found:
		return nil, holdfast.Errorf(holdfast.NotFound, "there is no resolution %q", id)
	case r.Over():
		return nil, holdfast.Errorf(holdfast.Conflict, "the resolution %s is over: nothing can be taken back", id)
	case reason == "" || len(reason) > longestNote:
		return nil, holdfast.Errorf(holdfast.Invalid, "say why, in at most %d bytes", longestNote).At("reason")
	}
	return []journal.Draft{journal.NewDraft(resolutionSubject(id), r.revision, kindWithdrawn, resolutionAnswered{reason})}, nil
}

func resolutionSubject(id string) holdfast.Subject { return holdfast.NewSubject("resolution", id) }

// applyResolution folds a fact on a resolution.
func (b *Book) applyResolution(id string, f holdfast.Fact) error {
	if f.Kind == ResolutionAskedKind {
		var a resolutionAsked
		if err := f.Decode(&a); err != nil {
			return err
		}
		r := &Resolution{
			ID: id, Identity: a.Identity, Amount: a.Amount, Currency: a.Currency, Outcome: a.Outcome, Reason: a.Reason, Evidence: a.Evidence,
			Two: a.Two, Incidents: a.Incidents, State: ResolutionOrdered, By: f.Actor, At: f.Time, attempts: a.Attempts, revision: f.Revision,
		}
		if r.Two {
			r.State = ResolutionAsked
		}
		b.resolutionIDs = append(b.resolutionIDs, id)
		b.resolutionOf[a.Identity] = append(b.resolutionOf[a.Identity], id)
		b.settleGone(r, f)
		b.keep(r)
		return nil
	}
	old := b.resolutions[id]
	if old == nil {
		return holdfast.Errorf(holdfast.Damaged, "the fact %s is of a resolution %s that was never asked for", f.Kind, id)
	}
	var a resolutionAnswered
	if err := f.Decode(&a); err != nil {
		return err
	}
	r := *old // readers keep what they were given
	r.revision, r.Second, r.Answered, r.WhyNot = f.Revision, &f.Actor, f.Time, a.Reason
	switch {
	case r.Over():
	case f.Kind == kindAgreed:
		r.State = ResolutionOrdered
	case f.Kind == kindWithdrawn:
		r.State = ResolutionWithdrawn
	}
	b.settleGone(&r, f)
	b.keep(&r)
	return nil
}

// keep keeps a resolution as it is now: over, if no gate lists an attempt any more that it
// can settle.
func (b *Book) keep(r *Resolution) {
	if !r.Over() && len(b.listing(r)) == 0 {
		r.State = ResolutionOvertaken
		if slices.ContainsFunc(r.Ends, r.Carries) {
			r.State = ResolutionCarried
		}
	}
	b.resolutions[r.ID] = r
}

// listing names the gates that list the payment with an attempt that r can settle.
func (b *Book) listing(r *Resolution) (gates []string) {
	for _, name := range slices.Sorted(maps.Keys(r.attempts)) {
		at := r.attempts[name]
		if u, open := b.unknown[unknownKey{name, r.Identity}]; open && (r.Outcome == payment.Done || u.Record.At.Equal(at)) {
			gates = append(gates, name)
		}
	}
	return gates
}

// ResolutionOf returns the newest resolution of a payment.
func (b *Book) ResolutionOf(identity string) (*Resolution, bool) {
	ids := b.resolutionOf[identity]
	if len(ids) == 0 {
		return nil, false
	}
	return b.resolutions[ids[len(ids)-1]], true
}

// Resolution returns one by its id.
func (b *Book) Resolution(id string) (*Resolution, bool) {
	r, some := b.resolutions[id]
	return r, some
}

// Resolutions returns all, the newest first.
func (b *Book) Resolutions() []*Resolution {
	list := make([]*Resolution, 0, len(b.resolutionIDs))
	for _, id := range slices.Backward(b.resolutionIDs) {
		list = append(list, b.resolutions[id])
	}
	return list
}

// Orders lists what a gate with an account is to carry out, the oldest first: at most
// maxOrders at once. What it answers, also by saying that it does not list the payment,
// leaves room for the next.
func (b *Book) Orders(name, account string) (list []Order) {
	add := func(waits func(*Resolution) bool) {
		for _, id := range b.resolutionIDs {
			if r := b.resolutions[id]; len(list) < maxOrders && waits(r) && !b.unlisted[unlistedKey{id, name, account}] {
				list = append(list, r.order(name))
			}
		}
	}
	add(func(r *Resolution) bool { return b.ordered(r, name) })
	// A gate that was thought gone and is back does what was counted without it.
	add(func(r *Resolution) bool { return r.withoutGate(name) && !b.ordered(r, name) })
	return list
}

// ordered reports whether a resolution waits for a gate.
func (b *Book) ordered(r *Resolution, name string) bool {
	return r.State == ResolutionOrdered && slices.Contains(b.listing(r), name)
}

func (r *Resolution) order(name string) Order {
	return Order{ID: r.ID, Identity: r.Identity, At: r.attempts[name], Outcome: r.Outcome, Why: whySaid(r.ID)}
}

// withoutGate reports whether a payment was counted without a gate, which has not settled
// it since.
func (b *Book) withoutGate(name, identity string) bool {
	return slices.ContainsFunc(b.resolutionOf[identity], func(id string) bool { return b.resolutions[id].withoutGate(name) })
}

// withoutGate reports whether the resolution was counted without a gate, which has not
// settled the payment since.
func (r *Resolution) withoutGate(name string) (without bool) {
	for _, e := range r.Ends {
		if e.Gate == name {
			without = e.Gone
		}
	}
	return without
}
