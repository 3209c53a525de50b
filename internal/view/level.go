package view

import (
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/callout"
	"holdfast/internal/incident"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// Judgement is at which level the plan's criteria see an incident, what that rests
// on, and what became of it.
type Judgement struct {
	// At is when it was worked out: now, or, once the incident is over, the last time.
	At time.Time `json:"at"`
	// Level is the gravest level whose criteria surely hold, 0 for none. Triage means
	// that a person has to judge now, because Missing could make it graver.
	Level    holdfast.Level   `json:"level,omitempty"`
	Triage   bool             `json:"triage,omitempty"`
	Missing  []string         `json:"missing,omitempty"`
	Criteria []LevelCriterion `json:"criteria"`
	Measures []LevelMeasure   `json:"measures"`
	// Proposed is a level that the criteria ask for and the incident is not at, to be
	// confirmed by a person; 0 means none. ByRule means that a rule asks for it by an
	// alert, and the criteria for nothing as grave.
	Proposed holdfast.Level `json:"proposed,omitempty"`
	ByRule   bool           `json:"by_rule,omitempty"`
	// Asked is what an alert asks for that has joined while the incident runs, until a
	// person raises the level or keeps it.
	Asked *LevelAsked `json:"asked,omitempty"`
	// Fall is the wish for a lesser level that waits for a second person.
	Fall *LevelFall `json:"fall,omitempty"`
	// Changes say what a change to each other level would do.
	Changes []LevelChange `json:"changes,omitempty"`
	// Stored are the evaluations on record, newest first; Past the levels that the
	// incident has left, oldest first.
	Stored []LevelEvaluation `json:"stored,omitempty"`
	Past   []LevelPhase      `json:"past,omitempty"`
}

// LevelCriterion is what the plan asks for one level, and whether it holds: yes, no or
// unknown.
type LevelCriterion struct {
	incident.Criterion
	Title holdfast.Text `json:"title"`
	Words holdfast.Text `json:"words"`
}

// LevelMeasure is a declared measure with what is known of it.
type LevelMeasure struct {
	incident.Reading
	Title holdfast.Text `json:"title"`
	Type  string        `json:"type"`
	Unit  string        `json:"unit,omitempty"`
	// EnteredBy is who stated it.
	EnteredBy *Actor `json:"entered_by,omitempty"`
	// Decides means that it is missing and could change the level.
	Decides bool `json:"decides,omitempty"`
}

// LevelAsked is a level that an alert asks for; 0 means that somebody has to judge.
type LevelAsked struct {
	Level holdfast.Level `json:"level,omitempty"`
	Rule  string         `json:"rule"`
	At    time.Time      `json:"at"`
}

// LevelFall is the wish for a lesser level.
type LevelFall struct {
	To     holdfast.Level `json:"to"`
	Reason string         `json:"reason"`
	By     *Actor         `json:"by"`
	At     time.Time      `json:"at"`
}

// LevelChange is what a change to a level would do.
type LevelChange struct {
	Level  holdfast.Level `json:"level"`
	Title  holdfast.Text  `json:"title"`
	Graver bool           `json:"graver"`
	// Opens, Stays and Waits are the stages of its procedure: those that open at once,
	// those that stay done, those that come later.
	Opens []Named `json:"opens"`
	Stays []Named `json:"stays"`
	Waits []Named `json:"waits"`
	// Kept counts tasks that stay done, Dropped lists open ones that the procedure does
	// not have.
	Kept    int     `json:"kept"`
	Dropped []Named `json:"dropped,omitempty"`
	// Told are the people who get a notice at once; Urgent says that it is the urgent one.
	Told   []string `json:"told"`
	Urgent bool     `json:"urgent,omitempty"`
	// InForce are the incident's directives that stay in force.
	InForce []string `json:"in_force,omitempty"`
}

// LevelEvaluation is one that is on record.
type LevelEvaluation struct {
	At       time.Time            `json:"at"`
	Level    holdfast.Level       `json:"level,omitempty"`
	Triage   bool                 `json:"triage,omitempty"`
	Criteria []incident.Criterion `json:"criteria"`
	Readings []incident.Reading   `json:"readings"`
}

// LevelPhase is the time that an incident spent at a level, with the stages as it left
// them.
type LevelPhase struct {
	Level     holdfast.Level `json:"level"`
	Began     time.Time      `json:"began_at"`
	Left      time.Time      `json:"left_at"`
	To        holdfast.Level `json:"to"`
	Reason    string         `json:"reason,omitempty"`
	Automatic bool           `json:"automatic,omitempty"`
	By        *Actor         `json:"by"`
	AskedBy   *Actor         `json:"asked_by,omitempty"`
	Stages    []PastStage    `json:"stages"`
}

// PastStage is a stage of an earlier phase.
type PastStage struct {
	Named
	Status string `json:"status"`
	// Done are its tasks that were done, Others those that were not.
	Done   []Named `json:"done"`
	Others []Named `json:"others"`
}

// maxStored is how many evaluations are shown; the journal has all.
const maxStored = 50

// judgement assembles how an incident is judged, nil if the plan has nothing to
// judge by and nothing was entered or changed. Call it under the state's lock.
func (s *Source) judgement(in *incident.Incident) *Judgement {
	now := s.Now()
	e, ok := s.Response.Evaluate(in, now)
	if last, stored := in.Evaluated(); !in.Ongoing() && stored {
		e, now, ok = last.LevelEvaluated, last.At, true
	}
	if !ok && len(in.Past) == 0 && (in.State != incident.Active || !in.Ongoing()) {
		return nil
	}
	j := &Judgement{At: now, Level: e.Level, Triage: e.Triage, Missing: e.Missing(), Criteria: []LevelCriterion{}, Measures: []LevelMeasure{}}
	if rev, ok := s.Plans.Revision(e.Plan.ID, e.Plan.Revision); ok {
		j.describe(e, rev.Plan())
	}
	if in.Ongoing() && incident.Graver(e.Level, in.Level) {
		j.Proposed = e.Level
	}
	if in.State == incident.Suspected && incident.Graver(in.Suggested, j.Proposed) {
		j.Proposed, j.ByRule = in.Suggested, true
	}
	if a := in.Ask; a != nil && in.State == incident.Active && in.Ongoing() {
		j.Asked, j.Triage = &LevelAsked{a.Level, a.Rule, a.At}, j.Triage || a.Level == holdfast.Unknown
		if incident.Graver(a.Level, in.Level) && incident.Graver(a.Level, j.Proposed) {
			j.Proposed, j.ByRule = a.Level, true
		}
	}
	if f := in.Fall; f != nil {
		j.Fall = &LevelFall{To: f.To, Reason: f.Reason, By: actor(f.By), At: f.At}
	}
	if in.State == incident.Active && in.Ongoing() {
		for l := holdfast.Level1; l <= holdfast.Level3; l++ {
			if flow, ok := s.Response.Flow(in, l, now); ok && l != in.Level {
				j.Changes = append(j.Changes, s.levelChange(in, flow))
			}
		}
	}
	for _, old := range slices.Backward(in.Evaluations) {
		if len(j.Stored) < maxStored {
			j.Stored = append(j.Stored, LevelEvaluation{old.At, old.Level, old.Triage, old.Criteria, old.Readings})
		}
	}
	j.Past = phases(in)
	return j
}

// describe adds what the plan calls the criteria and measures.
func (j *Judgement) describe(e incident.LevelEvaluated, p *plan.Plan) {
	for _, c := range e.Criteria {
		v := LevelCriterion{Criterion: c}
		if i := slices.IndexFunc(p.Levels, func(l plan.Level) bool { return l.Level == c.Level }); i >= 0 {
			v.Title, v.Words = p.Levels[i].Title, p.Levels[i].Criteria
		}
		j.Criteria = append(j.Criteria, v)
	}
	for _, r := range e.Readings {
		v := LevelMeasure{Reading: r, Decides: slices.Contains(j.Missing, r.Measure)}
		if i := slices.IndexFunc(p.Measures, func(m plan.Measure) bool { return m.ID == r.Measure }); i >= 0 {
			v.Title, v.Type, v.Unit = p.Measures[i].Title, p.Measures[i].Type, p.Measures[i].Unit
		}
		if r.By != nil {
			v.EnteredBy = actor(*r.By)
		}
		j.Measures = append(j.Measures, v)
	}
}

// levelChange works out what a change of level would do.
func (s *Source) levelChange(in *incident.Incident, flow incident.Flow) LevelChange {
	now := s.Now()
	after := incident.After(in, flow, now)
	v := LevelChange{
		Level: after.Level, Title: flow.Procedure.Title, Graver: incident.Graver(after.Level, in.Level),
		Opens: []Named{}, Stays: []Named{}, Waits: []Named{}, Told: []string{}, Urgent: after.Level == holdfast.Level1,
	}
	for i, st := range after.Stages {
		def := after.Procedure.Stages[i]
		named := Named{ID: string(def.Kind), Name: def.Title}
		switch {
		case st.Status.Closed():
			v.Stays = append(v.Stays, named)
		case st.Status == procedure.Open:
			v.Opens = append(v.Opens, named)
		default:
			v.Waits = append(v.Waits, named)
		}
		for _, t := range def.Tasks {
			if after.Tasks[t.ID].Status.Closed() {
				v.Kept++
			} else if st.Status == procedure.Open && t.Notice != nil {
				v.Told = append(v.Told, s.toldNow(after, def.Kind, t, now)...)
			}
		}
	}
	slices.Sort(v.Told)
	v.Told = slices.Compact(v.Told)
	for i, st := range in.Procedure.Stages {
		for _, t := range st.Tasks {
			if _, kept := after.Tasks[t.ID]; !kept && in.Stages[i].Status == procedure.Open && in.Tasks[t.ID].Status == procedure.Open {
				v.Dropped = append(v.Dropped, Named{ID: t.ID, Name: t.Title})
			}
		}
	}
	for _, d := range s.Directives.InForce(in.ID) {
		v.InForce = append(v.InForce, d.ID)
	}
	return v
}

// toldNow names those whom a task would tell and who were not told for it before.
func (s *Source) toldNow(after *incident.Incident, stage procedure.StageKind, t procedure.Task, now time.Time) (names []string) {
	told := map[string]bool{}
	for _, p := range s.Notices.ByRound(after.ID, t.ID, after.Round()) {
		told[p.ID] = true
	}
	for _, r := range callout.Recipients(s.Roster, stage, *t.Notice, now) {
		if !told[r.ID] && callout.Reachable(r.Person, *t.Notice) {
			names = append(names, r.Name)
		}
	}
	return names
}

func phases(in *incident.Incident) (list []LevelPhase) {
	for i, p := range in.Past {
		to := in.Level
		if i+1 < len(in.Past) {
			to = in.Past[i+1].Level
		}
		v := LevelPhase{Level: p.Level, Began: p.Began, Left: p.Left, To: to, Reason: p.Why, Automatic: p.Automatic, By: actor(p.By), Stages: []PastStage{}}
		if p.AskedBy != nil {
			v.AskedBy = actor(*p.AskedBy)
		}
		for i, st := range p.Procedure.Stages {
			past := PastStage{Named: Named{ID: string(st.Kind), Name: st.Title}, Status: string(p.Stages[i].Status), Done: []Named{}, Others: []Named{}}
			for _, t := range st.Tasks {
				if p.Tasks[t.ID].Status == procedure.Done {
					past.Done = append(past.Done, Named{ID: t.ID, Name: t.Title})
				} else {
					past.Others = append(past.Others, Named{ID: t.ID, Name: t.Title})
				}
			}
			v.Stages = append(v.Stages, past)
		}
		list = append(list, v)
	}
	return list
}
