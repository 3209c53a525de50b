package detect

import (
	"holdfast/internal/payment"
	"holdfast/internal/traffic"
)

// partScope is the scope that a part is of; ok is false if it is watched in none.
func partScope(p *traffic.Part) (s Scope, ok bool) {
	if p.Name == "" || p.Name == traffic.Other || p.Route == "" || p.Route == traffic.Other {
		return Scope{}, false
	}
	s = Scope{Route: p.Route}
	switch p.Trait {
	case traffic.Bank:
		s.Bank = p.Name
	case traffic.Merchant:
		s.Merchant = p.Name
	case traffic.Code:
		s.Code = p.Name
	default:
		return Scope{}, false
	}
	return s, true
}

// tallyParts adds what was counted by bank, by group of merchants and by code, and
// takes from wider scopes what the finding of a part explains.
func (d *Detector) tallyParts(s *moment, t *tallies) {
	for i := range s.Parts {
		r := &s.Parts[i]
		scope, ok := partScope(&r.Part)
		if !ok {
			continue
		}
		if r.Trait == traffic.Code {
			d.tallyCode(t, scope, r)
			continue
		}
		if !d.known(scope) {
			continue
		}
		row := traffic.Row{
			Key:  traffic.Key{Route: r.Route, Kind: payment.Pay, Verdict: r.Verdict, Reason: r.Reason, Outcome: r.Outcome},
			Cell: traffic.Cell{Count: r.Count, Latency: r.Latency},
		}
		addTo(t.whole, scope, &row)
		for k, open := range s.open {
			explained := false
			for _, e := range open {
				explained = explained || e.Scope != scope && within(scope, e.Scope)
			}
			if !explained {
				addTo(t.less[k], scope, &row)
			}
		}
	}
	for k, open := range s.open {
		for _, e := range open {
			if e.Scope.part() && e.Scope.Code == "" {
				t.take(k, e.Scope)
			}
		}
	}
}

// tallyCode counts a code in its route, and in its channel.
func (d *Detector) tallyCode(t *tallies, scope Scope, r *traffic.PartRow) {
	scopes := []Scope{scope}
	if r.Channel != "" && r.Channel != traffic.Other {
		scopes = append(scopes, Scope{Route: scope.Route, Channel: r.Channel, Code: scope.Code})
	}
	for _, s := range scopes {
		before := d.watches[s] != nil
		if !d.known(s) {
			continue
		}
		if !before {
			d.without(s)
		}
		if t.whole[s] == nil {
			t.whole[s] = &counts{}
		}
		t.whole[s].coded += float64(r.Count)
	}
}

// mostWithout bounds what is made of a code's absence: one of ten thousand
// payments may have had it.
const mostWithout = 10_000

// without notes in how many payments a new code was not seen.
func (d *Detector) without(s Scope) {
	base := d.watches[s].base
	if s.Code = ""; d.watches[s] != nil {
		of := d.watches[s].base
		base.Shares[Codes] = mean{0, min(mostWithout, of.Shares[Failures].Weight)}
		base.Seconds = of.Seconds
	}
}

// take takes the payments of a part from the scopes that hold all of it.
func (t *tallies) take(k Kind, part Scope) {
	mine := t.whole[part]
	if mine == nil {
		return
	}
	for scope, c := range t.less[k] {
		if scope != part && within(part, scope) {
			c.take(mine)
		}
	}
}

// take takes from c what is in d: outcomes, volumes and latencies. Amounts are not
// counted by part.
func (c *counts) take(d *counts) {
	less := func(x *float64, y float64) { *x = max(0, *x-y) }
	less(&c.decided, d.decided)
	less(&c.bad, d.bad)
	less(&c.unknown, d.unknown)
	less(&c.all, d.all)
	for i := range c.latency {
		less(&c.latency[i], d.latency[i])
	}
}

// codes returns the counts of a code's scope: those with the code, and all that
// were decided in its route or channel, without those that other findings of the
// code explain.
func (t *tallies) codes(s Scope, open []explained) *counts {
	c := t.coded(s)
	for _, e := range open {
		switch {
		case e.Scope == s:
		case within(s, e.Scope):
			return nothing
		case within(e.Scope, s):
			less := t.coded(e.Scope)
			c.coded, c.decided = max(0, c.coded-less.coded), max(0, c.decided-less.decided)
		}
	}
	return c
}

func (t *tallies) coded(s Scope) *counts {
	code := t.of(s, "").coded
	s.Code = ""
	decided := t.of(s, "").decided
	// The code comes with the answer, maybe a second after the payment.
	return &counts{coded: min(code, decided), decided: decided}
}
