package plan

import (
	"maps"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/attachment"
	"holdfast/internal/expression"
	"holdfast/internal/procedure"
)

// The chapters beside the response may be left out. What is written in them must
// hold together all the same.

// chapters checks them in the order of the file.
func (c *checker) chapters() {
	c.governance()
	c.risks()
	c.materials()
	c.measures()
	c.leak()
	c.temporary()
	c.dependencies()
	c.parameters()
	c.recovery()
	c.drills()
	c.obligations()
	c.reporting()
	c.contacts()
	c.components()
	c.attachments()
}

// entries checks the ids of a list and calls each for every entry, unless there
// are too many.
func entries[E any](c *checker, list string, all []E, id func(E) string, each func(path string, e E)) {
	if !c.atMost(list, len(all), MaxEntries) {
		return
	}
	ids := unique{c: c}
	for i, e := range all {
		ids.take(at(list, i), id(e))
		each(at(list, i), e)
	}
}

// oneOf reports a value that is not one of those known.
func (c *checker) oneOf(path, value string, known ...string) {
	if c.required(path, value) && !slices.Contains(known, value) {
		c.add(path, "P015", holdfast.Errorf(holdfast.Invalid, "%s cannot be %q: write one of %s", last(path), value, strings.Join(known, ", ")))
	}
}

// some checks each name of a list that may be empty and must not repeat.
func (c *checker) some(path string, names []string, check func(path, name string)) {
	if !c.atMost(path, len(names), MaxEntries) {
		return
	}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			c.add(at(path, i), "P014", holdfast.Errorf(holdfast.Invalid, "%q stands in %s already: remove one", name, last(path)))
			continue
		}
		check(at(path, i), name)
	}
}

func (c *checker) optionalRole(path, id string) {
	if id != "" {
		c.knownRole(path, id)
	}
}

// reference reports a name that none of the entries has.
func reference[E any](c *checker, path, noun, id string, all []E, name func(E) string) {
	if c.required(path, id) {
		c.known(path, noun, id, slices.ContainsFunc(all, func(e E) bool { return name(e) == id }))
	}
}

func (c *checker) material(path, id string) {
	reference(c, path, "material", id, c.plan.Materials, func(m Material) string { return m.ID })
}

func (c *checker) levelList(path string, levels []holdfast.Level) {
	for i, l := range levels {
		if slices.Contains(levels[:i], l) {
			c.add(at(path, i), "P014", holdfast.Errorf(holdfast.Invalid, "level %s stands in %s already: remove one", l, last(path)))
			continue
		}
		c.gradedLevel(at(path, i), l)
	}
}

func (c *checker) governance() {
	g := c.plan.Governance
	entries(c, "governance.approval", g.Approval, func(s ApprovalStep) string { return s.ID }, func(path string, s ApprovalStep) {
		c.text(path+".title", s.Title)
		c.oneOf(path+".mode", s.Mode, ApproveOne, ApproveAll, ApproveInOrder)
		if c.count(path+".roles", len(s.Roles)) {
			c.some(path+".roles", s.Roles, c.knownRole)
		}
	})
	c.some("governance.distribution", g.Distribution, c.knownRole)
	c.optionalRole("governance.owner", g.Owner)
	if every := g.RemindEvery.D(); every != 0 && every < time.Hour {
		c.add("governance.remind_every", "P015", holdfast.Errorf(holdfast.Invalid, "readers would be reminded every %s: write 1h or more", every.String()))
	}
	if g.DeputiesAfter > MaxDeputiesAfter {
		c.add("governance.deputies_after", "P015", holdfast.Errorf(holdfast.Invalid, "deputies wait for at most %s: write less", MaxDeputiesAfter.String()))
	}
	if b := g.BreakGlass; b != nil {
		const path = "governance.break_glass"
		c.authorityDirectives(path+".directives", b.Directives)
		c.knownRole(path+".superior", b.Superior)
		if b.Lasts > MaxBreakGlass {
			c.add(path+".lasts", "P015", holdfast.Errorf(holdfast.Invalid, "nobody acts beyond his authority for longer than %s: write less", MaxBreakGlass.String()))
		}
	}
}

func (c *checker) risks() {
	entries(c, "risks", c.plan.Risks, func(r Risk) string { return r.ID }, func(path string, r Risk) {
		c.text(path+".title", r.Title)
		c.optionalText(path+".part", r.Part)
		c.optionalText(path+".treatment", r.Treatment)
		c.degree(path+".likelihood", r.Likelihood)
		c.degree(path+".impact", r.Impact)
		c.optionalRole(path+".owner", r.Owner)
		c.levelList(path+".levels", r.Levels)
		if r.Leak && c.plan.Leak == nil {
			c.add(path+".leak", "P012", holdfast.Errorf(holdfast.Invalid, "the plan has no procedure for a data leak: write the chapter leak, or remove the key"))
		}
		c.some(path+".materials", r.Materials, c.material)
	})
}

// degree: likelihood and impact go from 1 to 5.
func (c *checker) degree(path string, n int) {
	if n < 1 || n > 5 {
		c.add(path, "P015", holdfast.Errorf(holdfast.Invalid, "%s goes from 1, the least, to 5, and is not %d", last(path), n))
	}
}

func (c *checker) materials() {
	var chapters []string
	for _, ch := range Chapters {
		chapters = append(chapters, ch.Key)
	}
	entries(c, "materials", c.plan.Materials, func(m Material) string { return m.ID }, func(path string, m Material) {
		c.text(path+".title", m.Title)
		c.oneOf(path+".kind", m.Kind, Regulation, Policy, Technical, Manual)
		if m.Link != "" && (placeholder.MatchString(m.Link) || !validURL(m.Link)) {
			c.add(path+".link", "P015", holdfast.Errorf(holdfast.Invalid, "%q is not a link: begin it with http:// or https://", m.Link))
		}
		if m.File != "" {
			reference(c, path+".file", "attachment", m.File, c.plan.Attachments, func(a Attachment) string { return a.ID })
		}
		c.some(path+".cited", m.Cited, func(path, key string) { c.oneOf(path, key, chapters...) })
	})
}

// readable reports whether an expression can read a field of this name.
func readable(name string) bool {
	return compileFields("true", map[string]expression.Type{name: expression.Float}) == nil
}

// ReadableFields leaves out what no expression can read; the check of measures
// reports it.
func ReadableFields(fields map[string]expression.Type) map[string]expression.Type {
	maps.DeleteFunc(fields, func(name string, _ expression.Type) bool { return !readable(name) })
	return fields
}

func (c *checker) measures() {
	entries(c, "measures", c.plan.Measures, func(m Measure) string { return m.ID }, func(path string, m Measure) {
		c.text(path+".title", m.Title)
		c.oneOf(path+".type", m.Type, MeasureNumber, MeasureText, MeasureYesNo)
		if holdfast.ValidName(m.ID) && !readable(m.ID) {
			c.add(path+".id", "P013", holdfast.Errorf(holdfast.Invalid, "a measure cannot be called %q, for expressions read it: begin with a letter, then write a-z, 0-9 and '_' only, and take no word of the language such as and, or, not", m.ID))
		}
		if kind, taken := branchFields[m.ID]; taken && (kind != expression.Float || m.Type != MeasureNumber) {
			c.add(path+".id", "P014", holdfast.Errorf(holdfast.Invalid, "%q is what branches read of the incident: give the measure another id", m.ID))
		}
		c.gathered(path, m)
		c.figured(path, m)
	})
	for i, l := range c.plan.Levels {
		if l.Enter != "" {
			c.expression(at("levels", i)+".enter", compileFields(l.Enter, c.fields))
		}
		c.bands(at("levels", i), l)
	}
}

// leak: a leak has no level and no order of its own, but it must be handled and
// people must be told (R2.2).
func (c *checker) leak() {
	l := c.plan.Leak
	if l == nil {
		return
	}
	if l.Level != holdfast.Unknown {
		c.add("leak.level", "P015", holdfast.Errorf(holdfast.Invalid, "the procedure for a data leak has no level: remove the key"))
	}
	flow := *l
	flow.Level = holdfast.Unknown
	c.procedure("leak", flow)
	if c.count("leak.stages", len(l.Stages)) {
		for _, kind := range []procedure.StageKind{procedure.Handle, procedure.Notify} {
			if !slices.ContainsFunc(l.Stages, func(s procedure.Stage) bool { return s.Kind == kind }) {
				c.add("leak.stages", "P021", holdfast.Errorf(holdfast.Invalid, "the procedure for a data leak has no stage %q: it is mandatory; add it", kind))
			}
		}
	}
}

func (c *checker) dependencies() {
	entries(c, "dependencies", c.plan.Dependencies, func(d Dependency) string { return d.ID }, func(path string, d Dependency) {
		c.text(path+".title", d.Title)
		if d.Party != "" {
			c.name(path+".party", d.Party)
		}
		c.knownRole(path+".role", d.Role)
		if !c.count(path+".steps", len(d.Steps)) {
			return
		}
		for i, s := range d.Steps {
			path := at(path+".steps", i)
			if i > 0 && s.After <= d.Steps[i-1].After {
				c.add(path+".after", "P030", holdfast.Errorf(holdfast.Invalid, "%s is not after the %s of the step before: each step begins when the dependency has been away for longer", s.After, d.Steps[i-1].After))
			}
			c.text(path+".do", s.Do)
			if s.Temporary != "" {
				found := slices.ContainsFunc(c.plan.Temporary, func(t Temporary) bool { return t.ID == s.Temporary })
				if !found {
					c.add(path+".temporary", "P012", holdfast.Errorf(holdfast.Invalid, "the plan has no temporary solution %q: mend the name, or add it under temporary", s.Temporary))
				}
			}
			c.optionalRole(path+".approval", s.Approval)
		}
	})
}

// MaxPeople is how many people one step of the recovery may ask for.
const MaxPeople = 1000

func (c *checker) recovery() {
	r := c.plan.Recovery
	entries(c, "recovery.steps", r.Steps, func(s RecoveryStep) string { return s.ID }, func(path string, s RecoveryStep) {
		c.text(path+".title", s.Title)
		c.knownRole(path+".role", s.Role)
		c.optionalText(path+".resources", s.Resources)
		if s.People < 0 || s.People > MaxPeople {
			c.add(path+".people", "P015", holdfast.Errorf(holdfast.Invalid, "a step needs 0 to %d people, not %d", MaxPeople, s.People))
		}
		c.some(path+".probes", s.Probes, func(path, id string) {
			reference(c, path, "probe", id, c.plan.Probes, func(p Probe) string { return p.ID })
		})
	})
	if r.Ramp != nil {
		for _, f := range procedure.CheckRamp(*r.Ramp) {
			c.add("recovery.ramp."+f.Path, f.Rule, f.Error)
		}
		c.rampProbes("recovery.ramp", r.Ramp)
	}
	if c.atMost("recovery.close_out", len(r.CloseOut), MaxEntries) {
		for i, t := range r.CloseOut {
			c.text(at("recovery.close_out", i), t)
		}
	}
}

// MaxMonths is the longest time between two drills of one kind.
const MaxMonths = 120

func (c *checker) drills() {
	entries(c, "drills", c.plan.Drills, func(d DrillPlan) string { return d.ID }, func(path string, d DrillPlan) {
		c.text(path+".title", d.Title)
		c.oneOf(path+".kind", d.Kind, Tabletop, Simulated, Live)
		c.text(path+".goal", d.Goal)
		switch {
		case d.Leak && d.Level != holdfast.Unknown:
			c.add(path+".leak", "P015", holdfast.Errorf(holdfast.Invalid, "a drill rehearses a level or a data leak: remove one of the keys level and leak"))
		case !d.Leak:
			c.gradedLevel(path+".level", d.Level)
		}
		if d.EveryMonths < 1 || d.EveryMonths > MaxMonths {
			c.add(path+".every_months", "P015", holdfast.Errorf(holdfast.Invalid, "a drill is held every 1 to %d months, not %d", MaxMonths, d.EveryMonths))
		}
		if c.count(path+".roles", len(d.Roles)) {
			c.some(path+".roles", d.Roles, c.knownRole)
		}
	})
}

func (c *checker) obligations() {
	entries(c, "obligations", c.plan.Obligations, func(o Obligation) string { return o.ID }, func(path string, o Obligation) {
		c.text(path+".title", o.Title)
		if o.Material != "" {
			c.material(path+".material", o.Material)
		}
		c.oneOf(path+".from", o.From, Moments[:]...)
		if o.Within == 0 {
			c.add(path+".within", "P010", holdfast.Errorf(holdfast.Invalid, "%s is missing or empty: fill it in", "within"))
		}
		c.text(path+".recipient", o.Recipient)
		c.knownRole(path+".role", o.Role)
		c.levelList(path+".levels", o.Levels)
		if len(o.Levels) == 0 && !o.Leak {
			c.add(path, "P010", holdfast.Errorf(holdfast.Invalid, "nothing says when the report is owed: list its levels, or write leak: true"))
		}
	})
}

func (c *checker) contacts() {
	if !c.atMost("contacts", len(c.plan.Contacts), MaxEntries) {
		return
	}
	parties := unique{c: c, key: "party"}
	for i, k := range c.plan.Contacts {
		path := at("contacts", i)
		parties.take(path, k.Party)
		c.text(path+".purpose", k.Purpose)
		c.knownRole(path+".role", k.Role)
	}
}

func (c *checker) attachments() {
	entries(c, "attachments", c.plan.Attachments, func(a Attachment) string { return a.ID }, func(path string, a Attachment) {
		c.text(path+".title", a.Title)
		if a.Hash != "" && c.required(path+".name", a.Name) && (len(a.Name) > 255 || strings.ContainsAny(a.Name, "/\\\n\r\t\x00")) {
			c.add(path+".name", "P015", holdfast.Errorf(holdfast.Invalid, "%q is not the name of a file: write at most 255 bytes, without a path", a.Name))
		}
		if a.Type != "" {
			c.oneOf(path+".type", a.Type, attachment.Types()...)
		}
		if a.Size < 0 || a.Size > attachment.MaxSize {
			c.add(path+".size", "P015", holdfast.Errorf(holdfast.Invalid, "a file has at most %d bytes", attachment.MaxSize))
		}
		switch _, ok := a.File(); {
		case a.Hash == "":
			c.add(path+".hash", "P010", holdfast.Errorf(holdfast.Invalid, "the attachment %q has no file yet: upload one, or remove the attachment", a.ID))
		case !ok:
			c.add(path+".hash", "P015", holdfast.Errorf(holdfast.Invalid, "%q is not the SHA-256 of a file: write 64 digits of 0-9 and a-f", a.Hash))
		}
	})
	entries(c, "annexes", c.plan.Annexes, func(a Annex) string { return a.ID }, func(path string, a Annex) {
		c.text(path+".title", a.Title)
		c.text(path+".text", a.Text)
	})
}

// branchFields are the fields that a branch of a task may read besides the
// measures.
var branchFields = map[string]expression.Type{
	"level":   expression.Int,    // the incident's, now
	"minutes": expression.Float,  // since the incident was confirmed
	"result":  expression.String, // of the task: done, skipped or failed
}

// BranchFields are the fields that the branches of the plan's tasks may read.
func (p *Plan) BranchFields() map[string]expression.Type {
	fields := p.MeasureFields()
	maps.Copy(fields, branchFields)
	return fields
}
