package incident

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/procedure"
)

// lesser is a procedure of level 2 or 3: superiors get another notice, the repair is
// the same task, the test is a shorter one at level 3.
func lesser(l holdfast.Level) procedure.Procedure {
	stage := func(k procedure.StageKind, tasks ...procedure.Task) procedure.Stage {
		return procedure.Stage{Kind: k, Role: "commander", Alongside: k == procedure.Notify, Tasks: tasks}
	}
	probes := []string{"pay", "ask"}
	if l == holdfast.Level3 {
		probes = []string{"pay"}
	}
	return procedure.Procedure{Level: l, Stages: []procedure.Stage{
		stage(procedure.Detect, procedure.Task{ID: "record"}),
		stage(procedure.Confirm),
		stage(procedure.Notify, procedure.Task{ID: "tell", Notice: &procedure.Notice{Template: "situation", To: []string{"superior"}}}),
		stage(procedure.Analyse),
		stage(procedure.Handle, procedure.Task{ID: "repair", Evidence: true}, procedure.Task{ID: "watch"}),
		stage(procedure.Recover, procedure.Task{ID: "test", Probes: probes}),
	}}
}

func flowOf(l holdfast.Level, inForce ...string) Flow {
	f := Flow{Plan: PlanRef{ID: "plan", Revision: 1}, Procedure: levelOne(), Holds: func(task string) bool { return slices.Contains(inForce, task) }}
	if l != holdfast.Level1 {
		f.Procedure = lesser(l)
	}
	return f
}

// scene is an incident on a journal.
type scene struct {
	*stage
	t  *testing.T
	in *Incident
	at time.Time
}

func newScene(t *testing.T, l holdfast.Level) *scene {
	s := &scene{stage: newStage(t), t: t, at: start}
	_, drafts, err := Suspect(s.book, SuspectedFact{Title: "payments fail"}, s.at)
	s.do("mei", drafts, err)
	s.in = s.book.All()[0]
	drafts, err = Confirm(s.in, l, PlanRef{ID: "plan", Revision: 1}, flowOf(l).Procedure, "")
	s.do("mei", drafts, err)
	return s
}

func (s *scene) do(by string, drafts []journal.Draft, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
	s.append(person(by), s.at, drafts)
	s.at = s.at.Add(time.Minute)
}

func (s *scene) rise(l holdfast.Level, inForce ...string) {
	s.t.Helper()
	drafts, err := Rise(s.in, flowOf(l, inForce...), "it is worse")
	s.do("mei", drafts, err)
}

func (s *scene) fall(l holdfast.Level, inForce ...string) {
	s.t.Helper()
	drafts, err := AskFall(s.in, l, "it is better")
	s.do("mei", drafts, err)
	drafts, err = GrantFall(s.in, flowOf(l, inForce...), person("lin"))
	s.do("lin", drafts, err)
}

func (s *scene) done(tasks ...string) {
	s.t.Helper()
	for _, task := range tasks {
		s.do("ana", Succeed(s.in, task, "done"), nil)
	}
}

// want compares stages and tasks: "notify open tell open; stop waiting stop waiting".
func (s *scene) want(stages string) {
	s.t.Helper()
	var parts []string
	for i, st := range s.in.Procedure.Stages {
		part := string(st.Kind) + " " + string(s.in.Stages[i].Status)
		for _, t := range st.Tasks {
			part += " " + t.ID + " " + string(s.in.Tasks[t.ID].Status)
		}
		parts = append(parts, part)
	}
	if got := strings.Join(parts, "; "); got != stages {
		s.t.Errorf("at level %s it stands\n%s\nwant\n%s", s.in.Level, got, stages)
	}
}

// 3 → 1 in mid-incident: the urgent notice and the stop open at once, what a person
// has done stays done, the tests begin anew.
func TestRiseFromThreeToOne(t *testing.T) {
	t.Parallel()
	s := newScene(t, holdfast.Level3)
	s.done("tell")
	drafts, err := EndStage(s.in, procedure.Analyse, "one channel")
	s.do("ana", drafts, err)
	drafts, err = Take(s.in, "watch", person("bo"))
	s.do("bo", drafts, err)
	s.done("repair")
	s.want("detect done record done; confirm done; notify done tell done; analyse done; handle open repair done watch open; recover waiting test waiting")
	s.rise(holdfast.Level1)
	s.want("detect done; confirm done; notify open tell open; stop open stop open; convene waiting convene waiting; analyse done; " +
		"handle waiting repair done look waiting; recover waiting test waiting reopen waiting test-again waiting; review waiting collect waiting")
	if s.in.Round() != 1 || s.in.First != holdfast.Level3 || len(s.in.Past) != 1 {
		t.Errorf("round %d, first level %s, %d phases left", s.in.Round(), s.in.First, len(s.in.Past))
	}
	past := s.in.Past[0]
	if past.Level != holdfast.Level3 || past.Tasks["watch"].Owner.ID != "bo" || past.Tasks["repair"].EndedBy.ID != "ana" || past.Why != "it is worse" {
		t.Errorf("of level 3 is left %+v", past)
	}
	s.done("stop", "convene")
	s.want("detect done; confirm done; notify open tell open; stop done stop done; convene done convene done; analyse done; " +
		"handle open repair done look open; recover waiting test waiting reopen waiting test-again waiting; review waiting collect waiting")
}

// 1 → 2 with approval keeps tests that passed; back at 1 nobody is told again, and a
// stop that was lifted has to be proposed again, one in force has not.
func TestFallAndRiseAgain(t *testing.T) {
	t.Parallel()
	for _, held := range []bool{true, false} {
		s := newScene(t, holdfast.Level1)
		s.done("tell", "stop", "convene")
		drafts, err := EndStage(s.in, procedure.Analyse, "x")
		s.do("ana", drafts, err)
		s.done("repair", "look")
		for range 2 {
			for _, probe := range []string{"pay", "ask"} {
				drafts, err := Probed(s.in, "test", ProbeRan{Probe: probe, Passed: true}, func(string) int { return 2 })
				s.do("ana", drafts, err)
			}
		}
		s.fall(holdfast.Level2)
		s.want("detect done record done; confirm done; notify open tell open; analyse done; handle open repair done watch open; recover waiting test waiting")
		s.done("tell")
		if held {
			s.rise(holdfast.Level1, "stop")
			s.want("detect done; confirm done; notify done tell done; stop done stop done; convene done convene done; analyse done; handle done repair done look done; " +
				"recover open test open reopen open test-again open; review waiting collect waiting")
		} else {
			s.rise(holdfast.Level1)
			s.want("detect done; confirm done; notify done tell done; stop open stop open; convene done convene done; analyse done; handle done repair done look done; " +
				"recover waiting test waiting reopen waiting test-again waiting; review waiting collect waiting")
		}
		if in := s.in; in.Probe("test", "pay").InARow != 0 || in.Round() != 0 {
			t.Errorf("back at level 1 the tests have passed %d times, round %d", in.Probe("test", "pay").InARow, in.Round())
		}
	}
}

func TestFallNeedsASecondPerson(t *testing.T) {
	t.Parallel()
	s := newScene(t, holdfast.Level1)
	_, err := RefuseFall(s.in, person("lin"), "why")
	s.code(err, holdfast.Conflict)
	for _, l := range []holdfast.Level{0, 1, 4} {
		_, err = AskFall(s.in, l, "x")
		s.code(err, holdfast.Conflict)
	}
	_, err = AskFall(s.in, holdfast.Level2, " ")
	s.code(err, holdfast.Invalid)
	drafts, err := AskFall(s.in, holdfast.Level2, "it is better")
	s.do("mei", drafts, err)
	_, err = AskFall(s.in, holdfast.Level3, "even better")
	s.code(err, holdfast.Conflict)
	_, err = GrantFall(s.in, flowOf(holdfast.Level2), person("mei"))
	s.code(err, holdfast.Forbidden)
	_, err = GrantFall(s.in, flowOf(holdfast.Level3), person("lin"))
	s.code(err, holdfast.Invalid)
	_, err = RefuseFall(s.in, person("lin"), "")
	s.code(err, holdfast.Invalid)
	drafts, err = RefuseFall(s.in, person("lin"), "payments still fail")
	s.do("lin", drafts, err)
	if s.in.Level != holdfast.Level1 || s.in.Fall != nil {
		t.Errorf("refused, it is at level %s with %+v", s.in.Level, s.in.Fall)
	}
	drafts, err = AskFall(s.in, holdfast.Level2, "it is better")
	s.do("mei", drafts, err)
	drafts, err = RefuseFall(s.in, person("mei"), "") // taken back
	s.do("mei", drafts, err)
	s.fall(holdfast.Level2)
	if p := s.in.Past[0]; p.AskedBy == nil || p.AskedBy.ID != "mei" || p.By.ID != "lin" {
		t.Errorf("the fall was asked by %v and consented to by %v", p.AskedBy, p.By)
	}
}

func (s *scene) code(err error, want holdfast.Code) {
	s.t.Helper()
	if holdfast.CodeOf(err) != want {
		s.t.Errorf("error %v, want %q", err, want)
	}
}

func TestRiseIsRefused(t *testing.T) {
	t.Parallel()
	s := newScene(t, holdfast.Level2)
	for _, l := range []holdfast.Level{holdfast.Level2, holdfast.Level3} {
		_, err := Rise(s.in, flowOf(l), "x")
		s.code(err, holdfast.Conflict)
	}
	_, err := Rise(s.in, flowOf(holdfast.Level1), "")
	s.code(err, holdfast.Invalid) // the criteria do not say so
	_, err = Rise(s.in, flowOf(holdfast.Level1), "", judge(t, known{"failed": 5.0}))
	s.code(err, holdfast.Invalid)
	drafts, err := Rise(s.in, flowOf(holdfast.Level1), "", judge(t, known{"leaked": true}))
	s.do("mei", drafts, err)
	if last, ok := s.in.Evaluated(); !ok || last.Level != holdfast.Level1 {
		t.Error("what the rise rests on is not on record")
	}
	_, err = Rise(&Incident{State: Suspected}, flowOf(holdfast.Level1), "x")
	s.code(err, holdfast.Conflict)
	_, err = Rise(nil, flowOf(holdfast.Level1), "x")
	s.code(err, holdfast.NotFound)
}

// The plan's pre-authorisation takes the level at once, and does not undo what two
// people have decided until the criteria have let go.
func TestAutomatic(t *testing.T) {
	t.Parallel()
	flow := func(l holdfast.Level) (Flow, bool) { return flowOf(l), l != holdfast.Unknown }
	s := &scene{stage: newStage(t), t: t, at: start}
	_, drafts, err := Suspect(s.book, SuspectedFact{Title: "payments fail"}, s.at)
	s.do("mei", drafts, err)
	s.in = s.book.All()[0]
	tick := func(k known) {
		s.at = s.at.Add(2 * time.Minute)
		s.append(holdfast.Self("response"), s.at, Judge(s.in, judge(t, k), s.at, flow))
	}
	tick(known{"failed": 5.0}) // level 3 is not pre-authorised
	if s.in.State != Suspected {
		t.Fatal("confirmed without a person")
	}
	tick(known{"leaked": true})
	if s.in.State != Active || s.in.Level != holdfast.Level1 {
		t.Fatalf("it is %s at level %s", s.in.State, s.in.Level)
	}
	s.fall(holdfast.Level2)
	tick(known{"leaked": true, "failed": 1.0})
	tick(known{"leaked": true, "failed": 2.0})
	if s.in.Level != holdfast.Level2 {
		t.Fatal("what two people decided was undone")
	}
	tick(known{"leaked": false, "share": 99.0, "failed": 50.0, "region": "north"})
	tick(known{"leaked": true})
	if s.in.Level != holdfast.Level1 || !s.in.Past[1].Automatic {
		t.Fatalf("it is at level %s", s.in.Level)
	}
}

// Any sequence of acts: the level never falls without two people, nothing that was
// done is lost, no notice and no directive is doubled, and the state folded anew is
// the same.
func TestAnySequenceOfLevels(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		s := newScene(t, holdfast.Level(rapid.IntRange(1, 3).Draw(r, "first")))
		asked := ""
		opened := map[string]bool{}  // actions that were opened, by level and task
		everDone := map[string]int{} // tasks that people did
		var inForce []string
		for range 30 {
			by := rapid.SampledFrom([]string{"mei", "lin"}).Draw(r, "by")
			l := holdfast.Level(rapid.IntRange(1, 3).Draw(r, "level"))
			before := s.in.Level
			var drafts []journal.Draft
			var err error
			verb := rapid.SampledFrom([]string{"rise", "ask", "grant", "refuse", "succeed", "succeed", "succeed", "end", "lift", "judge"}).Draw(r, "verb")
			switch verb {
			case "rise":
				drafts, err = Rise(s.in, flowOf(l, inForce...), "worse")
			case "ask":
				drafts, err = AskFall(s.in, l, "better")
			case "grant":
				if s.in.Fall != nil {
					drafts, err = GrantFall(s.in, flowOf(s.in.Fall.To, inForce...), person(by))
				}
			case "refuse":
				drafts, err = RefuseFall(s.in, person(by), "no")
			case "succeed":
				task := rapid.SampledFrom([]string{"tell", "stop", "convene", "repair", "look", "watch", "test", "reopen", "test-again"}).Draw(r, "task")
				if drafts = Succeed(s.in, task, "done"); len(drafts) > 0 && task == "stop" {
					inForce = []string{"stop"}
				}
			case "end":
				drafts, err = EndStage(s.in, procedure.Analyse, "found")
			case "lift":
				inForce = nil
			case "judge":
				drafts = Judge(s.in, judge(t, known{"leaked": rapid.Bool().Draw(r, "leaked"), "failed": float64(rapid.IntRange(0, 20).Draw(r, "failed"))}), s.at,
					func(l holdfast.Level) (Flow, bool) { return flowOf(l, inForce...), l != holdfast.Unknown })
			}
			if err != nil {
				if holdfast.CodeOf(err) == holdfast.Internal {
					r.Fatal(err)
				}
				continue
			}
			for _, f := range s.append(person(by), s.at, drafts) {
				e, _ := decoders[f.Kind](f)
				switch e := e.(type) {
				case FallAsked:
					asked = f.Actor.ID
				case FallRefused:
					asked = ""
				case TaskDone:
					key := fmt.Sprint(s.in.Level, e.Task)
					if _, t, _ := s.in.Procedure.Task(e.Task); t.Notice != nil && opened[key] {
						r.Fatalf("the notice of task %s was finished twice at level %s", e.Task, s.in.Level)
					} else if t.Notice != nil {
						opened[key] = true
					}
					everDone[e.Task]++
				case LevelChanged:
					if Graver(e.From, e.To) && (asked == "" || asked == f.Actor.ID || verb != "grant") {
						r.Fatalf("the level fell from %s to %s by %s, asked by %q", e.From, e.To, f.Actor.ID, asked)
					}
					asked = ""
				}
			}
			s.at = s.at.Add(2 * time.Minute)
			if Graver(before, s.in.Level) && verb != "grant" {
				r.Fatalf("%s brought level %s to %s", verb, before, s.in.Level)
			}
			checkKept(r, s.in, everDone, inForce)
		}
		checkFold(r, s.stage, s.in)
	})
}

// checkKept holds for every state of an incident whose level changed.
func checkKept(r *rapid.T, in *Incident, everDone map[string]int, inForce []string) {
	for id := range everDone {
		recorded := in.Tasks[id].Status == procedure.Done
		for _, p := range in.Past {
			recorded = recorded || p.Tasks[id].Status == procedure.Done
		}
		if !recorded {
			r.Fatalf("that task %s was done is nowhere any more", id)
		}
		_, t, there := in.Procedure.Task(id)
		manual := t.Notice == nil && t.Directive == nil && len(t.Probes) == 0 && t.Ramp == nil
		if there && manual && in.Tasks[id].Status != procedure.Done {
			r.Fatalf("task %s was done, and is %s", id, in.Tasks[id].Status)
		}
	}
	if status := in.Tasks["stop"].Status; in.Level == holdfast.Level1 && len(in.Past) > 0 && in.Past[len(in.Past)-1].Left.Equal(in.since) && slices.Contains(inForce, "stop") && everDone["stop"] > 0 && status != procedure.Done {
		r.Fatalf("a stop is in force, and the task that proposes it is %s", status)
	}
	for i, s := range in.Procedure.Stages {
		for _, t := range s.Tasks {
			stage, task := in.Stages[i].Status, in.Tasks[t.ID].Status
			if stage == procedure.Waiting && task == procedure.Open || stage.Closed() && !task.Closed() {
				r.Fatalf("task %s is %s in a stage that is %s", t.ID, task, stage)
			}
		}
	}
	if len(in.Procedure.Openable(statuses(in))) > 0 && in.State == Active {
		r.Fatalf("stages may open and have not: %v", statuses(in))
	}
}
