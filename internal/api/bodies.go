package api

import (
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/backup"
	"holdfast/internal/incident"
	"holdfast/internal/lint"
	"holdfast/internal/view"
)

// The bodies of requests and of answers that are not views.

// Status is what a node says of itself.
type Status struct {
	Version  string        `json:"version"`
	Head     holdfast.Head `json:"head"`
	Time     time.Time     `json:"time"`
	Account  string        `json:"account"`
	Rights   []string      `json:"rights"`
	Operator string        `json:"operator,omitempty"`
}

// Backups is how a node's backups stand.
type Backups struct {
	backup.Status
	Items []backup.Entry `json:"items"`
}

// Suspect opens an incident.
type Suspect struct {
	Title  string   `json:"title"`
	Alerts []string `json:"alerts,omitempty"`
}

// Confirm sets the level, 1 to 3.
type Confirm struct {
	Level holdfast.Level `json:"level"`
	Note  string         `json:"note,omitempty"`
}

// Reason is why.
type Reason struct {
	Reason string `json:"reason"`
}

// AlertRef names an alert.
type AlertRef struct {
	Alert string `json:"alert"`
}

// Note is a line for the timeline, of a task if one is named.
type Note struct {
	Text     string              `json:"text"`
	Task     string              `json:"task,omitempty"`
	Evidence []incident.Evidence `json:"evidence,omitempty"`
}

// Done says what was done.
type Done struct {
	Note     string              `json:"note,omitempty"`
	Evidence []incident.Evidence `json:"evidence,omitempty"`
}

// StageNote says what was done in a stage without tasks.
type StageNote struct {
	Note string `json:"note"`
}

// RampTo names a step. Posture is the position of the posture that the caller
// looked at, as the ramp of the incident gives it; 0 takes the present one.
type RampTo struct {
	Step    int               `json:"step"`
	Posture holdfast.Position `json:"posture,omitempty"`
}

// RampKeep names the step that the caller looked at.
type RampKeep struct {
	Step   int    `json:"step"`
	Reason string `json:"reason"`
}

// RampClose signs the end of a ramp.
type RampClose struct {
	Note string `json:"note,omitempty"`
}

// Answer consents or refuses.
type Answer struct {
	Granted bool   `json:"granted"`
	Reason  string `json:"reason,omitempty"`
}

// Acknowledge confirms that a person was told. Without a person it is the
// caller's own; for another it says how that person was reached. With the reply code
// of a person's message neither task nor person is needed.
type Acknowledge struct {
	Task   string `json:"task,omitempty"`
	Person string `json:"person,omitempty"`
	Code   string `json:"code,omitempty"`
	Note   string `json:"note,omitempty"`
}

// NewCall records a call made by hand. Result is reached, not-reached or voicemail; At is
// when it was made, now if it is left out.
type NewCall struct {
	Task   string    `json:"task"`
	Person string    `json:"person"`
	Number string    `json:"number,omitempty"`
	Result string    `json:"result"`
	At     time.Time `json:"at,omitzero"`
	Note   string    `json:"note,omitempty"`
}

// Propose is a directive to propose.
type Propose struct {
	Kind     string `json:"kind"`
	Scope    string `json:"scope"`
	Reason   string `json:"reason"`
	Incident string `json:"incident,omitempty"`
	// Share of payers a limit admits, above 0 and at most 1.
	Share float64 `json:"share,omitempty"`
	// Rate caps payments per second over all gates.
	Rate         float64 `json:"rate,omitempty"`
	DrainSeconds float64 `json:"drain_seconds,omitempty"`
}

// Lift ends a directive. Revision is what the caller looked at; 0 takes the
// present one.
type Lift struct {
	Reason   string            `json:"reason"`
	Revision holdfast.Revision `json:"revision,omitempty"`
}

// Remind asks for a reader to be reminded; without a person, all who have not
// acknowledged.
type Remind struct {
	Person string `json:"person,omitempty"`
}

// RemindedPeople are the readers to whom reminders go.
type RemindedPeople struct {
	People []string `json:"people"`
}

// Publish is a plan's text.
type Publish struct {
	Text string `json:"text"`
	Note string `json:"note,omitempty"`
}

// Published names the new revision.
type Published struct {
	Revision int `json:"revision"`
}

// Lint is a plan's text to look at.
type Lint struct {
	Text string `json:"text"`
}

// Fault is one thing wrong with a plan. Line and column count from 1.
type Fault struct {
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Path   string `json:"path"`
	// Anchor is the path with ids in place of positions.
	Anchor string `json:"anchor,omitempty"`
	// Rule is the id of the rule that is broken: P… of the file, L… of what it says.
	Rule     string        `json:"rule"`
	Severity lint.Severity `json:"severity"`
	// Blocks says that the plan cannot be approved with it.
	Blocks  bool         `json:"blocks_approval"`
	Waived  *lint.Waiver `json:"waived,omitempty"`
	Message string       `json:"message"`
}

// Judged is what the rules find in the plan in force.
type Judged struct {
	view.Lint
	Findings []Fault `json:"findings"`
}

// NewAccount is an account to create.
type NewAccount struct {
	Name     string        `json:"name"`
	Display  string        `json:"display,omitempty"`
	Roles    []access.Role `json:"roles,omitempty"`
	Person   string        `json:"person,omitempty"`
	Lang     holdfast.Lang `json:"lang,omitempty"`
	Password string        `json:"password,omitempty"`
}

// Password is a new password.
type Password struct {
	Password string `json:"password"`
}

// NewToken is a token to issue; the account is the caller's unless named.
type NewToken struct {
	Account string          `json:"account,omitempty"`
	Name    string          `json:"name"`
	Scopes  []access.Action `json:"scopes"`
	Expires time.Time       `json:"expires,omitzero"`
}

// Issued holds a token's text, which is never shown again.
type Issued struct {
	ID    string `json:"id"`
	Token string `json:"token"`
}
