package view

import (
	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/status"
)

// PublicStatus is the public status page as those inside see it.
type PublicStatus struct {
	status.Page
	// Doubts is by component: why Holdfast does not know that it is well. None of it is
	// published.
	Doubts map[string]status.Doubt `json:"doubts"`
	// Untold are incidents on which there is no bulletin yet.
	Untold []Untold `json:"untold"`
	// SecondPerson says that the plan wants one to publish.
	SecondPerson bool `json:"second_person"`
	// Files is how writing the page went last.
	Files status.Report `json:"files"`
}

// Untold is an incident that may touch the public.
type Untold struct {
	ID    string         `json:"id"`
	Title string         `json:"title"`
	Level holdfast.Level `json:"level"`
}

// Bulletin is a bulletin with what those inside know of it.
type Bulletin struct {
	status.Bulletin
	// Title is the newest one, published or not.
	Title holdfast.Text `json:"title"`
	Stage status.Stage  `json:"stage"`
	Over  bool          `json:"over,omitempty"`
	// IncidentTitle is inside only, as the incident is.
	IncidentTitle string `json:"incident_title,omitempty"`
	SecondPerson  bool   `json:"second_person,omitempty"`
}

// PublicStatus assembles the page.
func (s *Source) PublicStatus() (v PublicStatus) {
	s.State.View(func() {
		n, now := s.Status, s.Now()
		v = PublicStatus{Page: n.Page(s.Operator, s.Public, now), Doubts: map[string]status.Doubt{}, Untold: []Untold{}, Files: s.Written()}
		for _, c := range n.Components(now) {
			if doubt := n.Doubt(c); doubt != "" {
				v.Doubts[c.ID] = doubt
			}
		}
		for _, in := range n.Incidents.Open() {
			if in.Drill || n.Begun(in) {
				continue
			}
			level := in.Level
			if in.State == incident.Suspected {
				level = in.Suggested
			}
			v.Untold = append(v.Untold, Untold{in.ID, in.Title, level})
		}
		v.SecondPerson = n.SecondPerson(now)
	})
	return v
}

// Bulletins lists bulletins, newest first.
func (s *Source) Bulletins(offset, size int) (v Page[Bulletin]) {
	s.State.View(func() { v = paginate(s.Status.Book.All(), offset, size, s.bulletin) })
	return v
}

// Bulletin assembles one.
func (s *Source) Bulletin(id string) (v Bulletin, err error) {
	s.State.View(func() {
		b := s.Status.Book.Bulletin(id)
		if b == nil {
			err = holdfast.Errorf(holdfast.NotFound, "there is no bulletin %q", id)
			return
		}
		v = s.bulletin(b)
	})
	return v, err
}

func (s *Source) bulletin(b *status.Bulletin) Bulletin {
	v := Bulletin{Bulletin: *b, Over: b.Over(), SecondPerson: s.Status.SecondPerson(s.Now())}
	if b.Entries == nil {
		v.Entries = []status.Entry{}
	}
	if last, some := b.Last(); some {
		v.Title, v.Stage = last.Title, last.Stage
	} else if b.Draft != nil {
		v.Title = b.Draft.Title
	}
	if in := s.Incidents.Incident(b.Incident); in != nil {
		v.IncidentTitle = in.Title
	}
	return v
}

// BulletinText is the next text of a bulletin, or the first on an incident, as it
// would be written by itself.
func (s *Source) BulletinText(bulletin, incident string, stage status.Stage) (c status.Content, err error) {
	s.State.View(func() {
		switch {
		case incident != "":
			c, err = s.Status.Fill(incident, stage, s.Now())
		case s.Status.Book.Bulletin(bulletin) == nil:
			err = holdfast.Errorf(holdfast.NotFound, "there is no bulletin %q", bulletin)
		default:
			c, err = s.Status.Next(s.Status.Book.Bulletin(bulletin), stage, s.Now())
		}
	})
	return c, err
}
