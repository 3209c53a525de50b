// Package plan holds the emergency plan as data: who is in the team, what each
// role may decide, which alerts suspect an emergency, the procedure of each
// level, the notices, the probes. A revision is published whole, under the hash
// of its text; incidents, and later drills, run the revision they began with.
//
// The text is one YAML file, decoded strictly: an unknown key, a missing text
// or a reference to nothing is a [Fault] with line and column, and all faults
// are reported at once. docs/formats/plan.md describes the file.
//
// A plan's life is a row of facts on the subject "plan/<id>":
//
//	plan.published   revision n is in force from a date and supersedes n-1
//
// [Book] is the projection of these facts, [Service] writes them.
package plan

import (
	"time"

	"holdfast"
	"holdfast/internal/expression"
	"holdfast/internal/procedure"
)

// Format is the value of the file's first key. It changes when the schema does.
const Format = "holdfast-plan/1"

// Plan is one revision's content.
type Plan struct {
	Format string        `json:"format" yaml:"format"`
	ID     string        `json:"id" yaml:"id"`
	Title  holdfast.Text `json:"title" yaml:"title"`
	// Language is the language of record: where the texts disagree, it counts.
	Language holdfast.Lang `json:"language" yaml:"language"`
	Purpose  holdfast.Text `json:"purpose" yaml:"purpose"`
	// Scope says which systems, businesses and people the plan binds.
	Scope       holdfast.Text `json:"scope,omitzero" yaml:"scope,omitempty"`
	Governance  Governance    `json:"governance,omitzero" yaml:"governance,omitempty"`
	Departments []Department  `json:"departments" yaml:"departments"`
	Roles       []Role        `json:"roles" yaml:"roles"`
	// Team lists the roles that draft the plan and are convened in an emergency.
	Team       []string              `json:"team" yaml:"team"`
	Risks      []Risk                `json:"risks,omitempty" yaml:"risks,omitempty"`
	Materials  []Material            `json:"materials,omitempty" yaml:"materials,omitempty"`
	Measures   []Measure             `json:"measures,omitempty" yaml:"measures,omitempty"`
	Levels     []Level               `json:"levels" yaml:"levels"`
	Alerts     []AlertRule           `json:"alerts" yaml:"alerts"`
	Procedures []procedure.Procedure `json:"procedures" yaml:"procedures"`
	// Leak is the procedure for a data leak (R2.2); its level is 0.
	Leak         *procedure.Procedure `json:"leak,omitempty" yaml:"leak,omitempty"`
	Temporary    []Temporary          `json:"temporary,omitempty" yaml:"temporary,omitempty"`
	Dependencies []Dependency         `json:"dependencies,omitempty" yaml:"dependencies,omitempty"`
	Parameters   []Parameter          `json:"parameters,omitempty" yaml:"parameters,omitempty"`
	Recovery     Recovery             `json:"recovery,omitzero" yaml:"recovery,omitempty"`
	Drills       []DrillPlan          `json:"drills,omitempty" yaml:"drills,omitempty"`
	Obligations  []Obligation         `json:"obligations,omitempty" yaml:"obligations,omitempty"`
	Reporting    Reporting            `json:"reporting,omitzero" yaml:"reporting,omitempty"`
	Contacts     []Contact            `json:"contacts,omitempty" yaml:"contacts,omitempty"`
	Components   []Component          `json:"components,omitempty" yaml:"components,omitempty"`
	Announcing   Announcing           `json:"announcing,omitzero" yaml:"announcing,omitempty"`
	Templates    []Template           `json:"templates" yaml:"templates"`
	Probes       []Probe              `json:"probes" yaml:"probes"`
	Attachments  []Attachment         `json:"attachments,omitempty" yaml:"attachments,omitempty"`
	// Annexes are texts that no other chapter has a place for.
	Annexes []Annex `json:"annexes,omitempty" yaml:"annexes,omitempty"`
}

// Department is a part of the operator.
type Department struct {
	ID   string        `json:"id" yaml:"id"`
	Name holdfast.Text `json:"name" yaml:"name"`
}

// Role is a duty that people hold; the roster says who.
type Role struct {
	ID         string        `json:"id" yaml:"id"`
	Name       holdfast.Text `json:"name" yaml:"name"`
	Department string        `json:"department" yaml:"department"`
	Duties     holdfast.Text `json:"duties" yaml:"duties"`
	// Authority is what the role may decide.
	Authority []Authority `json:"authority,omitempty" yaml:"authority,omitempty"`
}

// Authority lets a role decide on directives.
type Authority struct {
	// Directives lists kinds: stop, limit, lift.
	Directives []string `json:"directives" yaml:"directives"`
	// Scope is which payments it covers: empty or "all" for every payment, else an
	// expression over payment fields. A directive is within it if its own scope is
	// this one, with whatever else joined by and.
	Scope string `json:"scope,omitempty" yaml:"scope,omitempty"`
	// Level is the lowest gravity at which the authority holds: 1 means only at
	// level 1, 3 means at any level.
	Level holdfast.Level `json:"level" yaml:"level"`
	// Alone means that a holder decides without a second person.
	Alone bool `json:"alone,omitempty" yaml:"alone,omitempty"`
}

// Level says in words when a level applies.
type Level struct {
	Level    holdfast.Level `json:"level" yaml:"level"`
	Title    holdfast.Text  `json:"title" yaml:"title"`
	Criteria holdfast.Text  `json:"criteria" yaml:"criteria"`
	// Enter is the criteria as an expression over the plan's measures:
	// payments_failed > 1000 or minutes > 10.
	Enter string `json:"enter,omitempty" yaml:"enter,omitempty"`
	// Bands give other expressions for parts of the day: the first that holds now
	// counts instead of Enter.
	Bands []Band `json:"bands,omitempty" yaml:"bands,omitempty"`
	// Automatic lets an incident come to this level by its expression alone, without
	// a person's word. It never lets it fall to a lesser one.
	Automatic bool `json:"automatic,omitempty" yaml:"automatic,omitempty"`
	// RecoverWithin is the recovery objective of the level: the procedure's worst
	// case must fit into it.
	RecoverWithin procedure.Duration `json:"recover_within,omitzero" yaml:"recover_within,omitempty"`
}

// AlertRule says which alerts suspect an emergency. Rules are tried in order;
// an alert that none matches waits in the list of alerts for a person.
type AlertRule struct {
	ID string `json:"id" yaml:"id"`
	// Match is an expression over the alert: labels["severity"] == "critical".
	Match string `json:"match" yaml:"match"`
	// Level is what the rule suggests; 0 asks for triage.
	Level holdfast.Level `json:"level,omitempty" yaml:"level,omitempty"`
	Why   holdfast.Text  `json:"why" yaml:"why"`
	// GroupBy names the labels that say which alerts have one cause; empty means
	// the first of [CauseLabels] that an alert has.
	GroupBy []string `json:"group_by,omitempty" yaml:"group_by,omitempty"`
	// Tell lists the roles that are told at once when the rule opens a suspected
	// incident, before anybody has confirmed it.
	Tell []string `json:"tell,omitempty" yaml:"tell,omitempty"`
	// Watchdog marks an alert that always fires, by which monitoring shows that it
	// lives. When none has come for so long, the alert "monitoring silent" opens.
	Watchdog procedure.Duration `json:"watchdog,omitzero" yaml:"watchdog,omitempty"`
}

// CauseLabels are the labels that say what an alert is about, the most telling
// first: a part of the payments, else a part of the machines.
var CauseLabels = []string{"channel", "bank", "method", "merchant", "region", "gate", "service", "component", "job"}

// AlertFields are the fields that the match of an alert rule may read.
func AlertFields() map[string]expression.Type {
	return map[string]expression.Type{
		"name":        expression.String, // the label alertname
		"source":      expression.String, // who sent it: alertmanager, grafana, mail, report for a person's
		"labels":      expression.StringMap,
		"annotations": expression.StringMap,
	}
}

// Placeholders are the names that stand in braces in a notice for the
// incident's values.
var Placeholders = [...]string{"incident", "level", "title", "time", "reason", "link", "plan"}

// Template is the text of a notice. {incident}, {level}, {title}, {time},
// {reason}, {link} and {plan} stand for the incident's values.
type Template struct {
	ID      string        `json:"id" yaml:"id"`
	Subject holdfast.Text `json:"subject" yaml:"subject"`
	Body    holdfast.Text `json:"body" yaml:"body"`
}

// The kinds of probe.
const (
	ProbeHTTP    = "http"
	ProbePayment = "payment"
)

// Limits of a probe.
const (
	MaxTimes     = 100
	MaxTimeout   = time.Minute
	MaxProbeBody = 64 << 10 // bytes: as much as a gate buffers of a payment
)

// ProbeFields are the fields that the expectation of a probe may read.
func ProbeFields() map[string]expression.Type {
	return map[string]expression.Type{
		"status": expression.Int,    // the HTTP status of the answer
		"millis": expression.Int,    // the time until the whole answer was read
		"body":   expression.String, // the answer's body
	}
}

// Probe is a test that must pass before and during recovery.
type Probe struct {
	ID    string        `json:"id" yaml:"id"`
	Title holdfast.Text `json:"title" yaml:"title"`
	// Kind is "http" (a GET of URL) or "payment" (a test payment through the
	// gate, from a test account).
	Kind string `json:"kind" yaml:"kind"`
	// URL is what an http probe gets, or the gate's payment address. A name in
	// braces, as {gate} or {primary}, is filled from the configuration.
	URL string `json:"url" yaml:"url"`
	// Body is the JSON a payment probe posts.
	Body string `json:"body,omitempty" yaml:"body,omitempty"`
	// Expect is an expression over the answer: status == 200 and millis < 2000.
	Expect string `json:"expect" yaml:"expect"`
	// Times is how often it must pass in a row; 0 means once.
	Times int `json:"times,omitempty" yaml:"times,omitempty"`
	// Timeout bounds one try; 0 means 5 seconds.
	Timeout procedure.Duration `json:"timeout,omitzero" yaml:"timeout,omitempty"`
}

// Procedure returns the procedure of a level.
func (p *Plan) Procedure(l holdfast.Level) (procedure.Procedure, bool) {
	for _, pr := range p.Procedures {
		if pr.Level == l {
			return pr, true
		}
	}
	return procedure.Procedure{}, false
}

// Role returns the role with an id.
func (p *Plan) Role(id string) (Role, bool) {
	for _, r := range p.Roles {
		if r.ID == id {
			return r, true
		}
	}
	return Role{}, false
}

// Template returns the notice template with an id.
func (p *Plan) Template(id string) (Template, bool) {
	for _, t := range p.Templates {
		if t.ID == id {
			return t, true
		}
	}
	return Template{}, false
}

// TemporaryOf returns the temporary solution of an id.
func (p *Plan) TemporaryOf(id string) (Temporary, bool) {
	for _, t := range p.Temporary {
		if t.ID == id {
			return t, true
		}
	}
	return Temporary{}, false
}

// Probe returns the probe with an id.
func (p *Plan) Probe(id string) (Probe, bool) {
	for _, pr := range p.Probes {
		if pr.ID == id {
			return pr, true
		}
	}
	return Probe{}, false
}
