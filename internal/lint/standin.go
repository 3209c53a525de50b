package lint

import (
	"slices"
	"strings"

	"holdfast/internal/enrolment"
	"holdfast/internal/expression"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
	"holdfast/internal/standin"
)

// terms calls f with each set of terms that gates may stand in by.
func (j *judge) terms(f func(path string, of plan.Temporary, terms *plan.Terms)) {
	for i, t := range j.Plan.Temporary {
		if t.Kind != plan.StandIn || t.Profile == nil {
			continue
		}
		path := at("temporary", i) + ".profile"
		if t.Profile.Planned != nil {
			f(path+".planned", t, t.Profile.Planned)
		}
		if t.Profile.Unplanned != nil {
			f(path+".unplanned", t, t.Profile.Unplanned)
		}
	}
}

func (j *judge) standInLimitsNothing() {
	j.terms(func(path string, of plan.Temporary, terms *plan.Terms) {
		if !slices.ContainsFunc(terms.Limits, func(l plan.Limit) bool { return l.Currency != "" }) {
			j.add(path+".limits", "these terms of the stand-in %q have limits in no currency, so nothing is approved: write one over payment and one over all, at least", of.ID)
		}
	})
}

// standInPayerUnbounded: whoever knows that the gates stand in may use up what is
// meant for all.
func (j *judge) standInPayerUnbounded() {
	j.terms(func(path string, of plan.Temporary, terms *plan.Terms) {
		var told []string
		for _, l := range terms.Limits {
			bounded := slices.ContainsFunc(terms.Limits, func(o plan.Limit) bool {
				return o.Over == string(standin.EachPayer) && (o.Currency == l.Currency && o.Amount > 0 || o.Currency == "")
			})
			if l.Currency != "" && !bounded && !slices.Contains(told, l.Currency) {
				told = append(told, l.Currency)
				j.add(path+".limits", "one payer may use up all that the stand-in %q lets through in %s: add a limit over payer", of.ID, l.Currency)
			}
		}
	})
}

func (j *judge) standInEndless() {
	for i, t := range j.Plan.Temporary {
		if t.Kind == plan.StandIn && t.Profile != nil && t.Longest == 0 {
			j.add(at("temporary", i), "nothing ends the stand-in %q by itself: write how long it lasts at the longest", t.ID)
		}
	}
}

func (j *judge) standInPlannedOnly() {
	for i, t := range j.Plan.Temporary {
		if t.Kind == plan.StandIn && t.Profile != nil && t.Profile.Unplanned == nil {
			j.add(at("temporary", i)+".profile", "the stand-in %q has no terms for an emergency: write unplanned terms", t.ID)
		}
	}
}

// standInAnyPayer: what is known of the payer is all that a gate has to judge by.
func (j *judge) standInAnyPayer() {
	j.terms(func(path string, of plan.Temporary, terms *plan.Terms) {
		reads, err := expression.Names(terms.Eligible)
		if err == nil && !slices.Contains(reads, "payer_class") && !slices.Contains(reads, "seen_days") {
			j.add(path+".eligible", "the stand-in %q approves for every payer who is known and not blocked: make sure that it is meant so, or ask for payer_class or seen_days", of.ID)
		}
	})
}

// limitIdle finds limits that no payment ever meets: another one stops it before, or
// nothing that is let in is like it.
func (j *judge) limitIdle() {
	j.terms(func(path string, of plan.Temporary, terms *plan.Terms) {
		for i, l := range terms.Limits {
			at := at(path+".limits", i)
			if k := slices.IndexFunc(terms.Limits, func(o plan.Limit) bool { return o != l && stopsBefore(o, l) }); k >= 0 {
				j.add(at, "this limit is never reached: limit %d of these terms stops payments before", k+1)
				continue
			}
			if l.Currency == "" {
				continue
			}
			payment := map[string]any{"currency": l.Currency}
			if l.Over == string(standin.EachPayment) && l.Amount > 0 {
				payment["amount"] = l.Amount
			}
			if refuses(terms.Eligible, standin.EligibilityFields(), payment) || of.Scope != "all" && refuses(of.Scope, expression.ScopeFields(), payment) {
				j.add(at, "this limit is never reached: scope or eligibility of the stand-in %q let in no such payment", of.ID)
			}
		}
	})
}

// refuses reports whether a condition surely says no, whatever else a payment is.
func refuses(src string, fields map[string]expression.Type, known map[string]any) bool {
	c, err := expression.CompileCondition(src, fields)
	if err != nil {
		return false // package plan reports it
	}
	holds, _ := c.Decide(expression.Values{Known: known})
	return holds == expression.No
}

// wider orders what limits are over: whatever counts for one counts for those after
// it. Payees and channels hold parts of each other's payments only.
var wider = map[string][]string{
	string(standin.EachPayment): {string(standin.EachPayer), string(standin.EachPayee), string(standin.EachChannel), string(standin.Whole)},
	string(standin.EachPayer):   {string(standin.Whole)},
	string(standin.EachPayee):   {string(standin.Whole)},
	string(standin.EachChannel): {string(standin.Whole)},
}

// stopsBefore reports whether a limit is met no later than another in all that the
// other bounds: it counts all that the other counts, and is as strict.
func stopsBefore(strict, l plan.Limit) bool {
	single := l.Over == string(standin.EachPayment)
	switch {
	case strict.Over != l.Over && !slices.Contains(wider[l.Over], strict.Over):
		return false
	case !single && (strict.Window == 0) != (l.Window == 0): // what is outstanding, against what is approved in a time
		return false
	case !single && l.Window != 0 && strict.Window%l.Window != 0: // its periods do not hold whole ones of the other
		return false
	case strict.Currency != "" && strict.Currency != l.Currency:
		return false
	}
	amount := l.Amount == 0 || strict.Currency != "" && strict.Amount > 0 && strict.Amount <= l.Amount
	count := l.Count == 0 || strict.Count > 0 && strict.Count <= l.Count
	return amount && count
}

// noStandInToFallTo finds steps of a ramp that fall to a stand-in which the plan has not.
func (j *judge) noStandInToFallTo() {
	standsIn := func(t plan.Temporary) bool { return t.Kind == plan.StandIn && t.Profile != nil }
	if slices.ContainsFunc(j.Plan.Temporary, standsIn) {
		return
	}
	j.ramps(func(path string, r procedure.Ramp) {
		for i, s := range r.Steps {
			if s.Fall == procedure.FallStandIn {
				j.add(at(path+".steps", i), "the step of %v %% falls to stand-in, and no temporary solution has a profile that gates stand in by: payments would be stopped", s.Percent)
			}
		}
	})
}

// routesThat lists the routes in service by which payments of a scope may come and for
// which f holds, as gate/route; all tells how many there are by which such payments come.
func (j *judge) routesThat(scope string, f func(enrolment.Route) bool) (names []string, all int) {
	if j.Gates == nil {
		return nil, 0
	}
	for _, i := range j.Gates.Live {
		for _, r := range i.Routes {
			if !r.Takes(scope) {
				continue
			}
			if all++; f(r) && !slices.Contains(names, i.Gate+"/"+r.Name) {
				names = append(names, i.Gate+"/"+r.Name)
			}
		}
	}
	slices.Sort(names)
	return names, all
}

// rerouteNowhere finds reroutes that stay closed for want of a second primary.
func (j *judge) rerouteNowhere() {
	for i, t := range j.Plan.Temporary {
		if t.Kind != plan.Reroute {
			continue
		}
		if names, _ := j.routesThat(t.Scope, func(r enrolment.Route) bool { return !r.Second }); len(names) > 0 {
			j.add(at("temporary", i), "these routes of gates in service have no second primary, so the reroute %q stays closed: give them one, or narrow its scope: %s", t.ID, strings.Join(names, ", "))
		}
	}
}

// oneByOneNowhere finds profiles that allow one by one what no gate does.
func (j *judge) oneByOneNowhere() {
	for i, t := range j.Plan.Temporary {
		if t.Kind != plan.StandIn || t.Profile == nil || !t.Profile.OneByOne {
			continue
		}
		if names, all := j.routesThat(t.Scope, func(r enrolment.Route) bool { return r.Deduplicates }); all > 0 && len(names) == 0 {
			j.add(at("temporary", i)+".profile.one_by_one", "no route in service has a primary that knows an identity again, so nothing is stood in for one by one under %q: set routes[].stand_in.deduplicates where it does, or remove one_by_one", t.ID)
		}
	}
}

func (j *judge) standInUntried() {
	for i, t := range j.Plan.Temporary {
		if t.Kind == plan.StandIn && t.Profile != nil && t.Profile.ShadowPercent == 0 {
			j.add(at("temporary", i)+".profile", "the stand-in %q is not tried while the primary is well, so nobody knows whom it would let through: set shadow_percent, such as 1", t.ID)
		}
	}
}
