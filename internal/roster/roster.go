// Package roster says who the people are: their plan roles, who stands in for
// them, when they are on duty and how each is reached; and the third parties
// that a response may need. Plans name roles; the roster says who fills them now.
//
// # Life cycle
//
//	person.recorded ──▶ person.recorded … ──▶ person.left ──▶ person.recorded …
//	person.leaving ──▶ person.left when the day comes, or person.staying
//	party.recorded  ──▶ party.recorded …  ──▶ party.removed ──▶ party.recorded …
//	contact.asked ──▶ contact.verified, on the subject of the person or party
//	duty.scheduled ──▶ duty.covered, duty.uncovered … ──▶ duty.ended
//	calendar.recorded ──▶ calendar.recorded …
//
// Facts stand on the subjects person/<id>, party/<id>, duty/<role> and
// calendar/<name>-<year>. A recorded or scheduled fact holds the whole thing as
// it is from then on; whoever left can be recorded again. A person whose leaving is
// announced is here until its day; [Service.Run] then states that he left.
//
// # Contact points
//
// contact.asked says that a link was sent to an address; it holds the hash of
// the link's secret, which works once and for [LinkLife]. contact.verified says
// that the address was found to work: by that link, or by a person who reached
// someone there. Recording a person or a party again keeps the later of the two
// days for an address that stays.
//
// # Duty
//
// A [Schedule] gives each instant from its start exactly one person of the
// rotation; [Book.OnDuty] says who that is. Hand-overs stand at the same hour of
// the wall clock all year: one that falls into the hour that daylight saving
// skips happens as the clock jumps, one in the hour that comes twice the first
// time. A rotation turns whether its days come up or not, so that a correction of
// the calendar changes only the days it corrects.
//
// # Files
//
// People and parties are imported from YAML or CSV, duty schedules and calendars
// from YAML, read strictly: an unknown key, a second value of a key or an address
// that cannot be one is a fault with line and column, all faults are reported at
// once, and then nothing is recorded. docs/formats/people.md has all formats.
//
//	format: holdfast-people/1
//	people:
//	  - id: chen.wei               # lower-case letters, digits, '-', '_', '.'
//	    name: 陳偉
//	    names: {en: Chen Wei}      # in languages where it is another; may be left out
//	    department: technology     # as in the plan; may be left out
//	    roles: [duty-officer]      # plan roles
//	    lang: zh-Hant              # zh-Hant, zh-Hans or en; may be left out
//	    account: chen.wei          # with which the person signs in, if any
//	    quiet: {from: "22:00", until: "07:00", zone: Asia/Taipei}   # only urgent notices then; may be left out
//	    deputies:                  # who stands in; without a role, in all of them
//	      - {person: lin.fang, role: duty-officer}
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
	maxDeputies = 20
	maxLabel    = 64 // characters
)

// Person is someone who fills roles or must be told.
type Person struct {
	ID   string `json:"id" yaml:"id"`
	Name string `json:"name" yaml:"name"`
	// Names is the name in languages in which it is another than Name.
	Names holdfast.Text `json:"names,omitzero" yaml:"names,omitempty"`
	// Department is one of the plan's, or empty.
	Department string `json:"department,omitempty" yaml:"department,omitempty"`
	// Roles are roles of the plan.
	Roles []string `json:"roles,omitempty" yaml:"roles,omitempty"`
	// Contacts are tried in this order.
	Contacts []Contact `json:"contacts,omitempty" yaml:"contacts,omitempty"`
	// Deputies stand in for the person when he cannot be reached.
	Deputies []Deputy `json:"deputies,omitempty" yaml:"deputies,omitempty"`
	// Lang is the language of notices to the person; empty leaves it to the plan.
	Lang holdfast.Lang `json:"lang,omitempty" yaml:"lang,omitempty"`
	// Account is the name of the account the person signs in with, or empty.
	Account string `json:"account,omitempty" yaml:"account,omitempty"`
	// Quiet are hours in which only urgent notices reach the person; zero means none.
	Quiet Quiet `json:"quiet,omitzero" yaml:"quiet,omitempty"`
}

// Deputy stands in for the person whose entry names him.
type Deputy struct {
	// Person is the deputy's id.
	Person string `json:"person" yaml:"person"`
	// Role is the one in which he stands in; empty means all of the person's.
	Role string `json:"role,omitempty" yaml:"role,omitempty"`
}

// Contact is one address of a person or a party.
type Contact struct {
	// Label says in a few words what answers there, such as "duty desk"; optional.
	Label   string  `json:"label,omitempty" yaml:"label,omitempty"`
	Channel Channel `json:"channel" yaml:"channel"`
	// Address is as its channel has it; see [Channel].
	Address string `json:"address" yaml:"address"`
	// Verified is when it was last found to work, a day alone being its midnight
	// in UTC; zero means never.
	Verified time.Time `json:"verified,omitzero" yaml:"verified,omitempty"`
}

// same reports whether two contacts are one address.
func (c Contact) same(d Contact) bool { return c.Channel == d.Channel && c.Address == d.Address }

func (c Contact) equal(d Contact) bool {
	return c.same(d) && c.Label == d.Label && c.Verified.Equal(d.Verified)
}

// NameIn returns the person's name in a language.
func (p Person) NameIn(l holdfast.Lang) string {
	own := map[holdfast.Lang]string{holdfast.ZhHant: p.Names.ZhHant, holdfast.ZhHans: p.Names.ZhHans, holdfast.En: p.Names.En}[l]
	if own == "" {
		return p.Name
	}
	return own
}

// clone returns a person that shares nothing with p.
func (p Person) clone() Person {
	p.Roles, p.Contacts, p.Deputies = slices.Clone(p.Roles), slices.Clone(p.Contacts), slices.Clone(p.Deputies)
	return p
}

func (p Person) equal(q Person) bool {
	return p.ID == q.ID && p.Name == q.Name && p.Names == q.Names && p.Department == q.Department && p.Lang == q.Lang && p.Account == q.Account && p.Quiet == q.Quiet &&
		slices.Equal(p.Roles, q.Roles) && slices.Equal(p.Deputies, q.Deputies) && slices.EqualFunc(p.Contacts, q.Contacts, Contact.equal)
}
