package lint

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"holdfast"
	"holdfast/internal/enrolment"
	"holdfast/internal/expression"
	"holdfast/internal/payment"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// firstRamp is the share of payers, in percent, above which a first step of a
// ramp shows nothing before it hurts.
const firstRamp = 25

// scopes calls f with the scopes of the plan that can be read: which fields each
// reads and with which constants it compares them.
func (j *judge) scopes(f func(path string, reads map[string][]string)) {
	read := func(path, src string) {
		if src == "" {
			return
		}
		if reads, err := expression.Constants(src); err == nil {
			f(path, reads)
		}
	}
	for _, t := range j.tasks {
		if t.Directive != nil {
			read(t.path+".directive.scope", t.Directive.Scope)
		}
	}
	for i, t := range j.Plan.Temporary {
		read(at("temporary", i)+".scope", t.Scope)
	}
	j.terms(func(path string, _ plan.Temporary, terms *plan.Terms) { read(path+".eligible", terms.Eligible) })
}

// money lists the routes in service that move money.
func (g *Gates) money() (list []enrolment.Route) {
	for _, i := range g.Live {
		for _, r := range i.Routes {
			if kind, err := payment.ParseKind(r.Kind); err != nil || kind.MovesMoney() {
				list = append(list, r)
			}
		}
	}
	return list
}

// channelUnknown compares the channels that the plan names with those that the
// gates know. If some route reads a channel and does not say which there are,
// any may come.
func (j *judge) channelUnknown() {
	if j.Gates == nil || len(j.Gates.Live) == 0 {
		return
	}
	known := map[string]bool{}
	for _, r := range j.Gates.money() {
		if r.Fields == nil || len(r.Channels) == 0 && slices.Contains(r.Fields, "channel") {
			return
		}
		for _, c := range r.Channels {
			known[c] = true
		}
	}
	j.compare("channel", known, func(path, name, list string) {
		j.add(path, "no gate in service knows the channel %q, so this covers less than it seems to; the gates know %s", name, list)
	})
}

func (j *judge) routeUnknown() {
	if j.Gates == nil || len(j.Gates.Live) == 0 {
		return
	}
	known := map[string]bool{}
	for _, i := range j.Gates.Live {
		for _, r := range i.Routes {
			known[r.Name] = true
		}
	}
	j.compare("route", known, func(path, name, list string) {
		j.add(path, "no gate in service has the route %q, so this covers less than it seems to; the gates have %s", name, list)
	})
}

func (j *judge) compare(field string, known map[string]bool, report func(path, name, list string)) {
	list := strings.Join(slices.Sorted(maps.Keys(known)), ", ")
	j.scopes(func(path string, reads map[string][]string) {
		for _, name := range reads[field] {
			if !known[name] {
				report(path, name, list)
			}
		}
	})
}

func (j *judge) fieldUnread() {
	if j.Gates == nil {
		return
	}
	j.scopes(func(path string, reads map[string][]string) {
		for _, field := range slices.Sorted(maps.Keys(reads)) {
			if field == "route" || field == "kind" || field == "payer_class" || field == "seen_days" { // these no route reads from a request
				continue
			}
			for _, r := range j.Gates.money() {
				if r.Fields != nil && !slices.Contains(r.Fields, field) {
					j.add(path, "the route %q does not read %s, so a restriction covers all its payments and a permission none", r.Name, field)
					break
				}
			}
		}
	})
}

// firstStop returns where the plan first stops payments.
func (j *judge) firstStop() (path string, found bool) {
	for _, t := range j.tasks {
		if t.Directive != nil && t.Directive.Kind == procedure.DirectiveStop {
			return t.path, true
		}
	}
	return "", false
}

func (j *judge) noGate() {
	if path, found := j.firstStop(); found && j.Gates != nil && len(j.Gates.Live) == 0 {
		j.add(path, "no gate is in service: this stop stops nothing")
	}
}

// gatesThat lists the names of the gates in service for which f holds.
func (j *judge) gatesThat(f func(*enrolment.Incarnation) bool) string {
	names := map[string]bool{}
	if j.Gates != nil {
		for _, i := range j.Gates.Live {
			if f(i) {
				names[i.Gate] = true
			}
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), ", ")
}

func (j *judge) gateObserves() {
	if names := j.gatesThat((*enrolment.Incarnation).Observes); names != "" {
		if path, found := j.firstStop(); found {
			j.add(path, "routes of these gates only observe, so they go on admitting payments under this stop: %s", names)
		}
	}
}

func (j *judge) gateStatic() {
	names := j.gatesThat(func(i *enrolment.Incarnation) bool { return !i.Strict() && !i.Observes() })
	if path, found := j.firstStop(); found && names != "" {
		j.add(path, "these gates are static: while one of them is cut off, this stop cannot be confirmed; stop such a gate by its own command: %s", names)
	}
}

func (j *judge) stopPartial() {
	for _, t := range j.tasks {
		if d := t.Directive; d != nil && d.Kind == procedure.DirectiveStop && t.flow.Level == holdfast.Level1 && strings.TrimSpace(d.Scope) != "all" {
			j.add(t.path+".directive.scope", "at level 1 the whole payment system is stopped, unless the plan means a part of it: make sure that it does")
		}
	}
}

func (j *judge) stopWithoutDrain() {
	for _, t := range j.tasks {
		if d := t.Directive; d != nil && d.Kind == procedure.DirectiveStop && d.Drain == 0 {
			j.add(t.path+".directive", "the stop gives payments in flight no time to end, so every one of them becomes unknown: write a drain, such as 30s")
		}
	}
}

func (j *judge) ramps(f func(path string, r procedure.Ramp)) {
	for _, t := range j.tasks {
		if t.Ramp != nil {
			f(t.path+".ramp", *t.Ramp)
		}
	}
	if j.Plan.Recovery.Ramp != nil {
		f("recovery.ramp", *j.Plan.Recovery.Ramp)
	}
}

func (j *judge) rampNoHold() {
	j.ramps(func(path string, r procedure.Ramp) {
		for i := range len(r.Steps) - 1 {
			if r.Steps[i].Hold == 0 {
				j.add(at(path+".steps", i), "the step of %v %% holds for no time: nobody sees how it goes before the next; write a hold", r.Steps[i].Percent)
			}
		}
	})
}

func (j *judge) rampBeginsHigh() {
	j.ramps(func(path string, r procedure.Ramp) {
		if len(r.Steps) > 0 && r.Steps[0].Percent > firstRamp {
			j.add(path+".steps[0]", "the ramp begins at %v %% of payers: begin with at most %d %%, so that a repair that fails hurts few", r.Steps[0].Percent, firstRamp)
		}
	})
}

func (j *judge) twoRamps() {
	own := j.Plan.Recovery.Ramp
	if own == nil {
		return
	}
	for _, t := range j.tasks {
		if t.Ramp != nil && t.flow.Level == holdfast.Level1 && !reflect.DeepEqual(t.Ramp.Steps, own.Steps) {
			j.add("recovery.ramp", "the recovery plan climbs other steps than task %q of procedure 1: an incident runs the task's; make the two the same", t.ID)
		}
	}
}

func (j *judge) standInUnbounded() {
	for i, t := range j.Plan.Temporary {
		if t.Kind == plan.StandIn && len(t.Parameters) == 0 && t.Profile == nil {
			j.add(at("temporary", i), "the stand-in %q has no bound: give it a profile with limits, or name the parameters that limit its amounts", t.ID)
		}
	}
}
