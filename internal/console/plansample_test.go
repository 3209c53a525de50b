package console

import (
	"strconv"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/approval"
	"holdfast/internal/attachment"
	"holdfast/internal/console/form"
	"holdfast/internal/draft"
	"holdfast/internal/filing"
	"holdfast/internal/lint"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/plandoc"
	"holdfast/internal/procedure"
	"holdfast/internal/roster"
	"holdfast/internal/trigger"
	"holdfast/internal/view"
	"holdfast/internal/waiver"
)

// chaptersSample returns the built-in plan with something in each chapter that a
// plan may leave out.
func chaptersSample() *plan.Plan {
	p, _ := plan.Decode("", plan.Builtin())
	all := func(s string) holdfast.Text { return holdfast.Text{ZhHant: "甲", ZhHans: "甲", En: s} }
	hour := procedure.Duration(time.Hour)
	p.Scope = all("scope")
	p.Governance = plan.Governance{
		Approval:     []plan.ApprovalStep{{ID: "a", Title: all("step"), Mode: plan.ApproveAll, Roles: []string{"commander", "superior"}}},
		Distribution: []string{"commander", "superior"}, ReviewBy: "2027-01-31",
	}
	p.Risks = []plan.Risk{
		{ID: "low", Title: all("low"), Likelihood: 1, Impact: 1, Treatment: all("treatment"), Leak: true},
		{ID: "high", Title: all("high"), Part: all("part"), Likelihood: 5, Impact: 4, Levels: []holdfast.Level{1}},
		{ID: "mid", Title: all("mid"), Likelihood: 2, Impact: 4},
	}
	p.Materials = []plan.Material{{ID: "law", Title: all("law"), Kind: plan.Regulation, Link: "https://example.com/law", Date: "2026-01-01"}, {ID: "b", Title: all("b"), Kind: plan.Manual}}
	p.Measures = []plan.Measure{{ID: "minutes", Title: all("minutes"), Type: plan.MeasureNumber, Unit: "min"}}
	p.Measures = append(p.Measures, plan.Measure{ID: "failures", Title: all("failed"), Type: plan.MeasureNumber, From: plan.FromFailed})
	p.Levels[0].Enter, p.Levels[0].RecoverWithin, p.Levels[0].Automatic = "minutes > 10", hour, true
	p.Levels[0].Bands = []plan.Band{{Title: all("peak"), Days: []string{"mon", "sun"}, Starts: "09:00", Ends: "22:00", Enter: "minutes > 5"}}
	p.Leak = &procedure.Procedure{Title: all("leak"), Shift: hour, Stages: []procedure.Stage{{Kind: procedure.Handle, Title: all("handle"), Role: "commander", Tasks: []procedure.Task{{
		ID: "t", Title: all("task"), Role: "commander", Deputy: "duty-officer", TakeWithin: hour, Takes: hour, Means: all("means"),
		Branches: []procedure.Branch{{When: "minutes > 60", Do: all("do"), Approval: "superior"}},
	}, {ID: "n", Title: all("tell"), Notice: &procedure.Notice{To: []string{"commander"}, Acknowledge: 1, Within: hour, Again: hour, Lapse: hour, Escalate: []procedure.EscalationStep{{To: []string{"superior"}, Within: hour}}}},
		{ID: "call", Title: all("call"), Webhook: &procedure.Webhook{Endpoint: "isolate", Automatic: true, Repeatable: true, Timeout: hour}},
		{ID: "list", Title: all("list"), Checklist: []holdfast.Text{all("one"), all("two")}},
		{ID: "wait", Title: all("wait"), Wait: &procedure.Wait{Until: "failures < 3", HoldsFor: hour}},
	}}}}
	profile := *p.Temporary[0].Profile
	profile.KeepDeclines, profile.OneByOne, profile.Zone = true, true, ""
	announced := profile
	announced.Unplanned = nil
	p.Temporary = []plan.Temporary{
		{ID: "s", Title: all("stand in"), Kind: plan.StandIn, When: all("when"), How: all("how"), Role: "commander", Profile: &profile},
		{ID: "m", Title: all("maintain"), Kind: plan.StandIn, When: all("when"), How: all("how"), Role: "commander", Profile: &announced},
		{ID: "t", Title: all("by hand"), Kind: plan.ByHand, When: all("when"), How: all("how"), Role: "commander", Scope: "all", Longest: hour},
	}
	p.Parameters = []plan.Parameter{{ID: "p", Title: all("limit"), Unit: "TWD", Planned: 1, Unplanned: 2}}
	p.Dependencies = []plan.Dependency{{ID: "d", Title: all("bank"), Role: "commander", Steps: []plan.DependencyStep{{After: hour, Do: all("do"), Approval: "superior"}}}}
	p.Recovery = plan.Recovery{Within: hour, Steps: []plan.RecoveryStep{{ID: "s", Title: all("restore"), Role: "commander", People: 2, Takes: hour, Resources: all("machines")}, {ID: "s2", Title: all("test"), Role: "commander"}},
		Ramp: &procedure.Ramp{
			Steps:   []procedure.Step{{Percent: 10, Hold: hour, RatePerSecond: 20, AmountPerSecond: 500000, Sample: 50, Auto: true, Fall: procedure.FallStopped}, {Percent: 100}},
			Success: 98, Unknown: 1, Quick: 95, Within: procedure.Duration(time.Second), Probes: []string{"primary-health", "test-payment"}, Decide: hour, Soak: hour, Currency: "CNY",
		}, CloseOut: []holdfast.Text{all("nothing unexplained")}}
	p.Drills = []plan.DrillPlan{{ID: "d", Title: all("drill"), Kind: plan.Tabletop, Goal: all("goal"), EveryMonths: 6}}
	p.Obligations = []plan.Obligation{{ID: "o", Title: all("report"), From: "detected", Within: hour, Recipient: all("bank"), Role: "commander"}}
	p.Contacts = []plan.Contact{{Party: "acquirer", Purpose: all("purpose"), Role: "commander"}}
	p.Attachments = []plan.Attachment{{ID: "law", Title: all("law"), Name: "law.pdf", Type: "application/pdf", Size: 48213, Hash: strings.Repeat("ab", 32)}, {ID: "map", Title: all("map")}}
	p.Materials[0].File, p.Materials[1].File = "law", "map"
	p.Annexes = []plan.Annex{{ID: "a", Title: all("annex"), Text: all("text")}}
	return p
}

// chapterSamples are forms that show every kind of field.
func chapterSamples() []any {
	p := chaptersSample()
	p.Risks[0].Title = holdfast.Text{}
	p.Levels[1].Enter = "minutes = 10"
	var parts []form.Field
	for _, path := range []string{"departments", "risks", "measures[0]", "levels[0]", "levels[1]", "procedures[0].stages[3].tasks[0]", "governance", "drills[0]", "recovery", "leak", "attachments", "procedures[0].stages"} {
		part, ok := form.Build(p, path)
		if !ok {
			panic(path)
		}
		parts = append(parts, part)
	}
	e := editor{Address: "/drafts/1/chapters/risks", Open: "risks", Show: "roles[70]", Plan: p, Problems: map[string]string{"risks[1].title": "it is empty", "measures[0].unit": "no", "drills[0].kind": "no", "levels[0].title": "no"}, Waiting: map[string]int{"risks[1].title": 2, "measures[0].unit": 1}}
	var long form.Field
	for i := range 3 * rowsShown {
		long.Rows = append(long.Rows, form.Row{Path: "roles[" + strconv.Itoa(i) + "]"})
	}
	long.Path, long.Name, long.Label, long.Kind = "roles", "plan.roles", "plan.roles", form.Rows
	parts = append(parts, long)
	undo := 0
	levels, _ := plan.ChapterOf("levels")
	en := locale.For(holdfast.En)
	return []any{
		chapterPage{
			Draft: "1", Chapter: "risks", Editor: e, Heading: "Heading", Crumbs: []crumb{{"/drafts/1", "Draft"}}, Up: "/drafts/1", At: "risks", Base: 3, Parts: parts,
			SavedBy: "Mei", Others: []string{"Wei"}, Newer: "newer", Text: "risks: []", Unsaved: true, Undo: &undo, Usual: true,
			Findings: findingSamples, Saves: []save{{Number: 2, By: "Mei", Current: true}, {Number: 1}, {}},
			Threads: threadSamples(), Nav: lineSamples, Prev: "organisation", Next: "materials", Preview: previewPage{Empty: true, Read: "/drafts/1/read"},
			Upload: &upload{Address: "/drafts/1/chapters/attachments/files", Files: fileSamples},
		},
		chapterPage{Editor: e, Heading: "Heading", Up: "/drafts/1", Preview: previewPage{Body: previewOf(en, p, levels, "", "/drafts/1").Body, Cut: true, Read: "/drafts/1/read"}, Upload: &upload{Entry: "law", Over: "ab", Address: "/drafts/1/chapters/attachments/files"}},
	}
}

var lineSamples = []chapterLine{
	{Key: "risks", SavedBy: "Mei", Wrong: 2, Warnings: 1, Comments: 1, Here: true, Findings: findingSamples}, {Key: "leak", Bare: true}, {Key: "levels"},
}

func checklistSamples() []any {
	return []any{
		checklistPage{Draft: &draft.Draft{ID: "d1"}, Chapters: lineSamples, Whole: findingSamples, Comments: 2, Missing: 4, MayWrite: true},
		checklistPage{Draft: &draft.Draft{ID: "d1"}, Chapters: lineSamples[1:]},
	}
}

var fileSamples = []fileLine{
	{Name: "law.pdf", Type: "application/pdf", Size: 48213, Hash: strings.Repeat("ab", 32), Link: "/drafts/1/files/ab"}, {Name: "old.pdf", Lost: true, Link: "/drafts/1/files/cd"},
}

var approvalSamples = []view.PlanApproval{
	{Step: view.Named{ID: "a"}, Role: &view.Named{ID: "superior"}, By: &view.Actor{Name: "Mei"}, Scans: []view.Scan{{File: attachment.File{Name: "s.pdf"}, By: &view.Actor{Name: "Mei"}}}}, {By: &view.Actor{Name: "Wei"}},
}

var findingSamples = []finding{
	{Severity: "error", Rule: "L101", Message: "message", Link: "/drafts/1", Place: "place"}, {Severity: "warning", Rule: "L102", Message: "message", Link: "/drafts/1"}, {Severity: "note", Rule: "L103", Message: "message", Waive: "/waivers"},
	{Severity: waivedSeverity, Rule: "L104", Message: "message", Waived: &lint.Waiver{Owner: "Mei", Reason: "because", Expires: time.Date(2026, 11, 26, 1, 0, 0, 0, time.UTC)}},
}

// draftSamples are drafts in each state, seen by who may do everything.
func draftSamples() (list []any) {
	by, at := holdfast.Actor{Kind: holdfast.Account, ID: "mei", Name: "Mei"}, time.Date(2026, 11, 26, 1, 0, 0, 0, time.UTC)
	for i, state := range []draft.State{draft.Drafting, draft.InReview, draft.InApproval, draft.InApproval, draft.InApproval, draft.Published, draft.Withdrawn} {
		d := &draft.Draft{ID: "d1", Plan: "p", From: 1, State: state, By: by, At: at, Note: "a note", Reviewers: []draft.Reviewer{{Account: "wei"}},
			Returned: []draft.Returned{{From: draft.InApproval, Reason: "why", By: by, At: at}}}
		own := draftPage{
			Draft: d, Findings: findingSamples, Errors: 1, Warnings: 1, MayWrite: state.Open(), MayComment: state.Open(), MayApprove: i != 4,
			Chapters: lineSamples,
			Comments: threadSamples(), Reviewers: reviewerSamples, Unfinished: 1, Accounts: []access.Account{{Name: "wei", Display: "Wei"}}, Langs: holdfast.Langs[:], MayInvite: true, Reviews: i == 0, Finished: i == 1,
		}
		if state == draft.InApproval || state == draft.Published {
			d.Submitted = &draft.Submitted{Document: "2026-7", By: by, At: at}
			own.Steps = []ladderStep{
				{Step: approval.Step{ID: "a", Title: holdfast.Text{ZhHant: "甲", ZhHans: "甲", En: "a"}}, State: "done", Decisions: []approval.Decision{{Number: 1, By: by, At: at}}},
				{Step: approval.Step{ID: "b"}, State: "open", Missing: []view.Named{{ID: "superior"}, {}}}, {Step: approval.Step{ID: "c"}, State: "waiting"},
			}
			d.Scans, own.MayScan = []draft.Scan{{Decision: 1, File: attachment.File{Name: "signed.pdf", Size: 3 << 20}, By: by, At: at}}, map[int]bool{1: i != 4}
			own.Complete, own.Until = i == 3 || state == draft.Published, at
			own.Expired = i == 2
			if i == 2 {
				own.As = []view.Named{{ID: "risk"}, {ID: "superior"}}
			}
			if i == 4 {
				own.Turn = "It is not your turn."
			}
		}
		if i == 0 {
			own.ToWorkIn = []view.WorkIn{
				{Trigger: view.Trigger{Trigger: trigger.Trigger{ID: "t1", About: &trigger.About{Chapter: trigger.Risks}}, State: trigger.Open, Late: true}},
				{Trigger: view.Trigger{State: trigger.Open}}, {Trigger: view.Trigger{State: trigger.Revising}, Done: true},
			}
		}
		if i < 2 {
			own.Link = &view.OutsideLink{OutsideReviewer: *reviewerSamples[1+i].Outside, Link: "https://node.example/review/d1/o1?key=secret"}
		}
		if state == draft.Published {
			d.Revision = 2
		}
		if state == draft.Drafting {
			own.Deciders = []decider{{word, role, "Mei", ""}, {word, role, "Bo", draft.Wrote}, {holdfast.Text{}, view.Named{ID: "head"}, "", draft.Vacant}}
		}
		list = append(list, own)
	}
	return append(list, draftPage{Draft: &draft.Draft{ID: "d2", State: draft.Drafting}, MayWrite: true})
}

var reviewerSamples = []view.Reviewer{
	{Account: "wei", Comments: 2, Open: 1, Finished: past},
	{Outside: &view.OutsideReviewer{ID: "o1", Name: "Wu", Address: "wu@example.com", Mailed: "delivered", Expires: past}},
	{Outside: &view.OutsideReviewer{ID: "o2", Name: "Xu", Expires: past, Ended: true}},
}

// threadSamples are comments in every state, by people in and outside.
func threadSamples() []thread {
	by, guest := holdfast.Actor{Kind: holdfast.Account, ID: "mei", Name: "Mei"}, holdfast.Actor{Kind: holdfast.Reviewer, ID: "d1.o1", Name: "Wu"}
	return []thread{
		{Comment: &draft.Comment{ID: 1, Chapter: "risks", Path: "risks[power]", Quote: "quote", Text: "text", By: guest, At: past, Replies: []draft.Reply{{Text: "reply", By: by, At: past}, {Text: "reply", By: guest, At: past}}},
			Acts: "/drafts/d1/comments/1", Place: "/drafts/d1/read#comment-1", Edit: "/drafts/d1/chapters/risks", Here: true, MayReply: true, MayResolve: true},
		{Comment: &draft.Comment{ID: 2, Chapter: "leak", Text: "text", By: by, At: past, Resolved: &draft.Resolved{Saves: []int{1}, Reason: "why", By: by, At: past}},
			Acts: "/drafts/d1/comments/2", Changes: "/drafts/d1/comments/2/changes", MayReply: true, MayReopen: true},
		{Comment: &draft.Comment{ID: 3, Chapter: "leak", Path: "leak.stages[stop]", Quote: "gone", Text: "text", By: by, At: past}, Back: "read", Gone: true},
	}
}

var guestSample = draft.Outside{ID: "o1", Name: "Wu", Expires: future}

// remarkedBody is a draft to read with comments, the form open at a risk.
func remarkedBody(p *plan.Plan, may bool, at string) planBody {
	list := threadSamples()
	list[0].Path = "risks[" + p.Risks[0].ID + "]"
	b := newPlanBody(locale.For(holdfast.En), p, "/drafts/d1")
	b.Remarks = newRemarks(p, holdfast.En, list, "/drafts/d1/read", "/drafts/d1/comments")
	b.Remarks.May = may
	b.Remarks.choose(at, "typed")
	return b
}

func draftsSamples() []any {
	d := &draft.Draft{ID: "d1", State: draft.Drafting, Note: "a note"}
	return []any{draftsPage{Published: true}, draftsPage{Drafts: []*draft.Draft{d, {ID: "d0", State: draft.Published}}, Open: d}, draftsPage{}}
}

func wordSamples() []any {
	return []any{
		wordPage{Name: "plan.docx", Lang: holdfast.En},
		wordPage{
			Name: "plan.docx", Note: "a note", Lang: holdfast.ZhHant, Found: []plandoc.Found{{Chapter: "risks", Parts: 3}, {Chapter: "annexes", Parts: 1}}, Kept: []string{"a heading"},
			Unread: []string{"what"}, Missing: findingSamples, Text: "format: x\n", PeopleText: "format: y\n",
			People: []roster.Person{{Name: "Mei", Roles: []string{"commander"}, Contacts: []roster.Contact{{Channel: roster.Phone, Address: "110"}}}},
		},
	}
}

func triggersSamples() []any {
	past := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	one := func(id string, state trigger.State, late bool) view.Trigger {
		return view.Trigger{Trigger: trigger.Trigger{ID: id, Report: trigger.Report{Kind: trigger.Law, Title: "a", Source: "b", Reference: "1", Text: "text", Role: "r", Due: past}, At: past}, State: state, Late: late}
	}
	revised := one("t3", trigger.Revising, false)
	revised.Disposed, revised.OwnerName = &trigger.Disposed{Disposal: trigger.Disposal{Draft: "d1", Reason: "why"}}, holdfast.Text{ZhHant: "甲", ZhHans: "甲", En: "r"}
	return []any{
		triggersPage{Kinds: trigger.Kinds(), Roles: []view.Named{{ID: "r"}}, Draft: "d1", Page: view.Page[view.Trigger]{Items: []view.Trigger{
			one("t1", trigger.Open, true), one("t2", trigger.Unchanged, false), revised, one("t4", trigger.Revised, false),
		}}},
		triggersPage{},
	}
}

func filingsSamples() []any {
	past := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	return []any{
		filingsPage{Revision: 2, Page: view.Page[view.Filing]{Items: []view.Filing{
			{Filing: filing.Filing{ID: "f1", Form: filing.Form{Kind: filing.Plan, Title: "a", Recipient: "b", Revision: 1, Filed: past, Again: past}}, Overdue: true},
			{Filing: filing.Filing{ID: "f2", Form: filing.Form{Kind: filing.Drill, Title: "a", Recipient: "b", Revision: 2, Filed: past}, Receipt: &filing.Receipt{Number: "1", At: past}, Scans: []filing.Scan{{Of: filing.Filed, At: past}, {Of: filing.Received, File: attachment.File{Name: "r.png", Size: 10}, At: past}}}, InForce: true},
		}}},
		filingsPage{},
	}
}

func waiversSamples() []any {
	past := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	one := func(id string, state waiver.State, path string) view.Waiver {
		return view.Waiver{Waiver: waiver.Waiver{ID: id, Form: waiver.Form{Rule: "L101", Path: path, Owner: "a", Reason: "because", Expires: past}, At: past}, State: state}
	}
	revoked := one("w3", waiver.Revoked, "team")
	revoked.Revoked, revoked.OwnerName = &waiver.Revocation{Reason: "over", At: past}, "A"
	return []any{
		waiversPage{Rule: "L101", Path: "team", People: []view.Person{{}}, Page: view.Page[view.Waiver]{Items: []view.Waiver{
			one("w1", waiver.Active, ""), one("w2", waiver.Expired, "team"), revoked,
		}}},
		waiversPage{},
	}
}

func timelineSamples() []any {
	p := chaptersSample()
	var own timelinePage
	for i, pr := range p.Procedures {
		one := timelineOf{Procedure: pr, Timeline: lint.ResponseTimeline(pr)}
		if i == 0 {
			one.Goal, one.Open = procedure.Duration(time.Minute), []string{"x"}
		}
		one.draw()
		own.Procedures = append(own.Procedures, one)
	}
	return []any{own}
}

func registerSamples() []any {
	p, days := chaptersSample(), 400
	own := registerPage{Register: view.Register{Revision: 2, Drafts: []string{"d1"}, Plan: p}, Body: newPlanBody(locale.For(holdfast.En), p, ""), Roles: []view.Named{{ID: "commander"}}, MayTell: true}
	told := view.Aged{Days: &days, Changes: []view.Trigger{{State: trigger.Open, Late: true}, {State: trigger.Revising}}}
	for i, r := range p.Risks {
		one := view.Risk{Risk: r, Score: r.Score()}
		if i == 0 {
			one.Aged, one.OwnerName, one.Assessed = told, r.Title, "2025-01-01"
		}
		own.Risks = append(own.Risks, one)
	}
	own.Materials = []view.Material{{Material: p.Materials[0], FileName: "law.pdf", By: []view.CitedBy{{Chapter: "risks"}, {Chapter: "obligations", Entry: "o", Name: p.Risks[0].Title}}, Aged: told}, {Material: p.Materials[1]}}
	draft := own
	draft.Draft, draft.MayTell = "d1", false
	return []any{own, draft, registerPage{Register: view.Register{Plan: p}}}
}

func plansSamples() []any {
	by, past := &view.Actor{Name: "Mei"}, time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	list := []view.Plan{
		{Revision: 3, State: view.ToCome, By: by, InForce: past, At: past, Document: "2026-7", Note: "a note", Draft: "d1"},
		{Revision: 2, State: view.InForce, By: by, InForce: past, Until: past, At: past}, {Revision: 1, State: view.Superseded, By: by, InForce: past, At: past},
	}
	return []any{
		plansPage{Page: view.Page[view.Plan]{Items: list}, Pages: listed, Pick: pick{list, 2, 3}, Drafts: []*draft.Draft{{ID: "d1", State: draft.InReview, From: 2}, {ID: "d2", State: draft.Drafting}}},
		plansPage{Query: "x", Pick: pick{Revisions: list[:1]}}, plansPage{},
	}
}

var changeSamples = []plan.Change{
	{Chapter: "risks", Kind: plan.Added, What: "stage", New: "all", Parts: []plan.Part{{Of: "stage", Key: "role", Text: "r"}, {Key: "task", Text: "t"}, {Depth: 1, Of: "task", Key: "id", Text: "t"}}},
	{Chapter: "risks", Kind: plan.Removed, What: "risk", Old: "all", Parts: []plan.Part{{Of: "risk", Key: "likelihood", Text: "3"}}},
	{Chapter: "risks", Kind: plan.Added, What: "risk", Name: holdfast.Text{ZhHant: "甲", ZhHans: "甲", En: "r"}},
	{Chapter: "leak", Kind: plan.Removed, What: "limit", Old: "5m"}, {Chapter: "general", Kind: plan.Changed, What: "purpose", Old: "a", New: "b"},
	{Chapter: "temporary", Kind: plan.Changed, What: "limit", Old: "all", New: "all", Was: []plan.Part{{Of: "limit", Key: "over", Text: "payer"}}, Parts: []plan.Part{{Of: "limit", Key: "over", Text: "payer"}}},
}
