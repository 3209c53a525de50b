// Package truth is the ledger of truth of the simulated payment world: what
// really happened to the money, written before anyone is answered and whatever
// is answered afterwards. The checker reads it; nothing ever changes or removes
// an entry.
//
// In memory the newest effects are kept, up to a bound; [Ledger.Horizon] says
// from when on nothing is missing. With a file, every effect is also appended
// there and synced before [Ledger.Record] returns, so that kill -9 of the
// process loses no effect that anybody was told about. The file's format is
// that of package recordfile with one [Effect] a record:
//
//	{"seq":1,"kind":"payment","id":"pay_000000000001","key":"c1-1","reference":"c1-1",
//	 "amount":1299,"currency":"CNY","payer":"acct_000123","payee":"m_001",
//	 "channel":"app","method":"card","time":"2026-03-01T02:00:00.5Z"}
package truth

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/sandbox/recordfile"
)

// Kind says which way the money went.
type Kind string

const (
	// Payment moved money from the payer to the payee.
	Payment Kind = "payment"
	// Refund moved money back from the payee to the payer.
	Refund Kind = "refund"
)

// Effect is one movement of money that happened.
type Effect struct {
	// Seq counts effects from 1.
	Seq  uint64 `json:"seq"`
	Kind Kind   `json:"kind"`
	// ID is the primary's own: pay_… or ref_….
	ID string `json:"id"`
	// Payment is the id of the payment that a refund gives back.
	Payment string `json:"payment,omitempty"`
	// Key is the idempotency key the request came with.
	Key string `json:"key"`
	// Reference is the customer's identity for the intention, if the request
	// named one. It stays the same where somebody on the way changed the key.
	Reference string `json:"reference,omitempty"`
	// Amount is in minor units of Currency.
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
	Payer    string `json:"payer"`
	Payee    string `json:"payee"`
	Channel  string `json:"channel,omitempty"`
	Method   string `json:"method,omitempty"`
	// Asked is the amount of the request where a fault booked another one; else 0.
	Asked int64 `json:"asked,omitempty"`
	// Advice: a gate had stood in for it before.
	Advice bool `json:"advice,omitempty"`
	// Time is when the money moved, in UTC.
	Time time.Time `json:"time"`
}

// Identity is what the effect belongs to: the reference, or else the key.
func (e Effect) Identity() string {
	if e.Reference != "" {
		return e.Reference
	}
	return e.Key
}

// Decode reads one record of a truth file.
func Decode(record []byte) (Effect, error) {
	var e Effect
	d := json.NewDecoder(bytes.NewReader(record))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		return Effect{}, fmt.Errorf("effect: %w", err)
	}
	if d.More() {
		return Effect{}, holdfast.Errorf(holdfast.Damaged, "effect %d: there is more than one value in the record", e.Seq)
	}
	if e.Seq == 0 || e.ID == "" || e.Identity() == "" || e.Amount <= 0 || (e.Kind != Payment && e.Kind != Refund) {
		return Effect{}, holdfast.Errorf(holdfast.Damaged, "effect %d (%s %q of %d): the record is not complete", e.Seq, e.Kind, e.ID, e.Amount)
	}
	return e, nil
}

// ReadFile passes every effect of a truth file to each, in order. The file may
// be growing.
func ReadFile(path string, each func(Effect) error) error {
	return recordfile.ReadFile(path, func(record []byte) error {
		e, err := Decode(record)
		if err != nil {
			return err
		}
		return each(e)
	})
}

// Options say where effects are kept. The zero value keeps the newest 500,000
// in memory only.
type Options struct {
	// File is the path of the append-only file; "" means none.
	File string
	// Keep is how many effects stay in memory, about 250 bytes each; default
	// 500,000.
	Keep int
}

// chunk is how many effects are dropped from memory at once.
const chunk = 1024

// Ledger holds the effects. Its methods may be called concurrently.
type Ledger struct {
	keep int
	file *recordfile.File // nil without a file

	mu      sync.Mutex
	seq     uint64
	chunks  [][]Effect // full ones of length chunk, then one that is being filled
	held    int
	horizon time.Time
}

// Open makes a ledger and passes the effects already in its file to each, in
// order.
func Open(o Options, each func(Effect) error) (*Ledger, error) {
	if o.Keep == 0 {
		o.Keep = 500_000
	}
	if o.Keep < chunk {
		return nil, holdfast.Errorf(holdfast.Invalid, "sandbox: the ledger of truth must keep at least %d effects, not %d", chunk, o.Keep)
	}
	l := &Ledger{keep: o.Keep}
	if o.File == "" {
		return l, nil
	}
	file, err := recordfile.Open(o.File, func(record []byte) error {
		e, err := Decode(record)
		if err != nil {
			return err
		}
		if e.Seq <= l.seq {
			return holdfast.Errorf(holdfast.Damaged, "effect %d stands after effect %d", e.Seq, l.seq)
		}
		l.seq = e.Seq
		l.add(e)
		return each(e)
	})
	if err != nil {
		return nil, fmt.Errorf("ledger of truth: %w", err)
	}
	l.file = file
	return l, nil
}

// Record numbers the effect and keeps it; with a file it returns once the effect
// is durable. After an error it is not known whether the effect is in the file,
// and the ledger takes no more.
func (l *Ledger) Record(e Effect) (Effect, error) {
	wait, e, err := l.enter(e)
	if err != nil {
		return Effect{}, err
	}
	if err := wait(); err != nil {
		return Effect{}, fmt.Errorf("ledger of truth: %w", err)
	}
	return e, nil
}

func (l *Ledger) enter(e Effect) (wait func() error, _ Effect, _ error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Seq = l.seq + 1
	wait = func() error { return nil }
	if l.file != nil {
		record, err := json.Marshal(e)
		if err != nil {
			return nil, e, fmt.Errorf("encode effect: %w", err)
		}
		wait = l.file.Append(record)
	}
	l.seq = e.Seq
	l.add(e)
	return wait, e, nil
}

func (l *Ledger) add(e Effect) {
	last := len(l.chunks) - 1
	if last < 0 || len(l.chunks[last]) == chunk {
		l.chunks = append(l.chunks, make([]Effect, 0, chunk))
		last++
	}
	l.chunks[last] = append(l.chunks[last], e)
	l.held++
	if l.held-chunk >= l.keep {
		gone := l.chunks[0]
		l.chunks = l.chunks[1:]
		l.held -= chunk
		for _, e := range gone {
			if e.Time.After(l.horizon) {
				l.horizon = e.Time
			}
		}
	}
}

// Count returns how many effects there ever were.
func (l *Ledger) Count() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seq
}

// Effects returns the effects in memory as they are now, oldest first, and the
// horizon: every effect later than it is among them. The horizon is zero while
// nothing was dropped.
func (l *Ledger) Effects() (effects iter.Seq[Effect], horizon time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	chunks := append([][]Effect(nil), l.chunks...) // entries are never changed, so sharing them is safe
	return func(yield func(Effect) bool) {
		for _, c := range chunks {
			for _, e := range c {
				if !yield(e) {
					return
				}
			}
		}
	}, l.horizon
}

// Close closes the file, if there is one.
func (l *Ledger) Close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}
