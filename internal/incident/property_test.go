package incident

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/procedure"
)

// Any sequence of acts, allowed or not: stages open in the order that the
// procedure allows, what is closed stays closed, nobody consents to his own wish,
// and the state folded from the journal is the one that was decided on.
func TestAnySequenceOfActs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		s := newStage(t)
		p := drawProcedure(r)
		id, drafts, err := Suspect(s.book, SuspectedFact{Title: "payments fail"}, start)
		if err != nil {
			r.Fatal(err)
		}
		s.append(person("mei"), start, drafts)
		in := s.book.Incident(id)
		for _, act := range wayThrough[:rapid.SampledFrom([]int{0, 1, 5, len(wayThrough)}).Draw(r, "begin")] {
			drafts, err := Confirm(in, holdfast.Level1, PlanRef{ID: "plan", Revision: 1}, p, "")
			if act[0] != "confirm" {
				drafts, err = decide(in, person("mei"), act[0], act[1:])
			}
			if err != nil {
				r.Fatalf("%s: %v", act, err)
			}
			s.append(person("mei"), start, drafts)
		}
		for n := range 60 {
			by, at := person(rapid.SampledFrom([]string{"mei", "lin"}).Draw(r, "by")), start.Add(time.Duration(n)*time.Minute)
			before := in.clone()
			drafts, err := drawAct(r, in, p, by)
			if err != nil {
				if code := holdfast.CodeOf(err); code == holdfast.Internal {
					r.Fatalf("an error without a code: %v", err)
				}
				continue
			}
			for _, f := range s.append(by, at, drafts) {
				checkOpening(r, before, f)
				e, err := decoders[f.Kind](f)
				if err != nil {
					r.Fatal(err)
				}
				before.apply(e, f)
			}
			if !reflect.DeepEqual(before, in) {
				r.Fatalf("decided on\n%+v\nfolded\n%+v", before, in)
			}
			checkStill(r, in)
		}
		checkFold(r, s, in)
	})
}

// wayThrough is the shortest way to the debrief; a sequence begins somewhere on it.
var wayThrough = [][]string{
	{"confirm"}, {"succeed", "tell"}, {"succeed", "stop"}, {"succeed", "convene"}, {"end-stage", "analyse", "x"}, {"done", "repair", "x"}, {"done", "look"},
	{"probe", "test", "pay", "passed"}, {"probe", "test", "ask", "passed"}, {"probe", "test", "pay", "passed"}, {"probe", "test", "ask", "passed"},
	{"ramp", "reopen", "3"}, {"probe", "test-again", "pay", "passed"}, {"probe", "test-again", "pay", "passed"},
}

// drawProcedure varies what a plan may vary.
func drawProcedure(r *rapid.T) procedure.Procedure {
	p := levelOne()
	for i := range p.Stages {
		switch p.Stages[i].Kind {
		case procedure.Notify, procedure.Stop, procedure.Convene, procedure.Analyse:
			p.Stages[i].Alongside = rapid.Bool().Draw(r, "alongside")
		}
	}
	return p
}

func drawAct(r *rapid.T, in *Incident, p procedure.Procedure, by holdfast.Actor) ([]journal.Draft, error) {
	stages, tasks := procedure.Kinds[:], []string{"tell", "stop", "convene", "repair", "look", "test", "reopen", "test-again", "collect"}
	if rapid.IntRange(0, 4).Draw(r, "likely") > 0 && in.State == Active {
		stages, tasks = open(in, stages, tasks)
	}
	stage, task := string(rapid.SampledFrom(stages).Draw(r, "stage")), rapid.SampledFrom(tasks).Draw(r, "task")
	switch verb := rapid.SampledFrom([]string{
		"confirm", "confirm", "take", "done", "done", "done", "succeed", "succeed", "end-stage", "end-stage", "ask-skip", "grant-skip", "refuse-skip",
		"probe", "probe", "probe", "ramp", "ramp", "close", "note", "alert", "dismiss",
	}).Draw(r, "verb"); verb {
	case "confirm":
		return Confirm(in, holdfast.Level1, PlanRef{ID: "plan", Revision: 1}, p, "")
	case "end-stage", "ask-skip", "grant-skip", "refuse-skip":
		return decide(in, by, verb, []string{stage, "a reason"})
	case "probe":
		return decide(in, by, verb, []string{task, rapid.SampledFrom([]string{"pay", "ask"}).Draw(r, "probe"), rapid.SampledFrom([]string{"passed", "failed"}).Draw(r, "result")})
	case "ramp":
		words := []string{"reopen", fmt.Sprint(rapid.IntRange(-1, 4).Draw(r, "step"))}
		if rapid.Bool().Draw(r, "held") {
			words = append(words, "d1")
		}
		return decide(in, by, verb, words)
	case "dismiss":
		if rapid.IntRange(0, 9).Draw(r, "dismissed") > 0 {
			return nil, holdfast.Errorf(holdfast.Conflict, "not this time")
		}
		return decide(in, by, verb, []string{"a reason"})
	default:
		return decide(in, by, verb, []string{task, "a note"})
	}
}

// open leaves what is open, if anything is: most acts that people try are possible.
func open(in *Incident, stages []procedure.StageKind, tasks []string) ([]procedure.StageKind, []string) {
	var openStages []procedure.StageKind
	var openTasks []string
	for i, s := range in.Procedure.Stages {
		if in.Stages[i].Status == procedure.Open {
			openStages = append(openStages, s.Kind)
			for _, t := range s.Tasks {
				if in.Tasks[t.ID].Status == procedure.Open {
					openTasks = append(openTasks, t.ID)
				}
			}
		}
	}
	if len(openStages) > 0 {
		stages = openStages
	}
	if len(openTasks) > 0 {
		tasks = openTasks
	}
	return stages, tasks
}

// checkOpening says by itself when a stage may open, and that what is closed is
// not opened or ended again.
func checkOpening(r *rapid.T, in *Incident, f holdfast.Fact) {
	if in.Over() {
		r.Fatalf("%s came after the end", f.Kind)
	}
	e, _ := decoders[f.Kind](f)
	switch e := e.(type) {
	case StageOpened:
		i := in.stage(e.Stage)
		if in.Stages[i].Status != procedure.Waiting {
			r.Fatalf("stage %s was %s when it opened", e.Stage, in.Stages[i].Status)
		}
		for n, earlier := range in.Stages[:i] {
			if !earlier.Status.Closed() && (!in.Procedure.Stages[n].Alongside || earlier.Status != procedure.Open) {
				r.Fatalf("stage %s opened while %s was %s", e.Stage, in.Procedure.Stages[n].Kind, earlier.Status)
			}
		}
	case StageDone:
		if s := in.Stages[in.stage(e.Stage)]; s.Status != procedure.Open {
			r.Fatalf("stage %s was %s when it was done", e.Stage, s.Status)
		}
	case TaskDone:
		if in.Tasks[e.Task].Status != procedure.Open {
			r.Fatalf("task %s was %s when it was done", e.Task, in.Tasks[e.Task].Status)
		}
	case SkipGranted:
		if skip := in.Stages[in.stage(e.Stage)].Skip; skip == nil || skip.By.SameParty(f.Actor) {
			r.Fatalf("the skip of stage %s was granted by %s; asked was %+v", e.Stage, f.Actor, skip)
		}
	case Ramped:
		if e.Step > in.RampOf(e.Task).Step && !in.Tasks["test"].Status.Closed() {
			r.Fatal("payments were let in before the tests had passed")
		}
	}
}

// checkStill holds for every state.
func checkStill(r *rapid.T, in *Incident) {
	for i, s := range in.Procedure.Stages {
		for _, t := range s.Tasks {
			stage, task := in.Stages[i].Status, in.Tasks[t.ID].Status
			if stage == procedure.Waiting && task != procedure.Waiting || stage == procedure.Done && task != procedure.Done || stage == procedure.Skipped && !task.Closed() {
				r.Fatalf("task %s is %s in a stage that is %s", t.ID, task, stage)
			}
		}
	}
	if in.State == Active && len(in.Procedure.Openable(statuses(in))) > 0 {
		r.Fatalf("stages may open and have not: %v", statuses(in))
	}
	if in.State == Closed {
		for i, s := range in.Stages {
			if !s.Status.Closed() {
				r.Fatalf("closed with stage %s %s", in.Procedure.Stages[i].Kind, s.Status)
			}
		}
	}
}

func statuses(in *Incident) []procedure.Status {
	var list []procedure.Status
	for _, s := range in.Stages {
		list = append(list, s.Status)
	}
	return list
}

// checkFold reads the journal anew, as another node does.
func checkFold(r rapid.TB, s *stage, in *Incident) {
	other := NewBook()
	facts, err := s.store.Read(s.t.Context(), 0, 10_000)
	if err != nil {
		r.Fatal(err)
	}
	for _, f := range facts {
		if err := other.Apply(f); err != nil {
			r.Fatal(err)
		}
	}
	if !reflect.DeepEqual(other.Incident(in.ID), in) {
		r.Fatalf("folded anew it is\n%+v\nnot\n%+v", other.Incident(in.ID), in)
	}
}
