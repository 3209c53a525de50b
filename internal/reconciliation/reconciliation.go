// Package reconciliation proves, for each directive of stand-in, that what was
// approved is accounted for, and has people decide on what is not.
//
// # Figures
//
// Gates tell of the shards they decide for ([holdfast/internal/standin.Summary]).
// [Board] keeps the last that each told, in memory and as documents standin/GATE/SOURCE:
//
//	{"heard":"2026-11-26T02:00:01Z","summary":{"source":"src1","shards":16,…}}
//
// [Sum] adds them up: of each shard the summary of the latest epoch counts. Figures
// are complete once every shard of the source was told of; what was not is missing,
// and never zero. They are shown, and they are what a close-out is decided on.
//
// # Exceptions
//
// What the primary refused, or nobody could deliver, people decide on:
//
//	asked ──a second person, where two are needed──▶ ordered ──▶ done
//	   └──────────▶ refused, or taken back              └──▶ failed: it is open again
//
// Writing off takes two people, and so does an amount above that of the profile.
// What is ordered is told to the gate that decides for the shard, again and again,
// until its summary says what became of it.
//
// # Expired payments
//
// What expired in the queue was promised to nobody; its customers are told by whoever
// fills the role that the queue's terms name:
//
//	ordered ──▶ done
//	   └──────▶ failed: it is open again
//
// It is done once, and no close-out waits for it.
//
// # Close-out
//
// A directive that has ended is closed by two people once its figures are complete
// and nothing is pending or unresolved. The figures stand in the fact for good.
//
// # A source that is gone for good
//
// Where nobody will ever tell again, two people give the source up ([Lost]): the directive
// is closed out, with what was lost track of as a figure of its own that nothing explains.
//
//	asked ──a second person──▶ done ──a gate tells of the source──▶ contradicted
//
// Decisions on its exceptions are void. Once it is contradicted the directive is to be closed
// out as any other.
//
// # A source that goes back
//
// A source that was restored from an older backup tells less than it told. The last durable
// word of each shard is kept ([Board]); what is missing after it keeps the account from holding
// until a newer backup tells of it, or two people sign it and the gates close the directive:
//
//	asked ──a second person──▶ ordered ──a newer backup tells of it──▶ contradicted
//
// # Facts
//
// Subject reconciliation/DIRECTIVE: reconciliation.asked, .agreed, .refused,
// .carried, .contradicted, .gone-back, .looked-after; docs/formats/stand-in.md has their bodies.
package reconciliation

import (
	"slices"
	"strconv"
	"time"

	"holdfast"
	"holdfast/internal/standin"
)

// State says how far a decision is.
type State string

const (
	// Asked waits for a second person.
	Asked State = "asked"
	// Ordered is decided; the gate has not said yet what became of it.
	Ordered State = "ordered"
	Done    State = "done"
	Refused State = "refused"
	// Failed was not carried out by the gate.
	Failed State = "failed"
	// Void is what nobody is left to carry out, since the source was given up.
	Void State = "void"
	// Contradicted is a loss that a gate has shown to be none.
	Contradicted State = "contradicted"
)

// Decision is what people want done about an exception, or did about an expired payment,
// or the close-out of a directive.
type Decision struct {
	ID        string `json:"id"`
	Directive string `json:"directive"`
	Source    string `json:"source"`
	// Exception is what it is about, with its shard; nil in a close-out.
	Exception *standin.OpenException `json:"exception,omitempty"`
	// Expired is the payment that was looked after, and Care what was done about it.
	Expired *standin.QueuedPayment `json:"expired,omitempty"`
	Care    standin.Care           `json:"care,omitzero"`
	Shard   int                    `json:"shard"`
	How     standin.Resolution     `json:"how,omitzero"`
	Note    string                 `json:"note"`
	// Two says that it takes two people.
	Two   bool           `json:"two,omitempty"`
	By    holdfast.Actor `json:"by"`
	At    time.Time      `json:"at"`
	State State          `json:"state"`
	// Second agreed or refused, with the reason for that.
	Second   *holdfast.Actor `json:"second,omitempty"`
	Answered time.Time       `json:"answered,omitzero"`
	Reason   string          `json:"reason,omitempty"`
	// Gate carried it out, or said why not.
	Gate    string    `json:"gate,omitempty"`
	Carried time.Time `json:"carried,omitzero"`
	Failure string    `json:"failure,omitempty"`
	// Figures are those that a close-out was signed with.
	Figures []standin.Balance `json:"figures,omitempty"`
	// Lost is what was known of a source that is gone for good; nil in other close-outs.
	// Gate contradicted it, at Contradicted.
	Lost         *Lost     `json:"lost,omitempty"`
	Contradicted time.Time `json:"contradicted,omitzero"`
}

// Closes reports whether it is a close-out.
func (d *Decision) Closes() bool { return d.Exception == nil && d.Expired == nil }

// Ends reports whether it is how an exception ends.
func (d *Decision) Ends() bool { return d.Exception != nil }

// Cares reports whether it is what was done about an expired payment.
func (d *Decision) Cares() bool { return d.Expired != nil }

// Over reports whether nothing comes of it any more.
func (d *Decision) Over() bool { return d.State != Asked && d.State != Ordered }

// Identity is that of the payment; empty in a close-out.
func (d *Decision) Identity() string {
	switch {
	case d.Ends():
		return d.Exception.Identity
	case d.Cares():
		return d.Expired.Identity
	}
	return ""
}

// closing stands between the id of a close-out and the shard that an order is for.
const closing = "-"

// order is what a shard's decider is told.
func (d *Decision) order(shard int) standin.Order {
	o := standin.Order{ID: d.ID, Shard: shard, Directive: d.Directive, Identity: d.Identity(), How: d.How, Care: d.Care, By: d.By.ID, Note: d.Note}
	if d.Second != nil {
		o.Second = d.Second.ID
	}
	if d.Closes() {
		// Each shard has its own: one that is closed says nothing of the others.
		o.ID += closing + strconv.Itoa(shard)
	}
	return o
}

// Allowed lists how an exception may end. What the primary has done against the
// answer given here cannot be sent again or confirmed; what a settlement file denies was
// sent, and is not sent again; what was queued nobody promised, so that there is nothing
// to bear.
func Allowed(e standin.OpenException) []standin.Resolution {
	list := []standin.Resolution{standin.Retry, standin.Confirm, standin.Reverse, standin.Accept, standin.WriteOff}
	if e.Why == standin.DoneThoughDeclined || e.Why == standin.DoneThoughReversed {
		return slices.Clone(list[2:])
	}
	if e.Queued {
		list = list[:3]
	}
	if e.Why == standin.FileNotDone || e.Why == standin.FileAmount || e.Why == standin.FileAbsent {
		return slices.Clone(list[1:])
	}
	return list
}
