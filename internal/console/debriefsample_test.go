package console

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/debrief"
	"holdfast/internal/enrolment"
	"holdfast/internal/incident"
	"holdfast/internal/locale"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/roster"
	"holdfast/internal/view"
)

var said = regexp.MustCompile(`(?:\bt|add)\("([a-z.-]+)"`)

// reportWords are the ends of the keys that a report uses.
func reportWords(t *testing.T) (ends []string) {
	t.Helper()
	var source []byte
	for _, name := range []string{"report.go", "reportfigures.go", "reportoutcomes.go"} {
		part, err := os.ReadFile("../debrief/" + name)
		if err != nil {
			t.Fatal(err)
		}
		source = append(source, part...)
	}
	for _, m := range said.FindAllStringSubmatch(string(source), -1) {
		if !strings.HasSuffix(m[1], ".") {
			ends = append(ends, m[1])
		}
	}
	join := func(prefix string, list ...string) {
		for _, end := range list {
			ends = append(ends, prefix+"."+end)
		}
	}
	join("span", debrief.Spans[:]...)
	join("source", debrief.FromAlert, debrief.FromPerson, debrief.FromOpened, debrief.FromConfirmed, debrief.FromStage, debrief.FromIssued, debrief.FromAcknowledged)
	join("missing", debrief.NoStart, debrief.NoStage, debrief.NotEnded, debrief.StageSkipped, debrief.NoStop, debrief.NotConfirmed)
	join("count", "declined", "failed", "unknown", "stood-in")
	join("told-by", debrief.ByPrimary, debrief.ByFile, debrief.ByPerson)
	join("how", "console", "phone", "link", "code")
	join("of", constants(t, "incident", "LimitOf")...)
	join("result", debrief.Met, debrief.Missed, debrief.Skipped, debrief.Open)
	return ends
}

// outcomesSample has a payment in each stage, one that each settled, and what people said
// in each state.
func outcomesSample() *debrief.Outcomes {
	o := &debrief.Outcomes{Open: len(view.Stages), Primary: 1, File: 1, Person: 1, AtLeast: true, Left: 3, ResolutionsLeft: 4}
	for _, stage := range view.Stages {
		o.Payments = append(o.Payments, debrief.UnknownPayment{Identity: "app/k", Gate: "east", Amount: 900, Currency: "CNY", Sent: past, Stage: stage, Outcome: payment.Unknown})
	}
	for _, by := range []string{debrief.ByPrimary, debrief.ByFile, debrief.ByPerson} {
		o.Payments = append(o.Payments, debrief.UnknownPayment{Identity: "app/k", Gate: "east", Sent: past, Outcome: payment.NotDone, By: by, Settled: past})
	}
	for i, state := range []enrolment.ResolutionState{enrolment.ResolutionAsked, enrolment.ResolutionOrdered, enrolment.ResolutionCarried, enrolment.ResolutionOvertaken, enrolment.ResolutionWithdrawn} {
		r := debrief.Resolved{Identity: "app/k", Amount: 900, Currency: "CNY", Outcome: payment.Done, Reason: "a reason", Evidence: "ticket 7", State: string(state), By: "Mei", At: past, Contradicted: state == enrolment.ResolutionOvertaken}
		if i > 0 {
			r.Second, r.Answered = "Bo", past
		}
		o.Resolutions = append(o.Resolutions, r)
	}
	return o
}

// figuresSample has something in every part, and one of each kind.
func figuresSample() debrief.Figures {
	at := func(source, ref string) *debrief.Instant {
		return &debrief.Instant{At: past, Source: source, Ref: ref, Position: 7}
	}
	later := &debrief.Instant{At: past.Add(time.Minute), Source: debrief.FromPerson, Ref: "mei"}
	r := debrief.Record{
		Level: level1, Drill: true, LimitsMet: 2, LimitsMissed: 1,
		Times: []debrief.Span{
			{Name: debrief.ToDetect, From: at(debrief.FromAlert, "a1"), To: at(debrief.FromOpened, "")}, {Name: debrief.ToConfirm, From: at(debrief.FromOpened, ""), To: at(debrief.FromConfirmed, "")},
			{Name: debrief.ToNotify, From: at(debrief.FromConfirmed, ""), To: at(debrief.FromStage, "notify")}, {Name: debrief.ToStop, From: later, To: at(debrief.FromIssued, "d1")},
			{Name: debrief.ToStopConfirmed, From: at(debrief.FromIssued, "d1"), To: at(debrief.FromAcknowledged, "d1")}, {Name: debrief.ToConvene, From: at(debrief.FromConfirmed, ""), Missing: debrief.StageSkipped}, {Name: debrief.ToRecover, Missing: debrief.NotEnded},
		},
		People: []debrief.Told{{Person: "a", Name: "A", Asked: past, Reached: past, Channel: "smtp", Acknowledged: past, How: "link"}, {Person: "b", Name: "B"}, {Person: "c", Name: "C", Reached: past, Channel: "call"}},
		Limits: []debrief.Limit{
			{Level: level1, Of: incident.OfStage, ID: "stop", Title: word, Due: past, Ended: future, Result: debrief.Missed}, {Of: incident.OfPost, ID: "commander", Due: past, Result: debrief.Missed},
			{Level: level1, Of: incident.OfTask, ID: "tell", Due: past, Ended: past, Result: debrief.Met},
		},
		Steps:       []debrief.Step{{Level: level1, Stage: "stop", Title: word, Status: "skipped", Ended: past, Why: "a reason", By: "A", Consent: "B"}, {Level: level1, Stage: "stop", Task: "t", Status: "done", Ended: past}},
		Evaluations: debrief.Evaluations{Stored: 3, Turns: []debrief.Turn{{Judged: past, LevelEvaluated: incident.LevelEvaluated{Level: level1, Triage: true, Readings: []incident.Reading{{Measure: "minutes", Value: 3.0, AtLeast: true}, {Measure: "payers"}}}}, {Judged: past}}},
		Changes:     []debrief.LevelChange{{At: past, From: 3, To: 1, By: "A", AskedBy: "B", Why: "w"}, {At: past, From: 1, To: 2, Automatic: true}},
		Stated:      []debrief.Stated{{Measure: "payers", Value: 120.0, By: "A", At: past}},
		Decisions:   []debrief.Decision{{ID: "D1", Question: "q", Options: []string{"a", "b"}}, {ID: "D2", Question: "q", Made: past, By: "A", Chosen: "a", Why: "w", Reversible: true}, {ID: "D3", Made: past}},
		Directives: []debrief.DirectiveSummary{
			{ID: "d1", Kind: string(posture.Stop), Scope: "all", State: "lifted", ProposedBy: "A", ApprovedBy: "B", Issued: past, Confirmed: past, Gates: 2, Ended: past, EndedBy: "A", EndReason: "over"},
			{ID: "d2", Kind: string(posture.Limit), Scope: `channel == "app"`, Share: 0.25, State: "in-force", PreAuthorised: true, Issued: past}, {ID: "d3", Kind: string(posture.Stop), State: "refused"},
		},
	}
	return debrief.Figures{
		Position: 90, At: past, Record: r,
		Counts: debrief.Counts{From: past, To: past, Known: true, AtLeast: true, Declined: debrief.Sum{Count: 1200, Amounts: map[string]int64{"CNY": 123456, "": 5}}, Stop: &debrief.InFlight{Payments: 3, Unknown: 1, NotKnown: 1}, Outcomes: outcomesSample()},
		Owed:   []debrief.Owed{{Clock: "c", Title: word, Recipient: word, Applies: "unknown", State: "open", Due: past, Late: true, Explained: "why"}},
	}
}

func debriefSamples() (list []any) {
	f := figuresSample()
	by := holdfast.Actor{Kind: holdfast.Account, ID: "mei", Name: "Mei"}
	cause := debrief.Cause{Entry: debrief.Entry{ID: "c1", By: by, At: past, Entries: 2}, CauseForm: debrief.CauseForm{Parent: "c0", Why: "the operator should have known", Kind: debrief.Root, Class: "change", Evidence: []debrief.Evidence{{Text: "t", Link: "https://example.org/1", File: &incident.Evidence{Name: "log.txt"}}}}}
	signed := debrief.Signature{Role: "commander", By: by, At: past}
	gone := &debrief.Withdrawal{Reason: "not so", By: by, At: past}
	rounds := []debrief.Round{{N: 2, By: by, At: past, Sign: []string{"commander"}, Signatures: []debrief.Signature{signed}}, {N: 1, By: by, At: past, Returned: gone}, {N: 0, By: by, At: past, Voided: &debrief.Void{Change: "debrief.written", By: by, At: past}}, {N: 0, By: by, At: past, Voided: &debrief.Void{Change: "incident.absorbed", By: by, At: past}}}
	d := view.Debrief{
		Incident: "2026-1", Title: "Title", Drill: true, Level: level1, Over: true, Due: future, Texts: map[debrief.Section]debrief.Text{debrief.Summary: {Text: "s", By: by, At: past, Entries: 2}},
		Causes:          []debrief.Branch{{Cause: cause}, {Cause: debrief.Cause{Entry: debrief.Entry{ID: "c2"}, CauseForm: debrief.CauseForm{Why: "w", Kind: debrief.Contributing}}, Depth: 1, Asked: true}},
		Improvements:    []view.Improvement{{Improvement: debrief.Improvement{Entry: debrief.Entry{ID: "i1", Entries: 2}, ImprovementForm: debrief.ImprovementForm{What: "w", Owner: "mei", Due: "2026-12-31", Chapter: "risks", Risk: "outage"}}, OwnerName: "Mei", RiskTitle: word}},
		WithdrawnCauses: []debrief.Cause{{Entry: debrief.Entry{ID: "c3", Withdrawn: gone}}}, WithdrawnImprovements: []debrief.Improvement{{Entry: debrief.Entry{ID: "i2", Withdrawn: gone}}}, Figures: f, Unresolved: 2,
	}
	page := func(d view.Debrief) *debriefPage {
		p := &debriefPage{Debrief: d, Facts: factChapters(blocksOf(f.Blocks(debrief.Edition{Words: locale.For(holdfast.En), Zone: time.UTC}, 3))), Classes: debrief.Classes[:], Kinds: debrief.Kinds[:], People: []view.Person{{Person: roster.Person{ID: "mei", Name: "Mei"}}}, Risks: []view.Named{role}, Chapters: []string{"risks"}}
		for _, s := range debrief.Sections {
			p.Sections = append(p.Sections, sectionField{Name: s, Text: d.Texts[s], Typed: d.Texts[s].Text, Blaming: []string{"should have"}})
		}
		for _, b := range d.Causes {
			p.Whys = append(p.Whys, whyLine{b, whyForm{Prefix: b.ID, CauseForm: b.CauseForm, Parents: d.Causes, Page: p}, debrief.Blaming(b.Why)})
		}
		p.Why, p.Change = whyForm{Prefix: "new", Page: p, Open: true}, changeForm{Prefix: "new", Page: p}
		for _, m := range d.Improvements {
			p.Changes = append(p.Changes, changeLine{m, changeForm{Prefix: m.ID, ImprovementForm: m.ImprovementForm, Page: p}})
		}
		return p
	}
	empty := page(view.Debrief{Incident: "2026-2", Title: "Title", State: debrief.Writing, Wanting: []string{"summary", "cause", "improvement"}, Late: true, Over: true, Due: past})
	empty.Whys, empty.Changes, empty.Facts = nil, nil, nil
	writing := d
	writing.State, writing.Rounds = debrief.Writing, rounds[1:]
	going := view.Debrief{Incident: "2026-3", State: debrief.Writing}
	presented, accepted := d, d
	presented.State, presented.Rounds, presented.Frozen, presented.AtRisk = debrief.Presented, rounds, true, true
	presented.Sign = []view.Signer{{Role: role, Signature: &signed}, {Role: role, Holders: []string{"A", "B"}}, {Role: role}}
	accepted.State, accepted.Rounds, accepted.Frozen, accepted.Same = debrief.Accepted, rounds, true, true
	asked := page(presented)
	asked.Mine, asked.MayReturn, asked.Now = []view.Named{role}, true, &rounds[0]
	done := page(accepted)
	done.Now = &rounds[0]
	return []any{empty, page(writing), page(going), asked, done}
}

func debriefReportSamples() []any {
	d := view.Debrief{Incident: "2026-1", State: debrief.Presented}
	blocks := blocksOf(d.Report(debrief.Edition{Words: locale.For(holdfast.En), Zone: time.UTC}).Blocks)
	d.State = debrief.Accepted
	return []any{debriefReportPage{Debrief: view.Debrief{Incident: "2026-1", State: debrief.Writing}, Blocks: blocks}, debriefReportPage{Debrief: d, Blocks: blocks}}
}
