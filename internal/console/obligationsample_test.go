package console

import (
	"time"

	"holdfast"
	"holdfast/internal/attachment"
	"holdfast/internal/obligation"
	"holdfast/internal/procedure"
	"holdfast/internal/view"
)

func owedSample(change func(*view.Obligation)) view.Obligation {
	o := view.Obligation{
		Incident: "2026-1", Title: "Title", Applies: "yes", Pack: "eu-dora", PackTitle: word, Rule: word, Stage: word, Recipient: word, Zone: "Europe/Brussels",
		Lang: holdfast.En, From: "aware", Mark: obligation.Read, Source: "law", Version: "1", Note: word, Role: view.Named{ID: "legal", Name: word},
	}
	o.Clock, o.Why, o.State = "eu-dora.major.initial", "level == 1 (level = 1)", obligation.Open
	o.Start, o.Due, o.RiskAt, o.Limit = past, future, past, obligation.Limit{Within: procedure.Duration(4 * time.Hour)}
	change(&o)
	return o
}

// owedSamples are reports in every state.
func owedSamples() (list []view.Obligation) {
	who := holdfast.Actor{Kind: holdfast.Account, ID: "mei", Name: "Mei"}
	text := obligation.Draft{Number: 1, Lang: holdfast.En, Text: "a text", By: who, At: past}
	approved, refused := text, text
	approved.Approved, refused.Refused = &obligation.Decision{By: who, At: past}, &obligation.Decision{By: who, At: past, Reason: "a reason"}
	refused.Number = 2
	out := obligation.Submission{Draft: 1, At: past, How: "portal", By: who, On: past, Due: past.Add(-time.Hour)}
	for _, change := range []func(*view.Obligation){
		func(o *view.Obligation) {},
		func(o *view.Obligation) { o.State, o.Drafts = obligation.Drafted, []obligation.Draft{text} },
		func(o *view.Obligation) { o.State, o.Start, o.Due = obligation.Waiting, time.Time{}, time.Time{} },
		func(o *view.Obligation) {
			o.Applies, o.From, o.Provisional, o.Guessed = "unknown", "stage:initial", true, true
		},
		func(o *view.Obligation) {
			o.Applies, o.Mark, o.Limit, o.Due = "no", obligation.Planned, obligation.Limit{}, time.Time{}
		},
		func(o *view.Obligation) {
			o.State, o.AtRisk, o.Drill, o.Drafts = obligation.Drafted, true, true, []obligation.Draft{text}
			o.Warnings = []obligation.Warning{{Due: past, At: past}, {Due: past, Breached: true, At: past}}
		},
		func(o *view.Obligation) {
			o.State, o.Late, o.Drafts, o.Limit = obligation.Drafted, true, []obligation.Draft{text, refused}, obligation.Limit{Days: 14, At: "17:00"}
			o.Explained = []obligation.Explanation{{Reason: "a reason", By: who, At: past, After: true}, {Reason: "a reason", By: who, At: past}}
		},
		func(o *view.Obligation) {
			o.State, o.Drafts, o.Limit, o.Mark = obligation.Approved, []obligation.Draft{approved}, obligation.Limit{BusinessDays: 7}, obligation.Known
			o.Verified = &obligation.Verified{Name: "Mei", On: "2026-11-26"}
		},
		func(o *view.Obligation) {
			o.State, o.Drafts, o.Submissions, o.Late, o.Mark = obligation.Submitted, []obligation.Draft{approved}, []obligation.Submission{out}, true, obligation.Excerpt
		},
		func(o *view.Obligation) {
			o.State, o.Drafts, o.Submissions, o.Limit = obligation.Received, []obligation.Draft{approved}, []obligation.Submission{out}, obligation.Limit{Months: 1}
			o.Receipts = []obligation.Receipt{{Number: "R-1", At: past, By: who, On: past}}
			o.Scans = []obligation.Scan{{File: attachment.File{Name: "r.pdf", Type: attachment.PDF, Size: 9}, By: who, At: past}}
		},
	} {
		list = append(list, owedSample(change))
	}
	return list
}

func obligationSamples() map[string][]any {
	who := holdfast.Actor{Kind: holdfast.Account, ID: "mei", Name: "Mei"}
	owed := owedSamples()
	counts := []obligation.Count{
		{Pack: "eu-dora", Counter: obligation.Packs()["eu-dora"].Counters[0], Since: past, Cause: "db", Value: 2, Over: true, Incidents: []string{"2026-1"}},
		{Pack: "sg-mas", Counter: obligation.Packs()["sg-mas"].Counters[0], Since: past, Value: 9, Open: 1},
	}
	var pages []any
	var prints []any
	for _, o := range owed {
		own := obligationPage{Obligation: o, Text: "a text", Filled: len(o.Drafts) == 0, Lang: o.Lang, MayDecide: o.AtRisk, Now: "2026-11-26T09:00"}
		for range o.Scans {
			own.Files = append(own.Files, fileSamples...)
		}
		pages, prints = append(pages, own), append(prints, own)
	}
	class := view.PackClass{Pack: "eu-dora", Title: word, Class: "major", Chosen: true, Classes: []view.Named{{ID: "major", Name: word}}}
	open, none := class, class
	open.Pack, open.Class, open.Chosen, none.Pack, none.Class = "cn-pboc", "", false, "cn-cac", obligation.None
	var moments []obligation.Moment
	for _, name := range []string{"occurred", "detected", "aware", "confirmed", "classified", "recovered"} {
		moments = append(moments, obligation.Moment{Name: name, At: past, Measured: past})
	}
	moments[0].History = []obligation.Correction{{Reason: "a reason", By: who, On: past}, {At: past, Reason: "a reason", By: who, On: past}}
	whole := incidentObligationsPage{
		Obligations: view.Obligations{
			Incident: "2026-1", Title: "Title", Drill: true, Moments: moments, Classes: []view.PackClass{class, open, none}, Reports: owed, UnknownPacks: []string{"xx"},
			Turns:       []obligation.Turn{{Rule: "a.b", Began: true, Why: "w", At: past}, {Rule: "a.b", Began: true, Unknown: true, Why: "w", At: past}, {Rule: "a.b", Why: "w", At: past}},
			Assessments: []obligation.Assessed{{Assessment: obligation.Assessment{Note: "a note"}, By: who, At: past}},
		},
		Now: "2026-11-26T09:00",
	}
	for i, name := range obligation.Questions {
		whole.Answers = append(whole.Answers, answer{name, []string{"yes", "no", ""}[i%3]})
	}
	for i, name := range obligation.Numbers {
		whole.Figures = append(whole.Figures, figure{name, []string{"3", ""}[i%2], []string{"", "4"}[i%2]})
	}
	var packs packsPage
	packs.Today = "2026-11-26"
	for _, id := range []string{"eu-dora", "sg-mas", "tw-fsc", "eu-gdpr"} {
		packs.Packs = append(packs.Packs, view.Pack{Pack: *obligation.Packs()[id], Binds: id == "eu-dora", Uncharted: id == "tw-fsc"})
	}
	own := *obligation.Packs()["pci"]
	own.ID = obligation.Own
	own.Rules = []obligation.Rule{{ID: "r", Title: word, Recipient: word, Stages: []obligation.Stage{{ID: "report", Title: word, From: "aware", Mark: obligation.Planned, Source: "plan"}}}}
	packs.Packs = append(packs.Packs, view.Pack{Pack: own})
	packs.Packs[0].Verified = map[string]obligation.Verified{"eu-dora.major.initial": {Name: "Mei", On: "2026-11-26", Source: "law", Limit: &obligation.Limit{Months: 2}}}
	return map[string][]any{
		"obligations":         {obligationsPage{}, obligationsPage{Page: view.Page[view.Obligation]{Items: owed}, Pages: listed, Open: true, Counters: counts}},
		"incidentobligations": {whole, incidentObligationsPage{Obligations: view.Obligations{Incident: "2026-1", Title: "Title"}}},
		"obligation":          pages,
		"reportprint":         prints,
		"packs":               {packs},
	}
}
