// Package detect tells from the gates' own counts that something is wrong with
// payments, before a customer or a monitoring system does (R4.1).
//
// # What is watched
//
// Every second the counts of one second are laid over scopes: all payments, each
// route, and of a route each channel, method, payer's bank and group of merchants.
// In each scope these are watched:
//
//	failures  payments that were not done: refused by the primary, or by a gate
//	          for a reason of its own (no lease, no posture, full, unreadable)
//	unknowns  payments whose outcome nobody knows
//	slow      payments slower than nearly all were before
//	amounts   payments whose answer names another amount than was asked for
//	value     the mean amount of the payments that were done: a wrong discount
//	drop      far fewer payments than expected
//	surge     far more payments than expected
//
// and in each route and channel
//
//	codes     payments that were not done, or are unknown, with one error code:
//	          it may come in the place of others while no more payments fail
//
// and of each gate in service, whether it still sends its counts: what is missing
// is a finding (silent), never a healthy zero.
//
// # How it is judged
//
// Each watched thing is a sequential test (CUSUM, E. S. Page, Biometrika 1954):
// with every second the log-likelihood ratio of "as bad as this" against "as it
// was before" is added up, never below zero. A finding is made when the sum
// passes [Threshold]. Several degrees of "as bad as this" run side by side, so a
// total outage is found within seconds and a few percent within a minute. Counts
// vary more than chance alone would have them; by how much is measured, and the
// sums are divided by it.
//
// What was before is a mean that forgets with a half-life of an hour, and for
// volumes also of two minutes: they follow the hours of a day. After a week the
// volume of each hour of the week is known, too; see [Season]. From the first hour on
// a scope's volume is also held against those beside it; see [Course]. Nothing is learned
// from a second that looks suspicious, from a scope with an open finding, or
// while the caller says that an incident is on. Until a scope has 300 payments
// and a minute behind it only a failure of most payments is found in it, judged
// against a bad day of anybody.
//
// If several scopes pass at once the one with the greatest sum explains the
// others, or a narrower one that has nearly all of its ill payments: they begin
// anew without the payments of it. A fault of one channel is therefore one
// finding, and so is a fault of all. What is certain but slight is no finding.
// Payments are counted by bank and by group of merchants for themselves, not
// crosswise, so what two scopes share is not known: while one of them has a finding
// the other is not judged. Nor is a code while there is a finding of failures.
//
// A finding says what was seen, what was expected, since when, on how many
// payments it rests and how sure it is. It ends when the evidence for what was
// expected, against what was seen, has grown as far for half a minute and more,
// or when a person has said that it is as it should be ([Detector.Accept]).
//
// # The service
//
// [Service] judges each second once, on one control node at a time, and keeps the
// alerts of source "gates" as the findings are; docs/formats/detect.md has their
// form, and that of the document in which what is usual outlives a restart.
package detect

import (
	"slices"
	"time"

	"holdfast/internal/traffic"
)

// Kind is what is wrong.
type Kind string

// The kinds of findings.
const (
	Failures Kind = "failures"
	Unknowns Kind = "unknowns"
	Slow     Kind = "slow"
	Amounts  Kind = "amounts"
	Value    Kind = "value"
	Drop     Kind = "drop"
	Surge    Kind = "surge"
	Codes    Kind = "codes"
	Silent   Kind = "silent"
)

// Severity is how grave a finding is, in the words that rules of plans match.
type Severity string

// Severities, the gravest first.
const (
	Critical Severity = "critical"
	Major    Severity = "major"
	Minor    Severity = "minor"
)

// graver reports whether s is graver than t; everything is graver than none.
func (s Severity) graver(t Severity) bool {
	rank := map[Severity]int{Critical: 3, Major: 2, Minor: 1}
	return rank[s] > rank[t]
}

// Scope is the payments that are watched together; an empty field takes all.
type Scope struct {
	Route   string `json:"route,omitempty"`
	Channel string `json:"channel,omitempty"`
	Method  string `json:"method,omitempty"`
	Bank    string `json:"bank,omitempty"`
	// Merchant is a group of merchants.
	Merchant string `json:"merchant,omitempty"`
	// Code is an error code; only Codes are watched in such a scope.
	Code string `json:"code,omitempty"`
}

// holds reports whether payments counted under k are in the scope. Of a part it is
// not known.
func (s Scope) holds(k *traffic.Key) bool {
	return !s.part() && (s.Route == "" || s.Route == k.Route) && (s.Channel == "" || s.Channel == k.Channel) && (s.Method == "" || s.Method == k.Method)
}

// part reports whether the scope is counted for itself, as a [traffic.Part].
func (s Scope) part() bool { return s.Bank != "" || s.Merchant != "" || s.Code != "" }

// narrow reports whether the scope is less than a route.
func (s Scope) narrow() bool { return s.Channel != "" || s.Method != "" || s.part() }

// names are the fields of a scope, the widest first.
func (s Scope) names() [6]string {
	return [...]string{s.Route, s.Channel, s.Method, s.Bank, s.Merchant, s.Code}
}

// within reports whether all payments of a are payments of b.
func within(a, b Scope) bool {
	x, y := a.names(), b.names()
	for i := range x {
		if y[i] != "" && x[i] != y[i] {
			return false
		}
	}
	return true
}

// touches reports whether a payment may be in both.
func touches(a, b Scope) bool {
	x, y := a.names(), b.names()
	for i := range x {
		if x[i] != "" && y[i] != "" && x[i] != y[i] {
			return false
		}
	}
	return true
}

// apart reports whether a finding in a keeps b from being judged: they may share
// payments, and nobody knows how many.
func apart(a, b Scope) bool {
	return (a.part() || b.part()) && touches(a, b) && !within(a, b) && !within(b, a)
}

func (s Scope) compare(t Scope) int {
	x, y := s.names(), t.names()
	return slices.Compare(x[:], y[:])
}

// Threshold is the sum of log-likelihood ratios at which a finding is made: what
// is seen is then e^21, a billion, times as likely if it is ill as if it is as
// usual.
const Threshold = 21

// Finding is one thing that is wrong.
type Finding struct {
	Kind     Kind     `json:"kind"`
	Severity Severity `json:"severity"`
	Scope    Scope    `json:"scope,omitzero"`
	// Gate is the one that is silent.
	Gate string `json:"gate,omitempty"`
	// Since is the first second that it rests on, At the one in which it was made.
	Since time.Time `json:"since"`
	At    time.Time `json:"at"`
	// Seen and Expected are shares of payments (0 to 1) for failures, unknowns,
	// slow, amounts and codes; payments per second for drop and surge; minor units of
	// Currency for value; seconds for silent, where Expected is 0.
	Seen     float64 `json:"seen"`
	Expected float64 `json:"expected"`
	// Payments is how many it rests on.
	Payments int64 `json:"payments"`
	// SlowerThan is what slow means, in milliseconds.
	SlowerThan int64 `json:"slower_than_ms,omitempty"`
	// Currency of Seen and Expected, for value.
	Currency string `json:"currency,omitempty"`
	// Sure is the sum of log-likelihood ratios.
	Sure float64 `json:"sure"`
}

// Change is a finding that was made, or one that has ended.
type Change struct {
	Finding
	// Ended is when it ended; zero says that it was made.
	Ended time.Time
}

// Gate is one gate in service.
type Gate struct {
	Name string
	// Last is the newest second that it sent, since 1970 in UTC.
	Last int64
	// Heard says that it sent the second that is judged.
	Heard bool
}

// Second is what the gates counted in one second.
type Second struct {
	// At is the second, since 1970 in UTC.
	At    int64
	Rows  []traffic.Row
	Parts []traffic.PartRow
	Gates []Gate
	// Quiet says that things are as usual as far as anybody knows: no incident is
	// on. Without it nothing is learned.
	Quiet bool
	// Held says that a directive holds payments back: nothing is learned, and
	// fewer payments than expected are no finding.
	Held bool
}
