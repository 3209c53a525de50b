package callout

import (
	"cmp"
	"slices"
	"time"

	"holdfast/internal/incident"
	"holdfast/internal/notify"
	"holdfast/internal/procedure"
)

// FindingKind is what was due.
type FindingKind string

const (
	// PageDue: a notice that ought to exist.
	PageDue FindingKind = "page"
	// AttemptDue: an attempt to deliver a notice.
	AttemptDue FindingKind = "attempt"
	// EscalationDue: a step, a round, or the end of an escalation.
	EscalationDue FindingKind = "escalation"
	// LoopDue: the loop that tells people has not been heard of.
	LoopDue FindingKind = "loop"
	// Unmarked: what came to pass does not say rightly how late it was.
	Unmarked FindingKind = "unmarked"
)

// Finding is something that was due and has not come to pass, or came late.
type Finding struct {
	Kind     FindingKind `json:"kind"`
	Incident string      `json:"incident,omitempty"`
	Task     string      `json:"task,omitempty"`
	// Person is whom it concerns, if one; What is the kind of [Due] of an escalation.
	Person string    `json:"person,omitempty"`
	What   string    `json:"what,omitempty"`
	Due    time.Time `json:"due"`
	// Done is zero if it is missing.
	Done time.Time `json:"done,omitzero"`
}

// Missing reports whether it has not come to pass.
func (f Finding) Missing() bool { return f.Done.IsZero() }

func (f Finding) key() string {
	return string(f.Kind) + "/" + f.Incident + "/" + f.Task + "/" + f.Person + "/" + f.What
}

// Tolerance is how much later than its instant something may come to pass without
// being late.
const Tolerance = 30 * time.Second

// Audit compares, for the incidents that are open, what was due by an instant with
// what the facts say came to pass. It lists what is missing, then what came late,
// each in order of its instant.
func (s *Service) Audit(now time.Time, tolerance time.Duration) (findings []Finding) {
	add := func(f Finding) { findings = append(findings, f) }
	for _, n := range s.due() {
		in := s.Incidents.Incident(n.Incident)
		if in == nil {
			continue
		}
		if due := roundAt(in, n.Task, n.Again); !due.IsZero() && now.Sub(due) > tolerance {
			add(Finding{Kind: PageDue, Incident: n.Incident, Task: n.Task, Person: n.Person, Due: due})
		}
	}
	for _, d := range s.Book.Stalled(now.Add(-tolerance)) {
		if in := s.Incidents.Incident(d.Incident); in != nil && !in.Over() {
			add(Finding{Kind: AttemptDue, Incident: d.Incident, Task: d.Task, Person: d.Person, What: d.Channel, Due: d.Due})
		}
	}
	for _, in := range s.Incidents.Open() {
		noticeTasks(in, func(stage procedure.StageKind, t procedure.Task) {
			if next := Stand(s.Book, s.Roster, in, stage, t, now).Next; !next.At.IsZero() && now.Sub(next.At) > tolerance {
				add(Finding{Kind: EscalationDue, Incident: in.ID, Task: t.ID, Person: next.Person, What: string(next.Kind), Due: next.At})
			}
			s.auditTask(in, t, tolerance, add)
		})
	}
	slices.SortStableFunc(findings, func(a, b Finding) int {
		if a.Missing() != b.Missing() {
			if a.Missing() {
				return -1
			}
			return 1
		}
		return a.Due.Compare(b.Due)
	})
	return findings
}

// auditTask looks at what came to pass for one task.
func (s *Service) auditTask(in *incident.Incident, t procedure.Task, tolerance time.Duration, add func(Finding)) {
	e := in.Escalation(t.ID)
	for _, r := range e.Rounds {
		kind := ToRePage
		if r.Why == "" || r.Round == firstRound(e, r.Step) {
			kind = ToEscalate
		}
		f := Finding{Kind: EscalationDue, Incident: in.ID, Task: t.ID, What: string(kind), Due: r.Due, Done: r.At}
		late := max(0, r.At.Sub(r.Due))
		if off := late - time.Duration(r.Late)*time.Second; off > time.Second || off < -time.Second {
			f.Kind = Unmarked
			add(f)
		} else if late > tolerance {
			add(f)
		}
	}
	for _, p := range s.Book.ByRound(in.ID, t.ID, in.Round()) {
		for _, d := range firstOfRounds(p.Deliveries) {
			due := roundAt(in, t.ID, d.Again)
			// Who came onto the roster, or on duty, after the first round was told then.
			if d.Again > 0 && d.Asked.Sub(due) > tolerance {
				add(Finding{Kind: PageDue, Incident: in.ID, Task: t.ID, Person: p.ID, Due: due, Done: d.Asked})
			}
		}
	}
}

// firstRound is the round with which a step began; the notice itself begins with 0.
func firstRound(e incident.Escalation, step int) int {
	for _, r := range e.Rounds {
		if r.Step == step && step > 0 {
			return r.Round
		}
	}
	return 0
}

// firstOfRounds keeps one delivery of each round.
func firstOfRounds(list []*notify.Delivery) []*notify.Delivery {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b *notify.Delivery) int {
		return cmp.Or(cmp.Compare(a.Again, b.Again), b.Asked.Compare(a.Asked))
	})
	return slices.CompactFunc(list, func(a, b *notify.Delivery) bool { return a.Again == b.Again })
}

// roundAt is when the people of a round had to be told.
func roundAt(in *incident.Incident, task string, round int) time.Time {
	for _, r := range in.Escalation(task).Rounds {
		if r.Round == round {
			return r.At
		}
	}
	if d := in.Tasks[task].Deputised; d != nil {
		return d.Due.Add(time.Duration(d.Late) * time.Second)
	}
	return in.Tasks[task].Opened
}
