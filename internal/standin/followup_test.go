package standin_test

import (
	"testing"

	"holdfast/internal/standin"
)

// S10: a reversal of what nothing was sent of ends both, and nothing is sent.
func TestReversedBeforeDelivery(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	h.want(pay("p1", "ann", 10000), standin.Approved, standin.None)
	h.want(back(standin.Reversal, "r1", "p1", "ann", 10000), standin.Approved, standin.None)
	h.class("p1", standin.TakenBack)
	h.class("r1", standin.TakenBack)
	if work := h.send(standin.Did); len(work) > 0 || h.s.Waits(standin.Blind(blind, "ann")) {
		t.Fatalf("sent all the same: %+v", work)
	}
	h.want(back(standin.Reversal, "r1", "p1", "ann", 10000), standin.Approved, standin.None)
	h.want(back(standin.Reversal, "r2", "p1", "ann", 10000), standin.Refused, standin.AlreadyReversed)
	h.want(back(standin.Refund, "r3", "p1", "ann", 1), standin.Refused, standin.AlreadyReversed)
	h.want(pay("p2", "ann", 10000), standin.Approved, standin.None)
}

// S10: what may have been sent is delivered first, and its reversal after it.
func TestReversedAfterAnAttempt(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	h.want(pay("p1", "ann", 10000), standin.Approved, standin.None)
	h.send(standin.NoAnswer)
	h.want(back(standin.Reversal, "r1", "p1", "ann", 10000), standin.Approved, standin.None)
	h.class("p1", standin.Pending)
	h.now = h.now.Add(h.c.Profile.Forwarding.Timeout)
	if work := h.send(standin.Did); len(work) != 1 || work[0].Item.Identity != "p1" {
		t.Fatalf("sent %+v, want the payment alone", work)
	}
	if work := h.send(standin.Did); len(work) != 1 || work[0].Item.Identity != "r1" {
		t.Fatalf("sent %+v, want the reversal", work)
	}
	h.class("r1", standin.Sent)
}

// S10: a reversal waits while people look at its original, and goes with it.
func TestReversalOfAnException(t *testing.T) {
	t.Parallel()
	for how, want := range map[standin.Resolution]standin.Class{standin.Reverse: standin.TakenBack, standin.Confirm: standin.Pending} {
		h := newShard(t, aProfile())
		h.want(pay("p1", "ann", 10000), standin.Approved, standin.None)
		h.send(standin.Refuses)
		h.class("p1", standin.Exceptional)
		h.want(back(standin.Reversal, "r1", "p1", "ann", 10000), standin.Approved, standin.None)
		if work := h.send(standin.Did); len(work) > 0 {
			t.Fatalf("sent before its original is settled: %+v", work)
		}
		h.resolve("p1", how)
		h.class("r1", want)
	}
}

func (h *shard) resolve(identity string, how standin.Resolution) {
	h.t.Helper()
	records, err := standin.Resolve(h.s, h.c.Profile, identity, how, "ann", "bob", "looked it up", h.now)
	if err != nil {
		h.t.Fatal(err)
	}
	h.apply(records...)
	h.holds()
}

// S10: a payment whose reversal came first is declined; one whose refund came
// first is with the primary.
func TestBeforeTheOriginal(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	h.want(back(standin.Reversal, "r1", "p1", "ann", 100), standin.Approved, standin.None)
	h.want(back(standin.Reversal, "r2", "p1", "ann", 100), standin.Refused, standin.AlreadyReversed)
	h.want(pay("p1", "ann", 100), standin.Declined, standin.ReversedFirst)
	h.class("r1", standin.TakenBack)
	h.want(pay("p1", "ann", 100), standin.Declined, standin.ReversedFirst)

	h.want(back(standin.Refund, "r3", "p3", "ann", 100), standin.Approved, standin.None)
	h.want(pay("p3", "ann", 100), standin.Inquire, standin.ReversedFirst)
	h.class("r3", standin.Pending)

	// A reversal that was sent stays.
	h.want(back(standin.Reversal, "r4", "p4", "bob", 100), standin.Approved, standin.None)
	h.send(standin.Did)
	h.want(pay("p4", "bob", 100), standin.Declined, standin.ReversedFirst)
	h.class("r4", standin.Sent)
}

// Refunds together never exceed the original, and what was declined or refunded is
// not reversed.
func TestRefunds(t *testing.T) {
	t.Parallel()
	p := aProfile()
	p.KeepDeclines = true
	h := newShard(t, p)
	h.want(pay("p1", "ann", 1000), standin.Approved, standin.None)
	h.want(back(standin.Refund, "r1", "p1", "ann", 600), standin.Approved, standin.None)
	h.want(back(standin.Refund, "r2", "p1", "ann", 401), standin.Declined, standin.OverOriginal)
	h.want(back(standin.Refund, "r3", "p1", "ann", 400), standin.Approved, standin.None)
	h.want(back(standin.Reversal, "r4", "p1", "ann", 1000), standin.Declined, standin.OverOriginal)
	h.want(back(standin.Refund, "r5", "p1", "bob", 1), standin.Declined, standin.NotOfOriginal)
	h.want(pay("p2", "ann", 20000), standin.Declined, standin.OverPayment)
	h.want(back(standin.Reversal, "r6", "p2", "ann", 20000), standin.Declined, standin.NothingToReverse)
	h.want(back(standin.Reversal, "r7", "r1", "ann", 600), standin.Approved, standin.None)
	h.want(back(standin.Reversal, "r8", "r7", "ann", 600), standin.Declined, standin.NotOfOriginal)
}
