package debrief

import (
	"time"

	"holdfast/internal/payment"
)

// MostUnknown is how many payments of unknown outcome, and how many resolutions, figures
// list.
const MostUnknown = 200

// Who told what became of a payment of unknown outcome.
const (
	// ByPrimary: its answer, late or to an inquiry, or that nothing was sent to it.
	ByPrimary = "primary"
	// ByFile: its settlement file.
	ByFile   = "file"
	ByPerson = "person"
)

// Outcomes is what became of the payments that the incident left unknown, at each gate:
// by its stops, or while it went on.
type Outcomes struct {
	Open int `json:"open"`
	// Primary, File and Person count the settled ones by who told.
	Primary int `json:"primary"`
	File    int `json:"file"`
	Person  int `json:"person"`
	// AtLeast means that settled ones of the time are no longer listed.
	AtLeast bool `json:"at_least,omitempty"`
	// Payments are the open ones, the oldest first, then the settled, the newest first;
	// Left are not listed.
	Payments []UnknownPayment `json:"payments,omitempty"`
	Left     int              `json:"left,omitempty"`
	// Resolutions are what people said of them, the oldest first.
	Resolutions     []Resolved `json:"resolutions,omitempty"`
	ResolutionsLeft int        `json:"resolutions_left,omitempty"`
}

// UnknownPayment is a payment whose outcome is or was unknown, its identity masked.
type UnknownPayment struct {
	Identity string `json:"identity"`
	Gate     string `json:"gate"`
	// Amount is in minor units of Currency.
	Amount   int64     `json:"amount"`
	Currency string    `json:"currency,omitempty"`
	Sent     time.Time `json:"sent"`
	// Stage is who is to tell: asked, file, person or unheard; empty once settled.
	Stage   string          `json:"stage,omitempty"`
	Outcome payment.Outcome `json:"outcome"`
	// By is who told, and Settled when.
	By      string    `json:"by,omitempty"`
	Settled time.Time `json:"settled,omitzero"`
}

// Resolved is what a person said became of a payment, its identity masked.
type Resolved struct {
	Identity string `json:"identity"`
	// Amount is in minor units of Currency.
	Amount   int64           `json:"amount"`
	Currency string          `json:"currency,omitempty"`
	Outcome  payment.Outcome `json:"outcome"`
	Reason   string          `json:"reason"`
	Evidence string          `json:"evidence"`
	// State is asked, ordered, carried, overtaken or withdrawn.
	State string    `json:"state"`
	By    string    `json:"by"`
	At    time.Time `json:"at"`
	// Second agreed, or took it back for WhyNot, at Answered.
	Second   string    `json:"second,omitempty"`
	Answered time.Time `json:"answered,omitzero"`
	WhyNot   string    `json:"why_not,omitempty"`
	// Contradicted says that something else told another outcome.
	Contradicted bool `json:"contradicted,omitempty"`
}
