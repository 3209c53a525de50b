// Package lint judges a plan by numbered rules. Package plan says whether a text
// can be read at all; lint says whether what it says holds: whether someone is
// there for each role, whether the time adds up, whether the gates know the
// channels that a stop names. It writes nothing and decides nothing: what it
// finds is shown at each save, and an approval reads [Blocking].
//
// # Rules
//
// [Rules] is the catalogue. A rule's id never changes its meaning and is never
// used again: L1xx structure, L2xx time, L3xx people, L4xx gates, L5xx
// governance, L6xx hygiene. Its words stand in the locale catalogue under
// lint.<id>.title, .why and .mend, an example that fails and one that passes
// under examples/<id>.yaml; docs/formats/lint.md is made of both.
//
// A finding is an error (the plan must not be approved so), a warning or a note.
// What only the calendar brought about, such as a review that is due, is never
// an error, or a plan that holds would break by itself; it blocks approval all
// the same.
//
// # What is judged
//
// [Input] holds the plan and whatever of the world is known. What is nil or zero
// there is not judged: a file on an author's desk is checked without roster and
// gates, the published revision with both.
//
// # Waivers
//
// A [Waiver] says that a finding is known and accepted, by whom, why and until
// when. A waived finding is still listed; it blocks nothing. A waiver that has
// run out is a finding itself.
package lint

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/enrolment"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

// Severity is how grave a finding is.
type Severity string

const (
	// Error: the plan must not be approved so.
	Error Severity = "error"
	// Warning: something that will hurt in an emergency.
	Warning Severity = "warning"
	// Note: something to look at.
	Note Severity = "note"
)

// Severities lists the severities, the gravest first.
var Severities = [...]Severity{Error, Warning, Note}

// Places says where in the plan's text a path stands.
type Places interface {
	Find(path string) (line, column int)
}

// Input is what is judged, and by what.
type Input struct {
	Plan *plan.Plan
	// Places gives findings their line and column; nil leaves them 0.
	Places Places
	// Now is when it is judged. Zero leaves out the rules that ask for the day.
	Now time.Time
	// People is the roster; nil means that it is not judged.
	People *People
	// Gates is what the gates told of themselves; nil means that they are not judged.
	Gates *Gates
	// Endpoints are those of the operator's automation that the configuration has; nil
	// means that they are not judged.
	Endpoints  []string
	Governance Governance
	// Lost lists the hashes of files that are not kept where it is judged.
	Lost    []string
	Waivers []Waiver
	// Elsewhere is found in another text of the same plan, such as the open draft beside
	// the revision in force: a waiver of it is not idle.
	Elsewhere []Finding
}

// People is the roster at one moment.
type People struct {
	Here []roster.Person
	// Left lists those who left and whose names are still known.
	Left []roster.Person
	// Parties lists the ids of third parties; nil means that they are not judged.
	Parties []string
}

// PeopleOf takes a snapshot of the roster.
func PeopleOf(b *roster.Book) *People {
	p := &People{Here: b.People(), Left: b.Left(), Parties: []string{}}
	for _, party := range b.Parties() {
		p.Parties = append(p.Parties, party.ID)
	}
	return p
}

// Gates is what the gates in service told when they enrolled.
type Gates struct {
	Live []*enrolment.Incarnation
}

// GatesOf takes a snapshot of the gates in service.
func GatesOf(b *enrolment.Book) *Gates {
	g := &Gates{}
	for _, i := range b.Live() {
		g.Live = append(g.Live, &enrolment.Incarnation{Gate: i.Gate, Boot: i.Boot, Routes: i.Routes})
	}
	return g
}

// Governance is what happened to the plan outside its text. What is zero is not
// judged.
type Governance struct {
	// Triggers lists the titles of the triggers of an update that nobody has
	// disposed of.
	Triggers []string
	// Checked is when the plan was last checked as a whole.
	Checked time.Time
	// Drilled is when each drill of the plan, by its id, was last held. A drill that
	// is not in it was never held; nil means that drills are not judged.
	Drilled map[string]time.Time
}

// Finding is one thing that a rule found.
type Finding struct {
	Rule     string
	Severity Severity
	// Path leads to the place: procedures[0].stages[2].tasks[1].role.
	Path string
	// Anchor is the path with ids in place of positions, which a waiver may name:
	// procedures/1/stages/notify/tasks/tell-superiors/role.
	Anchor string
	// Line and Column count from 1; both are 0 if no text is given.
	Line, Column int
	// Blocks says that the plan cannot be approved with it.
	Blocks bool
	// Waived is the waiver that accepts it, if one does.
	Waived *Waiver
	*holdfast.Error
}

// String gives the finding in English, as "12:7: L301: …".
func (f Finding) String() string {
	place := f.Path
	if f.Line > 0 {
		place = fmt.Sprintf("%d:%d", f.Line, f.Column)
	}
	return place + ": " + string(f.Severity) + " " + f.Rule + ": " + f.Message()
}

// MarshalJSON writes the finding with its English message.
func (f Finding) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Rule     string   `json:"rule"`
		Severity Severity `json:"severity"`
		Path     string   `json:"path"`
		Anchor   string   `json:"anchor"`
		Line     int      `json:"line"`
		Column   int      `json:"column"`
		Message  string   `json:"message"`
		Blocks   bool     `json:"blocks_approval"`
		Waived   *Waiver  `json:"waived,omitempty"`
	}{f.Rule, f.Severity, f.Path, f.Anchor, f.Line, f.Column, f.Message(), f.Blocks, f.Waived})
}

// Check applies every rule and returns what they find, in the order of the text.
func Check(in Input) []Finding {
	j := newJudge(in)
	for i := range rules {
		j.rule = &rules[i]
		j.rule.check(j)
	}
	found := j.waive()
	for i := range found {
		f := &found[i]
		f.Anchor = anchor(in.Plan, f.Path)
		if in.Places != nil {
			f.Line, f.Column = in.Places.Find(f.Path)
		}
	}
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Path, b.Path))
	})
	return found
}

// Blocking returns the findings with which the plan cannot be approved.
func Blocking(found []Finding) (blocking []Finding) {
	for _, f := range found {
		if f.Blocks {
			blocking = append(blocking, f)
		}
	}
	return blocking
}

// Count is how many findings there are of each severity, waived ones apart.
type Count struct {
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	Notes    int `json:"notes"`
	Waived   int `json:"waived"`
	// Blocking counts those that keep the plan from being approved.
	Blocking int `json:"blocking"`
}

// Counts counts findings.
func Counts(found []Finding) (c Count) {
	for _, f := range found {
		switch {
		case f.Waived != nil:
			c.Waived++
			continue
		case f.Severity == Error:
			c.Errors++
		case f.Severity == Warning:
			c.Warnings++
		default:
			c.Notes++
		}
		if f.Blocks {
			c.Blocking++
		}
	}
	return c
}
