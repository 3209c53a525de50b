package lint

import (
	"slices"

	"holdfast/internal/expression"
	"holdfast/internal/procedure"
)

// The rules of this file find what the plan declares and nothing in it uses.

func (j *judge) orphanTemplate() {
	used := map[string]bool{}
	for _, t := range j.tasks {
		if t.Notice != nil {
			used[t.Notice.Template] = true
		}
	}
	for i, t := range j.Plan.Templates {
		if !used[t.ID] {
			j.add(at("templates", i), "no task sends the notice %q: use it or remove it", t.ID)
		}
	}
}

func (j *judge) orphanProbe() {
	used := map[string]bool{}
	mark := func(ids []string) {
		for _, id := range ids {
			used[id] = true
		}
	}
	for _, t := range j.tasks {
		mark(t.Probes)
	}
	j.ramps(func(_ string, r procedure.Ramp) { mark(r.AllProbes()) })
	for _, s := range j.Plan.Recovery.Steps {
		mark(s.Probes)
	}
	for i, p := range j.Plan.Probes {
		if !used[p.ID] {
			j.add(at("probes", i), "no task and no recovery step asks for the probe %q: use it or remove it", p.ID)
		}
	}
}

func (j *judge) orphanMaterial() {
	used := map[string]bool{}
	for _, r := range j.Plan.Risks {
		for _, id := range r.Materials {
			used[id] = true
		}
	}
	for _, o := range j.Plan.Obligations {
		used[o.Material] = true
	}
	for i, m := range j.Plan.Materials {
		if !used[m.ID] && len(m.Cited) == 0 {
			j.add(at("materials", i), "nothing in the plan rests on the material %q: choose the chapters that cite it, or remove it", m.ID)
		}
	}
}

func (j *judge) orphanMeasure() {
	fields := j.Plan.MeasureFields()
	read := map[string]bool{}
	mark := func(src string) {
		names, err := expression.Names(src)
		if err != nil {
			return // package plan reports it
		}
		for _, name := range names {
			read[name] = true
		}
	}
	if len(fields) == 0 {
		return
	}
	for _, l := range j.Plan.Levels {
		mark(l.Enter)
		for _, b := range l.Bands {
			mark(b.Enter)
		}
	}
	for _, t := range j.tasks {
		for _, b := range t.Branches {
			mark(b.When)
		}
		if t.Wait != nil {
			mark(t.Wait.Until)
		}
	}
	reports := len(j.Plan.Obligations) > 0 || len(j.Plan.Reporting.Packs) > 0
	for i, m := range j.Plan.Measures {
		// What lasts and is gathered stands in reports without being read.
		if !read[m.ID] && !(reports && (m.Figure != "" || m.From != "" && m.Lasting())) {
			j.add(at("measures", i), "no criterion, branch or wait reads the measure %q: use it or remove it", m.ID)
		}
	}
}

func (j *judge) orphanParameter() {
	used := map[string]bool{}
	for _, t := range j.Plan.Temporary {
		for _, id := range t.Parameters {
			used[id] = true
		}
	}
	for i, p := range j.Plan.Parameters {
		if !used[p.ID] {
			j.add(at("parameters", i), "no temporary solution is bounded by the parameter %q: use it or remove it", p.ID)
		}
	}
}

func (j *judge) orphanRole() {
	used := j.acting()
	for _, r := range slices.Concat(j.Plan.Team, j.Plan.Governance.Distribution, []string{j.Plan.Governance.Owner}) {
		used[r] = true
	}
	for _, s := range j.Plan.Governance.Approval {
		for _, r := range s.Roles {
			used[r] = true
		}
	}
	for i, r := range j.Plan.Roles {
		if !used[r.ID] {
			j.add(at("roles", i), "the plan asks nothing of the role %q: give it a part or remove it", r.ID)
		}
	}
}

// acting returns the roles that have something to do or to hear in an emergency.
func (j *judge) acting() map[string]bool {
	acting := map[string]bool{}
	for _, f := range j.flows {
		for _, r := range f.Signers() {
			acting[r] = true
		}
		for _, s := range f.Stages {
			acting[s.Role] = true
		}
	}
	for _, t := range j.tasks {
		acting[t.Role], acting[t.Deputy] = true, true
		if t.Notice != nil {
			for _, step := range t.Notice.Steps() {
				for _, r := range step.To {
					acting[r] = true
				}
			}
		}
		for _, b := range t.Branches {
			acting[b.Approval] = true
		}
	}
	for _, t := range j.Plan.Temporary {
		acting[t.Role] = true
	}
	for _, s := range j.Plan.Recovery.Steps {
		acting[s.Role] = true
	}
	for _, d := range j.Plan.Dependencies {
		acting[d.Role] = true
		for _, s := range d.Steps {
			acting[s.Approval] = true
		}
	}
	for _, o := range j.Plan.Obligations {
		acting[o.Role] = true
	}
	for _, c := range j.Plan.Contacts {
		acting[c.Role] = true
	}
	for _, r := range j.Plan.Risks {
		acting[r.Owner] = true
	}
	delete(acting, "")
	return acting
}

func (j *judge) orphanAttachment() {
	used := map[string]bool{}
	for _, m := range j.Plan.Materials {
		used[m.File] = true
	}
	for i, a := range j.Plan.Attachments {
		if !used[a.ID] && !used[a.Name] {
			j.add(at("attachments", i), "no material names the attachment %q: choose it as the file of one, or remove it", a.ID)
		}
	}
}
