package view

import (
	"time"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

// Alert is one signal.
type Alert struct {
	ID          string            `json:"id"`
	Title       string            `json:"title"`
	Source      string            `json:"source"`
	Fingerprint string            `json:"fingerprint"`
	StartsAt    time.Time         `json:"starts_at"`
	Received    time.Time         `json:"received_at"`
	Firing      bool              `json:"firing"`
	Ended       time.Time         `json:"ended_at,omitzero"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Link        string            `json:"link,omitempty"`
	Incident    string            `json:"incident,omitempty"`
	Dismissed   string            `json:"dismissed,omitempty"`
	Waiting     bool              `json:"waiting"`
	By          *Actor            `json:"by"`
}

func viewAlert(a *alert.Alert) Alert {
	return Alert{
		ID: a.ID, Title: a.Title(), Source: a.Source, Fingerprint: a.Fingerprint,
		StartsAt: a.StartsAt, Received: a.Received, Firing: a.Firing, Ended: a.Ended,
		Labels: a.Labels, Annotations: a.Annotations, Link: a.Link,
		Incident: a.Incident, Dismissed: a.Dismissed, Waiting: a.Waiting(), By: actor(a.Reporter),
	}
}

// AllAlerts assembles a page of alerts, newest first; waiting leaves only those
// that nobody has dealt with.
func (s *Source) AllAlerts(waiting bool, offset, size int) (p Page[Alert]) {
	s.State.View(func() {
		list := s.Alerts.All()
		if waiting {
			list = s.Alerts.Waiting()
		}
		p = paginate(list, offset, size, viewAlert)
	})
	return p
}

// Alert assembles one alert.
func (s *Source) Alert(id string) (v Alert, err error) {
	s.State.View(func() {
		a := s.Alerts.Alert(id)
		if a == nil {
			err = holdfast.Errorf(holdfast.NotFound, "there is no alert %q", id)
			return
		}
		v = viewAlert(a)
	})
	return v, err
}

// Plan is a published revision.
type Plan struct {
	ID       string        `json:"id"`
	Revision int           `json:"revision"`
	Hash     holdfast.Hash `json:"hash"`
	By       *Actor        `json:"by"`
	At       time.Time     `json:"at"`
	InForce  time.Time     `json:"in_force"`
	Note     string        `json:"note,omitempty"`
	Current  bool          `json:"current"`
	Content  *plan.Plan    `json:"content,omitempty"`
	Text     string        `json:"text,omitempty"`
}

// Plan assembles a revision of the plan that incidents run: 0 asks for the one
// in force.
func (s *Source) Plan(revision int) (v Plan, err error) {
	s.State.View(func() {
		current, ok := s.Plans.Current("", s.Now())
		if !ok {
			err = holdfast.Errorf(holdfast.NotFound, "no plan is published yet; publish one with: holdfast plan publish FILE")
			return
		}
		r := current
		if revision != 0 {
			if r, ok = s.Plans.Revision(current.ID, revision); !ok {
				err = holdfast.Errorf(holdfast.NotFound, "the plan has no revision %d", revision)
				return
			}
		}
		v = viewPlan(r, current)
		v.Content, v.Text = r.Plan(), r.Text
	})
	return v, err
}

// PlanRevisions assembles the list of revisions, newest first, without content.
func (s *Source) PlanRevisions() (list []Plan) {
	list = []Plan{}
	s.State.View(func() {
		current, ok := s.Plans.Current("", s.Now())
		if !ok {
			return
		}
		all := s.Plans.Revisions(current.ID)
		for i := len(all) - 1; i >= 0; i-- {
			list = append(list, viewPlan(all[i], current))
		}
	})
	return list
}

func viewPlan(r, current *plan.Revision) Plan {
	return Plan{
		ID: r.ID, Revision: r.Number, Hash: r.Hash, By: actor(r.By), At: r.At,
		InForce: r.InForce, Note: r.Note, Current: r == current,
	}
}

// Person is someone on the roster, with the names of what they do.
type Person struct {
	roster.Person
	RoleNames []Named `json:"role_names"`
	// Department's name in the plan in force.
	DepartmentName holdfast.Text `json:"department_name,omitzero"`
}

// People assembles the roster.
func (s *Source) People() (list []Person) {
	list = []Person{}
	s.State.View(func() {
		var p *plan.Plan
		if current, ok := s.Plans.Current("", s.Now()); ok {
			p = current.Plan()
		}
		for _, person := range s.Roster.People() {
			v := Person{Person: person, RoleNames: []Named{}}
			for _, id := range person.Roles {
				v.RoleNames = append(v.RoleNames, role(p, id))
			}
			if p != nil {
				for _, d := range p.Departments {
					if d.ID == person.Department {
						v.DepartmentName = d.Name
					}
				}
			}
			list = append(list, v)
		}
	})
	return list
}
