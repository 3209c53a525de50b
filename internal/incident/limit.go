package incident

import (
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/procedure"
)

// LimitOf is what a limit is of.
type LimitOf string

const (
	OfStage LimitOf = "stage"
	OfTask  LimitOf = "task"
	OfPost  LimitOf = "post"
)

// LimitKey names one limit of an incident. A stage that opens again has another.
type LimitKey struct {
	Of LimitOf `json:"of"`
	// ID is the kind of the stage, the id of the task, or the post.
	ID  string    `json:"id"`
	Due time.Time `json:"due"`
}

// LimitAtRisk says that the last fifth of a limit has begun.
type LimitAtRisk struct {
	LimitKey
	// Late is by how many seconds this was noticed late.
	Late int64 `json:"late,omitempty"`
}

// LimitBreached says that a limit has passed with the thing undone.
type LimitBreached struct {
	LimitKey
	// Late is by how many seconds this was noticed late.
	Late int64 `json:"late,omitempty"`
}

func (LimitAtRisk) kind() string   { return "incident.limit-at-risk" }
func (LimitBreached) kind() string { return "incident.limit-breached" }

func (e LimitAtRisk) fold(in *Incident, f holdfast.Fact) {
	in.setLimit(e.LimitKey, limitState{AtRisk: f.Time})
}

func (e LimitBreached) fold(in *Incident, f holdfast.Fact) {
	s := in.limits[e.LimitKey.utc()]
	s.Breached = f.Time
	in.setLimit(e.LimitKey, s)
}

// limitState is when it was told that a limit is at risk, and breached.
type limitState struct{ AtRisk, Breached time.Time }

func (in *Incident) setLimit(k LimitKey, s limitState) {
	if in.limits == nil {
		in.limits = map[LimitKey]limitState{}
	}
	in.limits[k.utc()] = s
}

// utc makes equal instants equal keys.
func (k LimitKey) utc() LimitKey {
	k.Due = k.Due.UTC().Round(0)
	return k
}

// Limit is one limit of an incident.
type Limit struct {
	LimitKey
	// AtRisk is when its last fifth begins.
	AtRisk time.Time
	// Told and Breached are when it was recorded as at risk and as breached, if it was.
	Told, Breached time.Time
	// Ended is when the thing was done or skipped; zero while it is not.
	Ended   time.Time
	Skipped bool
}

func (in *Incident) limit(of LimitOf, id string, from, ended time.Time, skipped bool, span procedure.Duration) (Limit, bool) {
	if span == 0 || from.IsZero() {
		return Limit{}, false
	}
	if in.carried(ended) {
		return Limit{}, false
	}
	due := from.Add(span.D())
	l := Limit{LimitKey: LimitKey{of, id, due}.utc(), AtRisk: due.Add(-span.D() / 5), Ended: ended, Skipped: skipped}
	s := in.limits[l.LimitKey]
	l.Told, l.Breached = s.AtRisk, s.Breached
	return l, true
}

// Limits returns the limits that have begun to run, those of stages before those of
// their tasks, and that of the command last.
func (in *Incident) Limits() (list []Limit) {
	add := func(l Limit, ok bool) {
		if ok {
			list = append(list, l)
		}
	}
	for i, s := range in.Procedure.Stages {
		add(in.StageLimit(i))
		for _, t := range s.Tasks {
			add(in.TaskLimit(t))
		}
	}
	add(in.ShiftLimit())
	return list
}

// StageLimit returns the limit of the i-th stage, once it runs.
func (in *Incident) StageLimit(i int) (Limit, bool) {
	def := in.Procedure.Stages[i]
	s := in.Stages[i]
	return in.limit(OfStage, string(def.Kind), s.Opened, s.Ended, s.Status == procedure.Skipped, def.Limit)
}

// TaskLimit returns the limit of a task, once it runs.
func (in *Incident) TaskLimit(t procedure.Task) (Limit, bool) {
	s := in.Tasks[t.ID]
	return in.limit(OfTask, t.ID, s.Opened, s.Ended, s.Status == procedure.Skipped, t.Limit)
}

// passed reports whether the limit passed with the thing undone.
func (l Limit) passed(now time.Time) bool {
	if !l.Ended.IsZero() {
		now = l.Ended
	}
	return now.After(l.Due)
}

// next returns what is to be told of a limit, and from when on; nil if nothing is
// left to be told.
func (l Limit) next(now time.Time) (event, time.Time) {
	switch {
	case !l.Breached.IsZero() || !l.Ended.IsZero() && !l.passed(now):
		return nil, time.Time{}
	case !l.Told.IsZero() || l.passed(now):
		return LimitBreached{l.LimitKey, late(now, l.Due)}, l.Due
	default:
		return LimitAtRisk{l.LimitKey, late(now, l.AtRisk)}, l.AtRisk
	}
}

// late is by how many whole seconds an instant has passed.
func late(now, due time.Time) int64 { return max(0, int64(now.Sub(due)/time.Second)) }

// TellLimits records which limits are at risk and which are breached. When says at
// which instant the next will be; zero if none runs. What has ended since a limit
// passed is still told.
func TellLimits(in *Incident, now time.Time) (drafts []journal.Draft, when time.Time) {
	if in == nil || in.State != Active {
		return nil, time.Time{}
	}
	var events []event
	for _, l := range in.Limits() {
		e, at := l.next(now)
		switch {
		case e == nil:
		case now.After(at):
			events = append(events, e)
		case when.IsZero() || at.Before(when):
			when = at
		}
	}
	if len(events) == 0 {
		return nil, when
	}
	return in.draft(events...), when
}

// LimitCount says how many limits of stages and tasks were kept and how many were
// not. One that still runs, or whose thing was skipped before, counts for neither.
func (in *Incident) LimitCount() (met, missed int) {
	met, missed = in.before.met, in.before.missed
	for _, p := range in.Past {
		met, missed = met+p.met, missed+p.missed
	}
	for _, l := range in.Limits() {
		switch {
		case l.Of == OfPost:
		case !l.Breached.IsZero() || !l.Ended.IsZero() && l.Ended.After(l.Due):
			missed++
		case !l.Ended.IsZero() && !l.Skipped:
			met++
		}
	}
	return met, missed
}
