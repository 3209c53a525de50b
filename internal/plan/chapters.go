package plan

import (
	"cmp"
	"time"

	"holdfast"
	"holdfast/internal/attachment"
	"holdfast/internal/expression"
	"holdfast/internal/procedure"
)

// This file holds the chapters beside the response itself: what the plan rests
// on, how it is governed, and how business goes on and comes back. A text may
// leave any of them out and still be read; package lint says what an approval
// needs.

// Date is a day in the operator's calendar, written 2026-11-25; empty means none.
type Date string

// UnmarshalText reads a day.
func (d *Date) UnmarshalText(text []byte) error {
	if _, err := time.Parse(time.DateOnly, string(text)); err != nil {
		return holdfast.Errorf(holdfast.Invalid, "%q is not a day: write year, month and day as 2026-11-25", string(text))
	}
	*d = Date(text)
	return nil
}

// Governance says who agrees to a revision, who must know it, and until when it
// holds without a look.
type Governance struct {
	// Approval is the ladder of decisions that a revision needs, from the first.
	Approval []ApprovalStep `json:"approval,omitempty" yaml:"approval,omitempty"`
	// ValidFor is how long an approval holds before the revision must have been
	// published; zero means 30 days.
	ValidFor procedure.Duration `json:"valid_for,omitzero" yaml:"valid_for,omitempty"`
	// Distribution lists the roles whose holders are told of a revision and
	// acknowledge that they have read it.
	Distribution []string `json:"distribution,omitempty" yaml:"distribution,omitempty"`
	// AcknowledgeWithin is by when after publication; zero means 7 days.
	AcknowledgeWithin procedure.Duration `json:"acknowledge_within,omitzero" yaml:"acknowledge_within,omitempty"`
	// RemindEvery is how long after he was told, and after each reminder, a reader who
	// has not acknowledged is reminded; zero means after 3 days and then weekly.
	RemindEvery procedure.Duration `json:"remind_every,omitzero" yaml:"remind_every,omitempty"`
	// ReviewBy is the day by which the plan must have been checked (R6.1: at least
	// once a year).
	ReviewBy Date `json:"review_by,omitempty" yaml:"review_by,omitempty"`
	// Owner is the role that keeps the plan up to date.
	Owner string `json:"owner,omitempty" yaml:"owner,omitempty"`
	// DeputiesAfter is how long after something was proposed that waits for a second
	// person, and nobody answered, the deputies of who may answer may answer too; zero
	// means 10 minutes, and 24 hours is the most.
	DeputiesAfter procedure.Duration `json:"deputies_after,omitzero" yaml:"deputies_after,omitempty"`
	// BreakGlass says under which terms somebody on duty may act alone beyond his
	// authority; without it nobody may.
	BreakGlass *BreakGlass `json:"break_glass,omitempty" yaml:"break_glass,omitempty"`
}

// MaxDeputiesAfter is the longest time for which deputies wait.
const MaxDeputiesAfter = procedure.Duration(24 * time.Hour)

// Deputies is how long deputies wait for those for whom they stand in.
func (g Governance) Deputies() time.Duration { return cmp.Or(g.DeputiesAfter.D(), 10*time.Minute) }

// BreakGlass are the terms of acting alone beyond one's authority (R4.12).
type BreakGlass struct {
	// Directives lists what may be ordered so: stop, limit, lift.
	Directives []string `json:"directives" yaml:"directives"`
	// Lasts is for how long; zero means 30 minutes, and 4 hours is the most.
	Lasts procedure.Duration `json:"lasts,omitzero" yaml:"lasts,omitempty"`
	// Superior is the role to whose holder it is answered for.
	Superior string `json:"superior" yaml:"superior"`
	// AnswerWithin is by when after it began; zero means 24 hours.
	AnswerWithin procedure.Duration `json:"answer_within,omitzero" yaml:"answer_within,omitempty"`
}

// MaxBreakGlass is the longest time for which somebody may act beyond his authority.
const MaxBreakGlass = procedure.Duration(4 * time.Hour)

// Terms returns how long breaking the glass lasts, and by when after it began it
// must have been answered for.
func (b BreakGlass) Terms() (lasts, answer time.Duration) {
	return cmp.Or(b.Lasts.D(), 30*time.Minute), cmp.Or(b.AnswerWithin.D(), 24*time.Hour)
}

// The ways in which the roles of one approval step decide.
const (
	// ApproveOne needs one holder of any of the roles.
	ApproveOne = "one"
	// ApproveAll needs a holder of each role, in any order: the countersigning 會簽
	// of departments.
	ApproveAll = "all"
	// ApproveInOrder needs a holder of each role, one after the other.
	ApproveInOrder = "in-order"
)

// ApprovalStep is one rung of the ladder; the next opens when it is complete.
type ApprovalStep struct {
	ID    string        `json:"id" yaml:"id"`
	Title holdfast.Text `json:"title" yaml:"title"`
	// Mode is one, all or in-order.
	Mode  string   `json:"mode" yaml:"mode"`
	Roles []string `json:"roles" yaml:"roles"`
}

// Risk is one entry of the risk register (R1.2).
type Risk struct {
	ID    string        `json:"id" yaml:"id"`
	Title holdfast.Text `json:"title" yaml:"title"`
	// Part is the part of the payment system that it concerns.
	Part holdfast.Text `json:"part,omitzero" yaml:"part,omitempty"`
	// Likelihood and Impact go from 1, the least, to 5. Their product ranks the
	// risk: 15 and more is high, 8 to 14 medium.
	Likelihood int `json:"likelihood" yaml:"likelihood"`
	Impact     int `json:"impact" yaml:"impact"`
	// Owner is the role that watches the risk.
	Owner string `json:"owner,omitempty" yaml:"owner,omitempty"`
	// Treatment says what is done about it, besides the procedures.
	Treatment holdfast.Text `json:"treatment,omitzero" yaml:"treatment,omitempty"`
	// Levels lists the levels whose procedures answer it, Leak says that the
	// procedure for data leaks does.
	Levels []holdfast.Level `json:"levels,omitempty" yaml:"levels,omitempty"`
	Leak   bool             `json:"leak,omitempty" yaml:"leak,omitempty"`
	// Assessed is when it was last judged.
	Assessed Date `json:"assessed,omitempty" yaml:"assessed,omitempty"`
	// Materials lists what the judgement rests on.
	Materials []string `json:"materials,omitempty" yaml:"materials,omitempty"`
}

// Score ranks a risk: likelihood × impact, 0 to 25.
func (r Risk) Score() int { return r.Likelihood * r.Impact }

// The scores from which a risk is medium and high.
const (
	MediumRisk = 8
	HighRisk   = 15
)

// Risk returns the risk with an id.
func (p *Plan) Risk(id string) (Risk, bool) {
	for _, r := range p.Risks {
		if r.ID == id {
			return r, true
		}
	}
	return Risk{}, false
}

// Material returns the material with an id.
func (p *Plan) Material(id string) (Material, bool) {
	for _, m := range p.Materials {
		if m.ID == id {
			return m, true
		}
	}
	return Material{}, false
}

// The kinds of material.
const (
	Regulation = "regulation"
	Policy     = "policy"
	Technical  = "technical"
	Manual     = "manual"
)

// Material is what the plan rests on (R1.3): a law, a policy, a document.
type Material struct {
	ID    string        `json:"id" yaml:"id"`
	Title holdfast.Text `json:"title" yaml:"title"`
	// Kind is regulation, policy, technical or manual.
	Kind    string `json:"kind" yaml:"kind"`
	Version string `json:"version,omitempty" yaml:"version,omitempty"`
	Date    Date   `json:"date,omitempty" yaml:"date,omitempty"`
	// Link is where it can be read; http or https.
	Link string `json:"link,omitempty" yaml:"link,omitempty"`
	// File names an attachment of the plan.
	File string `json:"file,omitempty" yaml:"file,omitempty"`
	// Cited lists the chapters, by their keys, that rest on it.
	Cited []string `json:"cited,omitempty" yaml:"cited,omitempty"`
}

// Attachment is a file that belongs to the plan. Its content is a blob of the
// journal; the text names it by its hash, so that an approval of the text is one of
// the content.
type Attachment struct {
	ID    string        `json:"id" yaml:"id"`
	Title holdfast.Text `json:"title" yaml:"title"`
	Name  string        `json:"name" yaml:"name"`
	// Type is the media type, one of attachment.Types; Size is in bytes.
	Type string `json:"type,omitempty" yaml:"type,omitempty"`
	Size int    `json:"size,omitempty" yaml:"size,omitempty"`
	// Hash is the SHA-256 of the file in hexadecimal.
	Hash string `json:"hash" yaml:"hash"`
}

// File returns what names the file, or false if its hash is none.
func (a Attachment) File() (attachment.File, bool) {
	f := attachment.File{Name: a.Name, Type: a.Type, Size: a.Size}
	err := f.Hash.UnmarshalText([]byte(a.Hash))
	return f, err == nil
}

// Attachment returns the attachment with an id.
func (p *Plan) Attachment(id string) (Attachment, bool) {
	for _, a := range p.Attachments {
		if a.ID == id {
			return a, true
		}
	}
	return Attachment{}, false
}

// Names reports whether the plan names a file by its hash, and how.
func (p *Plan) Names(h holdfast.Hash) (attachment.File, bool) {
	for _, a := range p.Attachments {
		if f, ok := a.File(); ok && f.Hash == h {
			return f, true
		}
	}
	return attachment.File{}, false
}

// Annex is a text that no other chapter has a place for, such as a section of a
// document that was brought in.
type Annex struct {
	ID    string        `json:"id" yaml:"id"`
	Title holdfast.Text `json:"title" yaml:"title"`
	Text  holdfast.Text `json:"text" yaml:"text"`
}

// The types of a measure.
const (
	MeasureNumber = "number"
	MeasureText   = "text"
	MeasureYesNo  = "yes-no"
)

// Measure declares a number, text or yes-no that the criteria of levels read.
type Measure struct {
	ID    string        `json:"id" yaml:"id"`
	Title holdfast.Text `json:"title" yaml:"title"`
	// Type is number, text or yes-no.
	Type string `json:"type" yaml:"type"`
	// Unit is shown beside a number: payments, minutes, TWD.
	Unit string `json:"unit,omitempty" yaml:"unit,omitempty"`
	// From names what it is gathered from in an incident, one of Sources; without
	// it, people enter it.
	From string `json:"from,omitempty" yaml:"from,omitempty"`
	// Figure names what it is in what is owed to regulators, one of Figures: its value
	// counts there until a person says another.
	Figure string `json:"figure,omitempty" yaml:"figure,omitempty"`
}

// MeasureFields are the fields that the entry criteria of the plan's levels and
// the branches of its tasks may read.
func (p *Plan) MeasureFields() map[string]expression.Type {
	fields := map[string]expression.Type{}
	for _, m := range p.Measures {
		switch m.Type {
		case MeasureText:
			fields[m.ID] = expression.String
		case MeasureYesNo:
			fields[m.ID] = expression.Bool
		default:
			fields[m.ID] = expression.Float
		}
	}
	return fields
}

// Recovery is how business comes back (R2.4).
type Recovery struct {
	// Within is the recovery objective: from the confirmation of a level-1
	// incident to the last step.
	Within procedure.Duration `json:"within,omitzero" yaml:"within,omitempty"`
	Steps  []RecoveryStep     `json:"steps,omitempty" yaml:"steps,omitempty"`
	// Ramp is the ladder by which payments return.
	Ramp *procedure.Ramp `json:"ramp,omitempty" yaml:"ramp,omitempty"`
	// CloseOut lists what must be so before the incident may be closed.
	CloseOut []holdfast.Text `json:"close_out,omitempty" yaml:"close_out,omitempty"`
}

// RecoveryStep is one step of the recovery with what it needs.
type RecoveryStep struct {
	ID    string        `json:"id" yaml:"id"`
	Title holdfast.Text `json:"title" yaml:"title"`
	Role  string        `json:"role" yaml:"role"`
	// People is how many it needs; 0 means one.
	People int `json:"people,omitempty" yaml:"people,omitempty"`
	// Takes is the time expected, Limit the longest.
	Takes     procedure.Duration `json:"takes,omitzero" yaml:"takes,omitempty"`
	Limit     procedure.Duration `json:"limit,omitzero" yaml:"limit,omitempty"`
	Resources holdfast.Text      `json:"resources,omitzero" yaml:"resources,omitempty"`
	Probes    []string           `json:"probes,omitempty" yaml:"probes,omitempty"`
}

// The kinds of drill.
const (
	Tabletop  = "tabletop"
	Simulated = "simulated"
	Live      = "live"
)

// DrillPlan is one regular drill (R2.5, R5.1).
type DrillPlan struct {
	ID    string        `json:"id" yaml:"id"`
	Title holdfast.Text `json:"title" yaml:"title"`
	// Kind is tabletop, simulated or live.
	Kind string        `json:"kind" yaml:"kind"`
	Goal holdfast.Text `json:"goal" yaml:"goal"`
	// Level is the level that it rehearses; Leak a data leak instead.
	Level holdfast.Level `json:"level,omitempty" yaml:"level,omitempty"`
	Leak  bool           `json:"leak,omitempty" yaml:"leak,omitempty"`
	// EveryMonths is the longest time between two.
	EveryMonths int `json:"every_months" yaml:"every_months"`
	// Roles take part.
	Roles []string `json:"roles" yaml:"roles"`
}

// The moments from which a deadline may run.
var Moments = [...]string{"occurred", "detected", "aware", "confirmed", "classified", "recovered"}

// Obligation is a report that a rule demands.
type Obligation struct {
	ID    string        `json:"id" yaml:"id"`
	Title holdfast.Text `json:"title" yaml:"title"`
	// Material is the regulation that demands it.
	Material string `json:"material,omitempty" yaml:"material,omitempty"`
	// From is one of [Moments], Within the time from then.
	From   string             `json:"from" yaml:"from"`
	Within procedure.Duration `json:"within" yaml:"within"`
	// Recipient is who must be told, Role who reports.
	Recipient holdfast.Text `json:"recipient" yaml:"recipient"`
	Role      string        `json:"role" yaml:"role"`
	// Levels lists where it holds; Leak says that it holds for data leaks.
	Levels []holdfast.Level `json:"levels,omitempty" yaml:"levels,omitempty"`
	Leak   bool             `json:"leak,omitempty" yaml:"leak,omitempty"`
}

// Contact names a third party, such as an acquirer or a clearing house, whom the
// response may need. The roster has its people and numbers.
type Contact struct {
	// Party is the party's id in the roster.
	Party   string        `json:"party" yaml:"party"`
	Purpose holdfast.Text `json:"purpose" yaml:"purpose"`
	// Role speaks to it.
	Role string `json:"role" yaml:"role"`
}

// Dependency is a sub-plan: what to do when one thing that the system needs is
// gone, by how long it stays away.
type Dependency struct {
	ID    string        `json:"id" yaml:"id"`
	Title holdfast.Text `json:"title" yaml:"title"`
	// Party provides it, as in the roster; empty if the operator does itself.
	Party string `json:"party,omitempty" yaml:"party,omitempty"`
	Role  string `json:"role" yaml:"role"`
	// Steps say what to do from which time without it on; they rise.
	Steps []DependencyStep `json:"steps" yaml:"steps"`
}

// DependencyStep is one branch of a dependency's sub-plan.
type DependencyStep struct {
	// After is how long the dependency has been away; zero means at once.
	After procedure.Duration `json:"after,omitzero" yaml:"after,omitempty"`
	Do    holdfast.Text      `json:"do" yaml:"do"`
	// Temporary names the temporary solution that it uses, if any.
	Temporary string `json:"temporary,omitempty" yaml:"temporary,omitempty"`
	// Approval is the role that must agree first, if any.
	Approval string `json:"approval,omitempty" yaml:"approval,omitempty"`
}
