package incident

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/procedure"
)

func minutes(n int) procedure.Duration { return procedure.Duration(time.Duration(n) * time.Minute) }

// limited is an active incident whose stage handle is open, with tasks under limits.
func limited(t testing.TB) (*stage, *Incident) {
	s := newStage(t)
	_, drafts, _ := Suspect(s.book, SuspectedFact{Title: "payments fail"}, start)
	s.append(person("mei"), start, drafts)
	in := s.book.Incident("2026-1")
	p := procedure.Procedure{Level: holdfast.Level3, Stages: []procedure.Stage{
		{Kind: procedure.Detect, Role: "duty"}, {Kind: procedure.Confirm, Role: "duty", Limit: minutes(3)},
		{Kind: procedure.Handle, Role: "tech", Limit: minutes(60), Tasks: []procedure.Task{
			{ID: "repair", Deputy: "head", Limit: minutes(20)},
			{ID: "look", TakeWithin: minutes(5)},
			{ID: "agree", After: []string{"repair", "look"}, Limit: minutes(10)},
		}},
	}}
	drafts, err := Confirm(in, holdfast.Level3, PlanRef{ID: "plan", Revision: 1}, p, "")
	if err != nil {
		t.Fatal(err)
	}
	s.append(person("mei"), start, drafts)
	return s, in
}

// tell records what is due at a minute and shows it.
func (s *stage) tell(in *Incident, minute float64) (told []string) {
	now := start.Add(time.Duration(minute * float64(time.Minute)))
	drafts, _ := TellLimits(in, now)
	facts := s.append(holdfast.Self("response"), now, drafts)
	drafts, _ = Deputise(in, now, func(_ procedure.Stage, t procedure.Task) (string, []string) { return t.Deputy, []string{"lin"} })
	for _, f := range append(facts, s.append(holdfast.Self("response"), now, drafts)...) {
		var b struct {
			ID, Task string
			Late     int64
		}
		if err := f.Decode(&b); err != nil {
			s.t.Fatal(err)
		}
		told = append(told, fmt.Sprintf("%s %s%s +%d", f.Kind[len("incident."):], b.ID, b.Task, b.Late))
	}
	return told
}

func TestLimitsAreTold(t *testing.T) {
	t.Parallel()
	s, in := limited(t)
	for _, step := range []struct {
		minute float64
		want   []string
	}{
		{4, nil},
		{5.1, []string{"task-deputised look +6"}},
		{15.9, nil},
		{16.5, []string{"limit-at-risk repair +30"}},
		{17, nil},
		{21, []string{"limit-breached repair +60", "task-deputised repair +60"}},
		{22, nil},
		{70, []string{"limit-breached handle +600"}}, // nobody looked while it was at risk
		{71, nil},
	} {
		if got := s.tell(in, step.minute); !slices.Equal(got, step.want) {
			t.Errorf("minute %v: told %q, want %q", step.minute, got, step.want)
		}
	}
	if met, missed := in.LimitCount(); met != 1 || missed != 2 { // the confirmation was in time
		t.Errorf("%d limits met, %d missed", met, missed)
	}
}

// A task waits for those that come before it; its limit runs from when it opens.
func TestTasksInOrder(t *testing.T) {
	t.Parallel()
	s, in := limited(t)
	if _, err := Done(in, "agree", "x", nil); holdfast.CodeOf(err) != holdfast.Conflict {
		t.Errorf("a task that waits was done: %v", err)
	}
	for i, task := range []string{"repair", "look"} {
		drafts, err := Done(in, task, "x", nil)
		if err != nil {
			t.Fatal(err)
		}
		s.append(person("mei"), start.Add(time.Duration(i+1)*time.Minute), drafts)
	}
	_, agree, _ := in.Procedure.Task("agree")
	if l, ok := in.TaskLimit(agree); !ok || !l.Due.Equal(start.Add(12*time.Minute)) || in.Tasks["agree"].Status != procedure.Open {
		t.Errorf("the limit is %+v, %v", l, ok)
	}
}

// What was done too late before anybody could record it is still recorded.
func TestLimitPassedUnseen(t *testing.T) {
	t.Parallel()
	s, in := limited(t)
	for _, task := range []string{"repair"} {
		drafts, err := Done(in, task, "x", nil)
		if err != nil {
			t.Fatal(err)
		}
		s.append(person("mei"), start.Add(25*time.Minute), drafts)
	}
	if got, want := s.tell(in, 26), []string{"limit-breached repair +360", "task-deputised look +1260"}; !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

// Whoever has taken a task keeps it.
func TestTakenIsNotDeputised(t *testing.T) {
	t.Parallel()
	s, in := limited(t)
	drafts, err := Take(in, "look", person("ana"))
	if err != nil {
		t.Fatal(err)
	}
	s.append(person("ana"), start.Add(time.Minute), drafts)
	if got := s.tell(in, 10); got != nil {
		t.Errorf("told %q", got)
	}
}

// However seldom and irregularly anybody looks, each limit is told once, as breached
// only after it has passed, and with how late that was noticed.
func TestLimitsAreToldOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		s, in := limited(t)
		seen, minute := map[string]bool{}, 0.0
		for minute < 80 {
			minute += rapid.Float64Range(0.01, 30).Draw(r, "later")
			if rapid.IntRange(0, 9).Draw(r, "done") == 0 {
				if drafts, err := Done(in, "repair", "x", nil); err == nil {
					s.append(person("mei"), start.Add(time.Duration(minute*float64(time.Minute))), drafts)
				}
			}
			for _, line := range s.tell(in, minute) {
				var what, late string
				if _, err := fmt.Sscan(line, &what, &late); err != nil {
					r.Fatal(err)
				}
				if seen[what+late] {
					r.Fatalf("told twice: %s", line)
				}
				seen[what+late] = true
			}
		}
		if !seen["limit-breachedhandle"] {
			r.Fatalf("the stage's limit was never told as breached: %v", seen)
		}
	})
}
