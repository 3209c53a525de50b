package ramp

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"holdfast/internal/directive"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/posture"
	"holdfast/internal/procedure"
	"holdfast/internal/reconciliation"
)

// This file is where a ramp and a stand-in meet. The first step takes the place of a
// stand-in; a step that fails may fall back to it; what it approved has to add up as
// long as payments are brought back.

// standsInAgain is the stand-in that payments may fall back to: the one that the ramp
// took the place of. People approved it, and how long it lasts: what of that is left is
// all there is. nil if there is none, its time is over, or another is in force.
func standsInAgain(b *directive.Book, at incident.Ramp, now time.Time) *directive.StandIn {
	d := b.Directive(at.StandIn)
	standsIn := func(d *directive.Directive) bool { return d.StandIn != nil }
	if d == nil || d.StandIn == nil || d.Opening != nil && !d.Opening.Ended.IsZero() || slices.ContainsFunc(b.InForce(""), standsIn) {
		return nil
	}
	again := *d.StandIn
	if d.Opening != nil && again.Longest > 0 {
		if again.Longest = d.Opening.Ends.Sub(now); again.Longest <= 0 {
			return nil
		}
	}
	return &again
}

// fallToStandIn puts the stand-in that the ramp took the place of in force again, in the
// place of a step. It is a directive of its own: forwarding is confirmed stopped and what
// was in flight is listed before gates decide, as the first time. It goes without the gates
// that people had that one opened without. What the step held beyond the scope of the
// stand-in is stopped.
func (h Hands) fallToStandIn(in *incident.Incident, t procedure.Task, now time.Time) (holds incident.Rung, drafts []journal.Draft, err error) {
	at, held := in.RampOf(t.ID), h.Directives.Restricting(in.ID)
	again, before := standsInAgain(h.Directives, at, now), h.Directives.Directive(at.StandIn)
	list := []directive.Proposal{{
		Kind: posture.StandIn, Scope: before.Scope, Incident: in.ID, Task: t.ID, StandIn: again, LeftOut: before.WentWithout(),
		Reason: fmt.Sprintf("incident %s: ramp step %d failed; the gates stand in again as approved with %s", in.ID, at.Step, before.ID),
	}}
	for _, p := range proposals(in, t, 0, held) {
		if p.Scope != before.Scope {
			list = append(list, p)
		}
	}
	holds.Directives, drafts, err = directive.Replace(h.Directives, list, h.Gates, idsOf(held), fmt.Sprintf("ramp fell from step %d to stand-in", at.Step))
	if err == nil {
		holds.StandIn = holds.Directives[0]
	}
	return holds, drafts, err
}

// books is what the figures of stand-in say of the money, and what of them is missing.
type books struct {
	// unbalanced lists directives whose approvals do not add up.
	unbalanced []string
	// unaccounted lists sources of which a shard was never told, or less than before, that this incident's
	// payments were stood in by.
	unaccounted []string
}

// audit looks at the figures that gates told of. What does not add up in any directive is
// wrong at once, whether or not the rest was told. What a source that was restored from an
// older backup lacks is lost already, and no stop brings it back.
func audit(sources []reconciliation.Source, mine func(directive string) bool) (b books) {
	for _, s := range sources {
		for _, a := range s.Accounts {
			if a.Lost {
				continue // two people have said that nobody will tell of it any more
			}
			if slices.ContainsFunc(a.Lines, func(l reconciliation.Line) bool { return !l.Holds }) {
				b.unbalanced = append(b.unbalanced, a.Directive)
			}
			if (s.Heard < s.Shards || a.GoneBack) && mine(a.Directive) && !slices.Contains(b.unaccounted, s.ID) {
				b.unaccounted = append(b.unaccounted, s.ID)
			}
		}
	}
	slices.SortFunc(b.unbalanced, cmp.Compare)
	return b
}
