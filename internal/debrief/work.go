package debrief

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/directive"
	"holdfast/internal/incident"
	"holdfast/internal/notify"
	"holdfast/internal/obligation"
	"holdfast/internal/posture"
	"holdfast/internal/procedure"
)

// maxTurns is how many evaluations figures hold: each has all its inputs.
const maxTurns = 60

// worker folds the facts of one incident, and of those merged into it, anew.
type worker struct {
	in         *incident.Incident
	whole      []*incident.Incident
	directives *directive.Book
	notices    *notify.Book
	owed       *obligation.Book
	// began is the earliest start of its alerts, at is where each fact that ends a
	// span stands in the journal.
	began  map[string]Instant
	at     map[string][]place
	shifts []Limit
}

// place is where a fact stands.
type place struct {
	position holdfast.Position
	time     time.Time
}

// Work works out what the facts of an incident say: its own, those of what was merged
// into it, and those of their alerts, directives, notices and obligations, in the order
// of the journal. The same facts always give the same.
func Work(id string, facts []holdfast.Fact) (Record, error) {
	w := worker{directives: directive.NewBook(holdfast.Head{}), notices: notify.NewBook(), owed: obligation.NewBook(), began: map[string]Instant{}, at: map[string][]place{}}
	incidents := incident.NewBook()
	for _, f := range facts {
		for _, apply := range []func(holdfast.Fact) error{incidents.Apply, w.directives.Apply, w.notices.Apply, w.owed.Apply, w.note} {
			if err := apply(f); err != nil {
				return Record{}, err
			}
		}
	}
	if w.in = incidents.Incident(id); w.in == nil {
		return Record{}, holdfast.Errorf(holdfast.NotFound, "there is no incident %q", id)
	}
	for _, part := range incidents.Whole(id) {
		if in := incidents.Incident(part); in != nil {
			w.whole = append(w.whole, in)
		}
	}
	met, missed := w.in.LimitCount()
	return Record{
		Level: w.in.Level, Drill: w.in.Drill, Plan: w.in.Plan, Times: w.times(), People: w.people(),
		Limits: w.limits(), LimitsMet: met, LimitsMissed: missed, Steps: w.steps(), Evaluations: w.evaluations(), Changes: w.changes(),
		Stated: w.stated(), Decisions: w.decisions(), Directives: w.ordered(),
	}, nil
}

// note remembers where facts stand that a book does not say.
func (w *worker) note(f holdfast.Fact) error {
	noun, id := f.Subject.Split()
	key := ""
	switch f.Kind {
	case alert.KindReceived:
		var a struct {
			StartsAt time.Time `json:"starts_at"`
		}
		if err := f.Decode(&a); err != nil {
			return err
		}
		if _, known := w.began[id]; !known && !a.StartsAt.IsZero() {
			w.began[id] = Instant{At: a.StartsAt, Source: FromAlert, Ref: id, Position: f.Position}
		}
	case directive.KindIssued, directive.KindConfirmed, "incident.suspected", "incident.confirmed":
		key = f.Kind + " " + id
	case "incident.stage-done":
		var e incident.StageDone
		if err := f.Decode(&e); err != nil {
			return err
		}
		key = f.Kind + " " + id + " " + string(e.Stage)
	case "obligation.moment-set":
		key = f.Kind + " " + id
	case "incident.limit-breached":
		var e incident.LimitBreached
		if err := f.Decode(&e); err != nil {
			return err
		}
		if e.Of == incident.OfPost {
			w.shifts = append(w.shifts, Limit{Of: e.Of, ID: e.ID, Due: e.Due, Result: Missed})
		}
	}
	if key != "" && noun != "alert" {
		w.at[key] = append(w.at[key], place{f.Position, f.Time})
	}
	return nil
}

// position is where the fact of a key stands that happened at a time; 0 if none.
func (w *worker) position(key string, at time.Time) holdfast.Position {
	for _, p := range slices.Backward(w.at[key]) {
		if p.time.Equal(at) {
			return p.position
		}
	}
	return 0
}

func (w *worker) times() []Span {
	id := w.in.ID
	detected := &Instant{At: w.in.Opened, Source: FromOpened, Position: w.position("incident.suspected "+id, w.in.Opened)}
	var confirmed *Instant
	if !w.in.Confirmed.IsZero() {
		confirmed = &Instant{At: w.in.Confirmed, Source: FromConfirmed, Position: w.position("incident.confirmed "+id, w.in.Confirmed)}
	}
	detected, confirmed = w.moment("detected", detected), w.moment("confirmed", confirmed)
	occurred := w.occurred()
	stopped, stopConfirmed := w.stop()
	spans := []Span{
		between(ToDetect, occurred, detected, NoStart),
		between(ToConfirm, detected, confirmed, NotEnded),
		w.stage(ToNotify, confirmed, procedure.Notify, true),
		between(ToStop, confirmed, stopped, NoStop),
		between(ToStopConfirmed, stopped, stopConfirmed, NotConfirmed),
		w.stage(ToConvene, confirmed, procedure.Convene, true),
		w.stage(ToRecover, cmp.Or(occurred, detected), procedure.Recover, false),
	}
	if stopped == nil {
		spans[4].Missing = NoStop
	}
	if recovered := w.moment("recovered", nil); recovered != nil {
		spans[6].To, spans[6].Missing = recovered, ""
	}
	return spans
}

// between makes a span; missing is why where an end is.
func between(name string, from, to *Instant, missing string) Span {
	s := Span{Name: name, From: from, To: to}
	if from == nil || to == nil {
		s.Missing = missing
	}
	return s
}

// moment is what a person said a moment to be, else what was measured.
func (w *worker) moment(name string, measured *Instant) *Instant {
	r := w.owed.Record(w.in.ID)
	if r == nil || len(r.Moments[name]) == 0 {
		return measured
	}
	last := r.Moments[name][len(r.Moments[name])-1]
	if last.At.IsZero() {
		return measured
	}
	return &Instant{At: last.At, Source: FromPerson, Ref: last.By.String(), Position: w.position("obligation.moment-set "+w.in.ID, last.On)}
}

// occurred is when it began: the earliest start of its alerts that is before it was
// noticed.
func (w *worker) occurred() *Instant {
	var first *Instant
	for _, in := range w.whole {
		for _, id := range in.Alerts {
			if began, known := w.began[id]; known && began.At.Before(w.in.Opened) && (first == nil || began.At.Before(first.At)) {
				first = &began
			}
		}
	}
	return w.moment("occurred", first)
}

// stop is when payments were first stopped, and when that stop was confirmed.
func (w *worker) stop() (stopped, confirmed *Instant) {
	for _, d := range w.directives.All() { // newest first: the first stop wins
		if d.Kind != posture.Stop || d.IssuedAt.IsZero() || !w.has(d.Incident) {
			continue
		}
		stopped, confirmed = &Instant{At: d.IssuedAt, Source: FromIssued, Ref: d.ID, Position: d.Position}, nil
		if c := d.Confirmation; c != nil {
			confirmed = &Instant{At: c.Confirmed, Source: FromAcknowledged, Ref: d.ID}
			if at := w.at[directive.KindConfirmed+" "+d.ID]; len(at) > 0 {
				confirmed.Position = at[len(at)-1].position
			}
		}
	}
	return stopped, confirmed
}

func (w *worker) has(id string) bool {
	return slices.ContainsFunc(w.whole, func(in *incident.Incident) bool { return in.ID == id })
}

// stage measures until the stage of a kind was done: for the first time, at whatever
// level, or at the present one.
func (w *worker) stage(name string, from *Instant, k procedure.StageKind, first bool) Span {
	s := Span{Name: name, From: from, Missing: NoStage}
	phases := w.phases()
	if !first {
		phases = phases[len(phases)-1:]
	}
	for _, p := range phases {
		for i, def := range p.Procedure.Stages {
			if def.Kind != k || i >= len(p.Stages) {
				continue
			}
			switch st := p.Stages[i]; st.Status {
			case procedure.Done:
				s.To = &Instant{At: st.Ended, Source: FromStage, Ref: string(k), Position: w.position("incident.stage-done "+w.in.ID+" "+string(k), st.Ended)}
				s.Missing = ""
				if from == nil {
					s.Missing = NotEnded
				}
				return s
			case procedure.Skipped:
				s.Missing = StageSkipped
			default:
				s.Missing = NotEnded
			}
		}
	}
	return s
}

// phases are the times at each level, the present one last.
func (w *worker) phases() []incident.Phase {
	return append(slices.Clone(w.in.Past), incident.Phase{Level: w.in.Level, Began: w.in.LevelSince(), Procedure: w.in.Procedure, Stages: w.in.Stages, Tasks: w.in.Tasks})
}

func (w *worker) changes() (list []LevelChange) {
	for i, p := range w.in.Past {
		to := w.in.Level
		if i+1 < len(w.in.Past) {
			to = w.in.Past[i+1].Level
		}
		c := LevelChange{At: p.Left, From: p.Level, To: to, Why: p.Why, By: p.By.String(), Automatic: p.Automatic}
		if p.AskedBy != nil {
			c.AskedBy = p.AskedBy.String()
		}
		list = append(list, c)
	}
	return list
}

// evaluations keeps those that say another thing than the one before.
func (w *worker) evaluations() Evaluations {
	e := Evaluations{Stored: len(w.in.Evaluations)}
	for i, v := range w.in.Evaluations {
		if i > 0 && v.SameResult(w.in.Evaluations[i-1].LevelEvaluated) {
			continue
		}
		if len(e.Turns) == maxTurns {
			e.Left++
			continue
		}
		e.Turns = append(e.Turns, Turn{v.At, v.LevelEvaluated})
	}
	return e
}

func (w *worker) stated() (list []Stated) {
	for _, name := range slices.Sorted(maps.Keys(w.in.Entered)) {
		e := w.in.Entered[name]
		list = append(list, Stated{e.Measure, e.Value, e.Note, e.By.String(), e.At})
	}
	return list
}

func (w *worker) decisions() (list []Decision) {
	for _, d := range w.in.Decisions {
		v := Decision{ID: d.ID, Question: d.Question, Options: d.Options, Asked: d.Asked, Made: d.Made, Chosen: d.Chosen, Why: d.Why, Reversible: d.Reversible}
		if !d.Made.IsZero() {
			v.By = cmp.Or(d.DecidedBy, d.MadeBy.String())
		}
		list = append(list, v)
	}
	return list
}

// ordered lists the directives, oldest first.
func (w *worker) ordered() (list []DirectiveSummary) {
	for _, d := range slices.Backward(w.directives.All()) {
		if !w.has(d.Incident) {
			continue
		}
		v := DirectiveSummary{
			ID: d.ID, Kind: string(d.Kind), Scope: d.Scope, Share: d.Share, State: string(d.State), ProposedBy: d.ProposedBy.String(),
			PreAuthorised: d.PreAuthorised, Issued: d.IssuedAt, Ended: d.LiftedAt, EndReason: d.EndReason,
		}
		if d.ApprovedBy != (holdfast.Actor{}) {
			v.ApprovedBy = d.ApprovedBy.String()
		}
		if d.LiftedBy != (holdfast.Actor{}) {
			v.EndedBy = d.LiftedBy.String()
		}
		if c := d.Confirmation; c != nil {
			v.Confirmed, v.Gates = c.Confirmed, len(c.Gates)
		}
		list = append(list, v)
	}
	return list
}
