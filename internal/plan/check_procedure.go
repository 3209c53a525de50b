package plan

import (
	"holdfast"
	"holdfast/internal/procedure"
)

// procedures checks what package procedure cannot know: the texts, and whether
// what a procedure names is in the plan.
func (c *checker) procedures() {
	tasks := 0
	for i, p := range c.plan.Procedures {
		c.procedure(at("procedures", i), p)
		tasks += p.Tasks()
	}
	if c.plan.Leak != nil {
		tasks += c.plan.Leak.Tasks()
	}
	if tasks > MaxTasks {
		c.add("procedures", "P018", holdfast.Errorf(holdfast.TooLarge, "the procedures have %d tasks together; %d is the limit", tasks, MaxTasks))
	}
}

func (c *checker) procedure(path string, p procedure.Procedure) {
	c.text(path+".title", p.Title)
	for i, s := range p.Stages {
		c.stage(at(path+".stages", i), s)
	}
	if d := p.Debrief; d != nil {
		c.some(path+".debrief.sign", d.Sign, c.knownRole)
	}
	for _, f := range procedure.Check(p) {
		c.add(path+"."+f.Path, f.Rule, f.Error)
	}
}

func (c *checker) stage(path string, s procedure.Stage) {
	c.required(path+".stage", string(s.Kind))
	c.text(path+".title", s.Title)
	c.optionalText(path+".guide", s.Guide)
	c.knownRole(path+".role", s.Role)
	for i, t := range s.Tasks {
		c.task(at(path+".tasks", i), t)
	}
}

func (c *checker) task(path string, t procedure.Task) {
	c.name(path+".id", t.ID)
	c.text(path+".title", t.Title)
	c.optionalText(path+".guide", t.Guide)
	c.optionalRole(path+".role", t.Role)
	c.guidance(path, t)
	c.actions(path, t)
	if t.Notice != nil {
		c.notice(path+".notice", *t.Notice)
	}
	if t.Directive != nil {
		c.directive(path+".directive", *t.Directive)
	}
	if t.Probes != nil && c.count(path+".probes", len(t.Probes)) {
		for i, id := range t.Probes {
			_, found := c.plan.Probe(id)
			c.known(at(path+".probes", i), "probe", id, found)
		}
	}
	if t.Ramp != nil {
		c.rampProbes(path+".ramp", t.Ramp)
	}
}

func (c *checker) rampProbes(path string, r *procedure.Ramp) {
	known := func(path, id string) {
		reference(c, path, "probe", id, c.plan.Probes, func(p Probe) string { return p.ID })
	}
	c.some(path+".tests", r.Probes, known)
	for i, s := range r.Steps {
		c.some(at(path+".steps", i)+".tests", s.Probes, known)
	}
}

func (c *checker) notice(path string, n procedure.Notice) {
	if c.required(path+".template", n.Template) {
		_, found := c.plan.Template(n.Template)
		c.known(path+".template", "template", n.Template, found)
	}
	if c.count(path+".to", len(n.To)) {
		for i, role := range n.To {
			c.knownRole(at(path+".to", i), role)
		}
	}
	if c.atMost(path+".channels", len(n.Channels), MaxEntries) {
		for i, channel := range n.Channels {
			c.name(at(path+".channels", i), channel)
		}
	}
	if n.Acknowledge < 0 || n.Acknowledge > MaxEntries {
		c.add(path+".acknowledge", "P015", errAcknowledge(n.Acknowledge))
	}
	for i, s := range n.Escalate {
		c.escalationStep(at(path+".escalate", i), s)
	}
}

func (c *checker) escalationStep(path string, s procedure.EscalationStep) {
	if c.count(path+".to", len(s.To)) {
		for i, role := range s.To {
			c.knownRole(at(path+".to", i), role)
		}
	}
	if s.Acknowledge < 0 || s.Acknowledge > MaxEntries {
		c.add(path+".acknowledge", "P015", errAcknowledge(s.Acknowledge))
	}
}

func errAcknowledge(n int) *holdfast.Error {
	return holdfast.Errorf(holdfast.Invalid, "0 to %d people can be asked to acknowledge, not %d", MaxEntries, n)
}

func (c *checker) directive(path string, d procedure.Directive) {
	c.required(path+".kind", d.Kind)
	if d.BySolution() {
		c.solution(path+".temporary", d)
	} else if c.required(path+".scope", d.Scope) {
		c.expression(path+".scope", compileScope(d.Scope))
	}
	c.text(path+".reason", d.Reason)
}

// solution checks by which solution gates stand in or reroute.
func (c *checker) solution(path string, d procedure.Directive) {
	if !c.required(path, d.Temporary) {
		return
	}
	t, found := c.plan.TemporaryOf(d.Temporary)
	switch {
	case d.Kind == procedure.DirectiveReroute:
		if !found || t.Kind != Reroute {
			c.add(path, "P012", holdfast.Errorf(holdfast.Invalid, "the plan has no temporary solution %q of kind reroute: mend the name, or add it under temporary", d.Temporary))
		}
	case !found || t.Kind != StandIn || t.Profile == nil:
		c.add(path, "P012", holdfast.Errorf(holdfast.Invalid, "the plan has no temporary solution %q of kind stand-in with a profile: mend the name, or give it a profile", d.Temporary))
	case d.Planned && t.Profile.Planned == nil || !d.Planned && t.Profile.Unplanned == nil:
		c.add(path, "P012", holdfast.Errorf(holdfast.Invalid, "the profile of %q has no terms for this kind of outage: add them, or change planned", d.Temporary))
	}
}

// guidance checks what helps whoever does a task.
func (c *checker) guidance(path string, t procedure.Task) {
	c.optionalRole(path+".deputy", t.Deputy)
	c.optionalText(path+".means", t.Means)
	c.atMost(path+".after", len(t.After), MaxEntries)
	if !c.atMost(path+".branches", len(t.Branches), MaxEntries) {
		return
	}
	for i, b := range t.Branches {
		path := at(path+".branches", i)
		if c.required(path+".when", b.When) {
			c.expression(path+".when", compileFields(b.When, c.branchFields))
		}
		c.text(path+".do", b.Do)
		c.optionalRole(path+".approval", b.Approval)
	}
}

// actions checks what calls the operator's automation, what is ticked and what is
// waited for.
func (c *checker) actions(path string, t procedure.Task) {
	if t.Webhook != nil {
		c.name(path+".webhook.endpoint", t.Webhook.Endpoint)
	}
	if t.Wait != nil && c.required(path+".wait.until", t.Wait.Until) {
		c.expression(path+".wait.until", compileFields(t.Wait.Until, c.branchFields))
	}
	if t.Checklist != nil && c.count(path+".checklist", len(t.Checklist)) {
		for i, item := range t.Checklist {
			c.text(at(path+".checklist", i), item)
		}
	}
}
