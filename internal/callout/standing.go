package callout

import (
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/notify"
	"holdfast/internal/procedure"
	"holdfast/internal/roster"
)

// Standing is how far telling people for one task is.
type Standing struct {
	// Acknowledged of those told have acknowledged, by a notice or by phone, Need must.
	Acknowledged, Need int
	// Enough have: of all, or of those of one step.
	Enough bool
	// Steps are those of the escalation; without one there is the notice alone.
	Steps []StepStanding
	// Step is the present one, counted from 0.
	Step int
	// ByHand is when the last step's time was over.
	ByHand time.Time
	// Next is what comes next; its time is zero if nothing does.
	Next Due
}

// StepStanding is how far one step is.
type StepStanding struct {
	procedure.EscalationStep
	// Began is zero if it has not.
	Began time.Time
	// Told counts those told in the step, Acknowledged those of them who have
	// acknowledged. Rounds counts how often they were told.
	Told, Acknowledged, Rounds int
	// People are the ids of those told.
	People []string
}

// DueKind is what is due.
type DueKind string

const (
	ToEscalate DueKind = "escalate"
	ToRePage   DueKind = "re-page"
	ToCall     DueKind = "call-by-hand"
	ToLapse    DueKind = "lapse"
)

// Due is what has to come to pass at an instant.
type Due struct {
	Kind DueKind
	At   time.Time
	// Why is that of [incident.Told].
	Why string
	// Person is whose acknowledgement lapses.
	Person string
}

// Acknowledged reports whether a person has acknowledged a task's notices, or was
// told by phone after his acknowledgement had lapsed.
func Acknowledged(b *notify.Book, in *incident.Incident, task, person string) bool {
	p := b.Told(in.ID, task, in.Round(), person)
	if p != nil && p.Acknowledged() {
		return true
	}
	c, called := in.ReachedByCall(task, person)
	return called && (p == nil || p.Lapsed.IsZero() || c.Recorded.After(p.Lapsed))
}

// told lists the people of each step of a task, each once in a step, and those whom
// only a call reached after that.
func told(b *notify.Book, in *incident.Incident, task string, steps int) (of [][]string, others []string) {
	of = make([][]string, steps)
	type place struct {
		step int
		id   string
	}
	seen := map[place]bool{}
	add := func(step int, id string) {
		if step < steps && !seen[place{step, id}] {
			seen[place{step, id}] = true
			of[step] = append(of[step], id)
		}
	}
	e := in.Escalation(task)
	for _, p := range b.ByRound(in.ID, task, in.Round()) {
		for _, d := range p.Deliveries {
			add(e.StepOf(d.Again), p.ID)
		}
	}
	for _, r := range e.Rounds {
		for _, p := range r.People {
			add(r.Step, p.ID)
		}
	}
	for _, c := range in.Calls {
		if c.Task == task && c.Round == in.Round() && !slices.ContainsFunc(of, func(ids []string) bool { return slices.Contains(ids, c.Person) }) && !slices.Contains(others, c.Person) {
			others = append(others, c.Person)
		}
	}
	return of, others
}

// Stand works out how far a task's notice is, from the folded state alone.
func Stand(b *notify.Book, people *roster.Book, in *incident.Incident, stage procedure.StageKind, t procedure.Task, now time.Time) Standing {
	n, state, e := *t.Notice, in.Tasks[t.ID], in.Escalation(t.ID)
	s := Standing{Need: n.Acknowledge, Step: e.Step, ByHand: e.ByHand}
	steps := n.Steps()
	of, others := told(b, in, t.ID, len(steps))
	counted := map[string]bool{}
	for i, step := range steps {
		st := StepStanding{EscalationStep: step, People: of[i], Told: len(of[i])}
		for _, id := range of[i] {
			if Acknowledged(b, in, t.ID, id) {
				st.Acknowledged++
				counted[id] = true
			}
		}
		if i == 0 && !state.Opened.IsZero() {
			st.Began, st.Rounds = state.Opened, 1
		}
		s.Enough = s.Enough || step.Acknowledge > 0 && st.Acknowledged >= step.Acknowledge
		s.Steps = append(s.Steps, st)
	}
	for _, r := range e.Rounds {
		st := &s.Steps[r.Step]
		if st.Began.IsZero() {
			st.Began = r.At
		}
		st.Rounds++
	}
	for _, id := range others {
		if Acknowledged(b, in, t.ID, id) {
			counted[id] = true
		}
	}
	s.Acknowledged = len(counted)
	s.Enough = s.Enough || n.Acknowledge > 0 && s.Acknowledged >= n.Acknowledge
	if Escalating(in, stage, t) {
		s.Next = s.next(b, people, in, stage, t, now)
	}
	return s
}

// Escalating reports whether a task's escalation goes on: while the task is open,
// and after it has ended by itself as long as acknowledgements can lapse.
func Escalating(in *incident.Incident, stage procedure.StageKind, t procedure.Task) bool {
	if t.Notice == nil || !t.Notice.Escalates() || in.State != incident.Active || !in.Ongoing() {
		return false
	}
	state := in.Tasks[t.ID]
	return state.Status == procedure.Open || state.Status == procedure.Done && t.Notice.Lapse > 0 && state.EndedBy.Kind == holdfast.System
}

// next is what comes next, and when.
func (s *Standing) next(b *notify.Book, people *roster.Book, in *incident.Incident, stage procedure.StageKind, t procedure.Task, now time.Time) Due {
	if s.Enough {
		return lapse(b, people, in, t, now)
	}
	e := in.Escalation(t.ID)
	step := s.Steps[s.Step]
	began, last := in.Waits(t.ID)
	reachable := s.Step > 0 || slices.ContainsFunc(Recipients(people, stage, *t.Notice, now), func(r Recipient) bool { return Reachable(r.Person, *t.Notice) })
	if len(e.Rounds) > 0 {
		r := e.Rounds[len(e.Rounds)-1]
		reachable = r.Reachable > 0
	}
	why, resumed := "unacknowledged", time.Time{}
	for _, p := range b.ByRound(in.ID, t.ID, in.Round()) {
		if p.Lapsed.After(last) { // what was due while he counted is due since he counts no more
			why, resumed = "lapsed", later(resumed, p.Lapsed)
		}
	}
	first := Due{}
	offer := func(kind DueKind, anchor time.Time, wait time.Duration) {
		d := Due{Kind: kind, At: later(anchor.Add(wait), resumed), Why: why}
		if anchor.After(now.Add(skew)) {
			d.At, d.Why = now, "clock"
		}
		if first.At.IsZero() || d.At.Before(first.At) {
			first = d
		}
	}
	wait := step.Within.D()
	if !reachable {
		wait, why = 0, "unreachable"
	}
	switch {
	case step.Within == 0:
	case s.Step+1 < len(s.Steps):
		offer(ToEscalate, began, wait)
	case e.ByHand.IsZero():
		offer(ToCall, began, wait)
	}
	if step.Again > 0 && step.Rounds < procedure.MaxRounds {
		offer(ToRePage, last, step.Again.D())
	}
	return first
}

// lapse is when the first acknowledgement for a task counts no more.
func lapse(b *notify.Book, people *roster.Book, in *incident.Incident, t procedure.Task, now time.Time) (first Due) {
	if t.Notice.Lapse == 0 {
		return Due{}
	}
	for _, p := range b.ByRound(in.ID, t.ID, in.Round()) {
		who, known := people.Person(p.ID)
		if !p.Acknowledged() || !known || who.Account == "" || in.TookPart(who.Account) {
			continue
		}
		d := Due{Kind: ToLapse, At: p.Ack.At.Add(t.Notice.Lapse.D()), Person: p.ID}
		if p.Ack.At.After(now.Add(skew)) {
			d.At = now
		}
		if first.At.IsZero() || d.At.Before(first.At) {
			first = d
		}
	}
	return first
}

// skew is how far the clocks of control nodes may differ: a wait that began by so
// little in the future was begun by another node, not before a clock was set back.
const skew = time.Minute

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
