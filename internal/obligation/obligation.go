// Package obligation keeps the regulators' clocks (R4.13): which reports an
// incident owes, to whom, until when, and what became of each.
//
// # Rules
//
// A [Pack] holds the rules of one jurisdiction as data, in the files under packs/.
// The plan names the packs that bind the operator; its own chapter obligations
// makes one more, called own. A rule says when it applies, and its stages which
// reports it asks for, each with a starting moment and a limit. A stage of a rule
// is a clock; its key is pack.rule.stage, as eu-dora.major.initial.
//
// Each clock carries where its figure comes from: [Read] in the rule's own text,
// seen in an [Excerpt], or [Known] from elsewhere. Whatever its mark, it is
// unverified until a person of the operator has compared it with the text in force
// (clock.verified) in that version of the pack, and is shown as such everywhere.
//
// # Does a rule apply
//
// That is judged over an incident's [Figures] and has three answers; what depends
// on a figure nobody knows is unknown, and asks for a person. See [Pack.judge].
//
// # Moments
//
// A limit runs from one of [plan.Moments]. The incident gives each by itself where
// it can; a person corrects it with a reason, and due times are worked out again.
//
//	occurred    the earliest start of its alerts, else when it was opened
//	detected    when it was opened
//	aware       when a person opened it, else when it was confirmed
//	confirmed   when it was confirmed
//	classified  when a person first set a class, else when it was confirmed
//	recovered   when its recovery ended, or, without one, the incident
//
// # Life cycle of a report
//
//	open ──▶ drafted ──▶ approved ──▶ submitted ──▶ received
//	            ▲  └──────┘ a new text, or a refusal
//
// What is submitted is the text that a second person has approved. It stays,
// whatever becomes of the moments and of the rule afterwards. A new text after
// that is an amendment, approved and submitted anew.
//
// Facts stand on the subject obligation/<incident>:
//
//	obligation.moment-set  {moment, at, reason}        at missing: as the incident has it
//	obligation.assessed    {yes, numbers, currency, classes, cause, note}
//	obligation.began       {rule, why, unknown}        by itself
//	obligation.ceased      {rule, why}                 by itself
//	obligation.at-risk     {clock, due}                by itself, once for each due time
//	obligation.breached    {clock, due}                by itself, once for each due time
//	obligation.explained   {clock, reason, due}        why it is, or will be, late
//	obligation.drafted     {clock, lang, text}
//	obligation.approved    {clock, draft}
//	obligation.refused     {clock, draft, reason}
//	obligation.submitted   {clock, draft, at, how, due}
//	obligation.receipted   {clock, number, at}
//	obligation.scanned     {clock, file}
//
// and on the subject clock/<pack.rule.stage>:
//
//	clock.verified  {version, name, on, source, limit}   limit missing: as the pack has it
package obligation

import (
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/attachment"
)

// Limits on what a person may write.
const (
	maxReason = 1000  // characters
	maxLine   = 200   // characters
	maxText   = 20000 // characters of a report
	maxDrafts = 100   // texts of one report
	maxProofs = 20    // submissions, receipts and files of one report
)

// Correction is what a person said a moment to be.
type Correction struct {
	// At is zero where the incident's own time counts again.
	At     time.Time      `json:"at,omitzero"`
	Reason string         `json:"reason"`
	By     holdfast.Actor `json:"by"`
	On     time.Time      `json:"on"`
}

// Turn says that a rule began or ceased to apply, and why.
type Turn struct {
	// Rule is pack.rule.
	Rule string `json:"rule"`
	// Began is false where it ceased; Unknown says that it began because a figure it
	// depends on is not known.
	Began   bool      `json:"began"`
	Unknown bool      `json:"unknown,omitempty"`
	Why     string    `json:"why"`
	At      time.Time `json:"at"`
}

// Draft is one text of a report.
type Draft struct {
	Number int            `json:"number"`
	Lang   holdfast.Lang  `json:"lang"`
	Text   string         `json:"text"`
	By     holdfast.Actor `json:"by"`
	At     time.Time      `json:"at"`
	// Approved and Refused are missing until a second person decides.
	Approved *Decision `json:"approved,omitempty"`
	Refused  *Decision `json:"refused,omitempty"`
}

// Decision is a second person's.
type Decision struct {
	By     holdfast.Actor `json:"by"`
	At     time.Time      `json:"at"`
	Reason string         `json:"reason,omitempty"`
}

// Submission is a report that went out.
type Submission struct {
	// Draft is the number of the text.
	Draft int            `json:"draft"`
	At    time.Time      `json:"at"`
	How   string         `json:"how"`
	By    holdfast.Actor `json:"by"`
	On    time.Time      `json:"on"`
	// Due is what the limit was when it was recorded; zero where there was none.
	Due time.Time `json:"due,omitzero"`
}

// Late reports whether it went out after its limit.
func (s Submission) Late() bool { return !s.Due.IsZero() && s.At.After(s.Due) }

// Receipt is what the recipient answered.
type Receipt struct {
	Number string         `json:"number"`
	At     time.Time      `json:"at"`
	By     holdfast.Actor `json:"by"`
	On     time.Time      `json:"on"`
}

// Scan is a file kept beside a report: a receipt, what was handed in.
type Scan struct {
	File attachment.File `json:"file"`
	By   holdfast.Actor  `json:"by"`
	At   time.Time       `json:"at"`
}

// Explanation is why a report is, or will be, late.
type Explanation struct {
	Reason string         `json:"reason"`
	By     holdfast.Actor `json:"by"`
	At     time.Time      `json:"at"`
	// After says that the limit had passed already when it was given.
	After bool `json:"after,omitempty"`
}

// Warning is a limit that came near or passed.
type Warning struct {
	Due      time.Time `json:"due"`
	Breached bool      `json:"breached,omitempty"`
	At       time.Time `json:"at"`
}

// Work is what was done about one report.
type Work struct {
	Drafts      []Draft       `json:"drafts,omitempty"`
	Submissions []Submission  `json:"submissions,omitempty"`
	Receipts    []Receipt     `json:"receipts,omitempty"`
	Scans       []Scan        `json:"scans,omitempty"`
	Explained   []Explanation `json:"explained,omitempty"`
	Warnings    []Warning     `json:"warnings,omitempty"`
}

// Last returns the newest text.
func (w Work) Last() (Draft, bool) {
	if len(w.Drafts) == 0 {
		return Draft{}, false
	}
	return w.Drafts[len(w.Drafts)-1], true
}

func (w Work) warned(due time.Time, breached bool) bool {
	return slices.ContainsFunc(w.Warnings, func(o Warning) bool { return o.Breached == breached && o.Due.Equal(due) })
}

// Record is what is known of an incident's obligations.
type Record struct {
	Incident    string                  `json:"incident"`
	Moments     map[string][]Correction `json:"moments,omitempty"`
	Assessments []Assessed              `json:"assessments,omitempty"`
	Turns       []Turn                  `json:"turns,omitempty"`
	// Works is by clock.
	Works map[string]Work `json:"works,omitempty"`

	revision holdfast.Revision
}

// Assessed is an assessment with who made it.
type Assessed struct {
	Assessment
	By holdfast.Actor `json:"by"`
	At time.Time      `json:"at"`
}

// assessment returns the newest one.
func (r *Record) assessment() Assessment {
	if r == nil || len(r.Assessments) == 0 {
		return Assessment{}
	}
	return r.Assessments[len(r.Assessments)-1].Assessment
}

// turn returns the last turn of a rule.
func (r *Record) turn(rule string) Turn {
	if r != nil {
		for _, t := range slices.Backward(r.Turns) {
			if t.Rule == rule {
				return t
			}
		}
	}
	return Turn{}
}

func (r *Record) work(clock string) Work {
	if r == nil {
		return Work{}
	}
	return r.Works[clock]
}

// Verified is a clock that a person compared with the text in force.
type Verified struct {
	// Version is that of the pack; a later version has to be verified anew.
	Version string `json:"version"`
	// Name is who did, On the day.
	Name string `json:"name"`
	On   string `json:"on"`
	// Source is the text that was read.
	Source string `json:"source"`
	// Limit is what the text says, where the pack says another thing.
	Limit *Limit `json:"limit,omitempty"`

	By holdfast.Actor `json:"by"`
	At time.Time      `json:"at"`

	revision holdfast.Revision
}
