package console

import (
	"holdfast"
	"holdfast/internal/status"
	"holdfast/internal/subscription"
	"holdfast/internal/view"
)

func bulletinContent(stage status.Stage, s status.State) status.Content {
	return status.Content{Stage: stage, Title: word, Text: word, States: []status.Said{{Component: "app", Name: word, State: s}}}
}

func bulletinSamples() map[string][]any {
	who := holdfast.Actor{Kind: holdfast.Account, ID: "mei", Name: "Mei"}
	entry := func(n int, c status.Content) status.Entry {
		return status.Entry{Number: n, Content: c, Writer: who, By: who, At: past}
	}
	planned := bulletinContent(status.Scheduled, status.Maintenance)
	planned.From, planned.Until = past, future
	corrected := bulletinContent(status.Identified, status.Limited)
	corrected.Corrects = 1
	waiting := &status.Draft{Number: 2, Content: bulletinContent(status.Monitoring, status.Unknown), By: who, At: past}
	open := view.Bulletin{
		Bulletin: status.Bulletin{ID: "1", Kind: status.Interruption, Incident: "2026-1", Opened: past, Draft: waiting, Entries: []status.Entry{entry(1, bulletinContent(status.Investigating, status.Stopped)), entry(2, corrected)}},
		Title:    word, Stage: status.Identified, IncidentTitle: "Title", SecondPerson: true,
	}
	fresh := view.Bulletin{Bulletin: status.Bulletin{ID: "2", Kind: status.Interruption, Opened: past, Dropped: "a reason"}, Title: word}
	over := view.Bulletin{Bulletin: status.Bulletin{ID: "3", Kind: status.Planned, Opened: past, Entries: []status.Entry{entry(1, planned), entry(2, bulletinContent(status.Completed, status.Operational))}}, Title: word, Stage: status.Completed, Over: true}
	form := textForm{Action: "/bulletins/-new", Kind: status.Interruption, Incident: "2026-1", Stage: status.Identified, Stages: status.Interruption.Stages()}
	for _, lang := range holdfast.Langs {
		form.Fields = append(form.Fields, textField{lang, word.In(lang), word.In(lang)})
	}
	next := form
	next.Action, next.Fill, next.Corrects, next.States = "/bulletins/1/drafts", "/bulletins/1", 1, []stateField{{"app", word, status.Limited}, {"card", word, ""}}
	maintenance := form
	maintenance.Kind, maintenance.Stages, maintenance.From, maintenance.Until = status.Planned, status.Planned.Stages(), "2026-11-26T02:00", "2026-11-26T04:00"
	var shown []status.Showing
	doubts := map[string]status.Doubt{}
	for _, d := range []status.Doubt{status.Directed, status.Untold, status.Silent, status.Gateless, status.Restored} {
		doubts[string(d)] = d
		shown = append(shown, status.Showing{ID: string(d), Name: word, State: status.Unknown})
	}
	for _, s := range status.States {
		shown = append(shown, status.Showing{ID: "c-" + string(s), Name: word, State: s})
	}
	whole := bulletinsPage{
		PublicStatus: view.PublicStatus{Page: status.Page{Components: shown}, Doubts: doubts, Untold: []view.Untold{{ID: "2026-1", Title: "Title", Level: holdfast.Level1}}, Files: status.Report{Dir: "/srv", Written: past, Failing: "no space", Subscribe: "x"}},
		List:         view.Page[view.Bulletin]{Items: []view.Bulletin{open, fresh, over}}, Pages: listed, Count: subscription.Count{Confirmed: 4, Asked: 2, Waiting: 1}, Old: true,
	}
	newest := []shownEntry{{open.Entries[1], false}, {open.Entries[0], true}}
	return map[string][]any{
		"bulletins":   {whole, bulletinsPage{}},
		"bulletinnew": {newBulletinPage{Form: form, Incident: "2026-1", Title: "Title", SecondPerson: true}, newBulletinPage{Form: maintenance}},
		"bulletin": {
			bulletinPage{Bulletin: open, Newest: newest, Form: next, MayPublish: true, Correcting: 1},
			bulletinPage{Bulletin: open, Newest: newest, Form: next, Own: true},
			bulletinPage{Bulletin: open, Form: next}, bulletinPage{Bulletin: fresh, Form: form}, bulletinPage{Bulletin: over, Newest: newest, Form: maintenance},
		},
	}
}
