package lint

import (
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/roster"
)

// VerifyWithin is how long a contact point counts as known to work.
const VerifyWithin = 90 * 24 * time.Hour

// needed calls f with each role that the plan needs people for.
func (j *judge) needed(f func(path, role string)) {
	needed := j.acting()
	for _, r := range j.Plan.Team {
		needed[r] = true
	}
	for _, s := range j.Plan.Governance.Approval {
		for _, r := range s.Roles {
			needed[r] = true
		}
	}
	for i, r := range j.Plan.Roles {
		if needed[r.ID] {
			f(at("roles", i), r.ID)
		}
	}
}

func (j *judge) roleVacant() {
	if j.People == nil {
		return
	}
	j.needed(func(path, role string) {
		if len(j.holders[role]) == 0 {
			j.add(path, "nobody holds the role %q: name someone in the roster", role)
		}
	})
}

func (j *judge) roleOneHolder() {
	j.needed(func(path, role string) {
		if h := j.holders[role]; len(h) == 1 {
			j.add(path, "only %s holds the role %q: name a second person, for the day the first cannot be reached", h[0].Name, role)
		}
	})
}

func (j *judge) contactUnverified() {
	if j.Now.IsZero() {
		return
	}
	told := map[string]bool{}
	j.needed(func(path, role string) {
		for _, p := range j.holders[role] {
			var old []string
			for _, c := range p.Contacts {
				if j.Now.Sub(c.Verified) > VerifyWithin {
					old = append(old, string(c.Channel))
				}
			}
			if len(old) > 0 && !told[p.ID] {
				told[p.ID] = true
				j.add(path, "contact points of %s have not been verified for %d days (%s): ask for a confirmation", p.Name, int(VerifyWithin.Hours()/24), strings.Join(old, ", "))
			}
		}
	})
}

// critical are the roles that the gravest emergency waits for.
func (j *judge) critical() map[string]bool {
	critical := map[string]bool{}
	for _, r := range j.Plan.Team {
		critical[r] = true
	}
	for _, f := range j.flows {
		for _, s := range f.Stages {
			if f.Level == holdfast.Level1 {
				critical[s.Role] = true
			}
		}
	}
	return critical
}

func (j *judge) oneChannel() {
	critical := j.critical()
	for i, r := range j.Plan.Roles {
		h := j.holders[r.ID]
		if critical[r.ID] && len(h) > 0 && !slices.ContainsFunc(h, func(p roster.Person) bool { return len(channelsOf(p)) >= 2 }) {
			j.add(at("roles", i), "no holder of the role %q can be reached by two independent channels: when one fails, nobody answers", r.ID)
		}
	}
}

func channelsOf(p roster.Person) map[roster.Channel]bool {
	channels := map[roster.Channel]bool{}
	for _, c := range p.Contacts {
		channels[c.Channel] = true
	}
	return channels
}

func (j *judge) leaverNamed() {
	if j.People == nil {
		return
	}
	for _, p := range j.People.Left {
		if utf8.RuneCountInString(p.Name) < 2 {
			continue
		}
		for _, w := range j.strings {
			if strings.Contains(w.text, p.Name) {
				j.add(w.path, "%s is named here and has left: name a role instead", p.Name)
			}
		}
	}
}

// deputyLeft finds deputies who left: whoever counts on them stands alone.
func (j *judge) deputyLeft() {
	if j.People == nil {
		return
	}
	left := map[string]string{}
	for _, p := range j.People.Left {
		left[p.ID] = p.Name
	}
	told := map[string]bool{}
	j.needed(func(path, role string) {
		for _, p := range j.holders[role] {
			for _, d := range p.Deputies {
				if name, gone := left[d.Person]; gone && !told[p.ID+" "+d.Person] {
					told[p.ID+" "+d.Person] = true
					j.add(path, "%s has left and is still the deputy of %s: name another in the roster", name, p.Name)
				}
			}
		}
	})
}

// agreement is a decision of one role that another must agree to.
type agreement struct{ path, maker, checker string }

func (j *judge) agreements() (list []agreement) {
	for _, t := range j.tasks {
		for i, b := range t.Branches {
			list = append(list, agreement{at(t.path+".branches", i) + ".approval", t.role(), b.Approval})
		}
	}
	for i, d := range j.Plan.Dependencies {
		for k, s := range d.Steps {
			list = append(list, agreement{at(at("dependencies", i)+".steps", k) + ".approval", d.Role, s.Approval})
		}
	}
	return slices.DeleteFunc(list, func(a agreement) bool { return a.checker == "" })
}

func (j *judge) makerIsChecker() {
	for _, a := range j.agreements() {
		if a.maker == a.checker {
			j.add(a.path, "the role %q agrees to what it does itself: name another", a.checker)
		}
	}
}

func (j *judge) onePersonBothRoles() {
	for _, a := range j.agreements() {
		if a.maker == a.checker {
			continue // makerIsChecker reports it
		}
		for _, p := range j.holders[a.maker] {
			if slices.Contains(p.Roles, a.checker) {
				j.add(a.path, "%s holds both %q and %q, and could agree to their own act: keep the two apart", p.Name, a.maker, a.checker)
			}
		}
	}
}

func (j *judge) deputyIsRole() {
	for _, t := range j.tasks {
		if t.Deputy != "" && t.Deputy == t.role() {
			j.add(t.path+".deputy", "the deputy for task %q is the role that does it: name another", t.ID)
		}
	}
}

func (j *judge) noDeputy() {
	for _, f := range j.flows {
		first, n := "", 0
		for _, t := range j.tasks {
			if t.flow.path == f.path && (f.leak || f.Level == holdfast.Level1) && t.byHand() && t.Deputy == "" {
				if n++; n == 1 {
					first = t.path
				}
			}
		}
		if n > 0 {
			j.add(first, "%d tasks of procedure %s name no deputy; the first is here", n, f.name())
		}
	}
}

// noAuthority finds directives that nobody may put in force.
func (j *judge) noAuthority() {
	for _, t := range j.tasks {
		d := t.Directive
		if d == nil || d.BySolution() { // the role of its solution decides on it
			continue
		}
		may := false
		for _, r := range j.Plan.Roles {
			for _, a := range r.Authority {
				may = may || slices.Contains(a.Directives, d.Kind) && a.Level >= t.flow.Level
			}
		}
		if !may {
			j.add(t.path+".directive", "no role has the authority for a %s in procedure %s: give it to one", d.Kind, t.flow.name())
		}
	}
}

// told returns who gets a notice.
func (j *judge) told(roles []string) map[string]roster.Person {
	told := map[string]roster.Person{}
	for _, r := range roles {
		for _, p := range j.holders[r] {
			told[p.ID] = p
		}
	}
	return told
}

func (j *judge) cannotAcknowledge() {
	for _, t := range j.tasks {
		if t.Notice == nil || j.People == nil {
			continue
		}
		if told := j.told(t.Notice.To); len(told) > 0 && t.Notice.Acknowledge > len(told) {
			j.add(t.path+".notice.acknowledge", "task %q waits for %d acknowledgements and tells %d people: it can never be done", t.ID, t.Notice.Acknowledge, len(told))
		}
		for i, s := range t.Notice.Escalate {
			if told := j.told(s.To); len(told) > 0 && s.Acknowledge > len(told) {
				j.add(at(t.path+".notice.escalate", i)+".acknowledge", "step %d of the escalation of task %q waits for %d acknowledgements and tells %d people: it can never have enough", i+1, t.ID, s.Acknowledge, len(told))
			}
		}
	}
}

func (j *judge) channelNobodyHas() {
	for _, t := range j.tasks {
		if t.Notice == nil {
			continue
		}
		told := j.told(t.Notice.To)
		for i, c := range t.Notice.Channels {
			has := false
			for _, p := range told {
				has = has || channelsOf(p)[roster.Channel(c)]
			}
			if len(told) > 0 && !has {
				j.add(at(t.path+".notice.channels", i), "nobody whom task %q tells has the channel %q", t.ID, c)
			}
		}
		j.stepNobodyHears(t)
	}
}

// stepNobodyHears finds steps of an escalation whose people have none of the channels
// of the notice, or none by which Holdfast sends.
func (j *judge) stepNobodyHears(t task) {
	for i, s := range t.Notice.Escalate {
		told := j.told(s.To)
		hears := false
		for _, p := range told {
			for c := range channelsOf(p) {
				hears = hears || c.Sent() && (len(t.Notice.Channels) == 0 || slices.Contains(t.Notice.Channels, string(c)))
			}
		}
		if len(told) > 0 && !hears {
			j.add(at(t.path+".notice.escalate", i), "nobody whom step %d of the escalation of task %q tells has a channel of the notice: the step ends at once", i+1, t.ID)
		}
	}
}

func (j *judge) sharedPhone() {
	first, reported := map[string]string{}, map[string]bool{}
	j.needed(func(path, role string) {
		for _, p := range j.holders[role] {
			for _, c := range p.Contacts {
				if c.Channel != roster.Phone {
					continue
				}
				digits := strings.NewReplacer(" ", "", "-", "").Replace(c.Address)
				if other, taken := first[digits]; taken && other != p.Name && !reported[digits] {
					reported[digits] = true
					j.add(path, "%s and %s have the same phone number: if it does not answer, neither does", other, p.Name)
				} else if !taken {
					first[digits] = p.Name
				}
			}
		}
	})
}

func (j *judge) unknownRoleHeld() {
	for _, r := range slices.Sorted(maps.Keys(j.holders)) {
		if _, found := j.Plan.Role(r); !found {
			j.add("roles", "%s holds the role %q, which the plan does not have: add it, or take it from the roster", j.holders[r][0].Name, r)
		}
	}
}

func (j *judge) tooFewPeople() {
	for i, s := range j.Plan.Recovery.Steps {
		if have := len(j.holders[s.Role]); have > 0 && s.People > have {
			j.add(at("recovery.steps", i)+".people", "recovery step %q needs %d people, and %d hold the role %q", s.ID, s.People, have, s.Role)
		}
	}
}

func (j *judge) notDistributed() {
	if len(j.Plan.Governance.Distribution) == 0 {
		return
	}
	acting := j.acting()
	for _, r := range j.Plan.Team {
		acting[r] = true
	}
	for _, r := range j.Plan.Governance.Distribution {
		delete(acting, r)
	}
	if len(acting) > 0 {
		j.add("governance.distribution", "these roles have a part in the plan and are not told of its revisions: %s", strings.Join(slices.Sorted(maps.Keys(acting)), ", "))
	}
}

func (j *judge) partyUnknown() {
	if j.People == nil || j.People.Parties == nil {
		return
	}
	check := func(path, party string) {
		if party != "" && !slices.Contains(j.People.Parties, party) {
			j.add(path+".party", "the roster has no third party %q: add it there, with people and numbers", party)
		}
	}
	for i, c := range j.Plan.Contacts {
		check(at("contacts", i), c.Party)
	}
	for i, d := range j.Plan.Dependencies {
		check(at("dependencies", i), d.Party)
	}
}
