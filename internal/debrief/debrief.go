// Package debrief holds the summary after an emergency (R4.9): what the record
// shows, why it happened, and what will change.
//
// # Life cycle
//
//	draft ──▶ presented ──▶ accepted        when everyone the plan names has signed
//	  ▲───────────┴─────────────┘           returned with a reason, or changed: that
//	                                        voids the signatures
//
// People write texts, causes and improvements. What they save is an entry of its
// own; the last one counts, and none is lost. A cause answers why: why the incident
// happened, or, with a parent, why that was. Each rests on evidence.
//
// Who presents the debrief freezes its [Figures] with the position of the journal up
// to which they are true. Signatures stand for a round, which is those figures and
// the texts as they were, under one hash. A change after that voids the round, and
// says so; the debrief is presented anew. So does what makes another incident of it: one
// that is merged into it or let go again, an alert that comes or goes, work that is opened
// again. Where the plan names nobody to sign, what is
// presented is accepted.
//
// A debrief that is not accepted in the time the plan gives is at risk from the last
// fifth of it on, and breached after it. Both are told once.
//
// Facts stand on the subject debrief/<incident>:
//
//	debrief.written                {"section":"summary","text":"…"}
//	debrief.cause-set              {"id":"c2","parent":"c1","why":"…","kind":"root","class":"change","evidence":[…]}
//	debrief.cause-withdrawn        {"id":"c2","reason":"…"}
//	debrief.improvement-set        {"id":"i1","what":"…","owner":"lin","due":"2026-12-31","chapter":"procedures","risk":"r1"}
//	debrief.improvement-withdrawn  {"id":"i1","reason":"…"}
//	debrief.presented              {"round":1,"hash":"…","sign":["commander","superior"],"figures":{…}}
//	debrief.figures                {"round":1,"people":[…]}
//	debrief.signed                 {"round":1,"role":"commander"}
//	debrief.returned               {"round":1,"reason":"…"}
//	debrief.voided                 {"round":1,"by":"debrief.cause-set"}
//	debrief.accepted               {"round":1}
//	debrief.at-risk                {"due":"…"}
//	debrief.breached               {"due":"…","late":95}
//
// A debrief that was written before there were causes with evidence
// (incident.debrief-saved) is read as one, with a single cause.
package debrief

import (
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/incident"
)

// Section is one of the texts that people write.
type Section string

// The sections, in the order in which they are read.
const (
	Summary Section = "summary"
	Well    Section = "well"
	Badly   Section = "badly"
	// Lucky is where things would have been worse but for chance.
	Lucky Section = "lucky"
)

// Sections lists them.
var Sections = [...]Section{Summary, Well, Badly, Lucky}

// What a cause is to the incident.
const (
	Root         = "root"
	Contributing = "contributing"
)

// Kinds lists what a cause can be.
var Kinds = [...]string{Root, Contributing}

// Classes sort causes, so that incidents can be counted by them. None of them is a
// person: what a person did has a cause of its own.
var Classes = [...]string{"change", "defect", "capacity", "equipment", "network", "supplier", "data", "attack", "procedure", "monitoring", "other"}

// State is how far a debrief is.
type State string

// The states of a debrief.
const (
	Writing   State = "writing"
	Presented State = "presented"
	Accepted  State = "accepted"
)

// Text is a section as it was last written.
type Text struct {
	Text string         `json:"text"`
	By   holdfast.Actor `json:"by"`
	At   time.Time      `json:"at"`
	// Entries counts how often it was written.
	Entries int `json:"entries"`
}

// Evidence is what a cause rests on: a text, a link, a file, or several of them.
type Evidence struct {
	Text string             `json:"text,omitempty"`
	Link string             `json:"link,omitempty"`
	File *incident.Evidence `json:"file,omitempty"`
}

// CauseForm is what people say of a cause.
type CauseForm struct {
	// Parent is the cause that this one answers; empty for the incident itself.
	Parent   string     `json:"parent,omitempty"`
	Why      string     `json:"why"`
	Kind     string     `json:"kind"`
	Class    string     `json:"class,omitempty"`
	Evidence []Evidence `json:"evidence"`
}

// Cause is one answer to why.
type Cause struct {
	Entry
	CauseForm
}

// ImprovementForm is what people want to change.
type ImprovementForm struct {
	What string `json:"what"`
	// Owner is a person of the roster; Who is a name where it is none of them.
	Owner string `json:"owner,omitempty"`
	Who   string `json:"who,omitempty"`
	// Due is a date, 2026-12-31.
	Due string `json:"due"`
	// Chapter is the key of the plan's chapter that it changes, Risk the id of the
	// risk that it treats; empty for none.
	Chapter string `json:"chapter,omitempty"`
	Risk    string `json:"risk,omitempty"`
}

// Improvement is one of them.
type Improvement struct {
	Entry
	ImprovementForm
}

// Signature is the word of a holder of one role.
type Signature struct {
	Role string         `json:"role"`
	By   holdfast.Actor `json:"by"`
	At   time.Time      `json:"at"`
}

// Round is one presentation for signature.
type Round struct {
	N    int            `json:"round"`
	By   holdfast.Actor `json:"by"`
	At   time.Time      `json:"at"`
	Hash holdfast.Hash  `json:"hash"`
	// Sign lists the roles that were to sign.
	Sign       []string    `json:"sign,omitempty"`
	Figures    Figures     `json:"figures"`
	Signatures []Signature `json:"signatures,omitempty"`
	// Returned and Voided end a round; neither takes away what was signed.
	Returned *Withdrawal `json:"returned,omitempty"`
	Voided   *Void       `json:"voided,omitempty"`
	Accepted time.Time   `json:"accepted,omitzero"`
}

// Void says which change voided a round.
type Void struct {
	// Change is the kind of fact: of the debrief, or of the incident.
	Change string         `json:"change"`
	By     holdfast.Actor `json:"by"`
	At     time.Time      `json:"at"`
}

// Regrouped reports whether the incident became another: others were merged into it or
// taken out again, alerts came or went, or it was opened again.
func (v Void) Regrouped() bool { return strings.HasPrefix(v.Change, "incident.") }

// Stands reports whether the round was neither returned nor voided.
func (r Round) Stands() bool { return r.Returned == nil && r.Voided == nil }

// Signed returns the signature for a role.
func (r Round) Signed(role string) (Signature, bool) {
	i := slices.IndexFunc(r.Signatures, func(s Signature) bool { return s.Role == role })
	if i < 0 {
		return Signature{}, false
	}
	return r.Signatures[i], true
}

// Missing lists the roles that have not signed.
func (r Round) Missing() (roles []string) {
	for _, role := range r.Sign {
		if _, signed := r.Signed(role); !signed {
			roles = append(roles, role)
		}
	}
	return roles
}

// Debrief is that of one incident. What the book gives is never changed afterwards.
type Debrief struct {
	Incident string
	Texts    map[Section]Text
	// Causes and Improvements are in the order in which they were first written, with
	// those that were withdrawn.
	Causes       []Cause
	Improvements []Improvement
	Rounds       []Round
	// Warned holds what was told of each due time.
	Warned []Warning

	revision holdfast.Revision
}

// Warning is a due time that came near or passed.
type Warning struct {
	Due      time.Time `json:"due"`
	Breached bool      `json:"breached,omitempty"`
	At       time.Time `json:"at"`
}

// Text returns a section's text.
func (d *Debrief) Text(s Section) string {
	if d == nil {
		return ""
	}
	return d.Texts[s].Text
}

// Round returns the newest round, if there is one.
func (d *Debrief) Round() (Round, bool) {
	if d == nil || len(d.Rounds) == 0 {
		return Round{}, false
	}
	return d.Rounds[len(d.Rounds)-1], true
}

// State says how far the debrief is.
func (d *Debrief) State() State {
	switch r, some := d.Round(); {
	case !some || !r.Stands():
		return Writing
	case r.Accepted.IsZero():
		return Presented
	default:
		return Accepted
	}
}

// Standing lists the causes that were not withdrawn.
func (d *Debrief) Standing() []Cause {
	if d == nil {
		return nil
	}
	return standing(d.Causes)
}

// Agreed lists the improvements that were not withdrawn.
func (d *Debrief) Agreed() []Improvement {
	if d == nil {
		return nil
	}
	return standing(d.Improvements)
}

// Roots lists the root causes.
func (d *Debrief) Roots() []Cause {
	return slices.DeleteFunc(d.Standing(), func(c Cause) bool { return c.Kind != Root })
}

// Branch is a cause in the tree of whys, with how deep it stands.
type Branch struct {
	Cause
	Depth int `json:"depth"`
	// Asked says that nobody has said yet why it was: it is no root, and has no cause.
	Asked bool `json:"asked,omitempty"`
}

// Tree lists the causes that stand, each before those that answer it.
func (d *Debrief) Tree() (list []Branch) {
	all := d.Standing()
	var walk func(parent string, depth int)
	walk = func(parent string, depth int) {
		for _, c := range all {
			if c.Parent == parent {
				leaf := !slices.ContainsFunc(all, func(o Cause) bool { return o.Parent == c.ID })
				list = append(list, Branch{c, depth, leaf && c.Kind != Root})
				walk(c.ID, depth+1)
			}
		}
	}
	walk("", 0)
	return list
}

// Wanting lists what is missing before the debrief can be presented: summary, cause,
// improvement.
func (d *Debrief) Wanting() (list []string) {
	if strings.TrimSpace(d.Text(Summary)) == "" {
		list = append(list, "summary")
	}
	if len(d.Roots()) == 0 {
		list = append(list, "cause")
	}
	if len(d.Agreed()) == 0 {
		list = append(list, "improvement")
	}
	return list
}
