package console

import (
	"time"

	"holdfast/internal/callout"
	"holdfast/internal/incident"
	"holdfast/internal/notify"
	"holdfast/internal/procedure"
	"holdfast/internal/roster"
	"holdfast/internal/view"
)

// escalationSamples are escalations at every point.
func escalationSamples() (list []*view.Escalation) {
	rounds := []view.Round{{At: past, People: []string{"A", "B"}}}
	for _, why := range []string{"unacknowledged", "lapsed", "unreachable", "clock"} {
		rounds = append(rounds, view.Round{At: past, Due: past, Late: 90, Why: why})
	}
	steps := []view.EscalationStep{
		{Roles: []view.Named{role, role}, State: "past", Need: 1, Within: procedure.Duration(time.Minute), Again: procedure.Duration(time.Minute), Rounds: rounds},
		{Roles: []view.Named{role}, State: "now", Need: 1, Told: 2, Acknowledged: 1, Rounds: rounds}, {Roles: []view.Named{role}, State: "waiting", Need: 1},
	}
	for _, next := range []callout.DueKind{"", callout.ToEscalate, callout.ToRePage, callout.ToCall, callout.ToLapse} {
		list = append(list, &view.Escalation{Need: 1, Enough: next == callout.ToLapse, Steps: steps, Next: string(next), NextAt: future})
	}
	return list
}

func callSamples() []any {
	numbers := []roster.Contact{{Channel: roster.Phone, Address: "+886 2 5550 0101", Label: "desk"}}
	people := []view.Callee{{Person: "a", Name: "A", Role: role, Reached: true, Numbers: numbers, Other: []roster.Contact{mailSample, {Channel: roster.Webhook, Address: "https://im.example/7"}}}, {Person: "z", Name: "Z", Role: role, Why: callout.OnDuty}}
	for _, why := range []callout.ByHand{callout.NoWay, callout.AllFailed, callout.TimeOver} {
		c := view.Callee{Person: "p" + string(why), Name: "B", Role: role, Why: callout.Deputy, DeputyOf: "A", ByHand: string(why)}
		for _, result := range incident.CallResults {
			c.Calls = append(c.Calls, view.Call{At: past, By: mei, Result: result, Number: "1", Note: "a note"})
		}
		people = append(people, c)
	}
	in := view.Incident{ID: "INC-1", Title: "Title", State: "active", Level: level1}
	return []any{
		callsPage{Incident: in}, callsPage{Incident: in, Lists: []view.CallList{{Incident: "INC-1", Task: "tell", Title: word, Needed: true, People: people}, {Task: "convene", Title: word}}},
	}
}

var mailSample = roster.Contact{Channel: roster.SMTP, Address: "a@example.org"}

func ackSamples() []any {
	n := notify.Notice{ID: "n1", PersonName: "Mei", Subject: "Level 1"}
	drill := n
	drill.Drill = true
	return []any{
		ackForm{AckPage: callout.AckPage{Notice: n, Incident: "INC-1", Expires: future}, Key: "k", Address: "/acknowledge/n1", Link: "/incidents/INC-1"},
		ackForm{AckPage: callout.AckPage{Notice: drill, Incident: "INC-1", Expires: future, At: past}},
	}
}

// auditSample has a finding of every kind.
func auditSample() *callout.Audited {
	a := &callout.Audited{BeatFailed: "it answered 500"}
	for _, kind := range []callout.FindingKind{callout.PageDue, callout.AttemptDue, callout.EscalationDue, callout.LoopDue, callout.Unmarked} {
		a.Findings = append(a.Findings, callout.Finding{Kind: kind, Incident: "INC-1", Task: "t", Person: "mei", Due: past}, callout.Finding{Kind: kind, Due: past, Done: past.Add(time.Hour)})
	}
	return a
}
