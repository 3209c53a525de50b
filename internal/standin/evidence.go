package standin

import (
	"time"

	"holdfast"
	"holdfast/internal/payment"
)

// Said is what the primary said of a payment, or why nothing came of asking.
type Said uint8

const (
	// SaidDone: it has done it; SaidNotDone: it does not do it.
	SaidDone Said = iota + 1
	SaidNotDone
	// SaidAbsent: asked, it does not know the identity.
	SaidAbsent
	// SaidUnclear: its answer says neither.
	SaidUnclear
	// Silent: no whole answer came to what was sent.
	Silent
	// Unreached: nothing was sent.
	Unreached
)

var saidNames = names{"", "done", "not-done", "absent", "unclear", "silent", "unreached"}

func (w Said) String() string { return saidNames.of(int(w)) }

// MarshalText writes it as its word.
func (w Said) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads its word.
func (w *Said) UnmarshalText(b []byte) error { return saidNames.read((*uint8)(w), b) }

// Reply is what came of an attempt or an inquiry, as far as a person may see it: nothing of
// the body. The zero value says nothing.
type Reply struct {
	Said Said `json:"said"`
	// Status is that of HTTP, up to 999; 0 without one.
	Status uint16 `json:"status,omitempty"`
}

const maxStatus = 999

func (r Reply) readable() bool {
	return r.Said >= SaidDone && r.Said <= Unreached && r.Status <= maxStatus
}

// Filed is what a settlement file says against what is known here.
type Filed struct {
	File string `json:"file"`
	// Line is that of the file, from 1; 0 if it does not have the payment.
	Line int `json:"line,omitempty"`
	// Amount is in minor units; it and the currency are the line's.
	Amount   int64  `json:"amount"`
	Currency string `json:"currency,omitempty"`
	Done     bool   `json:"done,omitempty"`
}

func (f *Filed) readable() bool {
	return holdfast.ValidName(f.File) && f.Line >= 0 && f.Amount >= 0 && f.Amount <= payment.MaxAmount && currency(f.Currency)
}

func filed(r Row, p *FilePage) *Filed {
	return &Filed{File: p.File, Line: r.Line, Amount: r.Amount, Currency: r.Currency, Done: r.Done}
}

// OpenException is a payment that people have to decide on, with what is known of it.
type OpenException struct {
	Identity  string    `json:"identity"`
	Directive string    `json:"directive"`
	Kind      Kind      `json:"kind"`
	Amount    int64     `json:"amount"`
	Currency  string    `json:"currency"`
	Route     string    `json:"route,omitempty"`
	Channel   string    `json:"channel,omitempty"`
	Why       Why       `json:"why"`
	Decided   time.Time `json:"decided"`
	Since     time.Time `json:"since"`
	// Approved reports whether the customer was told yes.
	Approved bool `json:"approved,omitempty"`
	// Queued reports whether it was told that it waits.
	Queued    bool      `json:"queued,omitempty"`
	Attempts  int       `json:"attempts,omitempty"`
	Inquiries int       `json:"inquiries,omitempty"`
	First     time.Time `json:"first,omitzero"`
	Last      time.Time `json:"last,omitzero"`
	// Pending is since when it waited for the primary, the last time: until it expires is
	// counted from then. Zero of what was declined.
	Pending time.Time `json:"pending,omitzero"`
	// Until is when what was queued would have expired unsent.
	Until time.Time `json:"until,omitzero"`
	// Version is that of the terms that decided, Cause why the primary was not asked, Reason
	// why it was not approved.
	Version string `json:"version,omitempty"`
	Cause   string `json:"cause,omitempty"`
	Reason  string `json:"reason,omitempty"`
	// Reply is what the primary said last, Replied when that was written; nil if nothing is
	// known.
	Reply   *Reply    `json:"reply,omitempty"`
	Replied time.Time `json:"replied,omitzero"`
	// Filed is what a settlement file says; nil if it is not because of one.
	Filed *Filed `json:"filed,omitempty"`
}

// told is what people get to know of an exception.
func (i *Item) told() OpenException {
	e := OpenException{
		Identity: i.Identity, Directive: i.Directive, Kind: i.Kind, Amount: i.Amount, Currency: i.Currency,
		Route: i.Route, Channel: i.Channel, Why: i.Exception.Why, Decided: i.At.Time(), Since: i.Exception.Since.Time(),
		Approved: i.Verdict == Approved, Queued: i.Verdict == Queued, Attempts: i.Attempts, Inquiries: i.Inquiries, First: timeOf(i.First), Last: timeOf(i.Last),
		Until: timeOf(i.Until), Version: i.Version.String(), Cause: i.Cause.String(), Reason: i.Reason.String(), Replied: timeOf(i.Replied), Filed: i.Exception.Filed,
	}
	if e.Approved || e.Queued {
		e.Pending = i.Since.Time()
	}
	if i.Reply.Said != 0 {
		reply := i.Reply
		e.Reply = &reply
	}
	return e
}

func (e *OpenException) readable() bool {
	return e.Identity != "" && len(e.Identity) <= payment.MaxIdentity && named(e.Directive) && currency(e.Currency) &&
		e.Kind >= Payment && e.Kind <= Reversal && e.Why >= PrimaryRefused && e.Why <= FileAbsent &&
		len(e.Route) <= longest && len(e.Channel) <= longest && e.Amount >= 0 && e.Amount <= payment.MaxAmount &&
		e.Attempts >= 0 && e.Inquiries >= 0 && !e.Since.IsZero() && len(e.Version) <= 2*len(Digest{}) && len(e.Cause) <= 40 && len(e.Reason) <= 40 &&
		(e.Reply == nil || e.Reply.readable()) && (e.Filed == nil || e.Filed.readable())
}

// hears keeps what the primary said last.
func (i *Item) hears(r Reply, at Instant) {
	if r.Said != 0 {
		i.Reply, i.Replied = r, at
	}
}

func (c *codec) reply(r *Reply) {
	c.enum((*uint8)(&r.Said), len(saidNames)-1)
	status := int(r.Status)
	c.count(&status)
	if status > maxStatus || r.Said == 0 && status != 0 {
		c.failed = true
		return
	}
	if !c.writing { // what is written may be shared
		r.Status = uint16(status)
	}
}

func (c *codec) filed(f **Filed) {
	there := *f != nil
	if c.bool(&there); !there {
		return
	}
	v := made(f)
	c.text(&v.File)
	c.count(&v.Line)
	c.int(&v.Amount)
	c.text(&v.Currency)
	c.bool(&v.Done)
}
