package console

import (
	"holdfast/internal/incident"
	"holdfast/internal/roster"
	"holdfast/internal/view"
)

// passedOn are tasks in every state of being taken.
func passedOn(t view.Task) (list []view.Task) {
	add := func(id string, change func(*view.Task)) {
		t := t
		t.ID += id
		change(&t)
		list = append(list, t)
	}
	add("-free", func(t *view.Task) { t.TakeBy, t.Limit = future, &view.Limit{State: "at-risk", Due: future} })
	add("-passed", func(t *view.Task) {
		t.Limit, t.Deputised = &view.Limit{State: "breached", Due: past}, &view.Deputised{Role: &role, People: []view.Told{{Person: "lin", Name: "Lin"}, {Person: "bo", Name: "Bo"}}}
	})
	add("-nobody", func(t *view.Task) { t.Deputised = &view.Deputised{} })
	add("-branch", func(t *view.Task) {
		t.Failed, t.Branch = past, &view.Branch{N: 1, When: "minutes > 60", Do: word, At: past, Approval: &role}
	})
	add("-agreed", func(t *view.Task) {
		t.Branch = &view.Branch{N: 1, When: "minutes > 60", Do: word, At: past, Approval: &role, Agreed: past, AgreedBy: bo}
	})
	add("-waits", func(t *view.Task) { t.Status, t.After = "waiting", []view.Named{role, role} })
	return list
}

// teamSample fills the posts of an incident, and what was decided in it.
func teamSample(own *incidentPage) {
	one, two := incident.Holder{Account: "mei", Person: "mei", Name: "Mei"}, incident.Holder{Account: "bo", Name: "Bo"}
	for _, p := range incident.Posts {
		own.Incident.Posts = append(own.Incident.Posts, view.Post{ID: string(p)})
	}
	own.Incident.Posts[0] = view.Post{ID: "commander", Holder: &one, Since: past, Limit: &view.Limit{State: "at-risk", Due: future}}
	own.Incident.Decisions = []view.Decision{
		{ID: "D1", Question: "Switch over?", Options: []string{"yes", "no"}, Asked: past, AskedBy: mei},
		{ID: "D2", Question: "Switch over?", Options: []string{"yes", "no"}, Made: past, MadeBy: mei, DecidedBy: "the superior", Chosen: "yes", Why: "why", Reversible: true},
		{ID: "D3", Question: "Switch over?", Options: []string{"yes", "no"}, Made: past, MadeBy: mei, Chosen: "no", Why: "why"},
	}
	full := view.Handover{Text: "text", Decisions: own.Incident.Decisions, Tasks: []view.Named{role}, Offered: past}
	offer := func(n int, post string, from, to incident.Holder) view.Handover {
		h := full
		h.N, h.Post, h.From, h.To = n, post, from, to
		return h
	}
	own.Incident.Handovers = []view.Handover{offer(1, "commander", one, two), offer(2, "scribe", two, one), {N: 5, Post: "risk", From: two, To: one, Offered: past}}
	taken, ended := offer(3, "risk", one, two), offer(4, "risk", one, two)
	taken.Accepted, ended.Ended, ended.EndedBy, ended.Reason = past, past, bo, "a reason"
	own.Past, own.People, own.Correct = []view.Handover{taken, ended}, []view.Person{{Person: roster.Person{ID: "mei", Name: "Mei"}}}, &own.Timeline[0]
}

// tieSample ties an incident to others in every way.
func tieSample(own *incidentPage) {
	tie := view.Tie{ID: "2026-2", Title: "Title", Reason: "a reason", Tasks: []view.Named{role, role}}
	own.Incident.Parts, own.Incident.Links = []view.Tie{tie}, []view.Tie{tie, tie}
	own.MergeInto, own.LinkWith = incidentsOf()[:1], incidentsOf()[:2]
	if own.Incident.State == string(incident.Closed) {
		own.Incident.Into, own.Incident.ReopenFrom = &tie, []view.Named{role}
		own.Incident.FalseAlarm = &view.FalseAlarm{Reason: "a reason", By: bo, At: past}
	}
}
