package view

import (
	"time"

	"holdfast"
	"holdfast/internal/incident"
)

// Post is a function in an incident and who holds it.
type Post struct {
	// ID is commander, technology, operations, risk, communication or scribe.
	ID string `json:"id"`
	// Holder is nil while nobody holds it.
	Holder *incident.Holder `json:"holder,omitempty"`
	Since  time.Time        `json:"since,omitzero"`
	// Limit is by when the commander has to hand over, if the plan says so.
	Limit *Limit `json:"limit,omitempty"`
}

// Handover is the passing of a post, open or over.
type Handover struct {
	N    int             `json:"n"`
	Post string          `json:"post"`
	From incident.Holder `json:"from"`
	To   incident.Holder `json:"to"`
	Text string          `json:"text"`
	// Decisions and Tasks are what was open when it was offered.
	Decisions []Decision `json:"decisions"`
	Tasks     []Named    `json:"tasks"`
	Offered   time.Time  `json:"offered_at"`
	Accepted  time.Time  `json:"accepted_at,omitzero"`
	// Ended is when it was declined or taken back.
	Ended   time.Time `json:"ended_at,omitzero"`
	EndedBy *Actor    `json:"ended_by,omitempty"`
	Reason  string    `json:"reason,omitempty"`
}

// Open reports whether it waits for an answer.
func (h Handover) Open() bool { return h.Accepted.IsZero() && h.Ended.IsZero() }

// Decision is a choice between ways to go on, open or made.
type Decision struct {
	ID       string    `json:"id"`
	Question string    `json:"question"`
	Options  []string  `json:"options"`
	Asked    time.Time `json:"asked_at"`
	AskedBy  *Actor    `json:"asked_by"`
	Made     time.Time `json:"made_at,omitzero"`
	MadeBy   *Actor    `json:"made_by,omitempty"`
	// DecidedBy says who decided, if not the one who recorded it.
	DecidedBy  string `json:"decided_by,omitempty"`
	Chosen     string `json:"chosen,omitempty"`
	Why        string `json:"why,omitempty"`
	Reversible bool   `json:"reversible,omitempty"`
}

// team adds who does what in an incident, and what was decided.
func (s *Source) team(in *incident.Incident, v *Incident) {
	if in.Confirmed.IsZero() {
		return
	}
	for _, p := range incident.Posts {
		post := Post{ID: string(p)}
		if h, ok := in.Held[p]; ok {
			holder := h.Holder
			post.Holder, post.Since = &holder, h.Since
			if p == incident.Commander {
				post.Limit = s.limit(in.ShiftLimit())
			}
		}
		v.Posts = append(v.Posts, post)
	}
	for _, d := range in.Decisions {
		v.Decisions = append(v.Decisions, decision(d))
	}
	for _, h := range in.Handovers {
		v.Handovers = append(v.Handovers, handover(in, h))
	}
}

func decision(d incident.Decision) Decision {
	return Decision{
		ID: d.ID, Question: d.Question, Options: d.Options, Asked: d.Asked, AskedBy: actor(d.AskedBy),
		Made: d.Made, MadeBy: actor(d.MadeBy), DecidedBy: d.DecidedBy, Chosen: d.Chosen, Why: d.Why, Reversible: d.Reversible,
	}
}

func handover(in *incident.Incident, h incident.Handover) Handover {
	v := Handover{
		N: h.N, Post: string(h.Post), From: h.From, To: h.To, Text: h.Text, Decisions: []Decision{}, Tasks: []Named{},
		Offered: h.Offered, Accepted: h.Accepted, Ended: h.Ended, EndedBy: actor(h.EndedBy), Reason: h.Reason,
	}
	for _, d := range in.Decisions {
		for _, id := range h.Decisions {
			if d.ID == id {
				v.Decisions = append(v.Decisions, decision(d))
			}
		}
	}
	for _, id := range h.Tasks {
		_, t, _ := in.Procedure.Task(id)
		v.Tasks = append(v.Tasks, Named{ID: id, Name: t.Title})
	}
	return v
}

// corrections marks the entries of a timeline that correct others, and those that
// were corrected.
func corrections(events []Event) {
	at := map[holdfast.Position]int{}
	for i, e := range events {
		at[e.Position] = i
		if e.Kind != "incident.corrected" {
			continue
		}
		body, err := incident.Decode(holdfast.Fact{Kind: e.Kind, Body: e.Body})
		if c, ok := body.(incident.Corrected); err == nil && ok {
			events[i].Corrects = c.Position
			if before, known := at[c.Position]; known {
				events[before].CorrectedBy = append(events[before].CorrectedBy, e.Position)
			}
		}
	}
}
