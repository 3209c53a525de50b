// Package settlement takes the primary's settlement file as the last word on what
// became of payments: those that gates stood in for, and those of unknown outcome.
//
//	offered ──▶ compared by each gate ──▶ asked ──a second person──▶ ordered ──▶ done
//	   │                 └── one person is enough ─────────────────────▲
//	   └──────────▶ withdrawn
//
// A file is CSV; a [Mapping] says which column means what, and is kept under a name. The
// control plane keeps neither what was approved nor what is unknown: gates do. So it
// hands them the rows page by page with the answers to their reports, and each gate says
// what the rows mean for what it knows. Nothing is changed until a person has confirmed
// that, or two where an amount asks for it. Then the pages are handed out once more, and
// gates record what they say: each row is judged again, so that what was settled
// meanwhile, and a file that comes twice, changes nothing.
//
// # Facts
//
// Subject settlement/ID: settlement.offered, .compared (by each gate), .asked, .ordered,
// .refused, .withdrawn, .carried (by each gate). Subject settlement-mapping/NAME:
// mapping.saved. docs/formats/settlement.md has their bodies. The file is a blob.
package settlement

import (
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/standin"
)

// State says how far a file is.
type State string

const (
	// Offered is read, and being compared by the gates.
	Offered State = "offered"
	// Asked waits for a second person.
	Asked State = "asked"
	// Ordered is confirmed; gates are carrying it out.
	Ordered   State = "ordered"
	Done      State = "done"
	Withdrawn State = "withdrawn"
)

// File is a settlement file and how far it is.
type File struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	State State  `json:"state"`
	// Hash is that of the content, Size its bytes.
	Hash    holdfast.Hash `json:"hash"`
	Size    int           `json:"size"`
	Mapping Mapping       `json:"mapping"`
	// Day is the file's day in the mapping's time zone, From and Until its ends.
	Day   string    `json:"day"`
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	// Rows could be read, Refused not; Ignored have a status that says nothing, Repeated
	// say again what an earlier row says.
	Rows     int            `json:"rows"`
	Refused  int            `json:"refused"`
	Ignored  int            `json:"ignored"`
	Repeated int            `json:"repeated"`
	By       holdfast.Actor `json:"by"`
	At       time.Time      `json:"at"`
	// Compared and Carried are what gates said, by gate.
	Compared []Answer `json:"compared"`
	Carried  []Answer `json:"carried"`
	// Two says that it takes two people.
	Two         bool            `json:"two,omitempty"`
	Note        string          `json:"note,omitempty"`
	ConfirmedBy *holdfast.Actor `json:"confirmed_by,omitempty"`
	ConfirmedAt time.Time       `json:"confirmed_at,omitzero"`
	Second      *holdfast.Actor `json:"second,omitempty"`
	Answered    time.Time       `json:"answered,omitzero"`
	// Reason is why it was withdrawn, or refused by the second person.
	Reason string    `json:"reason,omitempty"`
	Ended  time.Time `json:"ended,omitzero"`
}

// Answer is what a gate said of the whole file.
type Answer struct {
	Gate string    `json:"gate"`
	Boot string    `json:"boot"`
	At   time.Time `json:"at"`
	// Known is how many rows the gate knows something of.
	Known   int                 `json:"known"`
	Tallies []standin.FileTally `json:"tallies"`
	// Found are the first of those that do not agree.
	Found []standin.Found `json:"found"`
	// Two is how many take two people, Changed how many are, or would be, changed.
	Two     int    `json:"two,omitempty"`
	Changed int    `json:"changed"`
	Source  string `json:"source,omitempty"`
	Shards  []int  `json:"shards,omitempty"`
	Of      int    `json:"of,omitempty"`
}

// Over reports whether nothing comes of it any more.
func (f *File) Over() bool { return f.State == Done || f.State == Withdrawn }

// complete reports whether what the file's rows lack was not done on its day: a row that was
// refused may be of any payment.
func (f *File) complete() bool { return f.Mapping.Complete && f.Refused == 0 }

// answers returns what gates said in the present pass.
func (f *File) answers(carry bool) []Answer {
	if carry {
		return f.Carried
	}
	return f.Compared
}

// Left lists the gates that have not carried it out.
func (f *File) Left() (gates []string) {
	for _, a := range f.Compared {
		if f.State == Ordered && !answeredBy(f.Carried, a.Gate) {
			gates = append(gates, a.Gate)
		}
	}
	return gates
}

func answeredBy(list []Answer, gate string) bool {
	return slices.ContainsFunc(list, func(a Answer) bool { return a.Gate == gate })
}

// Sum adds up what gates said, by finding and currency.
func Sum(list []Answer) (all []standin.FileTally) {
	for _, finding := range standin.FileFindings {
		from := len(all)
		for _, a := range list {
			for _, t := range a.Tallies {
				if t.Finding != finding {
					continue
				}
				i := slices.IndexFunc(all[from:], func(e standin.FileTally) bool { return e.Currency == t.Currency })
				if i < 0 {
					all = append(all, t)
					continue
				}
				all[from+i].Count += t.Count
				all[from+i].Amount += t.Amount
			}
		}
	}
	return all
}

// Changed is how many payments are, or would be, changed.
func Changed(list []Answer) (n int) {
	for _, a := range list {
		n += a.Changed
	}
	return n
}

// Uncovered lists, by advice source, how many shards no gate compared.
func Uncovered(list []Answer) map[string]int {
	covered, of := map[string]map[int]bool{}, map[string]int{}
	for _, a := range list {
		if a.Source == "" {
			continue
		}
		if covered[a.Source] == nil {
			covered[a.Source] = map[int]bool{}
		}
		for _, n := range a.Shards {
			covered[a.Source][n] = true
		}
		of[a.Source] = max(of[a.Source], a.Of)
	}
	missing := map[string]int{}
	for source, all := range of {
		if n := all - len(covered[source]); n > 0 {
			missing[source] = n
		}
	}
	return missing
}
