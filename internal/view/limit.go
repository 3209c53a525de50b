package view

import (
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/plan"
)

// Limit is where a limit stands.
type Limit struct {
	// State is running, at-risk, breached or met.
	State string    `json:"state"`
	Due   time.Time `json:"due_at"`
	// AtRisk is when its last fifth begins.
	AtRisk time.Time `json:"at_risk_at"`
	// Breached is when it was recorded as breached.
	Breached time.Time `json:"breached_at,omitzero"`
}

func (s *Source) limit(l incident.Limit, ok bool) *Limit {
	if !ok {
		return nil
	}
	v := &Limit{State: "running", Due: l.Due, AtRisk: l.AtRisk, Breached: l.Breached}
	end := l.Ended
	if end.IsZero() {
		end = s.Now()
	}
	switch {
	case !l.Breached.IsZero() || end.After(l.Due):
		v.State = "breached"
	case !l.Ended.IsZero():
		v.State = "met"
	case end.After(l.AtRisk):
		v.State = "at-risk"
	}
	return v
}

// Deputised says that nobody took a task in time, and who stands in.
type Deputised struct {
	// Role is the deputy role; nil where the roster's deputies of persons stand in.
	Role *Named `json:"role,omitempty"`
	// People stand in; none means that nobody does.
	People []Told    `json:"people"`
	Due    time.Time `json:"due_at"`
	// Late is by how many seconds it was noticed late.
	Late int64 `json:"late,omitempty"`
}

func (s *Source) deputised(in *incident.Incident, task string, p *plan.Plan) *Deputised {
	d := in.Tasks[task].Deputised
	if d == nil {
		return nil
	}
	v := &Deputised{Due: d.Due, Late: d.Late, People: []Told{}}
	if d.Role != "" {
		named := role(p, d.Role)
		v.Role = &named
	}
	told := map[string]Told{}
	for _, t := range s.told(in, task) {
		told[t.Person] = t
	}
	for _, id := range d.People {
		t, ok := told[id]
		if !ok { // no notice can reach him
			t = Told{Person: id, Name: id, Notices: []Notice{}}
			if person, found := s.Roster.Person(id); found {
				t.Name, t.Account = person.Name, person.Account
			}
		}
		v.People = append(v.People, t)
	}
	return v
}

// late lists what of an incident is past its limit, and what soon will be. A stage
// is left out where a task of it stands for it.
func (s *Source) late(in *incident.Incident) (late, atRisk []Late) {
	limits, inTasks := in.Limits(), map[string]bool{}
	for _, l := range limits {
		if v := s.limit(l, true); l.Of == incident.OfTask && l.Ended.IsZero() {
			i, _, _ := in.Procedure.Task(l.ID)
			inTasks[v.State+string(in.Procedure.Stages[i].Kind)] = true
		}
	}
	for _, l := range limits {
		v := s.limit(l, true)
		if !l.Ended.IsZero() || v.State == "running" || l.Of == incident.OfStage && inTasks[v.State+l.ID] {
			continue
		}
		e := Late{Incident: in.ID, Of: string(l.Of), ID: l.ID, Title: limitTitle(in, l), Due: l.Due}
		if l.Of == incident.OfTask {
			e.Task = l.ID
		}
		if v.State == "breached" {
			late = append(late, e)
		} else {
			atRisk = append(atRisk, e)
		}
	}
	return late, atRisk
}

func limitTitle(in *incident.Incident, l incident.Limit) holdfast.Text {
	if l.Of == incident.OfTask {
		_, t, _ := in.Procedure.Task(l.ID)
		return t.Title
	}
	if l.Of == incident.OfPost {
		return holdfast.Text{} // screens name posts
	}
	for _, s := range in.Procedure.Stages {
		if string(s.Kind) == l.ID {
			return s.Title
		}
	}
	return holdfast.Text{}
}
