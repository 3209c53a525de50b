// Package view assembles what the API answers and the console shows: plain
// structs, built under one lock from one state, so that every number on a
// screen is from the same position of the journal. It decides nothing.
//
// Times are UTC; amounts are minor units; durations in JSON are nanoseconds as
// Go writes them unless a field's name says otherwise. Texts that people wrote
// in several languages are passed on whole.
package view

import (
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/alert"
	"holdfast/internal/authority"
	"holdfast/internal/backup"
	"holdfast/internal/callout"
	"holdfast/internal/debrief"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/filing"
	"holdfast/internal/fleet"
	"holdfast/internal/improvement"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/notify"
	"holdfast/internal/obligation"
	"holdfast/internal/plan"
	"holdfast/internal/reconciliation"
	"holdfast/internal/response"
	"holdfast/internal/roster"
	"holdfast/internal/settlement"
	"holdfast/internal/status"
	"holdfast/internal/traffic"
	"holdfast/internal/trial"
	"holdfast/internal/trigger"
	"holdfast/internal/waiver"
)

// Source is where views are assembled from.
type Source struct {
	State      *journal.State
	Now        func() time.Time
	Access     *access.Book
	Alerts     *alert.Book
	Directives *directive.Book
	Gates      *enrolment.Book
	Incidents  *incident.Book
	Notices    *notify.Book
	Plans      *plan.Book
	Roster     *roster.Book
	Triggers   trigger.Nouns
	Filings    *filing.Book
	Waivers    *waiver.Book
	// Improvements are what debriefs decided to change.
	Improvements improvement.Nouns
	// Reconciliation has what became of payments that gates approved.
	Reconciliation *reconciliation.Service
	// Trials has what gates found in shadow.
	Trials *trial.Board
	// Settlement has the primary's settlement files.
	Settlement *settlement.Service
	// Debriefs works out the figures of debriefs.
	Debriefs debrief.Nouns
	// Obligations works out what incidents owe to regulators.
	Obligations obligation.Nouns
	Authority   authority.Nouns
	// Status says what the public is told, in the rhythm of Public; Written tells how
	// writing that went.
	Status  status.Nouns
	Public  status.Rhythm
	Written func() status.Report
	// Files keeps the attachments of plans; nil leaves unsaid what is not kept.
	Files    journal.Blobs
	Timeline *response.Timeline
	Response *response.Service
	Series   *traffic.Series
	Node     *fleet.Node
	Restored *backup.Book
	Backups  *backup.Keeper
	// Auditor watches that what is due to people comes to pass; nil says nothing of it.
	Auditor *callout.Auditor
	// Durability is what the journal says of itself.
	Durability func() journal.Durability
	Version    string
	Operator   string

	lint lintCache
}

// Page is a part of a list, newest first.
type Page[T any] struct {
	Items []T `json:"items"`
	Total int `json:"total"`
	// Next is the number to ask the next page with; 0 means there is none.
	Next int `json:"next,omitempty"`
}

// PageSize is how many items a page holds unless asked otherwise, and MaxPage
// the most it can hold.
const (
	PageSize = 50
	MaxPage  = 500
)

// paginate cuts a page out of a list: offset items in, at most size.
func paginate[T, V any](all []T, offset, size int, view func(T) V) Page[V] {
	if size <= 0 || size > MaxPage {
		size = PageSize
	}
	p := Page[V]{Items: []V{}, Total: len(all)}
	offset = min(max(offset, 0), len(all))
	end := min(offset+size, len(all))
	for _, item := range all[offset:end] {
		p.Items = append(p.Items, view(item))
	}
	if end < len(all) {
		p.Next = end
	}
	return p
}

// Actor is who did something.
type Actor struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Name string `json:"name"`
}

func actor(a holdfast.Actor) *Actor {
	if a.ID == "" {
		return nil
	}
	return &Actor{Kind: string(a.Kind), ID: a.ID, Name: a.String()}
}

// Named is something with an id and a name in several languages.
type Named struct {
	ID   string        `json:"id"`
	Name holdfast.Text `json:"name"`
}

// role names a role by the plan revision of an incident, or by its id.
func role(p *plan.Plan, id string) Named {
	if p != nil {
		if r, ok := p.Role(id); ok {
			return Named{ID: id, Name: r.Name}
		}
	}
	return Named{ID: id}
}
