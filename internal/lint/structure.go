package lint

import (
	"slices"
	"strings"

	"holdfast"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// TeamDepartments are the departments whose people the team must have (R1.1), by
// the ids that every plan gives them.
var TeamDepartments = [...]string{"technology", "operations", "risk-control"}

func (j *judge) teamDepartments() {
	for _, d := range TeamDepartments {
		if !slices.ContainsFunc(j.Plan.Team, func(id string) bool { r, _ := j.Plan.Role(id); return r.Department == d }) {
			j.add("team", "no role of the team belongs to the department whose id is %s: add one", d)
		}
	}
}

func (j *judge) registerEmpty() {
	if len(j.Plan.Risks) == 0 {
		j.add("risks", "the risk register is empty: the plan's priorities rest on it; assess the risks")
	}
}

func (j *judge) highRiskUnanswered() {
	for i, r := range j.Plan.Risks {
		if r.Score() >= plan.HighRisk && len(r.Levels) == 0 && !r.Leak {
			j.add(at("risks", i), "risk %q is high (%d × %d) and no procedure answers it: name its levels, or leak", r.ID, r.Likelihood, r.Impact)
		}
	}
}

func (j *judge) mediumRiskUntreated() {
	for i, r := range j.Plan.Risks {
		if s := r.Score(); s >= plan.MediumRisk && s < plan.HighRisk && len(r.Levels) == 0 && !r.Leak && r.Treatment.IsZero() {
			j.add(at("risks", i), "risk %q is medium, and nothing is done about it: write a treatment, or name the levels whose procedures answer it", r.ID)
		}
	}
}

func (j *judge) materialsEmpty() {
	if len(j.Plan.Materials) == 0 {
		j.add("materials", "the plan rests on no material: name the regulations, policies and manuals it follows")
	}
}

func (j *judge) leakMissing() {
	if j.Plan.Leak == nil || len(j.Plan.Leak.Stages) == 0 {
		j.add("leak", "the plan has no procedure for a data leak: how it is stopped, the hole closed and the users told")
	}
}

func (j *judge) temporaryMissing() {
	if len(j.Plan.Temporary) == 0 {
		j.add("temporary", "the plan has no temporary solution: say how payments go on while the system is down")
	}
}

func (j *judge) recoveryMissing() {
	if len(j.Plan.Recovery.Steps) == 0 {
		j.add("recovery", "the recovery plan has no steps: say in which order business comes back, and what that takes")
	}
}

func (j *judge) drillMissing() {
	for l := holdfast.Level1; l <= holdfast.Level3; l++ {
		if !slices.ContainsFunc(j.Plan.Drills, func(d plan.DrillPlan) bool { return d.Level == l && !d.Leak }) {
			j.add("drills", "no drill rehearses level %s: plan one", l)
		}
	}
	if j.Plan.Leak != nil && !slices.ContainsFunc(j.Plan.Drills, func(d plan.DrillPlan) bool { return d.Leak }) {
		j.add("drills", "no drill rehearses a data leak: plan one")
	}
}

// stages calls f with each stage of a kind and its path.
func (j *judge) stages(kind procedure.StageKind, f func(flow, *procedure.Stage, string)) {
	for _, fl := range j.flows {
		for i := range fl.Stages {
			if fl.Stages[i].Kind == kind {
				f(fl, &fl.Stages[i], at(fl.path+".stages", i))
			}
		}
	}
}

func (j *judge) debriefUnsigned() {
	j.stages(procedure.Review, func(f flow, _ *procedure.Stage, _ string) {
		if len(f.Signers()) == 0 {
			j.add(f.path+".debrief", "nobody signs the debrief of procedure %s: name the roles that do", f.name())
		}
	})
}

func hasTask(s *procedure.Stage, which func(procedure.Task) bool) bool {
	return slices.ContainsFunc(s.Tasks, which)
}

func (j *judge) noNotice() {
	j.stages(procedure.Notify, func(f flow, s *procedure.Stage, path string) {
		if !hasTask(s, func(t procedure.Task) bool { return t.Notice != nil }) {
			j.add(path, "the stage notify of procedure %s sends no notice: give it a task with a notice", f.name())
		}
	})
}

func (j *judge) noStop() {
	j.stages(procedure.Stop, func(f flow, s *procedure.Stage, path string) {
		if !hasTask(s, func(t procedure.Task) bool {
			return t.Directive != nil && t.Directive.Kind == procedure.DirectiveStop
		}) {
			j.add(path, "the stage stop of procedure %s stops nothing: give it a task with the directive stop", f.name())
		}
	})
}

func (j *judge) noProbe() {
	j.stages(procedure.Recover, func(f flow, s *procedure.Stage, path string) {
		if !hasTask(s, func(t procedure.Task) bool { return len(t.Probes) > 0 }) {
			j.add(path, "the recovery of procedure %s tests nothing before payments return: give it a task with probes", f.name())
		}
	})
}

func (j *judge) noRamp() {
	for _, f := range j.flows {
		stop, ramp := "", false
		for _, t := range j.tasks {
			if t.flow.path != f.path {
				continue
			}
			if t.Directive != nil && stop == "" {
				stop = t.path
			}
			ramp = ramp || t.Ramp != nil
		}
		if stop != "" && !ramp {
			j.add(stop, "procedure %s restricts payments here and has no ramp that lets them in again: add one to its recovery", f.name())
		}
	}
}

func (j *judge) memberNotCalled() {
	j.stages(procedure.Convene, func(f flow, s *procedure.Stage, path string) {
		called := map[string]bool{}
		for _, t := range s.Tasks {
			if t.Notice != nil {
				for _, r := range t.Notice.To {
					called[r] = true
				}
			}
		}
		for i, r := range j.Plan.Team {
			if f.Level == holdfast.Level1 && !called[r] {
				j.add(at("team", i), "role %q is in the team, and no notice of the stage convene calls it: add it to one", r)
			}
		}
	})
}

func (j *judge) stageEmpty() {
	for _, f := range j.flows {
		for i, s := range f.Stages {
			if len(s.Tasks) == 0 {
				j.add(at(f.path+".stages", i), "the stage %s has no task: nobody will know what to do in it", s.Kind)
			}
		}
	}
}

func (j *judge) levelNotMeasured() {
	for i, l := range j.Plan.Levels {
		if l.Enter == "" && l.Level != holdfast.Level3 {
			j.add(at("levels", i), "level %s can be judged by words only: write its criteria as an expression over measures, too", l.Level)
		}
	}
}

func (j *judge) closeOutMissing() {
	if len(j.Plan.Recovery.Steps) > 0 && len(j.Plan.Recovery.CloseOut) == 0 {
		j.add("recovery", "the recovery plan does not say what must be so before an incident may be closed: list the conditions for the close-out")
	}
}

// unreachable returns for each condition the position of the earlier one that
// takes all it could take, or -1.
func unreachable(conditions []string) []int {
	list := make([]int, len(conditions))
	for i, c := range conditions {
		list[i] = slices.IndexFunc(conditions[:i], func(before string) bool {
			before = strings.Join(strings.Fields(before), " ")
			return before == "true" || before == strings.Join(strings.Fields(c), " ")
		})
	}
	return list
}

func (j *judge) alertUnreachable() {
	var conditions []string
	for _, a := range j.Plan.Alerts {
		conditions = append(conditions, a.Match)
	}
	for i, before := range unreachable(conditions) {
		if before >= 0 {
			j.add(at("alerts", i)+".match", "alert rule %q is never reached: %q, before it, takes every alert that it could", j.Plan.Alerts[i].ID, j.Plan.Alerts[before].ID)
		}
	}
}

func (j *judge) branchUnreachable() {
	for _, t := range j.tasks {
		var conditions []string
		for _, b := range t.Branches {
			conditions = append(conditions, b.When)
		}
		for i, before := range unreachable(conditions) {
			if before >= 0 {
				j.add(at(t.path+".branches", i)+".when", "this branch of task %q is never reached: branch %d holds whenever it would", t.ID, before+1)
			}
		}
	}
}

func (j *judge) dependencyStartsLate() {
	for i, d := range j.Plan.Dependencies {
		if len(d.Steps) > 0 && d.Steps[0].After > 0 {
			j.add(at("dependencies", i)+".steps[0]", "the sub-plan of %q says nothing for the first %s: begin with a step at once", d.ID, d.Steps[0].After)
		}
	}
}

func (j *judge) obligationsMissing() {
	if len(j.Plan.Obligations) == 0 {
		j.add("obligations", "no report to a regulator is named: list what is owed, to whom and within what time")
	}
}

// fileLost: the text came from another installation without its files.
func (j *judge) fileLost() {
	for i, a := range j.Plan.Attachments {
		if slices.ContainsFunc(j.Lost, func(hash string) bool { return strings.EqualFold(hash, a.Hash) }) {
			j.add(at("attachments", i)+".hash", "the file %s of the attachment %q is not kept here: upload the very same file once more", a.Name, a.ID)
		}
	}
}
