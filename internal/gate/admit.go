package gate

import (
	"crypto/ed25519"
	"time"

	"golang.org/x/time/rate"

	"holdfast"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/traffic"
)

// installed is a posture in use. Its number counts the gate's changes of
// posture, local ones included; the ring's entries carry it.
type installed struct {
	number   uint64
	posture  *posture.Posture
	limiters []*rate.Limiter // by limit; nil where there is no cap
	sums     []*sum          // by limit; nil where there is no cap of amounts
}

// swap puts the posture of the present set in use and returns its number. The
// caller holds g.mu, or is the only one to know g.
func (g *Gate) swap(p *posture.Posture) uint64 {
	next := &installed{number: 1, posture: p}
	old := g.installed.Load()
	if old != nil {
		next.number = old.number + 1
	}
	ids, rates := p.Limits()
	for i, r := range rates {
		next.limiters = append(next.limiters, limiter(old, ids[i], r))
		next.sums = append(next.sums, keptSum(old, ids[i], p.Sums()[i]))
	}
	g.installed.Store(next)
	g.keepStops(next.number)
	if g.opt.StandIn != nil && !p.IsClosed() {
		g.opt.StandIn.Install(p.Set())
	}
	return next.number
}

// limiter returns the bucket for a limit, keeping the one in use if the limit
// stays: a change elsewhere must not hand out a fresh burst.
func limiter(old *installed, id string, perSecond float64) *rate.Limiter {
	if perSecond < 0 {
		return nil
	}
	if old != nil {
		ids, rates := old.posture.Limits()
		for i := range ids {
			if ids[i] == id && rates[i] == perSecond {
				return old.limiters[i]
			}
		}
	}
	if perSecond == 0 {
		return rate.NewLimiter(0, 0) // not even the one that a full bucket would let through
	}
	// A burst of a tenth of a second, at least one payment.
	return rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond/10)))
}

// Judgement is what a posture said of a payment. The payment must not change
// before it is admitted.
type Judgement struct {
	by      *installed
	verdict posture.Verdict
}

// Decide judges a payment before a connection is taken. It is only to save the
// connection: Admit decides.
func (g *Gate) Decide(p *payment.Payment, mode Mode) posture.Verdict {
	v, _ := g.Judge(p, mode)
	return v
}

// Judge is Decide, with what AdmitJudged needs in order not to judge by the same
// posture again.
func (g *Gate) Judge(p *payment.Payment, mode Mode) (posture.Verdict, Judgement) {
	in := g.installed.Load()
	v := in.posture.Decide(p)
	if g.opt.StandIn == nil {
		v = held(v)
	}
	j := Judgement{in, v}
	if v.Action != posture.Decline && mode == Strict && p.Kind.MovesMoney() && !g.lease.holds(g.opt.Clock.Boot()) {
		return posture.Verdict{Action: posture.Decline, Reason: posture.NoLease}, j
	}
	return v, j
}

// held is the verdict on what may not be forwarded where nothing stands in for it.
func held(v posture.Verdict) posture.Verdict {
	if v.Action == posture.Substitute {
		v.Action, v.Reason = posture.Decline, posture.Held
	}
	return v
}

// Pending reports whether an earlier attempt with this identity has no settled
// outcome. Its retry must not be told a final decline.
func (g *Gate) Pending(identity string) bool { return g.open.has(identity) }

// unnamed begins the identity that the gate gives to a payment without one.
const unnamed = "unnamed-"

// Admission is a payment that may be written to the primary now.
type Admission struct {
	gate *Gate
	slot int32
	// Posture is the position to put in the header that tells the primary under
	// which posture the payment was admitted.
	Posture uint64
	rec     payment.Record
	verdict posture.Verdict
	// by is the posture whose limits it has drawn on.
	by    *installed
	pay   *payment.Payment
	begun time.Time
}

// Admit judges a payment while the transport holds a connection, and enters it
// in the list of payments in flight. On Forward the transport writes at once
// and then calls Finish; on Decline nothing was entered.
func (g *Gate) Admit(p *payment.Payment, mode Mode) (Admission, posture.Verdict) {
	return g.AdmitJudged(p, mode, Judgement{})
}

// AdmitJudged is Admit for a payment that was judged before. Where the posture
// is the same, so is what it says; all else is decided now.
func (g *Gate) AdmitJudged(p *payment.Payment, mode Mode, j Judgement) (Admission, posture.Verdict) {
	if p.Identity == "" || len(p.Identity) > payment.MaxIdentity {
		// What cannot be asked about by name is still listed, for a person to find.
		p.Identity = unnamed + holdfast.NewID()
		j = Judgement{}
	}
	for {
		in := g.installed.Load()
		begun := g.opt.Clock.Now()
		// The ring keeps microseconds, and an attempt is known by its time.
		now := begun.UTC().Truncate(time.Microsecond)
		v := j.verdict
		if j.by != in {
			v = in.posture.Decide(p)
		}
		v = held(v)
		if v.Draw != 0 {
			v = in.draw(v, p, g.opt.Clock.Boot())
		}
		if v.Action != posture.Forward && mode != Observe {
			return Admission{}, v
		}
		slot, ok := g.ring.register(p, in.number, uint64(in.posture.Head().Position), now)
		if !ok {
			in.giveBack(v.Draw, p, g.opt.Clock.Boot())
			return Admission{}, posture.Verdict{Action: posture.Decline, Reason: posture.Full}
		}
		if g.installed.Load() != in {
			g.ring.release(slot)
			in.giveBack(v.Draw, p, g.opt.Clock.Boot())
			continue
		}
		if mode == Strict && !g.lease.holds(g.opt.Clock.Boot()) {
			g.ring.release(slot)
			in.giveBack(v.Draw, p, g.opt.Clock.Boot())
			return Admission{}, posture.Verdict{Action: posture.Decline, Reason: posture.NoLease}
		}
		g.open.add(p.Identity)
		g.ring.sent(slot)
		return Admission{
			gate: g, slot: slot, Posture: uint64(in.posture.Head().Position),
			rec: record(p, in, now), verdict: v, by: in, pay: p, begun: begun,
		}, posture.Verdict{}
	}
}

// draw takes a token of every limit the verdict names, and the payment's amount of every
// cap, and declines for the first that has none. Tokens grow by CLOCK_BOOTTIME: a wall clock that is set
// back and forth would make some each time.
func (in *installed) draw(v posture.Verdict, p *payment.Payment, boot time.Duration) posture.Verdict {
	now := time.Unix(0, int64(boot))
	for i, l := range in.limiters {
		if v.Draw&(1<<i) == 0 {
			continue
		}
		refused := l != nil && !l.AllowN(now, 1)
		if !refused && in.sums[i] != nil && !in.sums[i].take(p.Amount, boot) {
			refused = true
			putBack(l, now)
		}
		if refused {
			in.giveBack(v.Draw&(1<<i-1), p, boot)
			ids, _ := in.posture.Limits()
			return posture.Verdict{Action: posture.Decline, Reason: posture.OverRate, Directive: ids[i]}
		}
	}
	return v
}

// giveBack undoes draw for what is not sent: a payment that comes again draws once, when it
// is sent.
func (in *installed) giveBack(draw uint64, p *payment.Payment, boot time.Duration) {
	at := time.Unix(0, int64(boot))
	for i, l := range in.limiters {
		if draw&(1<<i) == 0 {
			continue
		}
		putBack(l, at)
		if s := in.sums[i]; s != nil {
			s.giveBack(p.Amount)
		}
	}
}

// putBack puts a token that was taken back into its bucket, if there is one. What is above the
// burst is gone with the next that is taken.
func putBack(l *rate.Limiter, now time.Time) {
	if l != nil {
		l.AllowN(now, -1)
	}
}

func record(p *payment.Payment, in *installed, at time.Time) payment.Record {
	return payment.Record{
		Identity: p.Identity, Route: p.Route, Kind: p.Kind.String(),
		Amount: p.Amount, Currency: p.Currency,
		Posture: uint64(in.posture.Head().Position), At: at, Second: p.Second,
	}
}

// Finish says what became of an admitted payment, once; why says in words what
// was seen. What is not settled counts as unknown. An unknown outcome is on disk
// before the payment leaves the list of those in flight.
func (a *Admission) Finish(o payment.Outcome, why string) {
	g := a.gate
	if g == nil {
		return // finished: its slot may be another payment's by now
	}
	a.gate = nil
	if !o.Settled() {
		o = payment.Unknown
	}
	now := g.opt.Clock.Now()
	g.count(a.pay, a.verdict, o, max(0, now.Sub(a.begun)))
	g.drains.mu.Lock()
	defer g.drains.mu.Unlock()
	g.drains.account(a.slot, o)
	if err := g.settle(a.rec, o, why, now); err != nil {
		// The slot stays taken, so the next start finds the payment there.
		g.opt.Log.Error("an outcome could not be written; the payment stays listed as in flight", "identity", a.rec.Identity, "error", err)
		return
	}
	g.open.finish(a.rec.Identity, g.outcomes.isOpen(a.rec.Identity))
	g.ring.release(a.slot)
	if o == payment.NotDone {
		g.saidNo(a.rec)
	}
}

// Wait says that an admitted payment, of which no byte is written, waits: until Still lets it
// go on nothing of it is. If the process is killed meanwhile, it was not sent.
func (a *Admission) Wait() { a.gate.ring.waits(a.slot) }

// Still judges an admitted payment once more that has waited. Unless it may go on it is to
// be undone.
func (a *Admission) Still(mode Mode) posture.Verdict {
	v := a.still(mode)
	if v.Action == posture.Forward {
		a.gate.ring.sent(a.slot)
	}
	return v
}

func (a *Admission) still(mode Mode) posture.Verdict {
	g := a.gate
	if mode == Observe {
		return posture.Verdict{}
	}
	if v := held(g.installed.Load().posture.Decide(a.pay)); v.Action != posture.Forward {
		return v
	}
	if mode == Strict && !g.lease.holds(g.opt.Clock.Boot()) {
		return posture.Verdict{Action: posture.Decline, Reason: posture.NoLease}
	}
	return posture.Verdict{}
}

// Undo takes an admission back of which not one byte was written, where something else
// answers the payment. It is counted there, and has drawn on no limit here.
func (a *Admission) Undo() {
	g := a.gate
	if g == nil {
		return
	}
	a.gate = nil
	a.by.giveBack(a.verdict.Draw, a.pay, g.opt.Clock.Boot())
	g.drains.mu.Lock()
	defer g.drains.mu.Unlock()
	g.drains.account(a.slot, payment.NotDone)
	g.open.finish(a.rec.Identity, g.outcomes.isOpen(a.rec.Identity))
	g.ring.release(a.slot)
}

// settle keeps the account of unknown outcomes. A primary that answers "done"
// to a repeat, or after a drain gave up, settles what was unknown; "not done"
// to a repeat says nothing about the attempt before it.
func (g *Gate) settle(r payment.Record, o payment.Outcome, why string, now time.Time) error {
	if o == payment.Unknown {
		return g.outcomes.unknown(r, why, now)
	}
	if o == payment.Done && g.opt.StandIn != nil {
		g.opt.StandIn.Learn(r.Identity, true)
	}
	return g.outcomes.answered(r, o, why, now)
}

// Declined counts a payment that was not admitted.
func (g *Gate) Declined(p *payment.Payment, v posture.Verdict) {
	g.count(p, v, payment.NotDone, 0)
}

// Passed counts a request that needs no admission: an inquiry or another route.
func (g *Gate) Passed(p *payment.Payment, o payment.Outcome, took time.Duration) {
	g.count(p, posture.Verdict{}, o, took)
}

// Answered counts that the answer to a payment that was done named an amount, and
// whether it differs from the one asked for.
func (g *Gate) Answered(p *payment.Payment, v posture.Verdict, differs bool) {
	g.counter.Answered(keyOf(p, v, payment.Done), differs)
}

// Coded counts the error code of the answer to a payment that was not done, or
// whose outcome is unknown. Those of probes are not counted.
func (g *Gate) Coded(p *payment.Payment, o payment.Outcome, code string) {
	if code != "" && p.Kind == payment.Pay && p.Apart() == "" {
		g.counter.AddPart(traffic.Part{Trait: traffic.Code, Name: code, Route: p.Route, Channel: p.Channel, Outcome: o}, -1)
	}
}

func (g *Gate) count(p *payment.Payment, v posture.Verdict, o payment.Outcome, took time.Duration) {
	k := keyOf(p, v, o)
	g.counter.Add(k, p.Amount, took)
	if p.Apart() == "" && p.Kind.MovesMoney() && (o == payment.NotDone || o == payment.Unknown) {
		g.countPayer(p, v, o)
	}
	if p.Kind != payment.Pay || p.Apart() != "" {
		return
	}
	part := traffic.Part{Route: k.Route, Verdict: k.Verdict, Reason: k.Reason, Outcome: o}
	if p.Bank != "" {
		part.Trait, part.Name = traffic.Bank, p.Bank
		g.counter.AddPart(part, took)
	}
	if p.Merchant != "" {
		part.Trait, part.Name = traffic.Merchant, p.Merchant
		g.counter.AddPart(part, took)
	}
}

// countPayer counts whose payment was not done.
func (g *Gate) countPayer(p *payment.Payment, v posture.Verdict, o payment.Outcome) {
	payer := ""
	if p.Read.Has(payment.Payer) {
		payer = p.Payer.Reveal()
	}
	switch {
	case v.Action != posture.Forward:
		g.counter.AddPayer(traffic.PayerDeclined, payer)
	case o == payment.Unknown:
		g.counter.AddPayer(traffic.PayerUnknown, payer)
	default:
		g.counter.AddPayer(traffic.PayerFailed, payer)
	}
}

func keyOf(p *payment.Payment, v posture.Verdict, o payment.Outcome) traffic.Key {
	verdict := p.Apart()
	if verdict == "" {
		verdict = v.Action.String()
	}
	return traffic.Key{
		Route: p.Route, Kind: p.Kind, Channel: p.Channel, Method: p.Method,
		Verdict: verdict, Reason: ReasonOf(p, v), Outcome: o, Currency: p.Currency,
	}
}

// ReasonOf says why a payment is judged as it is, as it is counted: of one that is
// forwarded, whether to the second primary.
func ReasonOf(p *payment.Payment, v posture.Verdict) string {
	if p.Second && v.Action == posture.Forward {
		return traffic.Rerouted
	}
	return v.Reason.String()
}

// ProbeKeys returns the keys that sign probe marks, as the posture names them.
func (g *Gate) ProbeKeys() []ed25519.PublicKey {
	return g.installed.Load().posture.Set().ProbeKeys
}
