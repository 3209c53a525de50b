// Package told is the customers' log of the simulated payment world: what each
// simulated customer meant to do, and what they were told about it and when.
// The checker compares it with the ledger of truth.
//
// The life of one intention:
//
//	begun ──▶ done
//	  │  └──▶ declined
//	  └─▶ in doubt (no usable answer) or pending (told to wait) ──▶ done | declined | gave-up
//
// Done, declined and gave-up are final: later events of the intention are
// refused. Begun is written, and with a file synced, before the first byte of
// the first request is sent: a customer whose program is killed still knows what
// to ask about.
//
// Memory is bounded: settled and given-up entries are forgotten oldest first,
// and counted. With a file every event is also appended there; the format is
// that of package recordfile with one [Event] a record:
//
//	{"event":"begun","identity":"c1-17","at":"2026-03-01T02:00:00Z","intention":{"identity":"c1-17","kind":"payment",
//	 "amount":1299,"currency":"CNY","payer":"acct_000123","payee":"m_001","channel":"app","method":"card","begun":"2026-03-01T02:00:00Z"}}
//	{"event":"done","identity":"c1-17","at":"2026-03-01T02:00:00.04Z","answer":{"id":"pay_000000000001","amount":1299,"currency":"CNY",
//	 "payer":"acct_000123","payee":"m_001"}}
package told

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"holdfast"
	"holdfast/internal/sandbox/truth"
)

// Intention is one thing a customer means to do once. Its identity is the
// idempotency key of every request about it and its reference.
type Intention struct {
	Identity string     `json:"identity"`
	Kind     truth.Kind `json:"kind"`
	// Payment is the id of the payment a refund gives back.
	Payment string `json:"payment,omitempty"`
	// Amount is in minor units of Currency.
	Amount   int64     `json:"amount"`
	Currency string    `json:"currency"`
	Payer    string    `json:"payer"`
	Payee    string    `json:"payee"`
	Channel  string    `json:"channel,omitempty"`
	Method   string    `json:"method,omitempty"`
	Begun    time.Time `json:"begun"`
}

// Answer is what a customer was told that was done.
type Answer struct {
	ID       string `json:"id"`
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
	Payer    string `json:"payer"`
	Payee    string `json:"payee"`
	// StandIn: a gate said so, in the place of the payment system.
	StandIn bool `json:"stand_in,omitempty"`
}

// State is how far a customer's knowledge goes.
type State string

const (
	// Begun: the first request may have been sent and nothing came back yet.
	Begun State = "begun"
	// Doubt: a request had no usable answer: none at all, a 5xx, or nonsense.
	Doubt State = "doubt"
	// Pending: told to wait or to inquire.
	Pending State = "pending"
	// Done: told that the money moved.
	Done State = "done"
	// Declined: told that it did not and will not.
	Declined State = "declined"
	// GaveUp: stopped inquiring without having been told.
	GaveUp State = "gave-up"
)

// Final reports whether no later event may follow.
func (s State) Final() bool { return s == Done || s == Declined || s == GaveUp }

// Settled reports whether the customer was told how it ended.
func (s State) Settled() bool { return s == Done || s == Declined }

// Event is one line of the log.
type Event struct {
	Event    State     `json:"event"`
	Identity string    `json:"identity"`
	At       time.Time `json:"at"`
	// Intention comes with begun, Answer with done.
	Intention *Intention `json:"intention,omitempty"`
	Answer    *Answer    `json:"answer,omitempty"`
	// Reason is the problem's code with declined, or what went wrong with doubt.
	Reason string `json:"reason,omitempty"`
}

// Entry is what the log knows of one intention.
type Entry struct {
	Intention Intention `json:"intention"`
	State     State     `json:"state"`
	// At is when the state was reached.
	At time.Time `json:"at"`
	// DoubtSince is when the customer first had cause to inquire; zero if the
	// first answer was clear. It stays when the intention is settled later.
	DoubtSince time.Time `json:"doubt_since,omitzero"`
	Answer     Answer    `json:"answer,omitzero"`
	Reason     string    `json:"reason,omitempty"`
}

// Begin makes the entry of a new intention.
func Begin(e Event) (Entry, error) {
	i := e.Intention
	if e.Event != Begun || i == nil || i.Identity != e.Identity || i.Identity == "" || i.Amount <= 0 || i.Begun.IsZero() ||
		(i.Kind != truth.Payment && i.Kind != truth.Refund) {
		return Entry{}, holdfast.Errorf(holdfast.Damaged, "customer log: %q of %q does not begin an intention", e.Event, e.Identity)
	}
	return Entry{Intention: *i, State: Begun, At: e.At}, nil
}

// Next returns the entry after a later event of the same intention.
func (e Entry) Next(ev Event) (Entry, error) {
	id := e.Intention.Identity
	if e.State.Final() {
		return e, holdfast.Errorf(holdfast.Conflict, "customer log: %s is %s already and cannot become %s", id, e.State, ev.Event)
	}
	switch ev.Event {
	case Doubt, Pending:
		if e.DoubtSince.IsZero() {
			e.DoubtSince = ev.At
		}
	case Done:
		if ev.Answer == nil {
			return e, holdfast.Errorf(holdfast.Damaged, "customer log: %s was told done without saying what", id)
		}
		e.Answer = *ev.Answer
	case Declined, GaveUp:
	default:
		return e, holdfast.Errorf(holdfast.Damaged, "customer log: %s: %q is not an event that can follow", id, ev.Event)
	}
	e.State, e.At, e.Reason = ev.Event, ev.At, ev.Reason
	return e, nil
}

// Decode reads one record of a customer log file.
func Decode(record []byte) (Event, error) {
	var e Event
	d := json.NewDecoder(bytes.NewReader(record))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		return Event{}, fmt.Errorf("customer log event: %w", err)
	}
	if d.More() || e.Identity == "" {
		return Event{}, holdfast.Errorf(holdfast.Damaged, "customer log event %q of %q: the record is not one whole event", e.Event, e.Identity)
	}
	return e, nil
}
