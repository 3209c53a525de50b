package view

import (
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/procedure"
)

// Tie is another incident that has to do with one.
type Tie struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	// Titles are the title in each language, if Holdfast says it.
	Titles holdfast.Text `json:"titles,omitzero"`
	State  string        `json:"state"`
	// Reason is why it was linked or merged.
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at,omitzero"`
	// Tasks are those that were open in an incident when it was merged into this one.
	Tasks []Named `json:"tasks,omitempty"`
}

// FalseAlarm is the wish to end an active incident as one.
type FalseAlarm struct {
	Reason string    `json:"reason"`
	By     *Actor    `json:"by"`
	At     time.Time `json:"at"`
}

// ties adds what an incident was merged with or linked to, and how it may end.
func (s *Source) ties(in *incident.Incident, v *Incident) {
	if f := in.FalseAlarm; f != nil && in.State == incident.Active {
		v.FalseAlarm = &FalseAlarm{f.Reason, actor(f.By), f.At}
	}
	if in.State == incident.Merged {
		t := s.tie(in.Into, in.EndReason)
		v.Into = &t
	}
	for _, p := range in.Parts {
		t := s.tie(p.From, p.Reason)
		if part := s.Incidents.Incident(p.From); part != nil {
			for _, id := range p.Tasks {
				_, task, _ := part.Procedure.Task(id)
				t.Tasks = append(t.Tasks, Named{ID: id, Name: task.Title})
			}
		}
		v.Parts = append(v.Parts, t)
	}
	for _, l := range in.Links {
		t := s.tie(l.Other, l.Reason)
		t.At = l.At
		v.Links = append(v.Links, t)
	}
	if in.State == incident.Closed || in.State == incident.Dismissed {
		for _, st := range in.Procedure.Stages {
			if st.Kind != procedure.Detect && st.Kind != procedure.Confirm {
				v.ReopenFrom = append(v.ReopenFrom, Named{ID: string(st.Kind), Name: st.Title})
			}
		}
	}
}

func (s *Source) tie(id, reason string) Tie {
	t := Tie{ID: id, Reason: reason}
	if in := s.Incidents.Incident(id); in != nil {
		t.Title, t.Titles, t.State = in.Title, in.Titles, string(in.State)
	}
	return t
}
