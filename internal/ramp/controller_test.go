package ramp

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/plan"
	"holdfast/internal/posture"
	"holdfast/internal/procedure"
	"holdfast/internal/traffic"
)

// fleet is one journal, some control nodes and one gate, in a bubble of its own time.
type fleet struct {
	*testing.T
	store *journal.Memory
	first *node // folds, and never judges: for people
	nodes [2]*node
	id    string
	// What the gate counts each second, and whether it is heard.
	done, failed int64
	heard        bool
	sequence     uint64
	passes       bool
}

// node is a control node; end stops its loops.
type node struct {
	*Controller
	end context.CancelFunc
	wg  sync.WaitGroup
}

func (f *fleet) newNode(loops bool) *node {
	genesis := f.store.Genesis()
	c := &Controller{
		Incidents: incident.NewBook(), Directives: directive.NewBook(genesis), Gates: enrolment.NewBook(), Plans: plan.NewBook(),
		Series: traffic.NewSeries(), Prober: f, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	state := journal.NewState(f.store, genesis, c.Incidents, c.Directives, c.Gates, c.Plans)
	c.Desk = &journal.Desk{Journal: f.store, State: state, Now: time.Now}
	ctx, end := context.WithCancel(f.Context())
	n := &node{Controller: c, end: end}
	run := []func(context.Context) error{state.Run}
	if loops {
		run = append(run, c.Run, c.RunProbes)
	}
	for _, loop := range run {
		n.wg.Go(func() {
			if err := loop(ctx); err != nil {
				f.Errorf("a loop ended: %v", err)
			}
		})
	}
	return n
}

func (n *node) stop() {
	n.end()
	n.wg.Wait()
}

// Probe is the prober.
func (f *fleet) Probe(_ context.Context, p plan.Probe, _ string) incident.ProbeRan {
	return incident.ProbeRan{Probe: p.ID, Passed: f.passes, Detail: "d"}
}

// begin has an incident whose payments are stopped and whose recovery has the ramp.
func begin(t *testing.T, r procedure.Ramp) *fleet {
	f := &fleet{T: t, store: journal.NewMemory("test"), done: 50, heard: true, passes: true}
	f.first = f.newNode(false)
	f.do(func(time.Time) ([]journal.Draft, error) {
		return enrolment.Enrol(f.first.Gates.Gate("east"), "east", enrolment.Enrolled{Boot: "b"})
	})
	f.do(func(now time.Time) (drafts []journal.Draft, err error) {
		f.id, drafts, err = incident.Suspect(f.first.Incidents, incident.SuspectedFact{Title: "payments fail"}, now)
		return drafts, err
	})
	f.do(func(now time.Time) (drafts []journal.Draft, err error) {
		p := procedure.Procedure{Level: holdfast.Level1, Stages: []procedure.Stage{{Kind: procedure.Recover, Tasks: []procedure.Task{{ID: "reopen", Ramp: &r}}}}}
		return incident.Confirm(f.in(), holdfast.Level1, incident.PlanRef{}, p, "")
	})
	f.do(func(time.Time) (drafts []journal.Draft, err error) {
		_, drafts, err = directive.Propose(f.first.Directives, directive.Proposal{Kind: posture.Stop, Scope: "all", Reason: "it fails", Incident: f.id}, true, nil)
		return drafts, err
	})
	for i := range f.nodes {
		f.nodes[i] = f.newNode(true)
	}
	return f
}

func (f *fleet) end() {
	for _, n := range append(f.nodes[:], f.first) {
		if n != nil {
			n.stop()
		}
	}
}

func (f *fleet) in() *incident.Incident { return f.first.Incidents.Incident(f.id) }

func (f *fleet) do(decide func(now time.Time) ([]journal.Draft, error)) {
	f.Helper()
	if _, err := f.first.Desk.Do(f.Context(), by, decide); err != nil {
		f.Fatal(err)
	}
	synctest.Wait()
}

// tries is a person's act, which may be refused.
func (f *fleet) tries(step int) {
	f.first.Desk.Do(f.Context(), by, func(now time.Time) ([]journal.Draft, error) {
		return To(f.first.hands(f.in()), f.in(), "reopen", step, 0, now)
	})
	synctest.Wait()
}

func (f *fleet) at() (r incident.Ramp) {
	f.first.Desk.State.View(func() { r = f.in().RampOf("reopen") })
	return r
}

// pass lets seconds pass, in each of which the gate counts.
func (f *fleet) pass(seconds int) {
	for range seconds {
		time.Sleep(time.Second)
		synctest.Wait()
		if !f.heard {
			continue
		}
		f.sequence++
		now := time.Now().Unix()
		snap := traffic.Snapshot{Boot: "b", Sequence: f.sequence, Second: now - 1}
		for outcome, n := range map[payment.Outcome]int64{payment.Done: f.done, payment.NotDone: f.failed} {
			if n > 0 {
				row := traffic.Row{Key: traffic.Key{Route: "pay", Kind: payment.Pay, Verdict: "forward", Outcome: outcome, Currency: "CNY"}, Cell: traffic.Cell{Count: n}}
				row.Latency[0] = n
				snap.Rows = append(snap.Rows, row)
			}
		}
		for _, n := range f.nodes {
			if n != nil {
				if err := n.Series.Add(now, "east", snap); err != nil {
					f.Fatal(err)
				}
			}
		}
	}
	synctest.Wait()
}

// story are the facts of the incident, as the journal has them.
func (f *fleet) story() (list []any) {
	facts, err := f.store.Read(f.Context(), 0, 100_000)
	if err != nil {
		f.Fatal(err)
	}
	for _, fact := range facts {
		if noun, _ := fact.Subject.Split(); noun == "incident" {
			e, err := incident.Decode(fact)
			if err != nil {
				f.Fatal(err)
			}
			list = append(list, timed{e, fact.Time, fact.Actor})
		}
	}
	return list
}

type timed struct {
	body any
	at   time.Time
	by   holdfast.Actor
}

func simple() procedure.Ramp {
	span := func(d time.Duration) procedure.Duration { return procedure.Duration(d) }
	return procedure.Ramp{
		Steps: []procedure.Step{
			{Percent: 1, Hold: span(20 * time.Second), Sample: 100, Fall: procedure.FallStopped}, {Percent: 10, Hold: span(20 * time.Second), Sample: 200, Auto: true},
			{Percent: 50, Hold: span(20 * time.Second), Sample: 200}, {Percent: 100},
		},
		Success: 90, Decide: span(2 * time.Minute), Soak: span(time.Minute),
	}
}

// A ramp climbs where the plan lets it, steps back by itself when payments fail, and goes
// no further then without a person.
func TestController(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := begin(t, simple())
		defer f.end()
		f.pass(10)
		f.tries(1)
		f.pass(40)
		if at := f.at(); at.Step != 1 || at.Judged == nil || at.Judged.Verdict != incident.Advance {
			t.Fatalf("step 1 is no step that goes on by itself: %+v", at)
		}
		f.tries(2)
		f.pass(40) // step 2 goes on by itself
		if at := f.at(); at.Step != 3 {
			t.Fatalf("payments are at step %d", at.Step)
		}
		f.done, f.failed = 25, 25
		for second := 0; second < 12 && f.at().Step == 3; second++ {
			f.pass(1)
		}
		if at := f.at(); at.Step != 2 || at.Failed != 3 {
			t.Fatalf("it fails, and payments are at step %d", at.Step)
		}
		f.done, f.failed = 50, 0
		f.pass(100)
		if at := f.at(); at.Step != 2 {
			t.Errorf("payments went to step %d by themselves, where they had failed", at.Step)
		}
		f.heard = false
		f.pass(30)
		if at := f.at(); at.Judged.Verdict != incident.NoVerdict || at.Judged.Deadline.IsZero() {
			t.Errorf("no gate is heard, and the verdict is %+v", at.Judged)
		}
		for i, n := range f.nodes { // every node is down when the deadline comes
			n.stop()
			f.nodes[i] = nil
		}
		f.pass(600)
		f.nodes[0] = f.newNode(true)
		f.pass(10)
		if at := f.at(); at.Step != 1 {
			t.Errorf("the deadline has passed, and payments are at step %d", at.Step)
		}
		late := slices.ContainsFunc(f.story(), func(e any) bool {
			j, ok := e.(timed).body.(incident.RampJudged)
			return ok && slices.Contains(j.Why, "deadline") && j.Late > 400
		})
		if !late {
			t.Error("nobody says that the deadline was noticed late")
		}
	})
}

// histories is how many random histories are played.
func histories() uint64 {
	if os.Getenv("HOLDFAST_SOAK") != "" {
		return 300
	}
	return 2
}

// Random histories: payments fail and recover, the gate falls silent, nodes are killed
// and started, people act. Whatever happens, a step is taken once and by a verdict that
// the figures bear, and where payments fail they step back.
func TestHistories(t *testing.T) {
	t.Parallel()
	for seed := range histories() {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { history(t, rand.New(rand.NewPCG(seed, 6))) })
		})
	}
}

func history(t *testing.T, r *rand.Rand) {
	f := begin(t, simple())
	defer f.end()
	f.pass(10)
	for range 25 {
		switch r.IntN(8) {
		case 0:
			f.done, f.failed = int64(r.IntN(60)), int64(r.IntN(60))
		case 1, 2:
			f.done, f.failed = 60, 0
		case 3:
			f.heard = r.IntN(3) > 0
		case 4:
			i := r.IntN(len(f.nodes))
			if f.nodes[i] != nil {
				f.nodes[i].stop()
				f.nodes[i] = nil
			} else {
				f.nodes[i] = f.newNode(true)
			}
		case 5:
			f.fails()
		default:
			f.tries(f.at().Step + 1 - 2*(r.IntN(5)/4))
		}
		f.pass(5 + r.IntN(25))
	}
	f.check()
}

// fails has all payments fail where a node and the gate are there: then they step back.
func (f *fleet) fails() {
	for i, n := range f.nodes {
		if n == nil {
			f.nodes[i] = f.newNode(true)
		}
	}
	f.heard, f.done, f.failed = true, 60, 0
	f.pass(15)
	before := f.at().Step
	f.done, f.failed = 0, 60
	f.pass(20)
	if after := f.at().Step; before > 0 && after >= before && !slices.ContainsFunc(f.story(), isClosed) {
		f.Errorf("all payments fail, and they are at step %d after step %d: %+v", after, before, f.at().Judged)
	}
	f.done, f.failed = 60, 0
}

func isClosed(e any) bool { _, ok := e.(timed).body.(incident.RampClosed); return ok }

// check looks at what the journal has of the ramp.
func (f *fleet) check() {
	f.Helper()
	ladder := simple()
	var last timed // verdict
	step, moves := 0, 0
	for _, e := range f.story() {
		switch b := e.(timed).body.(type) {
		case incident.RampJudged:
			if b.Step != step {
				f.Errorf("a verdict on step %d at step %d", b.Step, step)
			}
			if was, ok := last.body.(incident.RampJudged); ok && was.Verdict == b.Verdict && slices.Equal(was.Why, b.Why) && was.Step == b.Step && e.(timed).at.Sub(last.at) < renewed {
				f.Errorf("the verdict %s on step %d is stored twice within %v", b.Verdict, b.Step, e.(timed).at.Sub(last.at))
			}
			if b.Verdict == incident.Advance && (float64(b.Heard) < covered*float64(b.Expected) || b.Sample < int64(ladder.Steps[b.Step-1].Sample) || b.Checks[0].Low < 0.9) {
				f.Errorf("a verdict that the figures do not bear: %+v", b)
			}
			last = e.(timed)
		case incident.Ramped:
			if b.Step > step+1 {
				f.Errorf("from step %d to step %d", step, b.Step)
			}
			if e.(timed).by == Self {
				moves++
				j, ok := last.body.(incident.RampJudged)
				if !ok || j.Verdict != b.Verdict || !e.(timed).at.Equal(last.at) || b.Step > step && !ladder.Steps[step-1].Auto {
					f.Errorf("step %d was taken by itself after %+v", b.Step, last.body)
				}
			}
			step, last = b.Step, timed{}
		}
	}
	if want := f.at().Step; step != want {
		f.Errorf("the facts lead to step %d, the fold to %d", step, want)
	}
}
