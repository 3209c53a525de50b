package obligation

import (
	"maps"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/attachment"
	"holdfast/internal/journal"
)

const (
	kindMoment    = "obligation.moment-set"
	kindAssessed  = "obligation.assessed"
	kindBegan     = "obligation.began"
	kindCeased    = "obligation.ceased"
	kindAtRisk    = "obligation.at-risk"
	kindBreached  = "obligation.breached"
	kindExplained = "obligation.explained"
	kindDrafted   = "obligation.drafted"
	kindApproved  = "obligation.approved"
	kindRefused   = "obligation.refused"
	kindSubmitted = "obligation.submitted"
	kindReceipted = "obligation.receipted"
	kindScanned   = "obligation.scanned"
	kindVerified  = "clock.verified"
)

// fact is the body of all facts on obligation/<incident> but the assessment; each
// kind fills what the package comment lists.
type fact struct {
	Moment  string           `json:"moment,omitempty"`
	Rule    string           `json:"rule,omitempty"`
	Clock   string           `json:"clock,omitempty"`
	At      time.Time        `json:"at,omitzero"`
	Due     time.Time        `json:"due,omitzero"`
	Reason  string           `json:"reason,omitempty"`
	Why     string           `json:"why,omitempty"`
	Unknown bool             `json:"unknown,omitempty"`
	Lang    holdfast.Lang    `json:"lang,omitempty"`
	Text    string           `json:"text,omitempty"`
	Draft   int              `json:"draft,omitempty"`
	How     string           `json:"how,omitempty"`
	Number  string           `json:"number,omitempty"`
	File    *attachment.File `json:"file,omitempty"`
}

// Book is all obligations. Use it under the state's lock.
type Book struct {
	records map[string]*Record
	clocks  map[string]*Verified
}

// NewBook returns an empty book.
func NewBook() *Book { return &Book{records: map[string]*Record{}, clocks: map[string]*Verified{}} }

var _ journal.Projection = (*Book)(nil)

func subject(incident string) holdfast.Subject { return holdfast.NewSubject("obligation", incident) }

func clockSubject(clock string) holdfast.Subject { return holdfast.NewSubject("clock", clock) }

// Moment returns what a person last said a moment of an incident to be; zero if nobody did,
// or it was taken back.
func (b *Book) Moment(incident, name string) time.Time {
	r := b.records[incident]
	if r == nil || len(r.Moments[name]) == 0 {
		return time.Time{}
	}
	return r.Moments[name][len(r.Moments[name])-1].At
}

// Record returns what is known of an incident, or nil.
func (b *Book) Record(incident string) *Record { return b.records[incident] }

// Verified returns who last verified a clock, or nil. It may be of another version.
func (b *Book) Verified(clock string) *Verified { return b.clocks[clock] }

// Apply folds a fact.
func (b *Book) Apply(f holdfast.Fact) error {
	switch noun, id := f.Subject.Split(); noun {
	case "obligation":
		return b.applyRecord(id, f)
	case "clock":
		v := &Verified{By: f.Actor, At: f.Time, revision: f.Revision}
		if f.Kind != kindVerified {
			if old := b.clocks[id]; old != nil {
				*v = *old
			}
			v.revision = f.Revision
		} else if err := f.Decode(v); err != nil {
			return err
		} else {
			v.By, v.At = f.Actor, f.Time
		}
		b.clocks[id] = v
	}
	return nil
}

func (b *Book) applyRecord(id string, f holdfast.Fact) error {
	// Readers keep what they were given: what a fact changes is copied first.
	next := Record{Incident: id}
	if old := b.records[id]; old != nil {
		next = *old
	}
	next.revision = f.Revision
	if f.Kind == kindAssessed {
		var a Assessment
		if err := f.Decode(&a); err != nil {
			return err
		}
		next.Assessments = append(slices.Clip(next.Assessments), Assessed{a, f.Actor, f.Time})
		b.records[id] = &next
		return nil
	}
	var e fact
	if err := f.Decode(&e); err != nil {
		return err
	}
	switch f.Kind {
	case kindMoment:
		next.Moments = maps.Clone(next.Moments)
		if next.Moments == nil {
			next.Moments = map[string][]Correction{}
		}
		next.Moments[e.Moment] = append(slices.Clip(next.Moments[e.Moment]), Correction{e.At, e.Reason, f.Actor, f.Time})
	case kindBegan, kindCeased:
		next.Turns = append(slices.Clip(next.Turns), Turn{e.Rule, f.Kind == kindBegan, e.Unknown, e.Why, f.Time})
	default:
		if e.Clock != "" {
			next.Works = maps.Clone(next.Works)
			if next.Works == nil {
				next.Works = map[string]Work{}
			}
			next.Works[e.Clock] = next.Works[e.Clock].apply(e, f)
		}
	}
	b.records[id] = &next
	return nil
}

// apply returns the work with what a fact says. It takes every fact as true.
func (w Work) apply(e fact, f holdfast.Fact) Work {
	switch f.Kind {
	case kindAtRisk, kindBreached:
		w.Warnings = append(slices.Clip(w.Warnings), Warning{e.Due, f.Kind == kindBreached, f.Time})
	case kindExplained:
		w.Explained = append(slices.Clip(w.Explained), Explanation{e.Reason, f.Actor, f.Time, !e.Due.IsZero() && f.Time.After(e.Due)})
	case kindDrafted:
		w.Drafts = append(slices.Clip(w.Drafts), Draft{Number: len(w.Drafts) + 1, Lang: e.Lang, Text: e.Text, By: f.Actor, At: f.Time})
	case kindApproved, kindRefused:
		if e.Draft < 1 || e.Draft > len(w.Drafts) {
			break
		}
		w.Drafts = slices.Clone(w.Drafts)
		d := &w.Drafts[e.Draft-1]
		if f.Kind == kindApproved {
			d.Approved = &Decision{By: f.Actor, At: f.Time}
		} else {
			d.Approved, d.Refused = nil, &Decision{f.Actor, f.Time, e.Reason}
		}
	case kindSubmitted:
		w.Submissions = append(slices.Clip(w.Submissions), Submission{Draft: e.Draft, At: e.At, How: e.How, By: f.Actor, On: f.Time, Due: e.Due})
	case kindReceipted:
		w.Receipts = append(slices.Clip(w.Receipts), Receipt{e.Number, e.At, f.Actor, f.Time})
	case kindScanned:
		if e.File != nil {
			w.Scans = append(slices.Clip(w.Scans), Scan{*e.File, f.Actor, f.Time})
		}
	}
	return w
}
