package incident

import (
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/expression"
	"holdfast/internal/journal"
	"holdfast/internal/procedure"
)

// ConditionSeen is what a node saw of the condition that a task waits for: when it
// begins to hold or no longer does, and every minute while it holds.
type ConditionSeen struct {
	Task  string `json:"task"`
	Holds bool   `json:"holds"`
	// Since is when it began to hold without a break.
	Since time.Time `json:"since,omitzero"`
	// Values are what it read; Missing names what was not known.
	Values  map[string]any `json:"values,omitempty"`
	Missing []string       `json:"missing,omitempty"`
}

func (ConditionSeen) kind() string { return "incident.condition-seen" }

// Watched is what was seen last of a task's condition.
type Watched struct {
	Holds bool
	Since time.Time
	At    time.Time
}

func (e ConditionSeen) fold(in *Incident, f holdfast.Fact) {
	t := in.Tasks[e.Task]
	t.Watched = Watched{e.Holds, e.Since, f.Time}
	in.Tasks[e.Task] = t
}

const (
	// seenEvery is how often a condition that holds is recorded, unseen how long nobody
	// may have recorded it: what was not looked at is not taken to have held.
	seenEvery = time.Minute
	unseen    = 2 * time.Minute
)

// Awaiting reports whether an open task waits for a condition.
func (in *Incident) Awaiting() bool {
	if in.State != Active {
		return false
	}
	for _, id := range in.workable() {
		if _, t, _ := in.Procedure.Task(id); t.Wait != nil {
			return true
		}
	}
	return false
}

// See says what a task's condition comes to now: what is not known does not hold.
func See(in *Incident, t procedure.Task, v expression.Values, now time.Time, c *expression.Condition) ConditionSeen {
	e := ConditionSeen{Task: t.ID, Values: map[string]any{}}
	if c == nil {
		return e
	}
	mine := in.branchValues(v, t, now)
	holds, _ := c.Decide(mine)
	for _, name := range c.Reads() {
		if value, known := mine.Known[name]; known {
			e.Values[name] = value
		} else {
			e.Missing = append(e.Missing, name)
		}
	}
	if e.Holds = holds == expression.Yes; e.Holds {
		e.Since = now.UTC().Truncate(time.Microsecond)
		if w := in.Tasks[t.ID].Watched; w.Holds && !w.Since.After(now) && now.Sub(w.At) <= unseen {
			e.Since = w.Since
		}
	}
	return e
}

// WatchConditions records what is newly seen of the conditions that open tasks wait
// for, and ends those tasks whose condition has held for long enough.
func WatchConditions(in *Incident, v expression.Values, now time.Time, compile func(until string) *expression.Condition) []journal.Draft {
	if in == nil || in.State != Active {
		return nil
	}
	var events []event
	for _, id := range in.workable() {
		_, t, _ := in.Procedure.Task(id)
		if t.Wait == nil {
			continue
		}
		e, w := See(in, t, v, now, compile(t.Wait.Until)), in.Tasks[id].Watched
		enough := e.Holds && now.Sub(e.Since) >= t.Wait.HoldsFor.D()
		if enough || w.At.IsZero() || e.Holds != w.Holds || !e.Since.Equal(w.Since) || e.Holds && now.Sub(w.At) >= seenEvery {
			events = append(events, e)
		}
		if enough {
			events = append(events, TaskDone{Task: id, Note: "the condition has held"})
		}
	}
	if len(events) == 0 {
		return nil
	}
	return in.draft(events...)
}

// endsByHand refuses what a person may not say of a task with one of these actions.
func (in *Incident) endsByHand(t procedure.Task, note string) error {
	empty := strings.TrimSpace(note) == ""
	switch {
	case t.Checklist != nil && in.Tasks[t.ID].ticked() < len(t.Checklist):
		return holdfast.Errorf(holdfast.Conflict, "task %s is done when every item of its checklist is ticked: %d of %d are", t.ID, in.Tasks[t.ID].ticked(), len(t.Checklist))
	case t.Webhook != nil && in.Hook(t.ID).Running():
		return holdfast.Errorf(holdfast.Conflict, "task %s is calling its endpoint already", t.ID)
	case t.Webhook != nil && empty:
		return holdfast.Errorf(holdfast.Invalid, "write how it was done by hand").At("note")
	case t.Wait != nil && empty:
		return holdfast.Errorf(holdfast.Invalid, "write why the condition is waited for no longer").At("note")
	}
	return nil
}
