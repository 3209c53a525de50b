package console

import (
	"maps"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/backup"
	"holdfast/internal/debrief"
	"holdfast/internal/detect"
	"holdfast/internal/directive"
	"holdfast/internal/draft"
	"holdfast/internal/enrolment"
	"holdfast/internal/gate"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/plan"
	"holdfast/internal/posture"
	"holdfast/internal/procedure"
	"holdfast/internal/reconciliation"
	"holdfast/internal/response"
	"holdfast/internal/standin"
	"holdfast/internal/view"
)

var (
	past   = time.Date(2026, 11, 24, 3, 0, 5, 0, time.UTC)
	future = time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC)
	mei    = &view.Actor{Kind: "account", ID: "mei", Name: "Mei"}
	bo     = &view.Actor{Kind: "account", ID: "bo", Name: "Bo"}
	self   = &view.Actor{Kind: string(holdfast.System), ID: "response", Name: "response"}
	word   = holdfast.Text{ZhHant: "測試文字", ZhHans: "测试文字", En: "a text"}
	role   = view.Named{ID: "commander", Name: word}
	listed = pages{Prev: "/x?offset=0", Next: "/x?offset=100"}
	level1 = holdfast.Level(1)
)

var stepSamples = []firstStep{{"accounts", "/accounts", true}, {"gates", "/gates", false}}

// screenSamples are filled structs of every screen: together they take every
// branch of its template.
func screenSamples() map[string][]any {
	roles, account := access.Roles(), access.Account{Name: "mei", Display: "Mei", Roles: access.Roles(), Person: "mei", Disabled: true}
	p, _ := plan.Decode("", plan.Builtin())
	samples := map[string][]any{
		"account": {accountPage{}, accountPage{Push: devicesPart{Key: "BKey"}}, accountPage{Push: devicesPart{Key: "BKey", Person: "mei"}}, accountPage{
			Account: account, Rights: access.AllActions(), Secret: "hf_secret", Push: devicesPart{Key: "BKey", Person: "mei", Devices: deviceSamples},
			Tokens:   []token{{"t1", "one", access.AllActions(), past}, {"t2", "two", nil, time.Time{}}},
			Sessions: []session{{"s1", past, past, true}, {"s2", past, past, false}},
		}},
		"accountedit": {accountEditPage{Account: account, Roles: roles}, accountEditPage{
			Account: account, Roles: roles, Secret: "hf_secret", Rights: access.AllActions(), Tokens: []token{{"t1", "one", nil, past}},
		}},
		"accounts": {accountsPage{}, accountsPage{[]access.Account{account, {Name: "tan"}}, roles}},
		"alert":    alertSamples(),
		"alerts": {alertsPage{}, alertsPage{Waiting: true, Cut: 3, Pages: listed, List: view.Page[view.Alert]{
			Items: []view.Alert{{ID: "a1", Title: "Title", Firing: true, Waiting: true}, {ID: "a2", Incident: "INC-1"}, {ID: "a3", Dismissed: "a test"}},
		}}},
		"directive":    directiveSamples(),
		"directives":   {directivesPage{}, directivesPage{view.Page[view.Directive]{Items: directivesOf()}, listed, standInFormOf(), rerouteFormOf()}},
		"error":        {errorPage{Title: "Title", Text: "Text", ID: "7"}, errorPage{Title: "Title"}, errorPage{Title: "Title", SignIn: true}, errorPage{Title: "Title", Away: true}},
		"gate":         gateSamples(),
		"gates":        {gatesPage{}, gatesPage{gatesOf()}},
		"incident":     incidentSamples(),
		"incidents":    {incidentsPage{}, incidentsPage{List: view.Page[view.Incident]{Items: incidentsOf()}, Pages: listed, Query: "x", Open: true}},
		"chapter":      chapterSamples(),
		"calls":        callSamples(),
		"acknowledge":  ackSamples(),
		"plantimeline": timelineSamples(),
		"planchanges": {
			changesPage{PlanChanges: view.PlanChanges{Revision: 2, Against: 1, Changes: changeSamples}, Pick: pick{Revisions: []view.Plan{{Revision: 2}, {Revision: 1}}, Old: 1, New: 2}, Lines: []diffLine{{"added", "+a"}}}, changesPage{},
		},
		"risks":     registerSamples(),
		"materials": registerSamples(),
		"plans":     plansSamples(),
		"triggers":  triggersSamples(),
		"filings":   filingsSamples(),
		"waivers":   waiversSamples(),
		"authority": authoritySamples(),
		"drafts":    draftsSamples(),
		"draft":     draftSamples(),

		"importplan": wordSamples(),

		"draftread": {
			draftReadPage{Draft: &draft.Draft{ID: "d1", State: draft.InReview}, Body: remarkedBody(chaptersSample(), true, ""), Faults: 1, MayComment: true, Reviews: true, Chapters: []string{"risks"}},
			draftReadPage{Draft: &draft.Draft{ID: "d1", State: draft.InReview}, Body: remarkedBody(chaptersSample(), true, "risks[high]"), MayComment: true, Reviews: true, Finished: true},
			draftReadPage{Draft: &draft.Draft{ID: "d1", State: draft.InReview}, Body: remarkedBody(chaptersSample(), true, "probes[0]"), MayComment: true},
			draftReadPage{Draft: &draft.Draft{ID: "d1", State: draft.Withdrawn}, Body: remarkedBody(p, false, "")},
		},
		"review": {
			reviewPage{Draft: &draft.Draft{ID: "d1", State: draft.InReview}, Reviewer: guestSample, Address: "/review/d1/o1", Faults: 1, Body: remarkedBody(p, true, "purpose"), May: true},
			reviewPage{Draft: &draft.Draft{ID: "d1", State: draft.InReview}, Reviewer: guestSample, Address: "/review/d1/o1", Body: remarkedBody(p, true, ""), May: true, Finished: past},
			reviewPage{Draft: &draft.Draft{ID: "d1", State: draft.InApproval}, Reviewer: guestSample, Body: remarkedBody(p, false, "")},
			reviewPage{Draft: &draft.Draft{ID: "d1", State: draft.Withdrawn}, Reviewer: guestSample, Withdrawn: true},
		},
		"commentdiff": {
			commentDiffPage{threadSamples()[1].Comment, "/drafts/d1#comment-2", view.ChapterChange{From: 1, To: 2, Changes: changeSamples}, []diffLine{{"added", "+a"}}},
			commentDiffPage{threadSamples()[2].Comment, "/drafts/d1#comment-3", view.ChapterChange{To: 2}, nil},
		},
		"draftdiff": {
			diffPage{Draft: &draft.Draft{ID: "d1"}, Against: 1, Changes: changeSamples, Lines: []diffLine{{"place", "@@"}, {"added", "+a"}, {"removed", "-b"}, {"same", " c"}}},
			diffPage{Draft: &draft.Draft{ID: "d1"}},
		},
		"checklist": checklistSamples(),
		"noplan":    {startPage{}, startPage{stepSamples}},
		"plan": {
			planPage{Plan: view.Plan{ID: "p", Revision: 2, By: mei, At: past, Current: true, Note: "a note", Content: p}, Findings: findingSamples, Owes: true, Read: 1, Unread: 4, May: true, News: &readingNews{1, changeSamples, changeSamples}, Readings: []draft.Owed{{Person: "a", Name: "A", Due: past, Reachable: true, Told: []time.Time{past, past}}, {Person: "d", Name: "D", Due: past, Reachable: true}, {Person: "e", Name: "E", Due: past, Reachable: true, Reached: true, Told: []time.Time{past}}, {Person: "b", Name: "B", Due: time.Now().Add(time.Hour)}, {Person: "c", Name: "C", At: past}}},
			planPage{Plan: view.Plan{ID: "p", Revision: 1, Content: chaptersSample(), Draft: "d1", Document: "7", Approvals: approvalSamples}, Lost: &upload{Address: "/plan/1/files", Files: fileSamples}},
			planPage{Plan: view.Plan{ID: "p", Revision: 1, InForce: future, Content: chaptersSample()}, Lost: &upload{Files: fileSamples}, Readings: []draft.Owed{{Person: "c", Name: "C", At: past}}},
		},
		"posture": {posturePage{}, posturePage{Chart: sampleChart(), Preview: response.Preview{Known: true, PerSecond: 300, Gates: 2, StandIns: []string{"d1"}, StoodIn: 2, Pending: 7}, Posture: view.Posture{
			Operator: "Bank", Position: 7, Directives: directivesOf(), Incidents: incidentsOf(), Gates: gatesOf(), Traffic: view.Traffic{Known: true, Done: 1},
			Unresolved: 4, AlertsWaiting: 2, MembersCut: 1, Late: []view.Late{{Incident: "INC-1", Of: "task", ID: "t", Task: "t", Title: word, Due: past}}, AtRisk: []view.Late{{Incident: "INC-1", Of: "stage", ID: "handle", Title: word, Due: future}, {Incident: "INC-1", Of: "post", ID: "commander", Due: future}}, Obligations: owedSamples(), Audit: auditSample(),
			Journal: view.Journal{
				Durability: journal.Durability{Machines: 1, Fault: journal.NotSynchronous},
				Alarm:      true, Ahead: []view.Ahead{{Gate: "east", Seen: holdfast.Head{Position: 9}}},
				Restored: &view.Restored{At: past, By: mei, Epoch: 2, Made: past, Cut: 5, Reason: "a reason", LostFrom: 6, LostTo: 9},
				Backups:  backup.Status{Scheduled: true, Last: &backup.Entry{Made: past, Position: 5}, LateSeconds: 90, Due: past, Overdue: true, Since: past},
			},
		}, BackupFailed: "the disk is full", StandIn: &standInLeft{88, 1, []reconciliation.Source{{CutOff: &reconciliation.CutOff{Directive: "d1", At: past, State: reconciliation.TooLate}}}, untoldSamples()[5:6]}, Steps: stepSamples, Awaiting: []awaited{{"read", "Revision 1", "/plan/1"}}}, posturePage{Posture: view.Posture{Journal: view.Journal{Alarm: true, Restored: &view.Restored{At: past, Made: past}}}}},
		"report": {reportForm{}, reportForm{Summary: "Summary", Detail: "Detail", Caller: "Caller", Seen: "2026-11-24T03:00", Staff: true}, reportForm{Sent: "0123456789abcdef"}},
		"read": {
			readForm{Plan: plan.Published{Number: 2}, Address: "/read/p/2/mei", Reader: draft.Owed{Name: "Mei", Due: future}, News: &readingNews{1, nil, changeSamples}, Content: p},
			readForm{Plan: plan.Published{Number: 1}, Reader: draft.Owed{Name: "Mei", At: past}, Content: p, Accepted: true},
		},
		"confirm":  {confirmForm{Name: "Mei", Contact: pointSamples[0].Contact, Expires: future}, confirmForm{Name: "Mei", Contact: pointSamples[0].Contact, Verified: past}},
		"signin":   {signInForm{"/", "mei"}},
		"unknowns": {unknownsPage{}, unknownsPage{Query: view.UnknownQuery{Settled: true}}, unknownsPage{Query: view.UnknownQuery{Text: "a"}}, unknownsPage{List: view.Page[view.Unknown]{Items: unknownsOf(), Total: 9}, Pages: listed, Query: view.UnknownQuery{Settled: true}}, unknownsPage{List: view.Page[view.Unknown]{Items: openUnknowns(), Total: 9}, Pages: listed, Query: view.UnknownQuery{Text: "a", Directive: "d1"}, Waiting: []*enrolment.Resolution{openUnknowns()[len(view.Stages)].Resolution}, Unheard: map[string]bool{"p": true}}},
	}
	maps.Copy(samples, staffSamples())
	maps.Copy(samples, obligationSamples())
	maps.Copy(samples, improvementSamples())
	maps.Copy(samples, reconciliationSamples())
	samples["shadow"] = shadowSamples()
	maps.Copy(samples, settlementSamples())
	maps.Copy(samples, bulletinSamples())
	samples["debrief"], samples["debriefreport"] = debriefSamples(), debriefReportSamples()
	for name, more := range intakeSamples() {
		samples[name] = append(samples[name], more...)
	}
	return samples
}

func sampleChart() chart {
	c := chart{Points: 2, Legend: legend[:], Table: []tableRow{{"03:00:05", []string{"1", "2", "3", "4", "5"}}}}
	c.Drawings = []drawing{{
		Class: "wide", Width: 9, Height: 9, Grid: []gridLine{{Label: "1"}}, Gaps: []box{{}}, Bars: []bars{{"done", "M0 0"}},
		Marks: []mark{{Label: "D-1"}, {}}, Hours: []label{{Label: "03:00"}},
	}}
	return c
}

func alertSamples() []any {
	a := view.Alert{
		ID: "a1", Title: "Title", Source: "webhook", StartsAt: past, Received: past, Ended: past, Waiting: true, Link: "https://example.org/",
		Labels: map[string]string{"alertname": "A"}, Annotations: map[string]string{"summary": "s"},
	}
	joined, dismissed := a, a
	joined.Incident, joined.Waiting, joined.Firing, joined.Source = "INC-1", false, true, "report"
	dismissed.Dismissed, dismissed.Waiting, dismissed.Link = "a test", false, "javascript:alert(1)"
	found, silent := a, a
	found.Evidence = &detect.Finding{Kind: detect.Failures, Severity: detect.Major, Scope: detect.Scope{Route: "pay", Channel: "qr"}, Since: past, At: past, Seen: 0.12, Expected: 0.02, Payments: 1200, Sure: 30}
	silent.Evidence = &detect.Finding{Kind: detect.Silent, Severity: detect.Minor, Gate: "gate-1", Since: past, At: past, Seen: 15}
	return []any{alertPage{a, incidentsOf()}, alertPage{Alert: a}, alertPage{Alert: joined}, alertPage{Alert: dismissed}, alertPage{Alert: found}, alertPage{Alert: silent}}
}

func directivesOf() (list []view.Directive) {
	for _, kind := range []posture.Kind{posture.Stop, posture.Limit} {
		for _, state := range []directive.State{directive.Proposed, directive.InForce, directive.Refused, directive.Lifted} {
			d := view.Directive{
				ID: string(kind) + "-" + string(state), State: string(state), Kind: string(kind), Scope: "all", Reason: "a reason", ProposedBy: mei, ProposedAt: past,
				Share: .25, Rate: 10, Incident: "INC-1", Gates: rowsOf(), Totals: directive.Totals{NotKnown: 1}, IssuedAt: past,
			}
			if state == directive.Proposed {
				d.Effect, d.Deciders = &response.Preview{Known: true, PerSecond: 2, Partly: true, Gates: 2}, []string{"Mei"}
			}
			if state == directive.InForce {
				d.Effect = &response.Preview{Known: kind == posture.Stop, PerSecond: 2, Gates: 2}
				d.Glass, d.LiftAsked, d.Deciders = "g1", &view.LiftWish{By: bo, At: past, Reason: "over"}, []string{"Mei", "Bo"}
			}
			if state == directive.Lifted {
				d.EndedBy, d.EndReason, d.EndedAt, d.ApprovedBy = self, "over", past, mei
			}
			list = append(list, d)
			d.ID, d.Why, d.PreAuthorised, d.Gates, d.Totals, d.Confirmed, d.ConfirmedAfterMillis, d.ProposedBy = d.ID+"-2", word, true, nil, directive.Totals{}, past, 400, bo
			d.LiftAsked, d.Glass = nil, ""
			list = append(list, d)
		}
	}
	return list
}

func directiveSamples() (list []any) {
	for _, d := range slices.Concat(directivesOf(), standInsOf(), reroutesOf()) {
		d.LiftEffect = &response.Preview{Known: d.Kind == "stop", PerSecond: 2, StandIns: []string{"d1"}, StoodIn: 1, Pending: 3}
		list = append(list, directivePage{d})
	}
	return list
}

func rowsOf() (rows []directive.Row) {
	for i, s := range []directive.Standing{directive.Acknowledged, directive.LeaseOut, directive.Joined, directive.Missing, directive.Observing, directive.Gone} {
		rows = append(rows, directive.Row{Gate: "g", Standing: s, At: past, Known: i > 0, Drained: i > 1})
	}
	return rows
}

func gatesOf() (list []view.Gate) {
	for _, state := range gateStates {
		g := view.Gate{Name: state, State: state, Seen: past, Since: past, Behind: true, Alarm: "an alarm", PrimaryDown: []string{"pay-1:443"}, SecondDown: []string{"b-1:443"}, Fence: "f", FenceSince: past, Others: 1, Local: []posture.Directive{{ID: "l1", Scope: "all"}}}
		g.StandIn = &view.GateStandIn{Source: "s1", Payers: past, Stale: time.Hour, Alarms: []standin.Alarm{{Code: "payers", Text: "it cannot be read", Since: past}}}
		for _, kind := range []payment.Kind{payment.Other, payment.Pay, payment.Refund, payment.Inquiry} {
			for _, mode := range []string{"static", "strict", "observe"} {
				g.Routes = append(g.Routes, enrolment.Route{Name: "r", Kind: kind.String(), Mode: mode})
			}
		}
		if state == "gone" {
			g.GoneWhy = "broken"
		}
		list = append(list, g)
	}
	return list
}

func gateSamples() (list []any) {
	for _, g := range gatesOf() {
		list = append(list, gatePage{g})
	}
	return list
}

func unknownsOf() (list []view.Unknown) {
	for _, s := range sentences {
		list = append(list, view.Unknown{Unknown: enrolment.Unknown{Gate: "g", Why: s.begins, How: s.begins, Record: payment.Record{Identity: "p", Amount: 1, Currency: "CNY", At: past}}})
	}
	for _, o := range []payment.Outcome{payment.InFlight, payment.Done, payment.NotDone, payment.Unknown} {
		list = append(list, view.Unknown{Unknown: enrolment.Unknown{Gate: "g", Outcome: o, Why: "something newer"}})
	}
	return list
}

func incidentsOf() (list []view.Incident) {
	for i, state := range []incident.State{incident.Suspected, incident.Active, incident.Closed, incident.Dismissed} {
		in := view.Incident{
			ID: "INC-" + string(rune('1'+i)), State: string(state), Title: "Title", Opened: past, OpenedBy: self, Confirmed: past, ConfirmedBy: mei, Level: holdfast.Level(i),
			Ended: past, EndedBy: mei, EndReason: "a reason", Drill: true, OpenStages: []view.Named{role}, Plan: &incident.PlanRef{ID: "p", Revision: 2},
		}
		list = append(list, in)
	}
	triaged := list[0]
	triaged.ID, triaged.Suggested = "INC-9", level1
	return append(list, triaged)
}

func incidentSamples() (list []any) {
	f := &incident.Figures{Detected: past, Confirmed: past, Recovered: past, DeclinedAtLeast: true, DeclinedAmount: map[string]int64{"CNY": 5}, NotKnown: 1, SourcesLost: 1, Untraced: 3, UntracedAmount: map[string]int64{"CNY": 900}}
	for _, in := range incidentsOf() {
		in.Alerts, in.Directives, in.Figures = []view.Alert{{ID: "a1", Title: "Title", Firing: true}}, slices.Concat(directivesOf(), standInsOf(), reroutesOf()), f
		own := incidentPage{Incident: in, StandIn: standInFormOf(), Reroute: rerouteFormOf(), Chart: sampleChart(), Owed: owedSamples(), Mine: ownPart{Tasks: []called{{"tell", word}}, Posts: []string{"commander"}}, Codes: true}
		own.Timeline = []line{{At: past, Text: "Text", Detail: "Detail", Who: "Mei", Evidence: []incident.Evidence{{Name: "log.txt"}}, Position: 7, Corrects: 6, CorrectedBy: []holdfast.Position{8}, MayCorrect: true}, {At: past, Text: "Text", Position: 109, Earlier: []line{{At: past, Text: "Text", Position: 105}}}}
		own.Deliveries = []line{{At: past, Text: "Text", Position: 5}}
		switch in.State {
		case string(incident.Suspected):
			own.Incident.Effect, own.Levels = &response.Preview{Partly: true}, []levelChoice{{level1, word, word, true}}
		case string(incident.Active), string(incident.Closed):
			own.Incident.StoodIn = stoodInOf()
			own.Incident.Unresolved = 3
			own.Incident.Stages, own.Debriefing, own.Closable = stagesOf(), true, in.State == string(incident.Active)
			own.Incident.Debrief = map[string]debrief.State{"active": debrief.Presented, "closed": debrief.Accepted}[in.State]
			tieSample(&own)
			if teamSample(&own); in.State == string(incident.Closed) {
				own.Incident.Decisions = nil
			}
		}
		own.Level = levelSample(in)
		list = append(list, own)
	}
	return append(list, incidentPage{Incident: view.Incident{ID: "INC-8", State: string(incident.Closed), Figures: &incident.Figures{}, Debrief: debrief.Writing}, Debriefing: true})
}

// stagesOf are stages in every status, with tasks of every kind.
func stagesOf() (list []view.Stage) {
	for i, status := range []procedure.Status{procedure.Waiting, procedure.Open, procedure.Done, procedure.Skipped} {
		s := view.Stage{Kind: string(procedure.Kinds[i]), Title: word, Guide: word, Role: role, Status: string(status), Due: past, Note: "a note"}
		s.Tasks = tasksOf(s.Kind, string(status))
		list = append(list, s)
	}
	// Its probes have passed, so the ramp can begin.
	tested := view.Stage{Kind: "recover", Title: word, Role: role, Status: "open", Tasks: tasksOf("recover", "open")}
	for i, t := range tested.Tasks {
		if t.Kind == "probes" {
			tested.Tasks[i].Status = "done"
		}
	}
	bare := view.Stage{Kind: "handle", Title: word, Role: role, Status: "open", Skip: &view.Skip{Reason: "a reason", By: bo, At: past}}
	review := view.Stage{Kind: "review", Title: word, Role: role, Status: "open", Skip: &view.Skip{Reason: "a reason", By: mei, At: past}}
	return slices.Concat(list, []view.Stage{tested, bare, review})
}

func tasksOf(id, status string) (list []view.Task) {
	task := func(kind string) view.Task {
		return view.Task{ID: id + "-" + kind, Kind: kind, Title: word, Guide: word, Role: role, Status: status, Due: past, Late: true, NeedEvidence: true}
	}
	manual, byItself := task("manual"), task("manual")
	manual.Owner, manual.EndedBy, manual.Note, manual.Evidence = mei, mei, "a note", []incident.Evidence{{Name: "log.txt", Size: 9}}
	byItself.ID, byItself.EndedBy = byItself.ID+"-2", self
	list = append(list, manual, byItself)
	list = append(list, passedOn(task("manual"))...)

	for _, need := range []int{0, 2} {
		t := task("notice")
		t.ID, t.Notice = t.ID+string(rune('0'+need)), &view.NoticeTask{Need: need, Missing: []view.Named{role}, Unreachable: []string{"Tan"}}
		t.Notice.People = []view.Told{{Person: "a", Name: "A", Reached: true, Acknowledged: true}, {Person: "b", Name: "B", Reached: true}, {Person: "c", Name: "C"}}
		for i, state := range []string{"asked", "sending", "failed", "doubtful", "delivered", "gave-up", "acknowledged"} {
			t.Notice.People[0].Notices = append(t.Notice.People[0].Notices, view.Notice{ID: t.ID + state, Channel: "smtp", State: state, Attempts: i, Detail: "d"})
		}
		t.Notice.People[0].Notices[2].Waits = &future
		t.Notice.People[0].Notices[2].Log = []view.Attempt{{Number: 1, Began: past, Ended: past, State: "failed", Detail: "451 later", Next: future}, {Ended: past, State: "gave-up"}}
		list = append(list, t)
	}
	for i, e := range escalationSamples() {
		t := task("notice")
		t.ID, t.Notice = t.ID+"e"+string(rune('0'+i)), &view.NoticeTask{Need: 1, Escalation: e, ByHand: []string{"A", "B"}}
		list = append(list, t)
	}
	for i, d := range directivesOf()[:4] {
		t := task("directive")
		d.ID = t.ID + d.ID
		t.ID, t.Directive = t.ID+string(rune('a'+i)), &view.DirectiveTask{Kind: d.Kind, Scope: "all", Reason: word, PreAuthorised: d.PreAuthorised, Issued: &d}
		list = append(list, t)
		t.ID, t.Directive = t.ID+"-due", &view.DirectiveTask{Kind: d.Kind, Scope: "x", Reason: word, PreAuthorised: d.PreAuthorised, Preview: response.Preview{Known: i%2 == 0}}
		list = append(list, t)
	}
	probes, ladder := task("probes"), task("ramp")
	probes.Probes = []view.Probe{{ID: "p", Title: word, Times: 3}, {ID: "q", Title: word, Ran: past, Passed: true}, {ID: "r", Title: word, Ran: past, Detail: "d"}}
	ladder.Ramp = &view.Ramp{Step: 2, HeldUntil: future, Steps: []procedure.Step{{Percent: 5, RatePerSecond: 9}, {Percent: 50, RatePerSecond: 9}, {Percent: 100}}}
	list = append(append(list, probes, ladder), rampSamples(task)...)
	return append(list, actionsOf(task)...)
}

// openUnknowns has a payment in each stage, with and without what people said of it.
func openUnknowns() (list []view.Unknown) {
	who := holdfast.Actor{Kind: holdfast.Account, ID: "mei", Name: "Mei"}
	for _, stage := range view.Stages {
		list = append(list, view.Unknown{
			Unknown: enrolment.Unknown{Gate: "g", Outcome: payment.Unknown, Why: "w", Record: payment.Record{Identity: "p", Amount: 1, Currency: "CNY", At: past, Second: true}},
			Key:     stage, Stage: stage, Asked: &gate.Asked{Made: 1, Said: "inquiry: the primary cannot say yet (status 404)", At: past, Due: past},
		})
	}
	for i, state := range []enrolment.ResolutionState{enrolment.ResolutionAsked, enrolment.ResolutionOrdered, enrolment.ResolutionCarried, enrolment.ResolutionOvertaken, enrolment.ResolutionWithdrawn} {
		u := list[0]
		u.Key, u.Asked = "said-"+string(state), &gate.Asked{Made: 2, Most: 3, Over: true}
		u.Resolution = &enrolment.Resolution{ID: string(state), Identity: "p", Amount: 1, Currency: "CNY", Outcome: payment.Done, Reason: "r", Evidence: "e", State: state, By: who, At: past}
		if i > 2 {
			u.Resolution.Second, u.Resolution.WhyNot, u.Resolution.Contradicted = &who, "no", true
			u.Resolution.Ends = []enrolment.ResolutionEnd{{Gate: "g", Outcome: payment.NotDone, How: "h", At: past}, {Gate: "h", Outcome: payment.Done, How: "h", At: past, Gone: true}, {Gate: "i", Outcome: payment.Done, How: "h", At: past, Gone: true, Unlisted: true}}
		}
		list = append(list, u)
	}
	return list
}
