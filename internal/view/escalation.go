package view

import (
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/callout"
	"holdfast/internal/incident"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
	"holdfast/internal/roster"
)

// Escalation is how far telling people for a task has gone, step by step.
type Escalation struct {
	// Acknowledged of all those told have acknowledged, Need must. Enough is also true
	// if as many did as one step asks for.
	Acknowledged int              `json:"acknowledged"`
	Need         int              `json:"need"`
	Enough       bool             `json:"enough"`
	Steps        []EscalationStep `json:"steps"`
	// Next is what comes next if nobody acknowledges, and NextAt when; empty if nothing
	// does. It is escalate, re-page, call-by-hand or lapse.
	Next   string    `json:"next,omitempty"`
	NextAt time.Time `json:"next_at,omitzero"`
	// ByHand is when the last step's time was over.
	ByHand time.Time `json:"by_hand,omitzero"`
}

// EscalationStep is one step; the first is the notice itself.
type EscalationStep struct {
	Roles []Named `json:"roles"`
	// State is past, now or waiting.
	State        string             `json:"state"`
	Need         int                `json:"need"`
	Within       procedure.Duration `json:"within,omitzero"`
	Again        procedure.Duration `json:"again,omitzero"`
	Told         int                `json:"told"`
	Acknowledged int                `json:"acknowledged"`
	Rounds       []Round            `json:"rounds"`
}

// Round is one telling of a step's people.
type Round struct {
	At  time.Time `json:"at"`
	Due time.Time `json:"due"`
	// Late is by how many seconds it came later than due.
	Late int64 `json:"late,omitempty"`
	// Why is unacknowledged, lapsed, unreachable or clock; empty for the first.
	Why    string   `json:"why,omitempty"`
	People []string `json:"people"`
}

func (s *Source) escalation(in *incident.Incident, stage procedure.StageKind, t procedure.Task, p *plan.Plan) *Escalation {
	state := in.Tasks[t.ID]
	if !t.Notice.Escalates() || state.Opened.IsZero() {
		return nil
	}
	st := callout.Stand(s.Notices, s.Roster, in, stage, t, s.Now())
	v := &Escalation{Acknowledged: st.Acknowledged, Need: st.Need, Enough: st.Enough, Next: string(st.Next.Kind), NextAt: st.Next.At, ByHand: st.ByHand}
	for i, step := range st.Steps {
		e := EscalationStep{
			Roles: []Named{}, State: "waiting", Need: step.Acknowledge, Within: step.Within, Again: step.Again,
			Told: step.Told, Acknowledged: step.Acknowledged, Rounds: []Round{},
		}
		switch {
		case i < st.Step:
			e.State = "past"
		case i == st.Step:
			e.State = "now"
		}
		for _, id := range step.To {
			e.Roles = append(e.Roles, role(p, id))
		}
		if i == 0 {
			// Until the notices are asked for, nothing can be said of whom they reach.
			if people := s.firstTold(in, t.ID); len(people) > 0 || len(in.Escalation(t.ID).Rounds) > 0 {
				e.Rounds = append(e.Rounds, Round{At: state.Opened, Due: state.Opened, People: people})
			}
		}
		for _, r := range in.Escalation(t.ID).Rounds {
			if r.Step == i {
				e.Rounds = append(e.Rounds, Round{At: r.At, Due: r.Due, Late: r.Late, Why: r.Why, People: namesOf(r.People)})
			}
		}
		v.Steps = append(v.Steps, e)
	}
	return v
}

// firstTold names those whom the first round of a task told.
func (s *Source) firstTold(in *incident.Incident, task string) []string {
	names := []string{}
	for _, p := range s.Notices.ByRound(in.ID, task, in.Round()) {
		for _, d := range p.Deliveries {
			if d.Again == 0 && !slices.Contains(names, p.Name) {
				names = append(names, p.Name)
			}
		}
	}
	return names
}

func namesOf(people []incident.Paged) []string {
	names := []string{}
	for _, p := range people {
		names = append(names, p.Name)
	}
	return names
}

// byHand names those who have to be called for a task.
func (s *Source) byHand(in *incident.Incident, task string) (names []string) {
	for _, l := range callout.CallLists(s.Notices, s.Roster, in, s.Now()) {
		for _, c := range l.People {
			if l.Task.ID == task && !c.Reached && c.ByHand != "" {
				names = append(names, c.Person.Name)
			}
		}
	}
	return names
}

// CallList is whom to call for one task, in order.
type CallList struct {
	Incident string        `json:"incident"`
	Task     string        `json:"task"`
	Title    holdfast.Text `json:"title"`
	// Needed is whether somebody has to be called: notices are not enough.
	Needed bool     `json:"needed"`
	People []Callee `json:"people"`
}

// Callee is one person of a call list.
type Callee struct {
	Person string `json:"person"`
	Name   string `json:"name"`
	Role   Named  `json:"role"`
	// Why is on-duty, deputy or nobody-on-duty; empty for a holder of the role.
	Why      string `json:"why,omitempty"`
	DeputyOf string `json:"deputy_of,omitempty"`
	// Reached is whether he has acknowledged, or was told by phone.
	Reached bool `json:"reached"`
	// ByHand says why he has to be called: no-way, all-failed or time-over.
	ByHand string `json:"by_hand,omitempty"`
	// Numbers are his phones, Other his other addresses.
	Numbers []roster.Contact `json:"numbers"`
	Other   []roster.Contact `json:"other"`
	Calls   []Call           `json:"calls"`
}

// Call is one call that somebody recorded.
type Call struct {
	At       time.Time `json:"at"`
	By       *Actor    `json:"by"`
	Recorded time.Time `json:"recorded_at"`
	Number   string    `json:"number,omitempty"`
	// Result is reached, not-reached or voicemail.
	Result string `json:"result"`
	Note   string `json:"note,omitempty"`
}

// Calls assembles the call lists of an incident.
func (s *Source) Calls(id string) (lists []CallList, err error) {
	lists = []CallList{}
	s.State.View(func() {
		in := s.Incidents.Incident(id)
		if in == nil {
			err = holdfast.Errorf(holdfast.NotFound, "there is no incident %q", id)
			return
		}
		var p *plan.Plan
		if rev, ok := s.Plans.Revision(in.Plan.ID, in.Plan.Revision); ok {
			p = rev.Plan()
		}
		for _, l := range callout.CallLists(s.Notices, s.Roster, in, s.Now()) {
			v := CallList{Incident: id, Task: l.Task.ID, Title: l.Task.Title, Needed: l.Needed(), People: []Callee{}}
			for _, c := range l.People {
				v.People = append(v.People, callee(p, c))
			}
			lists = append(lists, v)
		}
	})
	return lists, err
}

func callee(p *plan.Plan, c callout.Callee) Callee {
	v := Callee{
		Person: c.Person.ID, Name: c.Person.Name, Role: role(p, c.Role), Why: c.Why, DeputyOf: c.DeputyOf,
		Reached: c.Reached, ByHand: string(c.ByHand), Numbers: []roster.Contact{}, Other: []roster.Contact{}, Calls: []Call{},
	}
	for _, contact := range c.Person.Contacts {
		if contact.Channel == roster.Phone {
			v.Numbers = append(v.Numbers, contact)
		} else {
			v.Other = append(v.Other, contact)
		}
	}
	for _, call := range c.Calls {
		v.Calls = append(v.Calls, Call{At: call.At, By: actor(call.By), Recorded: call.Recorded, Number: call.Number, Result: call.Result, Note: call.Note})
	}
	return v
}
