package console

import (
	"strings"
	"testing"
	"time"

	"holdfast/internal/incident"
	"holdfast/internal/locale"
	"holdfast/internal/procedure"
	"holdfast/internal/view"
)

// webhookStates are those of a call.
var webhookStates = []string{"waiting", "calling", incident.HookDone, incident.HookRefused, incident.HookFailed, incident.HookUnknown, incident.HookDrill}

// actionsOf are tasks that call, are ticked or wait, in every state.
func actionsOf(task func(kind string) view.Task) (list []view.Task) {
	for i, state := range webhookStates {
		t := task("webhook")
		t.ID, t.Webhook = t.ID+state, &view.WebhookTask{Endpoint: "isolate", State: state, Unknown: i == 0, Automatic: i == 1}
		if i > 1 {
			t.Webhook.Calls = []view.WebhookCall{{Attempt: 1, Key: "k", At: past, Ended: past, Result: state, Status: 200, Answer: "200 OK"}, {Attempt: 2, Key: "k", At: past}}
		}
		if state == incident.HookFailed {
			t.Webhook.Next = future
		}
		list = append(list, t)
	}
	ticks := task("checklist")
	ticks.Checklist = []view.Item{{N: 1, Text: word}, {N: 2, Text: word, Ticked: true, At: past, By: mei}, {N: 3, Text: word, At: past, By: bo, Note: "not so"}}
	full := task("checklist")
	full.ID, full.Checklist = full.ID+"-full", []view.Item{{N: 1, Text: word, Ticked: true, At: past, By: mei, Note: "seen"}}
	wait, holds := task("wait"), task("wait")
	wait.Wait = &view.WaitTask{Until: "failures < 3", Reads: []view.WaitRead{{Reading: incident.Reading{Measure: "failures", Why: incident.NotEntered}, Title: word}}}
	holds.ID, holds.Wait = holds.ID+"-holds", &view.WaitTask{
		Until: "minutes > 3", HoldsFor: procedure.Duration(time.Minute), Holds: true, Since: past, Enough: future,
		Reads: []view.WaitRead{{Reading: incident.Reading{Measure: "minutes", Value: 4.0}}, {Reading: incident.Reading{Measure: "level", Value: 1.0}}},
	}
	return append(list, ticks, full, wait, holds)
}

// A condition is said in words with the titles that people know, and in a drill as well.
func TestWaitIsSaid(t *testing.T) {
	t.Parallel()
	p := locale.For("zh-Hant")
	w := &view.WaitTask{Until: "failures < 3", Reads: []view.WaitRead{{Reading: incident.Reading{Measure: "failures", Value: 2.0}, Title: word, Unit: "筆"}}}
	if said, title := conditionSaid(p, w), word.In(p.Lang()); said == "" || !strings.Contains(said, title) {
		t.Errorf("said %q", said)
	}
	if reads := waitReads(p, w); len(reads) != 1 || reads[0].Shown != "2 筆" {
		t.Errorf("reads %v", reads)
	}
}
