package incident

import (
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/expression"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
)

// This file judges at which level an incident stands (R3.2): what the criteria of
// the plan say over the measures, with what is missing. change.go changes levels.

// Reading is what is known of one measure.
type Reading struct {
	Measure string `json:"measure"`
	// Value is a number, a text or true or false; nil means that it is not known, and
	// Why then says why not.
	Value any `json:"value,omitempty"`
	// AtLeast means that the true number is this or more.
	AtLeast bool `json:"at_least,omitempty"`
	// From is the source that it was gathered from; empty means that By entered it.
	From string          `json:"from,omitempty"`
	By   *holdfast.Actor `json:"by,omitempty"`
	At   time.Time       `json:"at,omitzero"`
	Why  string          `json:"why,omitempty"`
}

// Why a value is not known.
const (
	// NotEntered: nobody has entered it yet.
	NotEntered = "not-entered"
	// NotHeard: of the time asked for, some gate has not said what it counted.
	NotHeard = "not-heard"
	// TooFew: too few payments went to the primary to tell.
	TooFew = "too-few"
	// InDrill: what gates count says nothing of a rehearsal.
	InDrill = "drill"
)

// Criterion is what the plan asks for a level, and whether it holds.
type Criterion struct {
	Level holdfast.Level `json:"level"`
	Enter string         `json:"enter,omitempty"`
	// Band is the part of the day whose expression it is, if it is one's.
	Band holdfast.Text `json:"band,omitzero"`
	// Holds is yes, no, or unknown where Missing names the measures that could decide
	// it. A level without an expression is always unknown: people judge it by words.
	Holds   string   `json:"holds"`
	Missing []string `json:"missing,omitempty"`
	// Automatic means that the plan lets the incident come to the level by this alone.
	Automatic bool `json:"automatic,omitempty"`
}

// LevelEvaluated is one evaluation with its inputs.
type LevelEvaluated struct {
	// Plan is the revision whose criteria were evaluated.
	Plan PlanRef `json:"plan"`
	// Level is the gravest whose criteria surely hold; 0 if there is none.
	Level holdfast.Level `json:"level,omitempty"`
	// Triage means that a person has to judge now: a graver level than Level, or, with
	// no Level, any, could hold as well.
	Triage   bool        `json:"triage,omitempty"`
	Criteria []Criterion `json:"criteria"`
	Readings []Reading   `json:"readings"`
}

// MeasureEntered is a measure that a person has entered.
type MeasureEntered struct {
	Measure string `json:"measure"`
	Value   any    `json:"value"`
	// Note says what the value rests on.
	Note string `json:"note,omitempty"`
}

func (LevelEvaluated) kind() string { return "incident.level-evaluated" }
func (MeasureEntered) kind() string { return "incident.measure-entered" }

// Evaluation is one that was stored.
type Evaluation struct {
	LevelEvaluated
	At time.Time
}

// Entry is a measure as it was entered last.
type Entry struct {
	MeasureEntered
	By holdfast.Actor
	At time.Time
}

// Evaluate judges the criteria over the readings. Fields gives the type of each
// measure.
func Evaluate(ref PlanRef, criteria []Criterion, fields map[string]expression.Type, readings []Reading) (LevelEvaluated, error) {
	e := LevelEvaluated{Plan: ref, Criteria: slices.Clone(criteria), Readings: readings}
	slices.SortFunc(e.Criteria, func(a, b Criterion) int { return cmp.Compare(a.Level, b.Level) })
	values := expression.Values{Known: map[string]any{}, AtLeast: map[string]bool{}}
	for _, r := range readings {
		if r.Value != nil {
			values.Known[r.Measure], values.AtLeast[r.Measure] = r.Value, r.AtLeast
		}
	}
	open := false // whether one so far, and so a graver one, could hold
	for i := range e.Criteria {
		c := &e.Criteria[i]
		holds := expression.Unknown
		if c.Enter != "" {
			condition, err := expression.CompileCondition(c.Enter, fields)
			if err != nil {
				return LevelEvaluated{}, err
			}
			holds, c.Missing = condition.Decide(values)
		}
		c.Holds = holds.String()
		if holds == expression.Yes && e.Level == holdfast.Unknown {
			e.Level, e.Triage = c.Level, open
		}
		open = open || holds == expression.Unknown
	}
	if e.Level == holdfast.Unknown {
		e.Triage = open
	}
	return e, nil
}

// Missing lists the measures that keep the evaluation from being sure, each once.
func (e LevelEvaluated) Missing() []string {
	wanting := map[string]struct{}{}
	for _, c := range e.Criteria {
		if e.Level != holdfast.Unknown && c.Level >= e.Level {
			break
		}
		for _, m := range c.Missing {
			wanting[m] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(wanting))
}

// pre reports whether the plan lets the incident come to the evaluation's level
// without a person: its criteria surely hold, and no graver level is in question.
func (e LevelEvaluated) preAuthorised() bool {
	return e.Level != holdfast.Unknown && !e.Triage && slices.ContainsFunc(e.Criteria, func(c Criterion) bool { return c.Level == e.Level && c.Automatic })
}

// SameResult reports whether two evaluations say the same of every level.
func (e LevelEvaluated) SameResult(f LevelEvaluated) bool {
	return e.Plan == f.Plan && slices.EqualFunc(e.Criteria, f.Criteria, func(a, b Criterion) bool {
		return a.Level == b.Level && a.Enter == b.Enter && a.Holds == b.Holds
	})
}

// sameInputs reports whether two evaluations rest on the same values.
func (e LevelEvaluated) sameInputs(f LevelEvaluated) bool {
	return slices.EqualFunc(e.Readings, f.Readings, func(a, b Reading) bool {
		return a.Measure == b.Measure && reflect.DeepEqual(a.Value, b.Value) && a.AtLeast == b.AtLeast && a.Why == b.Why
	})
}

// How often evaluations are stored that say nothing graver: a level that goes up
// and down, and numbers that only move, must not bury the timeline.
const (
	otherResultAfter = time.Minute
	otherInputsAfter = 5 * time.Minute
)

// heardLess reports whether an evaluation lacks counts that another one had. With
// several control nodes, one may hear of gates that another does not.
func (e LevelEvaluated) heardLess(f LevelEvaluated) bool {
	return slices.ContainsFunc(e.Readings, func(r Reading) bool {
		return r.Why == NotHeard && slices.ContainsFunc(f.Readings, func(o Reading) bool { return o.Measure == r.Measure && o.Value != nil })
	})
}

// noteworthy reports whether an evaluation is to be stored: the first, a graver
// result at once, another result a minute after the last one, and the same result
// with other inputs, or one that lacks counts, after five.
func (in *Incident) noteworthy(e LevelEvaluated, now time.Time) bool {
	if len(in.Evaluations) == 0 {
		return len(e.Criteria) > 0
	}
	last := in.Evaluations[len(in.Evaluations)-1]
	since := now.Sub(last.At)
	if !e.SameResult(last.LevelEvaluated) {
		return Graver(e.Level, last.Level) || since >= otherInputsAfter || since >= otherResultAfter && !e.heardLess(last.LevelEvaluated)
	}
	return since >= otherInputsAfter && !e.sameInputs(last.LevelEvaluated)
}

// Evaluated returns the evaluation that was stored last.
func (in *Incident) Evaluated() (Evaluation, bool) {
	if len(in.Evaluations) == 0 {
		return Evaluation{}, false
	}
	return in.Evaluations[len(in.Evaluations)-1], true
}

// maxMeasure is the longest text of a measure, in bytes.
const maxMeasure = 500

// EnterMeasure records a measure that a person states. Kind is its declared type.
// It counts where nothing was gathered, and until another is entered.
func EnterMeasure(in *Incident, e MeasureEntered, kind expression.Type) ([]journal.Draft, error) {
	if in == nil || in.Over() {
		return nil, errState(in, Active)
	}
	switch v := e.Value.(type) {
	case float64:
		if kind != expression.Float || math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, errMeasure(e.Measure, kind)
		}
	case bool:
		if kind != expression.Bool {
			return nil, errMeasure(e.Measure, kind)
		}
	case string:
		if kind != expression.String || strings.TrimSpace(v) == "" {
			return nil, errMeasure(e.Measure, kind)
		}
		if len(v) > maxMeasure {
			return nil, holdfast.Errorf(holdfast.TooLarge, "the text is longer than %d bytes", maxMeasure).At("value")
		}
		e.Value = payment.Mask(strings.TrimSpace(v))
	default:
		return nil, errMeasure(e.Measure, kind)
	}
	if len(e.Note) > maxText {
		return nil, errLong("note")
	}
	e.Note = payment.Mask(e.Note)
	return in.draft(e), nil
}

func errMeasure(measure string, kind expression.Type) error {
	switch kind {
	case expression.Float:
		return holdfast.Errorf(holdfast.Invalid, "measure %s is a number: write digits", measure).At("value")
	case expression.Bool:
		return holdfast.Errorf(holdfast.Invalid, "measure %s is yes or no: choose one", measure).At("value")
	case expression.String:
		return holdfast.Errorf(holdfast.Invalid, "measure %s is a text: write it", measure).At("value")
	default:
		return holdfast.Errorf(holdfast.NotFound, "the plan has no measure %q", measure).At("measure")
	}
}

// ReadMeasure reads what a person typed for a measure of a type.
func ReadMeasure(measure, typed string, kind expression.Type) (any, error) {
	typed = strings.TrimSpace(typed)
	switch kind {
	case expression.Float:
		var number float64
		if err := json.Unmarshal([]byte(strings.ReplaceAll(typed, ",", "")), &number); err != nil {
			return nil, errMeasure(measure, kind)
		}
		return number, nil
	case expression.Bool:
		switch typed {
		case "yes", "true":
			return true, nil
		case "no", "false":
			return false, nil
		}
		return nil, errMeasure(measure, kind)
	case expression.String:
		return typed, nil
	}
	return nil, errMeasure(measure, kind)
}
