// Package roster says who the people are: their plan roles and how each is
// reached. Plans name roles; the roster says who fills them now.
//
// # Life cycle
//
//	person.recorded ──▶ person.recorded … ──▶ person.left ──▶ person.recorded …
//
// Facts stand on the subject person/<id>. A person.recorded fact holds the whole
// person as it is from then on; whoever left can be recorded again.
//
// # File
//
// People are imported from YAML, read strictly: an unknown key, a second value
// of a key or an address that cannot be one is a fault with line and column, and
// all faults are reported at once.
//
//	format: holdfast-people/1
//	people:
//	  - id: chen.wei               # lower-case letters, digits, '-', '_', '.'
//	    name: 陳偉
//	    department: technology     # as in the plan; may be left out
//	    roles: [duty-officer]      # plan roles
//	    lang: zh-Hant              # zh-Hant, zh-Hans or en; may be left out
//	    account: chen.wei          # with which the person signs in, if any
//	    contacts:                  # tried in this order
//	      - {channel: smtp, address: chen.wei@example.com, verified: 2026-10-01}
//	      - {channel: webhook, address: "https://im.example.com/hook/7"}
//	      - {channel: phone, address: "+886 2 5550 0101"}
package roster

import (
	"slices"
	"time"

	"holdfast"
)

// Format is the value of the file's first key. It changes when the schema does.
const Format = "holdfast-people/1"

// The most there can be, so that one file or one request stays within bounds.
const (
	// MaxPeople is how many people one file or one act may hold.
	MaxPeople = 1000
	// MaxFile is the largest file in bytes.
	MaxFile     = 1 << 20
	maxName     = 64 // characters
	maxRoles    = 20
	maxContacts = 10
	maxAddress  = 500 // bytes
	maxReason   = 500 // characters
)

// Person is someone who fills roles or must be told.
type Person struct {
	ID   string `json:"id" yaml:"id"`
	Name string `json:"name" yaml:"name"`
	// Department is one of the plan's, or empty.
	Department string `json:"department,omitempty" yaml:"department"`
	// Roles are roles of the plan.
	Roles []string `json:"roles,omitempty" yaml:"roles"`
	// Contacts are tried in this order.
	Contacts []Contact `json:"contacts,omitempty" yaml:"contacts"`
	// Lang is the language of notices to the person; empty leaves it to the plan.
	Lang holdfast.Lang `json:"lang,omitempty" yaml:"lang"`
	// Account is the name of the account the person signs in with, or empty.
	Account string `json:"account,omitempty" yaml:"account"`
}

// Channel is a way to reach a person.
type Channel string

const (
	SMTP    Channel = "smtp"
	Webhook Channel = "webhook"
	// Phone is for people to dial; Holdfast does not.
	Phone Channel = "phone"
)

// Channels lists the channels.
var Channels = [...]Channel{SMTP, Webhook, Phone}

// Contact is one address of a person.
type Contact struct {
	Channel Channel `json:"channel" yaml:"channel"`
	// Address is a bare mail address, an http or https URL, or a phone number.
	Address string `json:"address" yaml:"address"`
	// Verified is when it was last found to work, a day alone being its midnight
	// in UTC; zero means never.
	Verified time.Time `json:"verified,omitzero" yaml:"verified"`
}

// clone returns a person that shares nothing with p.
func (p Person) clone() Person {
	p.Roles, p.Contacts = slices.Clone(p.Roles), slices.Clone(p.Contacts)
	return p
}

func (p Person) equal(q Person) bool {
	return p.ID == q.ID && p.Name == q.Name && p.Department == q.Department && p.Lang == q.Lang && p.Account == q.Account &&
		slices.Equal(p.Roles, q.Roles) &&
		slices.EqualFunc(p.Contacts, q.Contacts, func(a, b Contact) bool {
			return a.Channel == b.Channel && a.Address == b.Address && a.Verified.Equal(b.Verified)
		})
}
