package response

import (
	"cmp"
	"slices"
	"strings"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/enrolment"
	"holdfast/internal/incident"
)

// Timeline keeps, for each incident, the facts that belong to it: its own and
// those of its alerts, directives, notices, breaks of the glass, obligations and debrief,
// what people decided on payments that gates approved by its directives, and what they said
// of payments that it left unknown. Of a storm of alerts, and of many such decisions, it
// keeps the begin and the end: what is between would bury what people did, and fill the
// memory; the books of alerts, of reconciliation and of resolutions have them all. Each of
// the three has room of its own, and a resolution is told whole or not at all.
type Timeline struct {
	stories map[string]*story // by incident
	owner   map[holdfast.Subject]string
	// resolved has each resolution: a payment can be left unknown by several incidents.
	resolved map[holdfast.Subject]*resolution
	// early holds the facts of alerts that belong to no incident yet: how one came
	// in is where its incident's story begins.
	early map[holdfast.Subject][]holdfast.Fact
}

// StormKept is how many facts about alerts are kept of an incident from its begin, and
// as many from its end; and so of decisions on payments, and of resolutions.
const StormKept = 100

// story is the facts of one incident: those about alerts, those about payments, and those
// about what people said of payments of unknown outcome, by themselves.
type story struct {
	facts            []holdfast.Fact
	alerts, payments storm
	resolutions      []*resolution
	newest           holdfast.Position
}

// resolution is the facts of one resolution, three at most, and the incidents it is of.
type resolution struct {
	incidents []string
	facts     []holdfast.Fact
}

// storm is the begin and the end of many facts alike.
type storm struct {
	first, last []holdfast.Fact
	left        int // how many were between
}

func (s *storm) add(f holdfast.Fact) {
	if len(s.first) < StormKept {
		s.first = append(s.first, f)
		return
	}
	if s.last = append(s.last, f); len(s.last) == 2*StormKept {
		s.left += StormKept
		s.last = slices.Clone(s.last[StormKept:])
	}
}

// of returns what is kept, and how many are not.
func (s *storm) of() (facts []holdfast.Fact, left int) {
	over := max(0, len(s.last)-StormKept)
	return slices.Concat(s.first, s.last[over:]), s.left + over
}

// NewTimeline returns an empty timeline.
func NewTimeline() *Timeline {
	return &Timeline{stories: map[string]*story{}, owner: map[holdfast.Subject]string{}, resolved: map[holdfast.Subject]*resolution{}, early: map[holdfast.Subject][]holdfast.Fact{}}
}

// Apply folds a fact. What belongs to an incident names it in the body of a
// first fact; later facts on the same subject belong to it too. The subjects of its
// obligations and of its debrief have its id.
func (t *Timeline) Apply(f holdfast.Fact) error {
	noun, id := f.Subject.Split()
	switch noun {
	case "incident", "obligation", "debrief":
		t.add(id, f)
		return t.merge(id, f)
	case "reconciliation": // named after the directive by which gates stood in
		if owner := t.owner[holdfast.NewSubject("directive", id)]; owner != "" {
			t.add(owner, f)
		}
		return nil
	case "resolution":
		return t.resolution(f)
	case "alert", "directive", "notice", "glass":
	default:
		return nil
	}
	owner := t.owner[f.Subject]
	if owner == "" || f.Kind == alert.KindAttached { // an alert can go on with another incident
		var body struct {
			Incident string `json:"incident"`
		}
		if err := f.Decode(&body); err != nil {
			return err
		}
		if owner = body.Incident; owner == "" {
			if noun == "alert" {
				t.early[f.Subject] = append(t.early[f.Subject], f)
			}
			return nil
		}
		t.owner[f.Subject] = owner
		for _, early := range t.early[f.Subject] {
			t.add(owner, early)
		}
		delete(t.early, f.Subject)
	}
	t.add(owner, f)
	if f.Kind == alert.KindMoved {
		var m alert.Moved
		if err := f.Decode(&m); err != nil {
			return err
		}
		t.owner[f.Subject] = m.To // what happens to it from now on belongs there
	}
	return nil
}

// resolution adds a fact of what people said of a payment of unknown outcome to the
// incidents that the first of them names.
func (t *Timeline) resolution(f holdfast.Fact) error {
	if f.Kind == enrolment.ResolutionAskedKind {
		var body struct {
			Incidents []string `json:"incidents"`
		}
		if err := f.Decode(&body); err != nil {
			return err
		}
		r := &resolution{incidents: body.Incidents}
		t.resolved[f.Subject] = r
		for _, id := range r.incidents {
			s := t.story(id)
			s.resolutions = append(s.resolutions, r)
		}
	}
	r := t.resolved[f.Subject]
	if r == nil || len(r.incidents) == 0 {
		return nil
	}
	r.facts = append(r.facts, f)
	for _, id := range r.incidents {
		t.story(id).newest = f.Position
	}
	return nil
}

// merge lets what happens to alerts from now on belong to where their incident has
// taken them.
func (t *Timeline) merge(id string, f holdfast.Fact) error {
	if f.Kind != alert.KindAbsorbed && f.Kind != alert.KindReleased {
		return nil
	}
	var m alert.Merged
	if err := f.Decode(&m); err != nil {
		return err
	}
	from, to := m.From, id
	if f.Kind == alert.KindReleased {
		from, to = id, m.From
	}
	for _, name := range m.Alerts {
		if subject := holdfast.NewSubject("alert", name); t.owner[subject] == from {
			t.owner[subject] = to
		}
	}
	return nil
}

// story returns that of an incident.
func (t *Timeline) story(id string) *story {
	s := t.stories[id]
	if s == nil {
		s = &story{}
		t.stories[id] = s
	}
	return s
}

func (t *Timeline) add(id string, f holdfast.Fact) {
	s := t.story(id)
	s.newest = max(s.newest, f.Position)
	switch {
	case strings.HasPrefix(string(f.Subject), "reconciliation/"):
		s.payments.add(f)
	case ofStorm(f):
		s.alerts.add(f)
	default:
		s.facts = append(s.facts, f)
	}
}

// ofStorm reports whether a fact is one of those that come with every alert.
func ofStorm(f holdfast.Fact) bool {
	return strings.HasPrefix(string(f.Subject), "alert/") && f.Kind != alert.KindMoved || f.Kind == incident.KindJoined
}

// Last returns the position of an incident's newest fact; 0 if there are none. Call it
// under the state's lock.
func (t *Timeline) Last(incident string) holdfast.Position {
	if s := t.stories[incident]; s != nil {
		return s.newest
	}
	return 0
}

// Of returns the facts of an incident, oldest first, and how many about its alerts, and
// about its payments, are left out. Call it under the state's lock.
func (t *Timeline) Of(incident string) (facts []holdfast.Fact, left int) {
	s := t.stories[incident]
	if s == nil {
		return nil, 0
	}
	alerts, leftAlerts := s.alerts.of()
	payments, leftPayments := s.payments.of()
	facts = slices.Concat(s.facts, alerts, payments)
	left = leftAlerts + leftPayments
	for i, r := range s.resolutions {
		if i >= StormKept && i < len(s.resolutions)-StormKept {
			left += len(r.facts)
			continue
		}
		facts = append(facts, r.facts...)
	}
	slices.SortFunc(facts, func(x, y holdfast.Fact) int { return cmp.Compare(x.Position, y.Position) })
	return facts, left
}
