package gate_test

import (
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/gate"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

// truth is an observer who sees everything at once, by one clock. It judges by
// the facts themselves and by scopes of its own, not by the code under test.
type truth struct {
	w     *world
	order []*known
	byID  map[string]*known
	// Counts of what was tried.
	admitted, declined, confirmed, byTime, pending, lists, lifted int
	// accept says that admissions after a confirmation are not a fault but kept
	// here: the history breaks an assumption.
	accept  bool
	foreign bool // gates have postures of a lost history: a number says nothing
	escaped []*attempt
	last    map[string]holdfast.Position // by gate: of the newest admission
}

// known is a directive as the observer knows it.
type known struct {
	posture.Directive
	scope     scope
	at        holdfast.Position
	issued    time.Duration
	confirmed time.Duration // 0: not
	end       holdfast.Position
	lifted    time.Duration
	draws     []time.Duration // admissions under its cap
}

func newTruth(w *world) *truth {
	return &truth{w: w, byID: map[string]*known{}, last: map[string]holdfast.Position{}}
}

// in says whether a posture has it.
func (k *known) in(p holdfast.Position) bool { return k.at <= p && (k.end == 0 || k.end > p) }

// scope is a scope and the observer's own reading of it: whether it covers a
// payment, and which field it looks at.
type scope struct {
	text   string
	reads  payment.Field
	always bool
	covers func(p *payment.Payment) bool
}

var scopes = []scope{
	{text: "all", always: true},
	{text: `channel == "app"`, reads: payment.Channel, covers: func(p *payment.Payment) bool { return p.Channel == "app" }},
	{text: `channel == "web"`, reads: payment.Channel, covers: func(p *payment.Payment) bool { return p.Channel == "web" }},
	{text: `channel in ["pos", "web"]`, reads: payment.Channel, covers: func(p *payment.Payment) bool { return p.Channel != "app" }},
	{text: `amount >= 5000`, reads: payment.Amount, covers: func(p *payment.Payment) bool { return p.Amount >= 5000 }},
	{text: `not (amount < 5000)`, reads: payment.Amount, covers: func(p *payment.Payment) bool { return p.Amount >= 5000 }},
	{text: `len(payer) + 0 == 6`, reads: payment.Payer, covers: func(p *payment.Payment) bool { return len(p.Payer.Reveal()) == 6 }},
	{text: `kind == "refund"`, always: true, covers: func(p *payment.Payment) bool { return p.Kind == payment.Refund }},
}

func scopeOf(text string) scope {
	i := slices.IndexFunc(scopes, func(s scope) bool { return s.text == text })
	if i < 0 {
		panic("no scope " + text)
	}
	return scopes[i]
}

// has says whether a payment is inside: what cannot be read is.
func (s scope) has(p *payment.Payment) bool {
	return s.covers == nil || !s.always && !p.Read.Has(s.reads) || s.covers(p)
}

// saw takes note of a fact.
func (t *truth) saw(f holdfast.Fact) {
	_, id := f.Subject.Split()
	if t.byID[id] == nil && (f.Kind == directive.KindConfirmed || f.Kind == directive.KindLifted) {
		return // of a history that was lost
	}
	switch f.Kind {
	case directive.KindIssued:
		var i directive.Issued
		if err := f.Decode(&i); err != nil {
			t.w.failf("%v", err)
			return
		}
		if t.byID[id] != nil {
			return // seen before a fail-over
		}
		k := &known{Directive: i.Directive, scope: scopeOf(i.Directive.Scope), at: f.Position, issued: t.w.now()}
		t.byID[id] = k
		t.order = append(t.order, k)
		t.w.logf("%d: %s %s of %s is in force", f.Position, id, k.Kind, k.Scope)
	case directive.KindConfirmed:
		t.confirm(t.byID[id], f)
	case directive.KindLifted:
		k := t.byID[id]
		k.end, k.lifted = f.Position, t.w.now()
		t.lifted++
		t.w.logf("%d: %s is lifted", f.Position, id)
	default:
		t.w.logf("%d: %s of %s", f.Position, f.Kind, f.Subject)
	}
}

func (t *truth) confirm(k *known, f holdfast.Fact) {
	var c directive.Confirmation
	if err := f.Decode(&c); err != nil {
		t.w.failf("%v", err)
		return
	}
	k.confirmed = t.w.now()
	t.confirmed++
	for _, row := range c.Gates {
		if row.Standing == directive.LeaseOut {
			t.byTime++
		}
	}
	t.w.logf("%d: %s is confirmed: %v", f.Position, k.ID, standings(c.Gates))
}

func standings(rows []directive.Row) (list []string) {
	for _, r := range rows {
		list = append(list, r.Gate+" "+string(r.Standing))
	}
	return list
}

// admission judges that a gate let a payment pass.
func (t *truth) admission(g *simGate, a *attempt, mode gate.Mode) {
	w := t.w
	t.admitted++
	if mode == gate.Observe {
		return
	}
	if a.posture < t.last[g.name+g.dir] {
		w.failf("%s admits %s under posture %d, after %d", g.proc.name, a.pay.Identity, a.posture, t.last[g.name+g.dir])
	}
	if a.posture < g.floor {
		w.failf("%s admits %s under posture %d, and has acknowledged %d", g.proc.name, a.pay.Identity, a.posture, g.floor)
	}
	for id, s := range g.local {
		if s.has(&a.pay) {
			w.failf("%s admits %s past its local stop %s", g.proc.name, a.pay.Identity, id)
		}
	}
	for _, k := range t.order {
		if !k.scope.has(&a.pay) || a.pay.Probe != "" && a.pay.Probe == k.Incident {
			continue
		}
		inForce := k.in(a.posture) && !t.foreign
		switch {
		case k.Kind == posture.Limit && inForce && k.Rates != nil:
			k.draws = append(k.draws, w.now())
		case k.Kind != posture.Stop:
		case inForce:
			w.failf("%s admits %s under posture %d, which has %s", g.proc.name, a.pay.Identity, a.posture, k.ID)
		case k.confirmed != 0 && w.now() > k.confirmed && k.lifted == 0 && t.accept:
			t.escaped = append(t.escaped, a)
		case k.confirmed != 0 && w.now() > k.confirmed && k.lifted == 0:
			w.failf("%s admits %s under posture %d, %v after %s was confirmed", g.proc.name, a.pay.Identity, a.posture, w.now()-k.confirmed, k.ID)
		}
	}
}

// refusal judges that a gate declined a payment: if an attempt of the same
// identity has no settled outcome, its client must be told so.
func (t *truth) refusal(g *simGate, p *payment.Payment) {
	t.declined++
	open := g.unknown[p.Identity]
	for a := range g.inFlight {
		open = open || a.pay.Identity == p.Identity
	}
	if !open {
		return
	}
	t.pending++
	if !g.g.Pending(p.Identity) {
		t.w.failf("%s tells the retry of %s a final no", g.proc.name, p.Identity)
	}
}

// listed judges the list of an acknowledgement, at the instant it was made.
func (t *truth) listed(g *simGate, ack gate.Acknowledgement) {
	t.lists++
	on := map[string]bool{}
	for _, r := range ack.InFlight {
		on[r.Identity] = true
	}
	// What was admitted before a stop that was not listed for until now.
	var newest holdfast.Position
	for _, k := range t.order {
		if k.Kind == posture.Stop && k.in(ack.Posture.Position) && !g.told[k.ID] {
			g.told[k.ID] = true
			newest = max(newest, k.at)
		}
	}
	for a := range g.inFlight {
		if a.posture < newest && !on[a.pay.Identity] {
			t.w.failf("%s acknowledges %d; %s is in flight and not on its list", g.proc.name, ack.Posture.Position, a.pay.Identity)
		}
	}
	for _, r := range g.g.Unresolved() {
		on[r.Identity] = true
	}
	for id := range g.left {
		if g.unknown[id] && !on[id] {
			t.w.failf("%s acknowledges %d; %s was in flight when it was killed, and stands neither on the list nor in the account", g.proc.name, ack.Posture.Position, id)
		}
	}
}

// shown judges what a node shows of a directive.
func (t *truth) shown(n *simNode) {
	n.view(func(b *directive.Book, gates *enrolment.Book) {
		for _, k := range t.order {
			d := b.Directive(k.ID)
			if d == nil || k.Kind != posture.Stop {
				continue
			}
			rows := directive.Progress(d, gates)
			notKnown := 0
			for _, r := range rows {
				if !r.Known {
					notKnown++
					continue
				}
				t.row(k, r)
			}
			if total := directive.Sum(rows); total.NotKnown != notKnown {
				t.w.failf("%s: %d gates have not said what they had in flight, %d are shown", k.ID, notKnown, total.NotKnown)
			}
		}
	})
}

// row judges a row that claims to know what a gate had in flight.
func (t *truth) row(k *known, r directive.Row) {
	for _, g := range t.w.gates {
		if g.name != r.Gate {
			continue
		}
		for at, n := range g.listed {
			if k.in(at) && slices.Contains(n, r.InFlight) {
				return
			}
		}
	}
	t.w.failf("%s: %d in flight at %s is shown as known, and the gate never said so", k.ID, r.InFlight, r.Gate)
}

// caps judges the caps: over no time did all gates together admit more than the
// cap, a full bucket of each, and one more for each start of a process, allow.
func (t *truth) caps() {
	for _, k := range t.order {
		if k.Rates == nil {
			continue
		}
		sum, bursts := 0.0, 0.0
		for name, r := range k.Rates {
			for _, g := range t.w.gates {
				if g.name == name && r > 0 {
					sum += r // every process of a name has its share: docs/formats/stop.md, left over
					bursts += float64(g.run) * max(1, r/10)
				}
			}
		}
		for i := range k.draws {
			for j := i; j < len(k.draws); j++ {
				if n := float64(j - i + 1); n > bursts+1.15*sum*(k.draws[j]-k.draws[i]).Seconds() {
					t.w.failf("%s: %v payments in %v, the cap is %v per second", k.ID, n, k.draws[j]-k.draws[i], sum)
					return
				}
			}
		}
	}
}
