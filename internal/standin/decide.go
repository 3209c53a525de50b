package standin

import (
	"math"
	"time"

	"holdfast/internal/expression"
	"holdfast/internal/payment"
)

// Answer is what a request is to be told, once the records that came with it are
// durable.
type Answer struct {
	Verdict Verdict
	Reason  Reason
	// Item is what was decided when the identity was first used; nil if now, or not.
	Item *Item
	// Until is when what is queued expires, unless it was sent before; else zero.
	Until Instant
}

// longest is the length of the longest text of a request that is kept.
const longest = 1024

// Decide answers a request. If it has needs, there is no answer yet: slices of
// wider limits must be drawn, their records applied, and the request be decided
// on again with Drawn set. The records are to be applied, and durable before the
// answer is given; where there are none, what the answer rests on must be.
func Decide(s *State, c *Compiled, r *Request, now time.Time) (Answer, []Record, []Need) {
	at := max(At(now), s.last)
	if !r.Payment.Read.Has(payment.Identity) || r.Payment.Identity == "" || len(r.Payment.Identity) > payment.MaxIdentity {
		return Answer{Verdict: Refused, Reason: Unreadable}, nil, nil
	}
	if answer, known := s.known(r); known {
		return answer, nil, nil
	}
	if answer, closed := s.closed(c, r); closed {
		return answer, nil, nil
	}
	d := r.decision(c, at)
	reason, needs := s.judge(c, r, d)
	if reason == None && len(needs) == 0 {
		return Answer{Verdict: Approved}, []Record{d}, nil
	}
	queues, lacks := s.judgeQueue(c, r, d, reason)
	if !r.Drawn && len(needs)+len(lacks) > 0 {
		return Answer{}, nil, append(needs, lacks...)
	}
	if len(needs) > 0 {
		reason = overOf(needs, s, c, d)
	}
	if queues && len(lacks) == 0 {
		d.Verdict, d.Reason, d.Until = Queued, reason, at.Add(c.queue.Expires)
		return Answer{Verdict: Queued, Reason: reason, Until: d.Until}, []Record{d}, nil
	}
	// One by one no decline is kept: the primary may do the payment a moment later.
	if reason == Unreadable || reason == OriginalWaits || (!c.Profile.KeepDeclines || r.Cause != Directed) && reason != ReversedFirst {
		return Answer{Verdict: Refused, Reason: reason}, nil, nil
	}
	d.Verdict, d.Reason, d.Sealed = Declined, reason, Sealed{}
	return Answer{Verdict: Declined, Reason: reason}, []Record{d}, nil
}

// known answers a request whose identity was used before.
func (s *State) known(r *Request) (Answer, bool) {
	identity := r.Payment.Identity
	if i := s.items[identity]; i != nil {
		switch {
		case i.Fingerprint != r.Fingerprint():
			return Answer{Verdict: Mismatch, Item: i}, true
		case i.Verdict == Queued:
			return i.Stands(), true
		case i.Reason == Withdrawn:
			return Answer{Verdict: Declined, Reason: Withdrawn, Item: i}, true
		}
		return Answer{Verdict: i.Verdict, Reason: i.Reason, Item: i}, true
	}
	if x, there := s.excluded[identity]; there && x.outcome != notDone {
		if x.outcome == done {
			return Answer{Verdict: Done}, true
		}
		return Answer{Verdict: Inquire, Reason: InFlight}, true
	}
	if x, there := s.excluded[r.Original]; there && x.outcome == unknown {
		return Answer{Verdict: Inquire, Reason: InFlight}, true
	}
	if r.Kind == Payment && len(s.before[identity]) > 0 && !s.reversedBefore(identity) {
		// Who refunds a payment was told that it was done, by the primary.
		return Answer{Verdict: Inquire, Reason: ReversedFirst}, true
	}
	if r.Elsewhere {
		return Answer{Verdict: Inquire, Reason: Elsewhere}, true
	}
	return Answer{}, false
}

func (s *State) reversedBefore(identity string) bool {
	for _, id := range s.before[identity] {
		if i := s.items[id]; i != nil && i.Kind == Reversal {
			return true
		}
	}
	return false
}

// closed answers a request that nothing stands in for here.
func (s *State) closed(c *Compiled, r *Request) (Answer, bool) {
	o := s.openings[r.Directive]
	switch {
	case o == nil || s.current != r.Directive || o.Version != c.Version:
		return Answer{Verdict: Refused, Reason: NotOpen}, true
	case o.Ended != 0 && !s.Waits(r.Payer):
		return Answer{Verdict: Forward}, true
	case o.Closed != 0: // what an earlier directive approved is not delivered yet
		return Answer{Verdict: Refused, Reason: NotOpen}, true
	case r.Cause != Directed && !o.OneByOne:
		return Answer{Verdict: Refused, Reason: NotAlone}, true
	}
	return Answer{}, false
}

// decision is the record of an approval of the request.
func (r *Request) decision(c *Compiled, at Instant) *Decision {
	p := &r.Payment
	d := &Decision{
		Identity: p.Identity, Fingerprint: r.Fingerprint(), Kind: r.Kind, Original: r.Original, Amount: p.Amount, Currency: p.Currency,
		Payer: r.Payer, Route: p.Route, Verdict: Approved, Cause: r.Cause, Directive: r.Directive, Version: c.Version, At: at, Sealed: r.Sealed,
	}
	if p.Read.Has(payment.Payee) {
		d.Payee = r.Payee
	}
	if p.Read.Has(payment.Channel) {
		d.Channel = p.Channel
	}
	return d
}

// judge says what is against an approval, and which slices it lacks.
func (s *State) judge(c *Compiled, r *Request, d *Decision) (Reason, []Need) {
	if reason := r.unreadable(); reason != None {
		return reason, nil
	}
	if len(s.before[d.Identity]) > 0 {
		return ReversedFirst, nil
	}
	if d.Original != "" || d.Kind != Payment {
		if reason := s.judgeOriginal(d, r.Away); reason != None || d.Kind == Reversal {
			return reason, nil
		}
	}
	if reason := c.judgePayer(r, d.At, s.values); reason != None {
		return reason, nil
	}
	return s.judgeLimits(c, r, d)
}

// unreadable refuses what cannot be told from another payment, or be counted.
func (r *Request) unreadable() Reason {
	p := &r.Payment
	for _, f := range [...]payment.Field{payment.Amount, payment.Currency, payment.Payer} {
		if !p.Read.Has(f) {
			return Unreadable
		}
	}
	_, err := payment.ParseCurrency(p.Currency)
	if err != nil || p.Amount < 1 || p.Amount > payment.MaxAmount || r.Kind < Payment || r.Kind > Reversal {
		return Unreadable
	}
	for _, text := range [...]string{r.Original, p.Route, p.Channel, r.Directive, r.Sealed.Key} {
		if len(text) > longest {
			return Unreadable
		}
	}
	if len(r.Sealed.Data) > maxSealed || (r.Kind == Payment) != (r.Original == "") || r.Original == p.Identity {
		return Unreadable
	}
	return None
}

// judgeOriginal judges a refund or reversal by what is known of its original.
// One that is not known here is with the primary, or to come. Where it is known for a
// refund of another payer only, a payer's limits, which hold in that payer's shard, would
// hold twice.
func (s *State) judgeOriginal(d *Decision, away bool) Reason {
	o := s.items[d.Original]
	switch {
	case o == nil && away:
		return NotOfOriginal
	case o == nil:
		if d.Kind == Reversal && s.reversedBefore(d.Original) {
			return AlreadyReversed
		}
		return None
	case o.Payer != d.Payer || o.Currency != d.Currency || o.Kind == Reversal:
		return NotOfOriginal
	case d.Kind == Refund && o.Verdict == Queued && o.live():
		return OriginalWaits
	case o.Class == Rejected || o.Class == Overdue:
		return NothingToReverse
	case o.Class == TakenBack || o.Reversal != "":
		return AlreadyReversed
	case d.Kind == Reversal && (o.Refunded > 0 || d.Amount != o.Amount), d.Amount > o.Amount-o.Refunded:
		return OverOriginal
	}
	return None
}

// judgePayer judges by the payer snapshot and the eligibility expression. What
// cannot be told is not eligible. It works in the map known.
func (c *Compiled) judgePayer(r *Request, at Instant, known map[string]any) Reason {
	switch {
	case r.Snapshot.At.IsZero():
		return UnknownPayer
	case at-At(r.Snapshot.At) > Instant(c.Profile.SnapshotAge.Microseconds()):
		return Stale
	case r.Snapshot.Blocked:
		return Blocked
	}
	if holds, _ := c.eligible.Decide(expression.Values{Known: r.facts(c.reads, at, known)}); holds != expression.Yes {
		return Ineligible
	}
	return None
}

// facts are what an expression reads of a request, in the map known. What is not known is
// not there.
func (r *Request) facts(reads []string, at Instant, known map[string]any) map[string]any {
	clear(known)
	for _, field := range reads {
		if value := r.eligibility(field, at); value != nil {
			known[field] = value
		}
	}
	return known
}

// eligibility returns the value of one of the [EligibilityFields], or nil if it is not
// known.
func (r *Request) eligibility(field string, at Instant) any {
	p := &r.Payment
	text, known := "", true
	switch field {
	case "amount":
		return int(p.Amount)
	case "seen_days":
		if r.Snapshot.Seen.IsZero() {
			return nil
		}
		return int(max(at-At(r.Snapshot.Seen), 0) / Instant((24 * time.Hour).Microseconds()))
	case "kind":
		text = r.Kind.String()
	case "route":
		text = p.Route
	case "currency":
		text = p.Currency
	case "channel":
		text, known = p.Channel, p.Read.Has(payment.Channel)
	case "method":
		text, known = p.Method, p.Read.Has(payment.Method)
	case "bank":
		text, known = p.Bank, p.Bank != ""
	case "merchant":
		text, known = p.Merchant, p.Merchant != ""
	case "payer_class":
		text, known = r.Snapshot.Class, r.Snapshot.Class != ""
	default:
		known = false
	}
	if !known {
		return nil
	}
	return text
}

var overReasons = map[Over]Reason{EachPayment: OverPayment, EachPayer: OverPayer, EachPayee: OverPayee, EachChannel: OverChannel, Whole: OverAll}

// judgeLimits judges by limits: those of the payment and its payer at once, wider
// ones by the slices that the shard has.
func (s *State) judgeLimits(c *Compiled, r *Request, d *Decision) (Reason, []Need) {
	if !bounded(c.limits, d.Currency) {
		return NoLimit, nil
	}
	var needs []Need
	for i, l := range c.limits {
		if !l.applies(d.Currency) {
			continue
		}
		if l.Over == EachPayee && !r.Payment.Read.Has(payment.Payee) || l.Over == EachChannel && !r.Payment.Read.Has(payment.Channel) {
			return Unreadable, nil
		}
		k := l.key(d, c.Profile.Zone)
		use, used := s.use(l, &k, d)
		if !l.covers(l.full(), use) {
			return overReasons[l.Over], nil
		}
		if !l.wide() {
			continue
		}
		if need, enough := s.need(l, &k, s.ledgerKey(i, &k, d), d, used, use); !enough {
			needs = append(needs, need)
		}
	}
	return None, needs
}

// use is what a limit would count with the decision, and what it counts now.
func (s *State) use(l Limit, k *counterKey, d *Decision) (use, used Slice) {
	if l.Over != EachPayment {
		used = s.used(k, d.At)
	}
	if used.Amount > math.MaxInt64-d.Amount {
		return Slice{math.MaxInt64, math.MaxInt64}, used
	}
	use = Slice{used.Amount + d.Amount, used.Count + 1}
	if l.Currency == "" {
		use.Amount = 0
	}
	return use, used
}

// overOf names the first limit whose slice could not be drawn.
func overOf(needs []Need, s *State, c *Compiled, d *Decision) Reason {
	for _, l := range c.limits {
		if l.wide() && l.applies(d.Currency) && l.key(d, c.Profile.Zone).ledgerKey(d.At, d.Directive) == needs[0].Key {
			return overReasons[l.Over]
		}
	}
	return OverAll
}
