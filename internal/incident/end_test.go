package incident

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/procedure"
)

// second opens another incident beside that of limited: confirmed at a level, or
// suspected.
func (s *stage) second(t *testing.T, level holdfast.Level) *Incident {
	t.Helper()
	id, drafts, err := Suspect(s.book, SuspectedFact{Title: "the same again", Alerts: []string{"a2"}}, start)
	if err != nil {
		t.Fatal(err)
	}
	s.append(person("mei"), start, drafts)
	in := s.book.Incident(id)
	if level == holdfast.Unknown {
		return in
	}
	p := s.book.Incident("2026-1").Procedure
	p.Level = level
	drafts, err = Confirm(in, level, PlanRef{ID: "plan", Revision: 1}, p, "")
	if err != nil {
		t.Fatal(err)
	}
	s.append(person("mei"), start, drafts)
	return in
}

func TestFalseAlarm(t *testing.T) {
	t.Parallel()
	s, in := limited(t)
	ask := func(by, reason string) holdfast.Code {
		drafts, err := AskFalseAlarm(in, reason)
		return s.play(by, 1, drafts, err)
	}
	answer := func(by string, granted bool) holdfast.Code {
		drafts, err := AnswerFalseAlarm(in, granted, "", Figures{Declined: 7}, person(by))
		return s.play(by, 2, drafts, err)
	}
	for _, step := range []struct {
		what      string
		got, want holdfast.Code
	}{
		{"answered unasked", answer("lin", true), holdfast.Conflict},
		{"no reason", ask("mei", ""), holdfast.Invalid},
		{"asked", ask("mei", "the monitor was wrong"), ""},
		{"asked twice", ask("lin", "x"), holdfast.Conflict},
		{"by the same person", answer("mei", true), holdfast.Forbidden},
		{"refused", answer("lin", false), ""},
		{"asked again", ask("mei", "the monitor was wrong"), ""},
		{"granted", answer("lin", true), ""},
		{"asked when over", ask("mei", "x"), holdfast.Conflict},
	} {
		if step.got != step.want {
			t.Errorf("%s: %q, want %q", step.what, step.got, step.want)
		}
	}
	if in.State != Dismissed || in.EndReason != "the monitor was wrong" || in.Closed.Declined != 7 || in.Ongoing() || len(in.workable()) != 0 {
		t.Errorf("ended as %+v", in)
	}
	if in.Tasks["repair"].Status != procedure.Skipped {
		t.Errorf("a task is %s", in.Tasks["repair"].Status)
	}
}

// What is opened again works the stages from one on anew; what was missed the first
// time stays counted.
func TestReopen(t *testing.T) {
	t.Parallel()
	s, in := limited(t)
	if _, err := Reopen(in, procedure.Handle, "x"); holdfast.CodeOf(err) != holdfast.Conflict {
		t.Errorf("what is not over was opened: %v", err)
	}
	s.tell(in, 21) // repair is past its limit
	for _, task := range []string{"repair", "look", "agree"} {
		drafts, err := Done(in, task, "x", nil)
		if err != nil {
			t.Fatal(err)
		}
		s.append(person("mei"), at(22), drafts)
	}
	drafts, err := Close(in, Figures{}, func(*Incident) error { return nil })
	s.play("mei", 23, drafts, err)
	met, missed := in.LimitCount()
	for _, from := range []procedure.StageKind{"", procedure.Detect, procedure.Confirm, procedure.Stop} {
		if _, err := Reopen(in, from, "x"); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("from %q: %v", from, err)
		}
	}
	if _, err := Reopen(in, procedure.Handle, " "); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Errorf("without a reason: %v", err)
	}
	drafts, err = Reopen(in, procedure.Handle, "it came back")
	if got := s.play("lin", 30, drafts, err); got != "" || in.State != Active || !in.Ended.IsZero() || in.Closed != nil {
		t.Fatalf("%v: %+v", err, in)
	}
	if got := in.workable(); !slices.Equal(got, []string{"repair", "look"}) || !in.Tasks["repair"].Opened.Equal(at(30)) {
		t.Errorf("open are %q", got)
	}
	if m, n := in.LimitCount(); m != met || n != missed || n != 1 {
		t.Errorf("%d met, %d missed; before %d and %d", m, n, met, missed)
	}
	if got := s.tell(in, 47); !slices.Equal(got, []string{"task-deputised look +720", "limit-at-risk repair +60"}) && !slices.Equal(got, []string{"limit-at-risk repair +60", "task-deputised look +720"}) {
		t.Errorf("told %q", got)
	}
}

// A suspicion that was dismissed is suspected again.
func TestReopenDismissed(t *testing.T) {
	t.Parallel()
	s, _ := limited(t)
	in := s.second(t, holdfast.Unknown)
	drafts, err := Dismiss(in, "noise")
	s.play("mei", 1, drafts, err)
	drafts, err = Reopen(in, "", "it was none")
	if s.play("mei", 2, drafts, err); in.State != Suspected || in.EndReason != "" {
		t.Errorf("it is %+v", in)
	}
}

func TestMergeAndBack(t *testing.T) {
	t.Parallel()
	s, into := limited(t)
	in := s.second(t, holdfast.Level3)
	_, drafts, err := AskDecision(in, "Switch over?", []string{"yes", "no"}, Choice{})
	s.play("mei", 1, drafts, err)
	before := in.clone()

	drafts, err = Merge(in, into, "one cause")
	if s.play("mei", 2, drafts, err); in.State != Merged || in.Into != into.ID || len(in.workable()) != 0 || !in.Over() {
		t.Fatalf("%v: %+v", err, in)
	}
	if p := into.Parts[0]; !slices.Equal(into.Alerts, []string{"a2"}) || !slices.Equal(p.Tasks, []string{"repair", "look"}) ||
		into.Decisions[0].Question != "(2026-2) Switch over?" || !slices.Equal(s.book.Whole(into.ID), []string{"2026-1", "2026-2"}) {
		t.Errorf("it holds %+v, decisions %+v", into.Parts, into.Decisions)
	}
	if _, err := Reopen(in, procedure.Handle, "x"); holdfast.CodeOf(err) != holdfast.Conflict {
		t.Errorf("what was merged was opened by itself: %v", err)
	}
	drafts, err = Unmerge(in, into, "two causes")
	s.play("lin", 3, drafts, err)
	before.Revision = in.Revision
	if !reflect.DeepEqual(before, in) {
		t.Errorf("it went on as\n%+v\nnot as\n%+v", in, before)
	}
	if len(into.Parts) != 0 || len(into.Alerts) != 0 {
		t.Errorf("the other keeps %+v", into.Parts)
	}
}

// A storm's alerts, more than one fact may name, go with their incident and come back.
func TestMergeOfAStorm(t *testing.T) {
	t.Parallel()
	s, into := limited(t)
	in := s.second(t, holdfast.Level3)
	for i := range 2*mostMoved + 1 {
		in.Alerts = append(in.Alerts, fmt.Sprintf("%016x", i))
	}
	storm := len(in.Alerts)
	drafts, err := Merge(in, into, "one cause")
	s.play("mei", 2, drafts, err)
	if len(into.Alerts) != storm || len(into.Parts) != 1 || len(into.Parts[0].Alerts) != storm {
		t.Fatalf("of %d alerts %d came along", storm, len(into.Alerts))
	}
	for _, d := range drafts {
		if len(d.Body) > journal.MaxBody {
			t.Errorf("%s has %d bytes", d.Kind, len(d.Body))
		}
	}
	drafts, err = Unmerge(in, into, "two causes")
	s.play("mei", 3, drafts, err)
	if len(into.Alerts) != 0 || len(into.Parts) != 0 || len(in.Alerts) != storm {
		t.Errorf("%d stay behind, %d came back", len(into.Alerts), len(in.Alerts))
	}
}

// Nothing that runs is put under a procedure that does less.
func TestMergeRefuses(t *testing.T) {
	t.Parallel()
	s, three := limited(t)
	one, suspected := s.second(t, holdfast.Level1), s.second(t, holdfast.Unknown)
	suspected.Suggested = holdfast.Level2
	ended, again := s.second(t, holdfast.Level1), s.second(t, holdfast.Level1)
	for _, in := range []*Incident{ended, again} {
		for i := range in.Stages {
			in.Stages[i].Status = procedure.Done
		}
	}
	for _, tt := range []struct {
		what     string
		in, into *Incident
		reason   string
		want     holdfast.Code
	}{
		{"a graver one", one, three, "x", holdfast.Conflict},
		{"into a suspicion", three, suspected, "x", holdfast.Conflict},
		{"a graver suspicion", suspected, three, "x", holdfast.Conflict},
		{"a suspicion", suspected, one, "x", ""},
		{"a lighter one", three, one, "x", ""},
		{"into itself", one, one, "x", holdfast.Invalid},
		{"into nothing", one, nil, "x", holdfast.Invalid},
		{"without a reason", three, one, "", holdfast.Invalid},
		{"into one that awaits its debrief", three, ended, "x", holdfast.Conflict},
		{"a suspicion into one that awaits its debrief", suspected, ended, "x", holdfast.Conflict},
		{"two that await their debriefs", again, ended, "x", ""},
	} {
		if _, err := Merge(tt.in, tt.into, tt.reason); holdfast.CodeOf(err) != tt.want {
			t.Errorf("%s: %v", tt.what, err)
		}
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	s, in := limited(t)
	other := s.second(t, holdfast.Unknown)
	for range 2 {
		drafts, err := ConnectTo(in, other, "the same supplier")
		if got := s.play("mei", 1, drafts, err); got != "" {
			t.Fatal(err)
		}
	}
	if len(in.Links) != 1 || len(other.Links) != 1 || other.Links[0].Other != in.ID || !other.Links[0].At.Equal(start.Add(time.Minute)) {
		t.Errorf("links %+v, %+v", in.Links, other.Links)
	}
	for _, o := range []*Incident{in, nil} {
		if _, err := ConnectTo(in, o, "x"); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("linked with %v: %v", o, err)
		}
	}
}
