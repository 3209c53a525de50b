package ramp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/procedure"
)

var (
	now = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	by  = holdfast.Actor{Kind: holdfast.Account, ID: "mei"}
)

// world is a journal with an active incident whose recovery is open.
type world struct {
	t          testing.TB
	store      *journal.Memory
	directives *directive.Book
	incidents  *incident.Book
	in         *incident.Incident
	head       holdfast.Position
	n          int
	each       func(holdfast.Fact)
}

func newWorld(t testing.TB, steps ...procedure.Step) *world {
	t.Helper()
	return newWorldOf(t, procedure.Ramp{Steps: steps})
}

func newWorldOf(t testing.TB, r procedure.Ramp) *world {
	t.Helper()
	store := journal.NewMemory("test")
	w := &world{t: t, store: store, directives: directive.NewBook(store.Genesis()), incidents: incident.NewBook(), each: func(holdfast.Fact) {}}
	id, drafts, err := incident.Suspect(w.incidents, incident.SuspectedFact{Title: "payments fail"}, now)
	w.do(now, drafts, err)
	w.in = w.incidents.Incident(id)
	p := procedure.Procedure{Level: holdfast.Level1, Stages: []procedure.Stage{{Kind: procedure.Recover, Tasks: []procedure.Task{
		{ID: "reopen", Ramp: &r}, {ID: "look"},
	}}}}
	drafts, err = incident.Confirm(w.in, holdfast.Level1, incident.PlanRef{}, p, "")
	w.do(now, drafts, err)
	return w
}

// do appends what was decided, folds it and returns the kinds of the facts.
func (w *world) do(at time.Time, drafts []journal.Draft, err error) string {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	w.n++
	if _, err := w.store.Append(w.t.Context(), journal.Append{ID: fmt.Sprint(w.n), Actor: by, Time: at, Facts: drafts}); err != nil {
		w.t.Fatal(err)
	}
	facts, err := w.store.Read(w.t.Context(), w.head, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	var kinds []string
	for _, f := range facts {
		for _, p := range []journal.Projection{w.directives, w.incidents} {
			if err := p.Apply(f); err != nil {
				w.t.Fatal(err)
			}
		}
		w.each(f)
		kinds, w.head = append(kinds, f.Kind), f.Position
	}
	return strings.Join(kinds, " ")
}

func (w *world) restrict(p directive.Proposal) string {
	w.t.Helper()
	p.Reason, p.Incident = "the primary does not answer", w.in.ID
	id, drafts, err := directive.Propose(w.directives, p, true, []string{"east"})
	w.do(now, drafts, err)
	return id
}

func (w *world) hands() Hands {
	return Hands{Directives: w.directives, Gates: []string{"east"}, Times: func(string) int { return 1 }}
}

func (w *world) to(step int, at time.Time) string {
	w.t.Helper()
	drafts, err := To(w.hands(), w.in, "reopen", step, 0, at)
	return w.do(at, drafts, err)
}

func (w *world) refused(step int, at time.Time) error {
	w.t.Helper()
	drafts, err := To(w.hands(), w.in, "reopen", step, 0, at)
	if err == nil {
		w.t.Errorf("step %d was taken: %d facts", step, len(drafts))
	}
	return err
}

// force shows what is in force.
func (w *world) force() string {
	var list []string
	for _, d := range w.directives.Set().Directives {
		s := fmt.Sprintf("%s %s", d.Kind, d.Scope)
		if d.Kind != posture.Stop {
			s += fmt.Sprintf(" %g", d.Share)
		}
		if d.Amounts != nil {
			s += fmt.Sprintf(" %g %s", d.Amounts["east"], d.Currency)
		}
		if d.Rates != nil {
			s += fmt.Sprintf(" %g/s", d.Rates["east"])
		}
		list = append(list, s)
	}
	return strings.Join(list, ", ")
}

var ladder = []procedure.Step{
	{Percent: 1, Hold: procedure.Duration(time.Minute)}, {Percent: 10, RatePerSecond: 20, Hold: procedure.Duration(time.Minute)}, {Percent: 50}, {Percent: 100},
}

func TestLadder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ladder...)
	w.restrict(directive.Proposal{Kind: posture.Stop, Scope: "all"})
	at := func(s int) time.Time { return now.Add(time.Duration(s) * time.Second) }
	for _, tt := range []struct {
		step    int
		at      time.Time
		refused string
		force   string
	}{
		{2, at(0), "cannot follow", "stop all"},
		{5, at(0), "0 to 4", "stop all"},
		{-1, at(0), "0 to 4", "stop all"},
		{0, at(0), "cannot follow", "stop all"},
		{1, at(0), "", "limit all 0.01"},
		{2, at(59), "held for another 1s", "limit all 0.01"},
		{2, at(60), "", "limit all 0.1 20/s"},
		{1, at(61), "", "limit all 0.01"}, // back, though it was not held
		{2, at(120), "held for another 1s", "limit all 0.01"},
		{0, at(120), "", "stop all"}, // stopped again
		{1, at(121), "", "limit all 0.01"},
		{2, at(181), "", "limit all 0.1 20/s"},
		{3, at(241), "", "limit all 0.5"},
		{4, at(242), "", ""}, // the last step holds nothing
	} {
		if tt.refused != "" {
			if err := w.refused(tt.step, tt.at); err == nil || !strings.Contains(err.Error(), tt.refused) {
				t.Errorf("step %d: %v, want %q", tt.step, err, tt.refused)
			}
		} else {
			w.to(tt.step, tt.at)
		}
		if got := w.force(); got != tt.force {
			t.Fatalf("at step %d is in force %q, want %q", tt.step, got, tt.force)
		}
	}
	if s := w.in.Tasks["reopen"]; s.Status != procedure.Done {
		t.Errorf("after the last step the task is %s", s.Status)
	}
	w.refused(3, at(300))
}

// One append holds the new restrictions, the lifts and the incident's record,
// in this order, so payments are never open in between.
func TestOneAppend(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ladder...)
	w.restrict(directive.Proposal{Kind: posture.Stop, Scope: "all"})
	w.each = func(f holdfast.Fact) {
		if w.force() == "" {
			t.Errorf("after %s nothing is in force", f.Kind)
		}
	}
	if got, want := w.to(1, now), "directive.proposed directive.issued directive.lifted incident.ramped"; got != want {
		t.Errorf("the step wrote %q, want %q", got, want)
	}
	if ids := w.directives.InForce(w.in.ID); len(ids) != 1 || !ids[0].PreAuthorised || ids[0].Salt != w.in.ID {
		t.Errorf("in force: %+v", ids)
	}
}

// Each scope keeps its own restriction; what is not the incident's is left alone.
func TestScopes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ladder...)
	for range 2 { // twice: one restriction for a scope is enough
		w.restrict(directive.Proposal{Kind: posture.Stop, Scope: `channel == "qr"`})
	}
	w.restrict(directive.Proposal{Kind: posture.Limit, Scope: `channel == "app"`, Share: 0.5})
	_, drafts, err := directive.Propose(w.directives, directive.Proposal{Kind: posture.Stop, Scope: `payee == "m_001"`, Reason: "fraud"}, true, nil)
	w.do(now, drafts, err)
	w.to(1, now)
	if got := w.force(); got != `stop payee == "m_001", limit channel == "qr" 0.01, limit channel == "app" 0.01` {
		t.Errorf("in force: %s", got)
	}
}

func TestNothingInForce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ladder...)
	if err := w.refused(1, now); holdfast.CodeOf(err) != holdfast.Conflict {
		t.Errorf("a step with nothing in force: %v", err)
	}
	w.to(4, now)
	if w.in.Tasks["reopen"].Status != procedure.Done {
		t.Error("with nothing to bring back, the last step ends the task")
	}
}

func TestWrongTask(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ladder...)
	for task, want := range map[string]holdfast.Code{"look": holdfast.Invalid, "nothing": holdfast.NotFound} {
		if _, err := To(w.hands(), w.in, task, 1, 0, now); holdfast.CodeOf(err) != want {
			t.Errorf("%s: %v", task, err)
		}
	}
	if _, err := To(w.hands(), nil, "reopen", 1, 0, now); holdfast.CodeOf(err) != holdfast.NotFound {
		t.Errorf("no incident: %v", err)
	}
}

// Hazard q: a step that lets payments in does not undo a stop that its author
// has not seen; a step back to stopped is always possible.
func TestUnseenStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ladder...)
	w.restrict(directive.Proposal{Kind: posture.Stop, Scope: "all"})
	w.to(1, now)
	seen := w.directives.Head().Position
	w.restrict(directive.Proposal{Kind: posture.Stop, Scope: "all"})
	later := now.Add(time.Hour)
	if _, err := To(w.hands(), w.in, "reopen", 2, seen, later); holdfast.CodeOf(err) != holdfast.Conflict {
		t.Errorf("the unseen stop was lifted: %v", err)
	}
	drafts, err := To(w.hands(), w.in, "reopen", 0, seen, later)
	w.do(later, drafts, err)
	if got := w.force(); got != "stop all" {
		t.Errorf("stopped again: %s", got)
	}
	drafts, err = To(w.hands(), w.in, "reopen", 1, w.directives.Head().Position, later)
	w.do(later, drafts, err)
}

// Who is let in at one step is let in at every later one, whatever the ladder,
// and steps back and forth do not change who is in.
func TestNested(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		var steps []procedure.Step
		for p := 0.0; p < 90; {
			p += float64(rapid.IntRange(1, 40).Draw(r, "more"))
			steps = append(steps, procedure.Step{Percent: min(p, 99)})
		}
		steps = append(steps, procedure.Step{Percent: 100})
		w := newWorld(t, steps...)
		w.restrict(directive.Proposal{Kind: posture.Stop, Scope: "all"})
		payers := rapid.SliceOfN(rapid.StringMatching(`acct_[0-9]{1,8}`), 1, 20).Draw(r, "payers")
		seen := map[int]string{0: strings.Repeat("-", len(payers))}
		for step, n := 0, 0; step < len(steps); n++ {
			next := step + 1
			if step > 0 && n < 20 && rapid.IntRange(0, 3).Draw(r, "back") == 0 {
				next = rapid.IntRange(0, step-1).Draw(r, "to")
			}
			w.to(next, now.Add(time.Duration(n)*time.Hour))
			in := admitted(r, w.directives.Set(), payers)
			if was, ok := seen[next]; ok && was != in {
				r.Fatalf("at step %d were in %s, now %s", next, was, in)
			}
			seen[next], step = in, next
			for other, was := range seen {
				for i := range payers {
					if other < next && was[i] == '+' && in[i] != '+' {
						r.Fatalf("%s was in at step %d and is out at step %d", payers[i], other, next)
					}
				}
			}
		}
		if strings.Contains(seen[len(steps)], "-") {
			r.Fatal("after the last step someone is out")
		}
	})
}

func admitted(r *rapid.T, set posture.Set, payers []string) string {
	p, err := posture.Compile(set, nil, "east")
	if err != nil {
		r.Fatal(err)
	}
	var out strings.Builder
	for _, payer := range payers {
		pay := &payment.Payment{Kind: payment.Pay, Read: payment.Set(0).With(payment.Payer), Payer: payment.Sensitive(payer)}
		out.WriteString(map[posture.Action]string{posture.Forward: "+", posture.Decline: "-"}[p.Decide(pay).Action])
	}
	return out.String()
}
