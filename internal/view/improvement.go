package view

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/improvement"
	"holdfast/internal/trigger"
)

// TrackedImprovement is what was decided to change after an incident.
type TrackedImprovement struct {
	improvement.Improvement
	State improvement.State `json:"state"`
	// Ends is when its due day is over, by the operator's clocks.
	Ends time.Time `json:"due_end"`
	// OwnerName is the name of the role or the person; empty if there is none any
	// more.
	OwnerName     holdfast.Text `json:"owner_name,omitzero"`
	IncidentTitle string        `json:"incident_title"`
	RiskTitle     holdfast.Text `json:"risk_title,omitzero"`
	// TriggerState is that of the trigger it opened; once a draft disposed of that,
	// Revision is the plan's that the draft became, if it has.
	TriggerState trigger.State `json:"trigger_state,omitempty"`
	Revision     int           `json:"plan_revision,omitempty"`
}

// Unsettled picks improvements on which something is left to do: open ones and overdue
// ones.
const Unsettled = "unsettled"

// ImprovementQuery picks improvements; what is empty picks all.
type ImprovementQuery struct {
	// State is one of them, or [Unsettled].
	State    string
	Incident string
	// Owner is the id of a role or a person.
	Owner string
	// Text is in the improvement, its id, its incident or that one's title.
	Text string
}

func (q ImprovementQuery) picks(v TrackedImprovement) bool {
	text := strings.ToLower(strings.TrimSpace(q.Text))
	switch {
	case q.State == Unsettled && v.State.Settled(), q.State != "" && q.State != Unsettled && q.State != string(v.State):
	case q.Incident != "" && q.Incident != v.Incident, q.Owner != "" && q.Owner != v.Role && q.Owner != v.Person:
	case !strings.Contains(strings.ToLower(v.ID+" "+v.Text+" "+v.Incident+" "+v.IncidentTitle), text):
	default:
		return true
	}
	return false
}

func (s *Source) improvement(im *improvement.Improvement, now time.Time) TrackedImprovement {
	v := TrackedImprovement{Improvement: *im, State: s.Improvements.State(im, now), Ends: im.Ends(s.Improvements.Zone).UTC()}
	if v.History == nil {
		v.History = []improvement.Change{}
	}
	if in := s.Incidents.Incident(im.Incident); in != nil {
		v.IncidentTitle = in.Title
	}
	r, inForce := s.Plans.Current("", now)
	if person, found := s.Roster.Person(im.Person); found {
		v.OwnerName = holdfast.Text{ZhHant: person.NameIn(holdfast.ZhHant), ZhHans: person.NameIn(holdfast.ZhHans), En: person.NameIn(holdfast.En)}
	} else if inForce && im.Role != "" {
		v.OwnerName = role(r.Plan(), im.Role).Name
	}
	if inForce && im.Risk != "" {
		if risk, found := r.Plan().Risk(im.Risk); found {
			v.RiskTitle = risk.Title
		}
	}
	if t, found := s.Triggers.Triggers.Trigger(im.Trigger); found {
		v.TriggerState = s.Triggers.State(t, now)
		if t.Disposed != nil && v.TriggerState != trigger.Open {
			if d, found := s.Triggers.Drafts.Draft(t.Disposed.Draft); found {
				v.Revision = d.Revision
			}
		}
	}
	return v
}

// AllImprovements assembles a page of improvements: those that are not over by due
// day, then the others, that which ended last first.
func (s *Source) AllImprovements(q ImprovementQuery, offset, size int) (p Page[TrackedImprovement]) {
	s.State.View(func() {
		p = paginate(s.pickImprovements(q.picks), offset, size, func(v TrackedImprovement) TrackedImprovement { return v })
	})
	return p
}

func (s *Source) pickImprovements(picks func(TrackedImprovement) bool) []TrackedImprovement {
	now := s.Now()
	list := []TrackedImprovement{}
	for _, im := range s.Improvements.Book.All() {
		if v := s.improvement(im, now); picks(v) {
			list = append(list, v)
		}
	}
	slices.SortStableFunc(list, func(a, b TrackedImprovement) int {
		switch {
		case a.End == nil && b.End == nil:
			return cmp.Compare(a.Due, b.Due)
		case a.End == nil:
			return -1
		case b.End == nil:
			return 1
		}
		return b.End.At.Compare(a.End.At)
	})
	return list
}

// OneImprovement assembles one improvement.
func (s *Source) OneImprovement(id string) (v TrackedImprovement, err error) {
	s.State.View(func() {
		im, found := s.Improvements.Book.Improvement(id)
		if !found {
			err = holdfast.Errorf(holdfast.NotFound, "there is no improvement %q", id)
			return
		}
		v = s.improvement(im, s.Now())
	})
	return v, err
}

// OwnImprovements lists what an account's person has to do, by due day, and ToDrop
// those that wait for somebody else's consent to be dropped.
func (s *Source) OwnImprovements(by holdfast.Actor) (own, toDrop []TrackedImprovement) {
	s.State.View(func() {
		own = s.pickImprovements(func(v TrackedImprovement) bool { return v.End == nil && s.Improvements.Owns(by, &v.Improvement) })
		toDrop = s.pickImprovements(func(v TrackedImprovement) bool { return v.Drop != nil && !v.Drop.By.SameParty(by) })
	})
	return own, toDrop
}

// MayChange reports whether an account may say what becomes of an improvement.
func (s *Source) MayChange(by holdfast.Actor, v TrackedImprovement) (may bool) {
	s.State.View(func() { may = s.Improvements.Owns(by, &v.Improvement) || s.Improvements.Runs(by) })
	return may
}
