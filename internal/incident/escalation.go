package incident

import (
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// Told is what the facts of an escalation have in common: for which task, whom, and
// how late.
type Told struct {
	Task string `json:"task"`
	// Round is the round of the notices that tell them.
	Round int `json:"round"`
	// Due is when it was due; Late is by how many seconds it came to pass later.
	Due  time.Time `json:"due"`
	Late int64     `json:"late,omitempty"`
	// Roles are told through People.
	Roles  []string `json:"roles"`
	People []Paged  `json:"people"`
	// Reachable counts those of them whom a notice can reach.
	Reachable int `json:"reachable"`
	// Acknowledged of those who were told before have acknowledged, and Need must.
	Acknowledged int `json:"acknowledged"`
	Need         int `json:"need"`
	// Why is "unacknowledged"; "lapsed" where an acknowledgement counts no more;
	// "unreachable" where no notice could reach those told before; "clock" where the
	// clock was set back to before the wait began, which ends the wait.
	Why string `json:"why"`
}

// Paged is somebody whom a round tells, and why him.
type Paged struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Why  string `json:"why,omitempty"`
}

// Escalated says that the next step of a notice's escalation began.
type Escalated struct {
	// Step counts from 1; 0 is the notice itself.
	Step int `json:"step"`
	Told
}

// RePaged says that those of the present step who have not acknowledged are told again.
type RePaged struct {
	Step int `json:"step"`
	Told
}

// CallByHand says that the last step's time is over: people have to be called.
type CallByHand struct {
	Task         string    `json:"task"`
	Due          time.Time `json:"due"`
	Late         int64     `json:"late,omitempty"`
	Acknowledged int       `json:"acknowledged"`
	Need         int       `json:"need"`
	Why          string    `json:"why"`
}

func (Escalated) kind() string  { return "incident.escalated" }
func (RePaged) kind() string    { return "incident.re-paged" }
func (CallByHand) kind() string { return "incident.call-by-hand" }

func (e Escalated) fold(in *Incident, f holdfast.Fact) { in.tellAgain(e.Told, e.Step, f) }

func (e RePaged) fold(in *Incident, f holdfast.Fact) { in.tellAgain(e.Told, e.Step, f) }

// Escalation is how far the escalation of a task's notice has gone.
type Escalation struct {
	// Step is the present one, from its begin; 0 is the notice itself. Began is zero
	// as long as that is since the task opened.
	Step  int
	Began time.Time
	// Rounds are those after the first, in order.
	Rounds []Round
	// ByHand is when the last step's time was over.
	ByHand time.Time
	// phase counts the levels that the incident had left at the last round.
	phase int
}

// Waits returns since when a task's escalation has been in its present step, and when
// its people were told last. At a level that was left and come back to, both are since
// then.
func (in *Incident) Waits(task string) (began, last time.Time) {
	e := in.Escalation(task)
	if n := len(e.Rounds); n > 0 && e.phase == len(in.Past) {
		return e.Began, e.Rounds[n-1].At
	}
	opened := in.Tasks[task].Opened
	if opened.Before(in.since) {
		opened = in.since
	}
	return opened, opened
}

// Round is one telling of a step's people.
type Round struct {
	Step int
	At   time.Time
	Told
}

// Round returns the number of the last round; the first is 0.
func (e Escalation) Round() int {
	if n := len(e.Rounds); n > 0 {
		return e.Rounds[n-1].Round
	}
	return 0
}

// StepOf returns the step to which a round belongs.
func (e Escalation) StepOf(round int) int {
	for _, r := range e.Rounds {
		if r.Round == round {
			return r.Step
		}
	}
	return 0
}

// Escalate states what an escalation comes to: a step, a round, or that people have
// to be called.
func Escalate[E Escalated | RePaged | CallByHand](in *Incident, e E) []journal.Draft {
	return in.draft(any(e).(event))
}

func (in *Incident) tellAgain(t Told, step int, f holdfast.Fact) {
	e := in.Escalation(t.Task)
	if e.Began, _ = in.Waits(t.Task); step != e.Step || e.Began.After(f.Time) {
		// A wait that began later than now by a clock that was set back begins anew.
		e.Began = f.Time
	}
	e.Step, e.phase = step, len(in.Past)
	e.Rounds = append(e.Rounds[:len(e.Rounds):len(e.Rounds)], Round{Step: step, At: f.Time, Told: t})
	in.escalated(t.Task, e)
}

func (c CallByHand) fold(in *Incident, f holdfast.Fact) {
	e := in.Escalation(c.Task)
	e.ByHand = f.Time
	in.escalated(c.Task, e)
}

func (in *Incident) escalated(task string, e Escalation) {
	if in.escalations == nil {
		in.escalations = map[escalationKey]Escalation{}
	}
	in.escalations[escalationKey{task, in.Round()}] = e
}

// escalationKey keeps what was told at one level from counting at another.
type escalationKey struct {
	task  string
	round int
}

// Escalation returns how far the escalation of a task's notice has gone at the present
// level.
func (in *Incident) Escalation(task string) Escalation {
	return in.escalations[escalationKey{task, in.Round()}]
}

// TookPart reports whether the holder of an account has taken or ended a task.
func (in *Incident) TookPart(account string) bool {
	own := func(a holdfast.Actor) bool { return a.Kind == holdfast.Account && a.ID == account }
	for _, t := range in.Tasks {
		if own(t.Owner) || own(t.EndedBy) {
			return true
		}
	}
	return false
}
