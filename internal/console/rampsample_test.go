package console

import (
	"time"

	"holdfast/internal/incident"
	"holdfast/internal/procedure"
	"holdfast/internal/view"
)

// rampSamples are ladders in every state: not begun, judged in each way, failed, watched.
func rampSamples(task func(kind string) view.Task) (list []view.Task) {
	steps := []procedure.Step{{Percent: 1, Hold: procedure.Duration(time.Minute), Fall: procedure.FallStopped, Success: 90, Quick: 80, Within: procedure.Duration(time.Second), Probes: []string{"p"}}, {Percent: 50, AmountPerSecond: 5000, Auto: true, Fall: procedure.FallStandIn}, {Percent: 100}}
	tests := []view.Probe{{ID: "p", Title: word, Times: 3, InARow: 1, Ran: past, Passed: true}}
	verdict := func(step int, v incident.RampVerdict, why ...string) view.RampVerdict {
		return view.RampVerdict{At: past.Add(time.Duration(step) * time.Minute), RampJudged: incident.RampJudged{
			Step: step, Verdict: v, Why: why, From: past, To: past.Add(time.Minute), Sample: 90, Done: 80, NotDone: 9, Unknown: 1,
			Checks: []incident.RampCheck{{Check: "success", Good: 80, Of: 90, Floor: .95, Low: .8, High: .94, State: "bad"}, {Check: "unknown", State: "open", High: 1}, {Check: "quick", Good: 9, Of: 9, State: "good"}},
		}}
	}
	first := task("ramp")
	first.ID, first.Ramp = first.ID+"-first", &view.Ramp{Steps: steps, Asks: procedure.Ramp{Currency: "CNY"}, Tests: tests}
	list = append(list, first)
	all := []view.RampVerdict{
		verdict(1, incident.Hold, "hold"), verdict(1, incident.Advance), verdict(2, incident.NoVerdict, "few", "unheard", "silent:gate-1", "silent:*", "untested:p", "open:quick", "deadline"),
		verdict(2, incident.StepBack, "bad:success", "recent:unknown", "probe:p", "overridden", "no-stand-in", "unaccounted:s"), verdict(1, incident.StopRamp, "differ", "unbalanced:d1"),
	}
	for i, v := range all {
		t := task("ramp")
		t.ID += "-" + string(rune('a'+i))
		if v.Verdict == incident.NoVerdict {
			v.Deadline = future
		}
		if v.Verdict.Graver() {
			v.Fall = procedure.FallPrevious
		}
		t.Ramp = &view.Ramp{Steps: steps, Asks: procedure.Ramp{Currency: "CNY"}, Step: v.Step, Judged: &v, Verdicts: all[:i+1], Moves: []view.RampMove{
			{At: past, Step: 1, Percent: 1, By: mei}, {At: past.Add(time.Minute), Step: 2, Percent: 50, By: mei}, {At: past.Add(2 * time.Minute), Step: 1, Percent: 1, Verdict: incident.StepBack}, {At: past.Add(3 * time.Minute), Step: 1, Percent: 1, By: mei, Kept: "known"},
		}}
		list = append(list, t)
	}
	fell := task("ramp")
	fell.ID, fell.Ramp = fell.ID+"-fell", &view.Ramp{Steps: steps, Asks: procedure.Ramp{Currency: "CNY"}, StandsIn: true, Moves: []view.RampMove{
		{At: past, Step: 1, Percent: 1, By: mei, StandIn: "d1"}, {At: past.Add(time.Minute), Verdict: incident.StepBack, StandIn: "d2", StandsIn: true},
	}}
	list = append(list, fell)
	watched := task("ramp")
	watched.ID, watched.Ramp = watched.ID+"-watched", &view.Ramp{Steps: steps, Step: 3, Watched: true, Unknown: 2, Unsigned: []string{"d1"}, Backlog: &view.RampBacklog{Pending: 1200, Rate: 21.5, Budget: 40, Clears: future}, HeldUntil: future, Moves: []view.RampMove{{At: past, Step: 3, Percent: 100, By: mei}}}
	return append(list, watched)
}
