// Package payment holds one payment as a gate sees it: free of wire formats,
// with every field marked as read or not, and with values that may hold card
// data typed so that they cannot be printed by accident.
package payment

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Kind says what a request asks of the primary.
type Kind uint8

const (
	// Other is any request that moves no money and asks about none: it passes.
	Other Kind = iota
	// Pay moves money from a payer to a payee.
	Pay
	// Refund moves money back.
	Refund
	// Inquiry asks for the outcome of a payment or refund. It passes a stop.
	Inquiry
)

var kindNames = [...]string{"other", "payment", "refund", "inquiry"}

func (k Kind) String() string {
	if int(k) >= len(kindNames) {
		return "kind " + strconv.Itoa(int(k))
	}
	return kindNames[k]
}

// MovesMoney reports whether requests of this kind are subject to directives.
func (k Kind) MovesMoney() bool { return k == Pay || k == Refund }

// ParseKind reads the name of a kind.
func ParseKind(s string) (Kind, error) {
	for i, name := range kindNames {
		if s == name {
			return Kind(i), nil
		}
	}
	return Other, fmt.Errorf("kind %q: write payment, refund, inquiry or other", s)
}

// Field is one thing a route may read from a request.
type Field uint8

const (
	Identity Field = iota
	Amount
	Currency
	Payer
	Payee
	Channel
	Method
	fields // how many there are
)

var fieldNames = [fields]string{"identity", "amount", "currency", "payer", "payee", "channel", "method"}

func (f Field) String() string { return fieldNames[f] }

// Fields lists all fields.
func Fields() []Field {
	all := make([]Field, fields)
	for i := range all {
		all[i] = Field(i)
	}
	return all
}

// ParseField reads the name of a field.
func ParseField(s string) (Field, error) {
	for i, name := range fieldNames {
		if s == name {
			return Field(i), nil
		}
	}
	return 0, fmt.Errorf("field %q: write one of %s", s, strings.Join(fieldNames[:], ", "))
}

// Set is a set of fields.
type Set uint8

// Has reports whether f is in the set.
func (s Set) Has(f Field) bool { return s&(1<<f) != 0 }

// With returns the set with f added.
func (s Set) With(f Field) Set { return s | 1<<f }

func (s Set) String() string {
	var names []string
	for _, f := range Fields() {
		if s.Has(f) {
			names = append(names, f.String())
		}
	}
	return strings.Join(names, ", ")
}

// Payment is one customer's instruction as far as the gate could read it. A
// field that is not in Read has no meaning, and no rule may take its zero value
// for a fact.
type Payment struct {
	// Route is the name of the route the request matched.
	Route string
	Kind  Kind
	Read  Set
	// Identity survives retries: the Idempotency-Key, or a field of the body. It
	// is scoped by the client that sent it where the route says so.
	Identity string
	// Amount is in minor units of Currency, an ISO 4217 code in capitals.
	Amount   int64
	Currency string
	Payer    Sensitive
	Payee    Sensitive
	Channel  string
	Method   string
	// Original is the identity that a refund takes back; empty if not known. Only
	// stand-in looks at it.
	Original string
	// Bank and Merchant (a group of merchants) are only counted by; empty if not
	// known. No directive looks at them.
	Bank     string
	Merchant string
	// Second: it goes to the second primary of its route. No directive looks at it.
	Second bool
	// Advice: it was stood in for, and is now delivered. Limits are for what customers
	// send; what stops payments stops it too.
	Advice bool
	// Probe is the incident for which the request carries a valid probe mark;
	// empty for every payment of a customer.
	Probe string
}

// Apart says what a payment is that no customer sends now, "probe" or "advice"; it
// is counted apart under that word. It is "" for every other.
func (p *Payment) Apart() string {
	switch {
	case p.Probe != "":
		return "probe"
	case p.Advice:
		return "advice"
	}
	return ""
}

// Record is what is kept of a payment that was admitted: enough to find out
// what became of it, nothing that PCI DSS forbids to keep.
type Record struct {
	Identity string `json:"identity"`
	Route    string `json:"route"`
	Kind     string `json:"kind"`
	// Amount is in minor units; Currency is empty if it could not be read.
	Amount   int64  `json:"amount"`
	Currency string `json:"currency,omitempty"`
	// Posture is the position of the posture that admitted it.
	Posture uint64 `json:"posture"`
	// At is when it was admitted, by the gate's clock.
	At time.Time `json:"at"`
	// Second says that it went to the second primary of its route.
	Second bool `json:"second,omitempty"`
}

// MaxIdentity is the longest identity a gate reads, in bytes. A longer one
// cannot be read: it would not fit the ring that lists payments in flight.
const MaxIdentity = 160

// MaxAmount is the largest amount the gate reads, in minor units: far above any
// payment. Nine thousand of them can be summed in 64 bits.
const MaxAmount = 1_000_000_000_000_000

// ErrAmount is returned for text that is not a whole number of minor units.
var ErrAmount = errors.New("an amount is a whole number of minor units, from 0 to 1000000000000000, without sign, point or exponent")

// ParseAmount reads a whole number of minor units. "12.99", "1e3", "+5" and ""
// are not amounts: what cannot be read is never guessed.
func ParseAmount(s string) (int64, error) {
	if s == "" || len(s) > 16 {
		return 0, ErrAmount
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, ErrAmount
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > MaxAmount {
		return 0, ErrAmount
	}
	return n, nil
}

// ParseCurrency reads an ISO 4217 code: three capital letters.
func ParseCurrency(s string) (string, error) {
	if len(s) != 3 || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return "", fmt.Errorf("a currency is three capital letters")
	}
	return s, nil
}
