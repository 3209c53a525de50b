package view

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/lint"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
	"holdfast/internal/roster"
)

// PeopleQuery says which people a list shows. What is empty chooses nothing.
type PeopleQuery struct {
	// Text is part of the id, a name, the department or a role.
	Text       string
	Department string
	Role       string
	// State is unverified (a contact was never verified, or too long ago), leaving,
	// left, or unreachable (no contact at all).
	State string
}

// FindPeople assembles a page of the roster by id.
func (s *Source) FindPeople(q PeopleQuery, offset, size int) (page Page[Person]) {
	s.State.View(func() {
		p := s.organisation()
		list := s.Roster.People()
		if q.State == "left" {
			list = s.Roster.Left()
		}
		var hits []Person
		for _, one := range list {
			if v := s.person(p, one); q.matches(v) {
				hits = append(hits, v)
			}
		}
		page = paginate(hits, offset, size, func(v Person) Person { return v })
	})
	return page
}

func (q PeopleQuery) matches(p Person) bool {
	ok := p.Matches(q.Text) && (q.Department == "" || q.Department == p.Department) && (q.Role == "" || slices.Contains(p.Roles, q.Role))
	switch q.State {
	case "unverified":
		return ok && slices.ContainsFunc(p.Points, func(c ContactPoint) bool { return c.State != "fresh" })
	case "unreachable":
		return ok && len(p.Points) == 0
	case "leaving":
		return ok && p.Leaving != nil
	}
	return ok
}

// Departments lists those of the plan in force in its order, then what the roster
// has besides, each with its people.
func (s *Source) Departments() (list []Department) {
	list = []Department{}
	s.State.View(func() {
		at := map[string]int{}
		add := func(id string, name holdfast.Text, planned bool) {
			at[id] = len(list)
			list = append(list, Department{Named: Named{ID: id, Name: name}, Planned: planned, People: []StandIn{}})
		}
		if p := s.organisation(); p != nil {
			for _, d := range p.Departments {
				add(d.ID, d.Name, true)
			}
		}
		for _, p := range s.Roster.People() {
			if p.Department == "" {
				continue
			}
			if _, known := at[p.Department]; !known {
				add(p.Department, holdfast.Text{}, false)
			}
			d := &list[at[p.Department]]
			d.People = append(d.People, StandIn{ID: p.ID, Name: p.Name, Names: p.Names})
		}
	})
	return list
}

// Department is part of the operator, with its people.
type Department struct {
	Named
	// Planned is whether the plan in force has it.
	Planned bool      `json:"planned"`
	People  []StandIn `json:"people"`
}

// Change is one fact about a person, a party or a role's duty.
type Change struct {
	Revision holdfast.Revision `json:"revision"`
	At       time.Time         `json:"at"`
	By       *Actor            `json:"by"`
	Kind     string            `json:"kind"`
	// Text is the reason or what else the fact says in words.
	Text string `json:"text,omitempty"`
	// Differences are those from the state before; the first state differs in
	// everything it has.
	Differences []roster.Difference `json:"differences"`
	// Whole is whether the fact states all, so that it can be restored; Now, whether
	// it is what holds.
	Whole bool `json:"whole"`
	Now   bool `json:"now"`
}

// History assembles what happened to a person, a party or a role's duty, newest
// first, and the revision that an edit is based on.
func (s *Source) History(at holdfast.Subject) (list []Change, base holdfast.Revision) {
	list = []Change{}
	s.State.View(func() {
		base = s.Roster.Edited(at)
		facts := s.Roster.History(at)
		for i, f := range facts {
			c := Change{Revision: f.Revision, At: f.Time, By: actor(f.Actor), Kind: f.Kind, Text: saying(f), Differences: []roster.Difference{}}
			switch f.Kind {
			case "person.recorded":
				c.Whole, c.Differences = true, differences[roster.Person](f, facts[i+1:])
			case "party.recorded":
				c.Whole, c.Differences = true, differences[roster.Party](f, facts[i+1:])
			case "duty.scheduled":
				c.Whole, c.Differences = true, differences[roster.Schedule](f, facts[i+1:])
			}
			c.Now = c.Whole && f.Revision == base
			list = append(list, c)
		}
	})
	return list, base
}

// differences compares the state that a fact states with the one stated before it.
func differences[T interface{ Fields() [][2]string }](f holdfast.Fact, before []holdfast.Fact) []roster.Difference {
	var old, now T
	for _, b := range before {
		if b.Kind == f.Kind {
			_ = b.Decode(&old) // the roster has folded it
			break
		}
	}
	_ = f.Decode(&now)
	return roster.Compare(old, now)
}

// saying is what a fact says in words.
func saying(f holdfast.Fact) string {
	var body struct {
		Reason, Note, Channel, Address, Person, For, ID string
		From, Until                                     time.Time
	}
	if json.Unmarshal(f.Body, &body) != nil {
		return ""
	}
	var parts []string
	switch f.Kind {
	case "contact.asked", "contact.verified":
		parts = []string{body.Channel, body.Address, body.Note}
	case "duty.covered":
		parts = []string{body.Person, body.For, span(body.From, body.Until), body.Reason}
	case "person.leaving":
		parts = []string{body.From.UTC().Format(time.DateOnly), body.Reason}
	case "person.left", "party.removed", "duty.ended", "duty.uncovered":
		parts = []string{body.ID, body.Reason}
	}
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), " · ")
}

func span(from, until time.Time) string {
	const layout = "2006-01-02 15:04Z"
	return from.UTC().Format(layout) + " – " + until.UTC().Format(layout)
}

// Departure is everything that rests on a person, and what turns red without him.
type Departure struct {
	roster.Held
	// Short lists the roles of which fewer than two people are left.
	Short []RoleLeft `json:"short"`
	// Vacant are duty turns from the day on that nobody stands in.
	Vacant []roster.HeldSlot `json:"vacant"`
	// Approvals are the steps of the plan's approval that ask his roles, and Drafts
	// those that wait in it.
	Approvals []Named  `json:"approvals"`
	Drafts    []string `json:"drafts"`
	// Tasks are those of running incidents that he has taken, or that a short role
	// is to do.
	Tasks []HeldTask `json:"tasks"`
	// Findings is what the rules find in the plan in force without him, and not now.
	Findings []lint.Finding `json:"findings"`
}

// RoleLeft is a role with how many people hold it without the one who leaves.
type RoleLeft struct {
	Named
	Others int `json:"others"`
}

// HeldTask is a task of a running incident.
type HeldTask struct {
	Incident string        `json:"incident"`
	Task     string        `json:"task"`
	Title    holdfast.Text `json:"title"`
	Taken    bool          `json:"taken"`
}

// Departure assembles what rests on a person, here or left, and what turns red
// without him from an instant on.
func (s *Source) Departure(id string, from time.Time) (v Departure, err error) {
	s.State.View(func() {
		now := s.Now()
		until := now.AddDate(0, 0, DutyDays)
		if from.After(now) {
			until = from.AddDate(0, 0, DutyDays)
		}
		held, ok := s.Roster.Held(id, now, until)
		if !ok {
			err = holdfast.Errorf(holdfast.NotFound, "there is no person %q", id)
			return
		}
		v = Departure{Held: held, Short: []RoleLeft{}, Vacant: []roster.HeldSlot{}, Approvals: []Named{}, Drafts: []string{}, Tasks: []HeldTask{}, Findings: []lint.Finding{}}
		p := s.organisation()
		var roles, short []string
		for _, r := range held.Roles {
			roles = append(roles, r.Role)
			if r.Others < roster.Enough {
				short = append(short, r.Role)
				v.Short = append(v.Short, RoleLeft{role(p, r.Role), r.Others})
			}
		}
		for _, d := range held.Duty {
			if d.Until.After(from) {
				v.Vacant = append(v.Vacant, d)
			}
		}
		s.departurePlan(&v, p, roles, now)
		s.departureTasks(&v, short)
	})
	return v, err
}

// departurePlan adds what the plan in force and its drafts lose.
func (s *Source) departurePlan(v *Departure, p *plan.Plan, roles []string, now time.Time) {
	if p == nil {
		return
	}
	asked := false
	for _, step := range p.Governance.Approval {
		if slices.ContainsFunc(step.Roles, func(r string) bool { return slices.Contains(roles, r) }) {
			v.Approvals, asked = append(v.Approvals, Named{step.ID, step.Title}), true
		}
	}
	for _, d := range s.Triggers.Drafts.Drafts() {
		if asked && d.State.Open() && d.Submitted != nil {
			v.Drafts = append(v.Drafts, d.ID)
		}
	}
	people := lint.PeopleOf(s.Roster)
	before := lint.Check(lint.Input{Plan: p, Now: now, People: people})
	without := *people
	without.Here = slices.DeleteFunc(slices.Clone(people.Here), func(o roster.Person) bool { return o.ID == v.Person })
	if one, here := s.Roster.Person(v.Person); here {
		without.Left = append(slices.Clone(people.Left), one)
	}
	known := map[string]bool{}
	for _, f := range before {
		known[f.Rule+f.Path+f.Error.Message()] = true
	}
	for _, f := range lint.Check(lint.Input{Plan: p, Now: now, People: &without}) {
		if !known[f.Rule+f.Path+f.Error.Message()] && f.Waived == nil {
			v.Findings = append(v.Findings, f)
		}
	}
}

// departureTasks adds what running incidents lose.
func (s *Source) departureTasks(v *Departure, short []string) {
	for _, in := range s.Incidents.Open() {
		if in.State != incident.Active {
			continue
		}
		for i := range in.Stages {
			for _, t := range s.stage(in, i, nil).Tasks {
				taken := t.Owner != nil && v.Account != "" && t.Owner.ID == v.Account
				if t.Status == string(procedure.Open) && (taken || slices.Contains(short, t.Role.ID)) {
					v.Tasks = append(v.Tasks, HeldTask{in.ID, t.ID, t.Title, taken})
				}
			}
		}
	}
}

// Citation is a place of the plan in force that names a party.
type Citation struct {
	// Chapter is its key; Title the dependency's, or what the party is asked for.
	Chapter string        `json:"chapter"`
	Title   holdfast.Text `json:"title"`
}

// cited lists where the plan in force names a party.
func cited(p *plan.Plan, party string) []Citation {
	list := []Citation{}
	if p == nil {
		return list
	}
	for _, d := range p.Dependencies {
		if d.Party == party {
			list = append(list, Citation{p.ChapterAt("dependencies"), d.Title})
		}
	}
	for _, c := range p.Contacts {
		if c.Party == party {
			list = append(list, Citation{p.ChapterAt("contacts"), c.Purpose})
		}
	}
	return list
}

// Clash is what a cover runs into, with names.
type Clash struct {
	roster.Clash
	Name     string `json:"name"`
	RoleName Named  `json:"role_name,omitzero"`
}

// Clashes lists what a cover of a role runs into.
func (s *Source) Clashes(id string, c roster.Cover) (list []Clash) {
	s.State.View(func() { list = s.clashes(s.organisation(), id, c) })
	return list
}

func (s *Source) clashes(p *plan.Plan, id string, c roster.Cover) []Clash {
	list := []Clash{}
	for _, k := range s.Roster.Clashes(id, c) {
		person, _ := s.Roster.Person(k.Person)
		one := Clash{Clash: k, Name: person.Name}
		if k.Role != "" {
			one.RoleName = role(p, k.Role)
		}
		list = append(list, one)
	}
	return list
}

// DutyCover is a cover with names and with what it runs into.
type DutyCover struct {
	roster.Cover
	Name    string  `json:"name"`
	ForName string  `json:"for_name,omitempty"`
	Clashes []Clash `json:"clashes"`
}

// DutyDay is one date in the zone of a schedule.
type DutyDay struct {
	// Date is the day's midnight as the calendar counts it, in UTC.
	Date  time.Time  `json:"date"`
	Day   roster.Day `json:"day"`
	Slots []DutySlot `json:"slots"`
}

// DutyCalendar cuts the slots of a week by the dates of the schedule's zone, from the
// date on which from falls there.
func (s *Source) DutyCalendar(id string, from time.Time, days int) (list []DutyDay, err error) {
	s.State.View(func() {
		i := slices.IndexFunc(s.Roster.Schedules(), func(d roster.Schedule) bool { return d.Role == id })
		if i < 0 {
			err = holdfast.Errorf(holdfast.NotFound, "the role %q has no duty schedule", id)
			return
		}
		schedule := s.Roster.Schedules()[i]
		zone, bad := time.LoadLocation(schedule.Zone)
		if bad != nil {
			zone = time.UTC
		}
		y, m, d := from.In(zone).Date()
		for n := range days {
			begin, end := time.Date(y, m, d+n, 0, 0, 0, 0, zone), time.Date(y, m, d+n+1, 0, 0, 0, 0, zone)
			date := time.Date(y, m, d+n, 0, 0, 0, 0, time.UTC)
			one := DutyDay{Date: date, Slots: s.dutySlots(schedule.Role, begin, end)}
			if schedule.Calendar != "" {
				one.Day = s.Roster.Day(schedule.Calendar, date)
			}
			list = append(list, one)
		}
	})
	return list, err
}

func (s *Source) dutySlots(role string, from, until time.Time) []DutySlot {
	list := []DutySlot{}
	for _, slot := range s.Roster.Slots(role, from, until) {
		slot.From, slot.Until = slot.From.UTC(), slot.Until.UTC()
		person, here := s.Roster.Person(slot.Person)
		other, _ := s.Roster.Person(slot.For)
		if l, leaving := s.Roster.Leaving(slot.Person); leaving && !l.From.After(slot.From) {
			here = false
		}
		list = append(list, DutySlot{Slot: slot, Name: person.Name, Names: person.Names, ForName: other.Name, Vacant: !here})
	}
	return list
}
