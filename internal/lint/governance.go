package lint

import (
	"slices"
	"strings"
	"time"

	"holdfast/internal/plan"
)

const (
	year = 366 * 24 * time.Hour
	// soon is how long before its day a review is announced.
	soon = 30 * 24 * time.Hour
	// oldMaterial is when it is worth asking whether there is a newer version.
	oldMaterial = 3 * year
)

// day returns the beginning of a date in UTC.
func day(d plan.Date) (time.Time, bool) {
	t, err := time.Parse(time.DateOnly, string(d))
	return t, err == nil
}

func (j *judge) ladderMissing() {
	if len(j.Plan.Governance.Approval) == 0 {
		j.add("governance.approval", "the plan does not say who approves it: write the ladder of approval")
	}
}

func (j *judge) oneApprover() {
	decisions := 0
	for _, s := range j.Plan.Governance.Approval {
		if s.Mode == plan.ApproveOne {
			decisions++
		} else {
			decisions += len(s.Roles)
		}
	}
	if len(j.Plan.Governance.Approval) > 0 && decisions < 2 {
		j.add("governance.approval", "one person alone approves the plan: ask for two decisions at least")
	}
}

func (j *judge) authorsApprove() {
	outside := false
	for _, s := range j.Plan.Governance.Approval {
		for _, r := range s.Roles {
			outside = outside || !slices.Contains(j.Plan.Team, r)
		}
	}
	if len(j.Plan.Governance.Approval) > 0 && !outside {
		j.add("governance.approval", "all who approve the plan are in the team that writes it: have a superior from outside the team decide")
	}
}

func (j *judge) reviewMissing() {
	if j.Plan.Governance.ReviewBy == "" {
		j.add("governance.review_by", "the plan does not say by which day it is checked: a check is due at least once a year")
	}
}

func (j *judge) reviewOverdue() {
	if by, ok := day(j.Plan.Governance.ReviewBy); ok && !j.Now.IsZero() && j.Now.After(by.AddDate(0, 0, 1)) {
		j.add("governance.review_by", "the check of the plan was due on %s: check it, and write when the next one is due", string(j.Plan.Governance.ReviewBy))
	}
}

func (j *judge) reviewNear() {
	if by, ok := day(j.Plan.Governance.ReviewBy); ok && !j.Now.IsZero() && !j.Now.After(by.AddDate(0, 0, 1)) && by.Sub(j.Now) < soon {
		j.add("governance.review_by", "the check of the plan is due on %s", string(j.Plan.Governance.ReviewBy))
	}
}

func (j *judge) reviewFar() {
	if by, ok := day(j.Plan.Governance.ReviewBy); ok && !j.Now.IsZero() && by.Sub(j.Now) > year {
		j.add("governance.review_by", "the next check is due on %s, more than a year from now: a check is due at least once a year", string(j.Plan.Governance.ReviewBy))
	}
}

func (j *judge) distributionEmpty() {
	if len(j.Plan.Governance.Distribution) == 0 {
		j.add("governance.distribution", "nobody is told of a new revision: choose the roles of the distribution list")
	}
}

func (j *judge) ownerMissing() {
	if j.Plan.Governance.Owner == "" {
		j.add("governance.owner", "no role keeps the plan up to date: name the role that keeps it")
	}
}

func (j *judge) regulationUndated() {
	for i, m := range j.Plan.Materials {
		if m.Kind != plan.Regulation {
			continue
		}
		var lacks []string
		if m.Version == "" {
			lacks = append(lacks, "version")
		}
		if m.Date == "" {
			lacks = append(lacks, "date")
		}
		if len(lacks) > 0 {
			j.add(at("materials", i), "the regulation %q has no %s: nobody can tell which text is meant", m.ID, strings.Join(lacks, ", "))
		}
	}
}

func (j *judge) materialOld() {
	for i, m := range j.Plan.Materials {
		if d, ok := day(m.Date); ok && !j.Now.IsZero() && j.Now.Sub(d) > oldMaterial {
			j.add(at("materials", i)+".date", "the material %q is of %s: see whether there is a newer version", m.ID, string(m.Date))
		}
	}
}

func (j *judge) riskUndated() {
	for i, r := range j.Plan.Risks {
		if r.Assessed == "" {
			j.add(at("risks", i), "nobody can tell when risk %q was assessed: write the day", r.ID)
		}
	}
}

func (j *judge) riskOld() {
	for i, r := range j.Plan.Risks {
		if d, ok := day(r.Assessed); ok && !j.Now.IsZero() && j.Now.Sub(d) > year {
			j.add(at("risks", i)+".assessed", "risk %q was last assessed on %s, more than a year ago: assess it anew", r.ID, string(r.Assessed))
		}
	}
}

func (j *judge) checkOverdue() {
	if c := j.Governance.Checked; !c.IsZero() && !j.Now.IsZero() && j.Now.Sub(c) > year {
		j.add("governance", "the plan was last checked on %s, more than a year ago: check it", c.Format(time.DateOnly))
	}
}

func (j *judge) drillRare() {
	for i, d := range j.Plan.Drills {
		if d.EveryMonths > 12 {
			j.add(at("drills", i)+".every_months", "the drill %q is held every %d months: hold each at least once a year", d.ID, d.EveryMonths)
		}
	}
}

func (j *judge) drillOverdue() {
	if j.Governance.Drilled == nil || j.Now.IsZero() {
		return
	}
	for i, d := range j.Plan.Drills {
		last, held := j.Governance.Drilled[d.ID]
		switch {
		case !held:
			j.add(at("drills", i), "the drill %q has never been held", d.ID)
		case d.EveryMonths > 0 && j.Now.After(last.AddDate(0, d.EveryMonths, 0)):
			j.add(at("drills", i), "the drill %q was last held on %s and is overdue", d.ID, last.Format(time.DateOnly))
		}
	}
}

func (j *judge) memberNotDrilled() {
	for i, r := range j.Plan.Team {
		if len(j.Plan.Drills) > 0 && !slices.ContainsFunc(j.Plan.Drills, func(d plan.DrillPlan) bool { return slices.Contains(d.Roles, r) }) {
			j.add(at("team", i), "role %q is in the team and takes part in no drill", r)
		}
	}
}

func (j *judge) triggerOpen() {
	for _, title := range j.Governance.Triggers {
		j.add("governance", "an update was triggered and nobody has disposed of it: %s; revise the plan, or write why it stays", title)
	}
}

func (j *judge) obligationWithoutRule() {
	for i, o := range j.Plan.Obligations {
		if o.Material == "" && len(j.Plan.Materials) > 0 { // else materialsEmpty says it all
			j.add(at("obligations", i), "the report %q does not say which regulation demands it: name the material", o.ID)
		}
	}
}
