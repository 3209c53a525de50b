package ramp

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast/internal/directive"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/posture"
	"holdfast/internal/procedure"
	"holdfast/internal/traffic"
)

// asks is a ramp that checks everything.
func asks(steps ...procedure.Step) procedure.Ramp {
	return procedure.Ramp{
		Steps: steps, Success: 95, Unknown: 2, Quick: 90, Within: procedure.Duration(time.Second),
		Decide: procedure.Duration(10 * time.Minute), Soak: procedure.Duration(5 * time.Minute),
	}
}

var judged = []procedure.Step{
	{Percent: 1, Hold: procedure.Duration(time.Minute), Sample: 50, Fall: procedure.FallStopped},
	{Percent: 50, Hold: procedure.Duration(time.Minute), Sample: 50, Auto: true},
	{Percent: 80, Hold: procedure.Duration(time.Minute), Sample: 50, Fall: procedure.FallFreeze},
	{Percent: 100, Sample: 50},
}

// climbed is a world whose payments are at a step of a ramp that is judged.
func climbed(t testing.TB, r procedure.Ramp, step int) (*world, procedure.Task) {
	t.Helper()
	w := newWorldOf(t, r)
	w.restrict(directive.Proposal{Kind: posture.Stop, Scope: "all"})
	at := now
	for i := 1; i <= step; i++ {
		w.to(i, at)
		at = at.Add(time.Minute)
	}
	task, err := w.in.OpenTask("reopen")
	if err != nil {
		t.Fatal(err)
	}
	return w, task
}

// counted is what gates counted: all of it is heard.
func counted(done, notDone, unknown, quick int64) traffic.Outcomes {
	o := traffic.Outcomes{Done: done, NotDone: notDone, Unknown: unknown, Measured: done + notDone, Coverage: traffic.Coverage{Heard: 100, Expected: 100}}
	o.Latency[1], o.Latency[7] = quick, o.Measured-quick
	return o
}

func evidence(whole traffic.Outcomes) Evidence {
	return Evidence{From: now, To: now.Add(time.Minute), Whole: whole, Lately: whole, Times: func(string) int { return 2 }}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	well := counted(990, 8, 2, 998)
	lost := func(heard int64) traffic.Outcomes { o := well; o.Heard = heard; return o }
	wrong := func() traffic.Outcomes { o := well; o.Differ = 1; return o }
	for _, tt := range []struct {
		name  string
		step  int
		after time.Duration // since the step was taken
		e     Evidence
		want  string // verdict, where payments fall to, why
	}{
		{"all well", 2, time.Minute, evidence(well), "advance"},
		{"all well and not held", 2, 59 * time.Second, evidence(well), "hold hold"},
		{"too few", 2, time.Minute, evidence(counted(49, 0, 0, 49)), "no-verdict few"},
		{"too few, and there is time", 2, 30 * time.Second, evidence(counted(49, 0, 0, 49)), "hold hold"},
		{"enough, and not enough to be sure", 2, time.Minute, evidence(counted(60, 0, 0, 60)), "no-verdict open:success open:unknown"},
		{"nothing heard", 2, time.Minute, evidence(traffic.Outcomes{}), "no-verdict unheard few"},
		{"some not heard", 2, time.Minute, evidence(lost(97)), "no-verdict unheard"},
		{"one second in a hundred not heard", 2, time.Minute, evidence(lost(99)), "advance"},
		{"a gate is silent", 2, time.Minute, Evidence{Whole: well, Lately: well, Silent: []string{"east"}}, "no-verdict silent:east"},
		{"too many fail", 2, time.Minute, evidence(counted(900, 98, 2, 998)), "step-back previous bad:success"},
		{"too many fail at once", 2, time.Second, evidence(counted(2, 10, 0, 12)), "step-back previous bad:success"},
		{"few fail, and few there are", 2, time.Second, evidence(counted(0, 9, 0, 9)), "hold hold"},
		{"one of ten fails", 2, time.Second, evidence(counted(9, 1, 0, 10)), "hold hold"},
		{"too many unknown", 2, time.Minute, evidence(counted(960, 0, 60, 960)), "step-back previous bad:unknown"},
		{"too slow", 2, time.Minute, evidence(counted(1000, 0, 0, 700)), "step-back previous bad:quick"},
		{"lately too many fail", 2, time.Minute, Evidence{Whole: counted(99000, 100, 0, 99000), Lately: counted(5, 20, 0, 25)}, "step-back previous recent:success"},
		{"what fails fails though it is half heard", 2, time.Minute, Evidence{Whole: counted(0, 40, 0, 40), Silent: []string{"east"}}, "step-back previous bad:success"},
		{"the first step falls to stopped", 1, time.Minute, evidence(counted(0, 40, 0, 40)), "stop stopped bad:success"},
		{"the third stays", 3, time.Minute, evidence(counted(0, 40, 0, 40)), "step-back freeze bad:success"},
		{"the money is wrong", 3, time.Second, evidence(wrong()), "stop stopped differ"},
		{"the money is wrong and nobody hears", 3, time.Second, Evidence{Whole: wrong(), Silent: []string{"east"}}, "stop stopped differ"},
		{"watched, not for long enough", 4, 4 * time.Minute, evidence(well), "hold hold"},
		{"watched", 4, 5 * time.Minute, evidence(well), "advance"},
		{"others hold something", 2, time.Minute, Evidence{Whole: well, Lately: well, Overridden: true}, "hold overridden"},
		{"others hold something, and it fails", 2, time.Minute, Evidence{Whole: counted(0, 40, 0, 40), Overridden: true}, "stop stopped bad:success"},
	} {
		w, task := climbed(t, asks(judged...), tt.step)
		j := Judge(w.in, task, tt.e, w.in.RampOf("reopen").At.Add(tt.after))
		if got := said(j); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func said(j incident.RampJudged) string {
	return strings.Join(slices.DeleteFunc(append([]string{string(j.Verdict), j.Fall}, j.Why...), func(s string) bool { return s == "" }), " ")
}

// Where there is no verdict a person has a time to decide; then payments fall to where
// the step says. The time runs from the first such verdict, over restarts, and a late
// one says by how much.
func TestDeadline(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		step int
		want string
	}{
		{1, "stop stopped few deadline"}, {2, "step-back previous few deadline"}, {3, "no-verdict few"},
	} {
		w, task := climbed(t, asks(judged...), tt.step)
		few := evidence(counted(1, 0, 0, 1))
		begun := w.in.RampOf("reopen").At.Add(time.Minute)
		drafts, err := Follow(w.hands(), w.in, task, Judge(w.in, task, few, begun), begun)
		w.do(begun, drafts, err)
		due := begun.Add(10 * time.Minute)
		if at := w.in.RampOf("reopen").Judged.Deadline; !at.Equal(due) {
			t.Errorf("step %d is to be decided by %v, want %v", tt.step, at, due)
		}
		if got := said(Judge(w.in, task, few, due.Add(-time.Second))); got != "no-verdict few" {
			t.Errorf("step %d, before: %s", tt.step, got)
		}
		j := Judge(w.in, task, few, due.Add(time.Hour))
		if got := said(j); got != tt.want || j.Verdict.Graver() && j.Late != 3600 {
			t.Errorf("step %d: %s, %d s late; want %s", tt.step, got, j.Late, tt.want)
		}
	}
}

// A probe of the ramp has to pass before payments are let in and to go on passing.
func TestProbes(t *testing.T) {
	t.Parallel()
	r := asks(judged...)
	r.Probes = []string{"health"}
	w := newWorldOf(t, r)
	w.restrict(directive.Proposal{Kind: posture.Stop, Scope: "all"})
	h := w.hands()
	h.Times = func(string) int { return 2 }
	ran := func(passed bool, at time.Time) {
		drafts, err := incident.RampProbed(w.in, "reopen", incident.ProbeRan{Probe: "health", Passed: passed, Detail: "d"})
		w.do(at, drafts, err)
	}
	for i := range 2 {
		if _, err := To(h, w.in, "reopen", 1, 0, now); err == nil {
			t.Errorf("payments are let in after %d passes", i)
		}
		ran(true, now)
	}
	drafts, err := To(h, w.in, "reopen", 1, 0, now)
	w.do(now, drafts, err)
	task, _ := w.in.OpenTask("reopen")
	verdict := func(at time.Time) string { return said(Judge(w.in, task, evidence(counted(990, 8, 2, 998)), at)) }
	later := now.Add(time.Minute)
	if got := verdict(later); got != "advance" {
		t.Errorf("it passes: %s", got)
	}
	if got := verdict(now.Add(2 * time.Minute)); got != "no-verdict untested:health" {
		t.Errorf("it has not run for long: %s", got)
	}
	ran(false, later)
	if got := verdict(later); got != "stop stopped probe:health" {
		t.Errorf("it fails: %s", got)
	}
}

// What the controller makes of a verdict: the steps it takes, and those it leaves to people.
func TestFollow(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		step    int
		verdict incident.RampJudged
		want    string // facts
		at      int
	}{
		{1, incident.RampJudged{Verdict: incident.Advance}, "incident.ramp-judged", 1}, // no auto
		{2, incident.RampJudged{Verdict: incident.Advance}, "directive.proposed directive.issued directive.lifted incident.ramp-judged incident.ramped", 3},
		{2, incident.RampJudged{Verdict: incident.Hold}, "incident.ramp-judged", 2},
		{2, incident.RampJudged{Verdict: incident.NoVerdict}, "incident.ramp-judged", 2},
		{2, incident.RampJudged{Verdict: incident.StepBack, Fall: procedure.FallPrevious}, "directive.proposed directive.issued directive.lifted incident.ramp-judged incident.ramped", 1},
		{3, incident.RampJudged{Verdict: incident.StepBack, Fall: procedure.FallFreeze}, "incident.ramp-judged", 3},
		{3, incident.RampJudged{Verdict: incident.StopRamp}, "directive.proposed directive.issued directive.lifted incident.ramp-judged incident.ramped", 0},
		{4, incident.RampJudged{Verdict: incident.Advance}, "incident.ramp-judged", 4}, // a person closes it out
		{4, incident.RampJudged{Verdict: incident.StepBack, Fall: procedure.FallPrevious}, "directive.proposed directive.issued directive.lifted incident.ramp-judged incident.ramped", 3},
	} {
		w, task := climbed(t, asks(judged...), tt.step)
		tt.verdict.Task, tt.verdict.Step = "reopen", tt.step
		later := now.Add(time.Hour)
		drafts, err := Follow(w.hands(), w.in, task, tt.verdict, later)
		if got := w.do(later, drafts, err); got != tt.want || w.in.RampOf("reopen").Step != tt.at {
			t.Errorf("%s at step %d: %s, step %d; want %s, step %d", tt.verdict.Verdict, tt.step, got, w.in.RampOf("reopen").Step, tt.want, tt.at)
		}
	}
}

// Payments that fell from a step do not go there again by themselves.
func TestNotAgain(t *testing.T) {
	t.Parallel()
	w, task := climbed(t, asks(judged...), 3)
	follow := func(v incident.RampJudged) {
		v.Task, v.Step = "reopen", w.in.RampOf("reopen").Step
		drafts, err := Follow(w.hands(), w.in, task, v, now.Add(time.Hour))
		w.do(now.Add(time.Hour), drafts, err)
	}
	follow(incident.RampJudged{Verdict: incident.StepBack, Fall: procedure.FallPrevious})
	follow(incident.RampJudged{Verdict: incident.Advance})
	if at := w.in.RampOf("reopen").Step; at != 2 {
		t.Fatalf("payments are at step %d", at)
	}
	w.to(3, now.Add(2*time.Hour)) // a person goes there
	follow(incident.RampJudged{Verdict: incident.StepBack, Fall: procedure.FallPrevious})
	w.to(1, now.Add(3*time.Hour))
	w.to(2, now.Add(4*time.Hour))
	follow(incident.RampJudged{Verdict: incident.Advance})
	if at := w.in.RampOf("reopen").Step; at != 2 {
		t.Errorf("payments went to step %d by themselves", at)
	}
}

// A step that failed is no way on until a person keeps it with a reason.
func TestKeep(t *testing.T) {
	t.Parallel()
	w, task := climbed(t, asks(judged...), 3)
	later := now.Add(time.Hour)
	drafts, err := Follow(w.hands(), w.in, task, Judge(w.in, task, evidence(counted(0, 40, 0, 40)), later), later)
	w.do(later, drafts, err)
	if err := w.refused(4, later); err == nil || !strings.Contains(err.Error(), "has failed") {
		t.Errorf("a failed step is left upwards: %v", err)
	}
	for step, reason := range map[int]string{2: "known", 3: " "} {
		if _, err := incident.KeepRamp(w.in, "reopen", step, reason); err == nil {
			t.Errorf("step %d is kept for %q", step, reason)
		}
	}
	drafts, err = incident.KeepRamp(w.in, "reopen", 3, "the bank's own outage")
	w.do(later, drafts, err)
	if at := w.in.RampOf("reopen"); !at.Since.Equal(later) || at.Judged != nil {
		t.Errorf("it is judged from %v on, by %v", at.Since, at.Judged)
	}
	w.to(4, later)
}

// S20: a ramp is closed out by a person, when all payments have been watched and no
// outcome is unknown; only then are its restrictions gone.
func TestCloseOut(t *testing.T) {
	t.Parallel()
	w, task := climbed(t, asks(judged...), 4)
	if got := w.force(); got != "limit all 1" {
		t.Errorf("while payments are watched is in force %q", got)
	}
	since := w.in.RampOf("reopen").At
	end := since.Add(5 * time.Minute)
	good := counted(9900, 80, 20, 9980)
	drafts, err := Follow(w.hands(), w.in, task, Judge(w.in, task, evidence(good), end), end)
	w.do(end, drafts, err)
	for name, tt := range map[string]struct {
		unknown int
		at      time.Time
		system  bool
	}{"an outcome is unknown": {1, end, false}, "too early": {0, end.Add(-time.Second), false}, "nobody signs": {0, end, true}} {
		who := by
		if tt.system {
			who = Self
		}
		if _, err := CloseOut(w.hands(), w.in, "reopen", "", tt.unknown, who, tt.at); err == nil {
			t.Errorf("%s, and it is closed out", name)
		}
	}
	drafts, err = CloseOut(w.hands(), w.in, "reopen", "all agree", 0, by, end)
	if got := w.do(end, drafts, err); got != "directive.lifted incident.ramp-closed incident.task-done" || w.force() != "" {
		t.Errorf("the close-out wrote %q and leaves %q", got, w.force())
	}
}

// S18: a stop that comes in during a ramp is not taken away by it, whatever is judged.
func TestStopBeatsRamp(t *testing.T) {
	t.Parallel()
	for _, whole := range []traffic.Outcomes{counted(9900, 80, 20, 9980), counted(0, 40, 0, 40), {}, counted(1, 0, 0, 1)} {
		w, task := climbed(t, asks(judged...), 2)
		w.restrict(directive.Proposal{Kind: posture.Stop, Scope: "all"})
		for hour := range 3 {
			e := evidence(whole)
			e.Overridden = !same(idsOf(w.directives.InForce(w.in.ID)), w.in.RampOf("reopen").Directives)
			if w.in.RampOf("reopen").Step == 0 {
				break
			}
			at := now.Add(time.Duration(hour+1) * time.Hour)
			drafts, err := Follow(w.hands(), w.in, task, Judge(w.in, task, e, at), at)
			w.do(at, drafts, err)
			if !strings.Contains(w.force(), "stop all") {
				t.Fatalf("after %+v is in force %s", whole, w.force())
			}
		}
	}
}

// S19: whatever is judged and whatever people do, payments move one step up at most, the
// shares stay nested, what holds a step is in force with it, and there is always a way
// down.
func TestBoundedAndReversible(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		ladder := asks(judged...)
		w := newWorldOf(t, ladder)
		w.restrict(directive.Proposal{Kind: posture.Stop, Scope: "all"})
		task, _ := w.in.OpenTask("reopen")
		at := now
		for range rapid.IntRange(1, 25).Draw(r, "acts") {
			at = at.Add(time.Duration(rapid.IntRange(1, 900).Draw(r, "seconds")) * time.Second)
			before := w.in.RampOf("reopen").Step
			var drafts []journal.Draft
			var err error
			if before == 0 || rapid.IntRange(0, 3).Draw(r, "who") == 0 {
				drafts, err = To(w.hands(), w.in, "reopen", rapid.IntRange(0, 4).Draw(r, "to"), 0, at)
			} else {
				n := int64(rapid.IntRange(0, 2000).Draw(r, "payments"))
				bad := int64(rapid.IntRange(0, int(n)).Draw(r, "bad")) / int64(rapid.SampledFrom([]int{1, 10, 1000}).Draw(r, "of"))
				e := evidence(counted(n-bad, bad, 0, n))
				e.Whole.Heard = int64(rapid.SampledFrom([]int{0, 50, 100}).Draw(r, "heard"))
				drafts, err = Follow(w.hands(), w.in, task, Judge(w.in, task, e, at), at)
			}
			if err == nil && len(drafts) > 0 {
				w.do(at, drafts, nil)
			}
			after := w.in.RampOf("reopen")
			if after.Step > before+1 {
				r.Fatalf("from step %d to step %d", before, after.Step)
			}
			if want := held0(ladder, after.Step); w.force() != want {
				r.Fatalf("at step %d is in force %q, want %q", after.Step, w.force(), want)
			}
			if after.Step > 0 {
				if _, err := To(w.hands(), w.in, "reopen", 0, 0, at); err != nil {
					r.Fatalf("no way down from step %d: %v", after.Step, err)
				}
			}
		}
	})
}

func held0(r procedure.Ramp, step int) string {
	if step == 0 {
		return "stop all"
	}
	return fmt.Sprintf("limit all %g", r.Steps[step-1].Percent/100)
}

// A step may cap the amount as well as the share and the rate.
func TestAmount(t *testing.T) {
	t.Parallel()
	w, _ := climbed(t, procedure.Ramp{Currency: "CNY", Steps: []procedure.Step{{Percent: 10, RatePerSecond: 5, AmountPerSecond: 90_000}, {Percent: 100}}}, 1)
	if got := w.force(); got != "cap all 0.1 90000 CNY 5/s" {
		t.Errorf("in force: %s", got)
	}
}
