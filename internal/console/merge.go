package console

import (
	"slices"

	"holdfast/internal/incident"
	"holdfast/internal/procedure"
	"holdfast/internal/view"
)

// tieable is how many of the newest incidents a form offers to link with.
const tieable = 30

// ties adds the incidents that this one could be merged into or linked with.
func (c *Console) ties(own *incidentPage) {
	in := own.Incident
	for _, other := range c.View.AllIncidents(false, "", 0, tieable).Items {
		if other.ID == in.ID || in.Into != nil && other.ID == in.Into.ID {
			continue
		}
		open := other.State == string(incident.Suspected) || other.State == string(incident.Active)
		if open && (in.State == string(incident.Suspected) || in.State == string(incident.Active)) {
			own.MergeInto = append(own.MergeInto, other)
		}
		if !slices.ContainsFunc(in.Links, func(t view.Tie) bool { return t.ID == other.ID }) {
			own.LinkWith = append(own.LinkWith, other)
		}
	}
}

func (c *Console) falseAlarm(v *visit) error {
	return v.act(c.Response.AskFalseAlarm(v.r.Context(), v.by(), v.path("id"), v.form("reason")))
}

func (c *Console) answerFalseAlarm(v *visit) error {
	return v.act(c.Response.AnswerFalseAlarm(v.r.Context(), v.by(), v.path("id"), v.form("granted") != "", v.form("reason")))
}

func (c *Console) reopenIncident(v *visit) error {
	return v.act(c.Response.Reopen(v.r.Context(), v.by(), v.path("id"), procedure.StageKind(v.form("from")), v.form("reason")))
}

func (c *Console) mergeIncident(v *visit) error {
	return v.act(c.Response.Merge(v.r.Context(), v.by(), v.path("id"), v.form("into"), v.form("reason")))
}

func (c *Console) unmergeIncident(v *visit) error {
	return v.act(c.Response.Unmerge(v.r.Context(), v.by(), v.path("id"), v.form("reason")))
}

func (c *Console) linkIncident(v *visit) error {
	return v.act(c.Response.Link(v.r.Context(), v.by(), v.path("id"), v.form("other"), v.form("reason")))
}
