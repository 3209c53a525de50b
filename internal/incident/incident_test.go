package incident

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/procedure"
)

func active(t *testing.T) (*stage, *Incident) {
	t.Helper()
	s := newStage(t)
	id, drafts, err := Suspect(s.book, SuspectedFact{Title: "payments fail"}, start)
	if err != nil {
		t.Fatal(err)
	}
	s.append(person("mei"), start, drafts)
	in := s.book.Incident(id)
	s.must(t, "confirm", "1")
	return s, in
}

// must does an act as mei.
func (s *stage) must(t *testing.T, verb string, words ...string) {
	t.Helper()
	drafts, err := decide(s.book.All()[0], person("mei"), verb, words)
	if err != nil {
		t.Fatalf("%s %s: %v", verb, words, err)
	}
	s.append(person("mei"), start.Add(time.Minute), drafts)
}

func TestLimits(t *testing.T) {
	t.Parallel()
	_, in := active(t)
	long := strings.Repeat("長", maxText/3+1)
	for name, err := range map[string]error{
		"note":     second(Note(in, "", long, nil)),
		"files":    second(Note(in, "", "see there", make([]Evidence, maxEvidence+1))),
		"task":     second(Done(in, "tell", long, nil)),
		"evidence": second(Done(in, "tell", "", make([]Evidence, maxEvidence+1))),
		"skip":     second(AskSkip(in, procedure.Stop, long)),
	} {
		if holdfast.CodeOf(err) != holdfast.TooLarge {
			t.Errorf("%s: %v", name, err)
		}
	}
	b := NewBook()
	_, drafts, err := Suspect(b, SuspectedFact{Title: strings.Repeat("長", 100)}, start)
	var f SuspectedFact
	if err := errors.Join(err, json.Unmarshal(drafts[0].Body, &f)); err != nil {
		t.Fatal(err)
	}
	if len(f.Title) > maxTitle || !strings.HasPrefix(f.Title, "長") || strings.ContainsRune(f.Title, '\uFFFD') {
		t.Errorf("a long title became %q", f.Title)
	}
}

func second[T any](_ T, err error) error { return err }

func TestClosing(t *testing.T) {
	t.Parallel()
	s, in := active(t)
	for _, act := range [][]string{
		{"succeed", "stop", "ok"}, {"succeed", "tell", "ok"}, {"succeed", "convene", "ok"}, {"end-stage", "analyse", "x"}, {"done", "repair", "x"}, {"done", "look"},
		{"probe", "test", "pay", "passed"}, {"probe", "test", "ask", "passed"}, {"probe", "test", "pay", "passed"}, {"probe", "test", "ask", "passed"},
		{"ramp", "reopen", "3"}, {"probe", "test-again", "pay", "passed"}, {"probe", "test-again", "pay", "passed"},
	} {
		s.must(t, act[0], act[1:]...)
	}
	// A task of the debrief that nobody did keeps the incident open.
	if _, err := Close(in, Figures{}, func(*Incident) error { return nil }); holdfast.CodeOf(err) != holdfast.Conflict || !strings.Contains(err.Error(), "collect") {
		t.Errorf("closed with an open task: %v", err)
	}
}

func TestOngoing(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id, drafts, _ := Suspect(s.book, SuspectedFact{Title: "payments fail"}, start)
	s.append(person("mei"), start, drafts)
	in := s.book.Incident(id)
	if !in.Ongoing() {
		t.Error("a suspicion is over before it was judged")
	}
	p := procedure.Procedure{Level: holdfast.Level1, Stages: []procedure.Stage{{Kind: procedure.Notify, Alongside: true}, {Kind: procedure.Recover}, {Kind: procedure.Review}}}
	drafts, err := Confirm(in, holdfast.Level1, PlanRef{}, p, "")
	if err != nil {
		t.Fatal(err)
	}
	s.append(person("mei"), start, drafts)
	s.must(t, "end-stage", "recover", "back")
	if !in.Ongoing() {
		t.Error("superiors are still to be told")
	}
	s.must(t, "end-stage", "notify", "told")
	if in.Ongoing() || !in.StageOpen(procedure.Review) {
		t.Error("only the debrief is left")
	}
}

// Two ramps, or a ramp and its tests, do not share their progress.
func TestTwoRamps(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id, drafts, _ := Suspect(s.book, SuspectedFact{Title: "payments fail"}, start)
	s.append(person("mei"), start, drafts)
	ramp := &procedure.Ramp{Steps: []procedure.Step{{Percent: 50}, {Percent: 100}}}
	p := procedure.Procedure{Level: holdfast.Level1, Stages: []procedure.Stage{{Kind: procedure.Recover, Tasks: []procedure.Task{{ID: "cards", Ramp: ramp}, {ID: "transfers", Ramp: ramp}}}}}
	drafts, err := Confirm(s.book.Incident(id), holdfast.Level1, PlanRef{}, p, "")
	if err != nil {
		t.Fatal(err)
	}
	s.append(person("mei"), start, drafts)
	for _, task := range []string{"cards", "transfers"} {
		s.must(t, "ramp", task, "1", "d1")
		s.must(t, "ramp", task, "2")
	}
	if in := s.book.Incident(id); in.Ongoing() {
		t.Errorf("after both ramps: %+v", in.Stages)
	}
}

func TestBook(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	open := func(at time.Time) *Incident {
		id, drafts, err := Suspect(s.book, SuspectedFact{Title: "x"}, at)
		if err != nil {
			t.Fatal(err)
		}
		s.append(person("mei"), at, drafts)
		return s.book.Incident(id)
	}
	confirm := func(in *Incident, l holdfast.Level) {
		p := levelOne()
		p.Level = l
		drafts, err := Confirm(in, l, PlanRef{}, p, "")
		if err != nil {
			t.Fatal(err)
		}
		s.append(person("mei"), start, drafts)
	}
	three, one, suspected, gone := open(start), open(start), open(start), open(start)
	confirm(three, holdfast.Level3)
	confirm(one, holdfast.Level1)
	drafts, _ := Dismiss(gone, "none")
	s.append(person("mei"), start, drafts)
	var ids []string
	for _, in := range s.book.Open() {
		ids = append(ids, in.ID)
	}
	// What is still to be judged comes before all: it may be worse than level 1.
	if got, want := fmt.Sprint(ids), fmt.Sprint([]string{suspected.ID, one.ID, three.ID}); got != want {
		t.Errorf("open: %s, want %s", got, want)
	}
	if all := s.book.All(); len(all) != 4 || all[0] != gone {
		t.Errorf("all: %v", all)
	}
	// Numbers begin anew with the year, in UTC.
	if in := open(time.Date(2027, 1, 1, 7, 0, 0, 0, time.FixedZone("", 8*3600))); in.ID != "2026-5" {
		t.Errorf("the last of the year is %s", in.ID)
	}
	if in := open(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)); in.ID != "2027-1" {
		t.Errorf("the first of the year is %s", in.ID)
	}
}

func TestApplyReadsWhatItKnows(t *testing.T) {
	t.Parallel()
	b := NewBook()
	for _, f := range []holdfast.Fact{
		{Subject: "alert/a", Kind: "alert.received", Body: []byte(`{}`)},
		{Subject: "incident/2026-1", Revision: 1, Kind: "incident.suspected", Body: []byte(`{"title":"x"}`)},
		{Subject: "incident/2026-1", Revision: 2, Kind: "incident.of-a-later-release", Body: []byte(`{}`)},
	} {
		if err := b.Apply(f); err != nil {
			t.Fatal(err)
		}
	}
	if in := b.Incident("2026-1"); len(b.All()) != 1 || in.Revision != 2 || in.Title != "x" {
		t.Errorf("folded %+v", in)
	}
	f := holdfast.Fact{Subject: "incident/2026-1", Kind: "incident.noted", Body: []byte(`[]`)}
	if err := b.Apply(f); err == nil {
		t.Error("a fact that cannot be read was folded")
	}
	if _, err := Decode(f); err == nil {
		t.Error("a fact that cannot be read was decoded")
	}
	if v, err := Decode(holdfast.Fact{Kind: "incident.noted", Body: []byte(`{"text":"t"}`)}); err != nil || v.(Noted).Text != "t" {
		t.Errorf("decoded %v, %v", v, err)
	}
	if v, err := Decode(holdfast.Fact{Kind: "incident.new", Body: []byte(`{"a":1}`)}); err != nil || string(v.(json.RawMessage)) != `{"a":1}` {
		t.Errorf("decoded %v, %v", v, err)
	}
}
