package console

import (
	"time"

	"holdfast/internal/alert"
	"holdfast/internal/expression"
	"holdfast/internal/incident"
	"holdfast/internal/intake"
	"holdfast/internal/view"
)

// intakeSamples are more filled structs of the screens of alerts: how they were
// grouped, and the ways in.
func intakeSamples() map[string][]any {
	moved := view.Alert{
		ID: "a4", Title: "Title", Firing: true, Incident: "INC-1", TakenUp: past, Ground: &alert.Ground{Kind: alert.SameCause, Cause: "channel=app", Near: alert.Minutes},
		Moves: []view.Move{{From: "INC-2", To: "INC-1", Reason: "a reason", By: mei, At: past}},
	}
	tried := intakePage{Webhooks: []intake.Mapping{sampleMapping}, Fields: fieldsOf(sampleMapping), Body: "{}", Form: true, Tried: true}
	found, wrong, problem := tried, tried, tried
	found.Alert, found.Resolved = &moved, true
	wrong.Fields = fieldsOf(sampleMapping)
	wrong.Fields[0].Wrong, wrong.Fields[2].Wrong = &wrongAt{expression.Place{Before: "bod", At: "["}, 1, 4, "a problem"}, &wrongAt{Problem: "a problem"}
	problem.Problem = "this is not JSON"
	fires := found
	fires.Resolved = false
	dogs := []watchdogRow{{"prometheus", word, time.Minute, past, past, ""}, {"other", word, time.Minute, past, past, "a1"}, {"third", word, time.Minute, time.Time{}, past, ""}}
	return map[string][]any{
		"intake": {intakePage{Watchdogs: dogs}, tried, found, fires, wrong, problem},
		"alert":  {alertPage{moved, incidentsOf()}, alertPage{Alert: view.Alert{ID: "a5", Incident: "INC-1", Ground: &alert.Ground{Kind: alert.SameCause}}}},
		"alerts": {alertsPage{Query: "app", Incident: "INC-1", List: view.Page[view.Alert]{Items: []view.Alert{moved}, Total: 900}}},
		"incident": {incidentPage{Incident: view.Incident{
			ID: "INC-9", State: string(incident.Suspected), Cause: "channel=app", Alerts: []view.Alert{moved}, AlertsTotal: 900, TimelineLeft: 1600,
		}}},
	}
}
