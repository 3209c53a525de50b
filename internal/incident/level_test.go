package incident

import (
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/expression"
)

var fields = map[string]expression.Type{"failed": expression.Float, "share": expression.Float, "leaked": expression.Bool, "region": expression.String}

var criteria = []Criterion{
	{Level: 3, Enter: "failed > 0"},
	{Level: 1, Enter: "leaked or share < 50", Automatic: true},
	{Level: 2, Enter: `failed > 10 and region == "north"`},
}

// judge evaluates the criteria over what is known; failed+ stands for a lower bound.
func judge(t testing.TB, known map[string]any) LevelEvaluated {
	t.Helper()
	var readings []Reading
	for _, m := range []string{"failed", "share", "leaked", "region"} {
		r := Reading{Measure: m, Value: known[m]}
		if least, ok := known[m+"+"]; ok {
			r.Value, r.AtLeast = least, true
		}
		if r.Value == nil {
			r.Why = NotEntered
		}
		readings = append(readings, r)
	}
	e, err := Evaluate(PlanRef{ID: "p", Revision: 1}, criteria, fields, readings)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

type known = map[string]any

func TestEvaluate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		known   known
		level   holdfast.Level
		triage  bool
		missing string
	}{
		{known{"leaked": true}, 1, false, ""},
		{known{"share": 20.0, "failed": 30.0}, 1, false, ""},
		// Nothing known, and what is known not enough: triage now, never the lowest.
		{known{}, 0, true, "failed leaked region share"},
		{known{"leaked": false, "region": "north"}, 0, true, "failed share"},
		{known{"leaked": false, "share": 99.0, "failed": 0.0}, 0, false, ""},
		// At least level 3, with the graver ones open.
		{known{"failed": 5.0}, 3, true, "leaked share"},
		{known{"failed": 5.0, "leaked": false, "share": 99.0}, 3, false, ""},
		{known{"failed": 50.0, "leaked": false, "share": 99.0}, 3, true, "region"},
		{known{"failed": 50.0, "leaked": false, "share": 99.0, "region": "north"}, 2, false, ""},
		{known{"failed+": 5.0, "leaked": false, "share": 99.0, "region": "north"}, 3, true, "failed"},
		{known{"failed+": 50.0, "leaked": false, "share": 99.0, "region": "north"}, 2, false, ""},
	} {
		e := judge(t, c.known)
		if e.Level != c.level || e.Triage != c.triage || strings.Join(e.Missing(), " ") != c.missing {
			t.Errorf("%v: level %s, triage %t, missing %q; want %s, %t, %q", c.known, e.Level, e.Triage, e.Missing(), c.level, c.triage, c.missing)
		}
		if e.preAuthorised() != (e.Level == 1) {
			t.Errorf("%v: pre-authorised %t at level %s", c.known, e.preAuthorised(), e.Level)
		}
		for i, cr := range e.Criteria {
			if cr.Level != holdfast.Level(i+1) {
				t.Errorf("criteria stand in the order %v", e.Criteria)
			}
		}
	}
}

// A level without an expression is for people to judge: it is never taken as not
// holding.
func TestEvaluateWords(t *testing.T) {
	t.Parallel()
	e, err := Evaluate(PlanRef{}, []Criterion{{Level: 1}, {Level: 2, Enter: "failed > 1", Automatic: true}, {Level: 3}}, fields, []Reading{{Measure: "failed", Value: 5.0}})
	if err != nil || e.Level != 2 || !e.Triage || e.preAuthorised() {
		t.Errorf("level %s, triage %t, pre-authorised %t, %v", e.Level, e.Triage, e.preAuthorised(), err)
	}
	if _, err := Evaluate(PlanRef{}, []Criterion{{Level: 1, Enter: "nothing > 1"}}, fields, nil); err == nil {
		t.Error("criteria over what is not declared were evaluated")
	}
}

// What is stored, and how often.
func TestJudgeStores(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	_, drafts, err := Suspect(s.book, SuspectedFact{Title: "payments fail"}, start)
	if err != nil {
		t.Fatal(err)
	}
	s.append(person("mei"), start, drafts)
	in := s.book.All()[0]
	none := func(holdfast.Level) (Flow, bool) { return Flow{}, false }
	for _, c := range []struct {
		after time.Duration
		known known
		want  bool
	}{
		{0, known{}, true},                                                           // the first
		{5 * time.Second, known{}, false},                                            // the same
		{6 * time.Second, known{"failed": 1.0}, true},                                // graver: at once
		{7 * time.Second, known{"failed": 2.0}, false},                               // other numbers
		{8 * time.Second, known{"failed": 50.0, "region": "north"}, true},            // graver again
		{9 * time.Second, known{"failed": 1.0}, false},                               // less grave: not so soon
		{69 * time.Second, known{"failed": 1.0}, true},                               // a minute later
		{6 * time.Minute, known{"failed": 1.0}, false},                               // nothing new at all
		{7 * time.Minute, known{"failed": 3.0}, true},                                // other numbers after five minutes
		{7*time.Minute + time.Second, known{"leaked": true, "failed": 3.0}, true},    // grave
		{7*time.Minute + 2*time.Second, known{"leaked": true, "failed": 4.0}, false}, // the same
	} {
		now := start.Add(c.after)
		drafts := Judge(in, judge(t, c.known), now, none)
		if (len(drafts) == 1) != c.want {
			t.Errorf("after %v, %v: %d facts", c.after, c.known, len(drafts))
		}
		s.append(holdfast.Self("response"), now, drafts)
	}
	if last, ok := in.Evaluated(); !ok || last.Level != 1 || len(in.Evaluations) != 6 {
		t.Errorf("%d evaluations are on record, the last %+v", len(in.Evaluations), last)
	}
	if got := Judge(&Incident{State: Closed}, judge(t, known{"leaked": true}), start, none); got != nil {
		t.Error("an incident that is over was judged")
	}
}

func TestEnterMeasure(t *testing.T) {
	t.Parallel()
	in := &Incident{ID: "2026-1", State: Suspected}
	for _, c := range []struct {
		kind  expression.Type
		typed string
		value any
		code  holdfast.Code
	}{
		{expression.Float, " 1,200.5 ", 1200.5, ""},
		{expression.Float, "many", nil, holdfast.Invalid},
		{expression.Float, "", nil, holdfast.Invalid},
		{expression.Float, "1e999", nil, holdfast.Invalid},
		{expression.Bool, "yes", true, ""},
		{expression.Bool, "false", false, ""},
		{expression.Bool, "perhaps", nil, holdfast.Invalid},
		{expression.String, " card 4111111111111111 ", "card 411111******1111", ""},
		{expression.String, "  ", nil, holdfast.Invalid},
		{expression.String, strings.Repeat("x", maxMeasure+1), nil, holdfast.TooLarge},
		{0, "1", nil, holdfast.NotFound},
	} {
		value, err := ReadMeasure("m", c.typed, c.kind)
		if err == nil {
			_, err = EnterMeasure(in, MeasureEntered{Measure: "m", Value: value}, c.kind)
		}
		if holdfast.CodeOf(err) != c.code {
			t.Errorf("%q: %v, want %q", c.typed, err, c.code)
		}
		if c.kind == expression.String && c.code == "" {
			drafts, _ := EnterMeasure(in, MeasureEntered{Measure: "m", Value: value}, c.kind)
			if body := string(drafts[0].Body); strings.Contains(body, "4111111111111111") {
				t.Errorf("a card number stands in %s", body)
			}
		} else if c.code == "" && value != c.value {
			t.Errorf("%q is read as %v", c.typed, value)
		}
	}
	for _, value := range []any{nil, 5, []string{"x"}, "text"} {
		if _, err := EnterMeasure(in, MeasureEntered{Measure: "m", Value: value}, expression.Float); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("%v was taken for a number: %v", value, err)
		}
	}
	if _, err := EnterMeasure(&Incident{State: Closed}, MeasureEntered{Measure: "m", Value: 1.0}, expression.Float); holdfast.CodeOf(err) != holdfast.Conflict {
		t.Errorf("a measure of a closed incident: %v", err)
	}
	if _, err := EnterMeasure(in, MeasureEntered{Measure: "m", Value: 1.0, Note: strings.Repeat("x", maxText+1)}, expression.Float); holdfast.CodeOf(err) != holdfast.TooLarge {
		t.Errorf("a note without end: %v", err)
	}
}

// Whatever is typed, it is refused with a code or is a value of the type.
func FuzzReadMeasure(f *testing.F) {
	for _, typed := range []string{"1", "1,000", "yes", "no", "north", "-0.5e3", "null", "NaN", "\"x\"", " "} {
		f.Add(typed, uint8(expression.Float))
		f.Add(typed, uint8(expression.Bool))
	}
	f.Fuzz(func(t *testing.T, typed string, kind uint8) {
		value, err := ReadMeasure("m", typed, expression.Type(kind))
		if err != nil {
			if holdfast.CodeOf(err) == holdfast.Internal {
				t.Fatalf("%q: %v has no code", typed, err)
			}
			return
		}
		in := &Incident{ID: "2026-1", State: Suspected}
		if _, err := EnterMeasure(in, MeasureEntered{Measure: "m", Value: value}, expression.Type(kind)); err != nil && holdfast.CodeOf(err) == holdfast.Internal {
			t.Fatalf("%q: %v", typed, err)
		}
	})
}
