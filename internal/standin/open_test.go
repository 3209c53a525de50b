package standin_test

import (
	"fmt"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/standin"
)

// S7 and hazard 5: what the primary was sent before is neither approved nor
// declined until it has said what became of it.
func TestInFlightWhenItOpens(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	h.apply(standin.End(h.s, "d1", h.now)...)
	h.open("d2", "p1", "p2")
	ask := func(identity string, verdict standin.Verdict, reason standin.Reason) {
		t.Helper()
		r := pay(identity, "ann", 1)
		r.Directive = "d2"
		h.want(r, verdict, reason)
	}
	ask("p1", standin.Inquire, standin.InFlight)
	h.want(back(standin.Reversal, "r1", "p1", "ann", 1), standin.Inquire, standin.InFlight)
	h.apply(standin.Answered(h.s, "p1", true, h.now)...)
	h.apply(standin.Answered(h.s, "p2", false, h.now)...)
	ask("p1", standin.Done, standin.None)
	ask("p2", standin.Approved, standin.None)
	h.apply(standin.Exclude(h.s, "p3", h.now)...)
	ask("p3", standin.Inquire, standin.InFlight)
	if records := standin.Exclude(h.s, "p2", h.now); records != nil {
		t.Fatal("what is decided here is excluded")
	}
}

// Hazard 4: the shard that owns an identity and has forgotten it does not decide
// afresh.
func TestElsewhere(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	r := pay("p1", "ann", 1)
	r.Elsewhere = true
	h.want(r, standin.Inquire, standin.Elsewhere)
}

// S5: a refund that came to this shard for its original alone, of which only the refund of
// another payer is known here, is not approved: the payer's limits hold in another.
func TestAway(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	refund := func(identity, payer string) *standin.Request {
		r := pay(identity, payer, 1000)
		r.Kind, r.Original = standin.Refund, "with the primary"
		return r
	}
	h.want(refund("r1", "ann"), standin.Approved, standin.None)
	r := refund("r2", "bob")
	r.Away = true
	h.want(r, standin.Refused, standin.NotOfOriginal)
	h.want(refund("r3", "ann"), standin.Approved, standin.None)
}

// Hazard 6: while it ends, a payer with advices that were not delivered stays; all
// others are forwarded. S20: it closes with nothing left to explain, signed.
func TestEndAndCloseOut(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	h.want(pay("p1", "ann", 1), standin.Approved, standin.None)
	closeOut := func(by string, want holdfast.Code) {
		t.Helper()
		records, err := standin.CloseOut(h.s, "d1", by, h.now)
		if holdfast.CodeOf(err) != want {
			t.Fatalf("closing: %v", err)
		}
		h.apply(records...)
	}
	closeOut("ann", holdfast.Conflict)
	h.apply(standin.End(h.s, "d1", h.now)...)
	h.want(pay("p2", "bob", 1), standin.Forward, standin.None)
	h.want(pay("p3", "ann", 1), standin.Approved, standin.None)
	closeOut("ann", holdfast.Conflict)
	h.send(standin.Did)
	h.send(standin.Refuses)
	h.want(pay("p4", "ann", 1), standin.Forward, standin.None)
	closeOut("ann", holdfast.Conflict)
	h.resolve("p3", standin.Accept)
	closeOut("", holdfast.Invalid)
	closeOut("ann", "")
	closeOut("ann", "")
	h.want(pay("p1", "ann", 1), standin.Approved, standin.None)
	if o, _ := h.s.Opening("d1"); o.By != "ann" || o.Closed == 0 {
		t.Fatalf("signed: %+v", o)
	}
	if _, err := standin.CloseOut(h.s, "d9", "ann", h.now); holdfast.CodeOf(err) != holdfast.NotFound {
		t.Fatalf("closing what never was: %v", err)
	}
}

// What an earlier directive approved and nobody delivered yet holds a payer back
// after a later one is closed: fresh payments neither overtake it nor are approved
// under what was signed.
func TestNothingIsApprovedAfterCloseOut(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	h.want(pay("p1", "ann", 1), standin.Approved, standin.None)
	h.apply(standin.End(h.s, "d1", h.now)...)
	h.open("d2")
	h.apply(standin.End(h.s, "d2", h.now)...)
	records, err := standin.CloseOut(h.s, "d2", "ann", h.now)
	if err != nil {
		t.Fatal(err)
	}
	h.apply(records...)
	r := pay("p2", "ann", 1)
	r.Directive = "d2"
	h.want(r, standin.Refused, standin.NotOpen)
	r = pay("p3", "bob", 1)
	r.Directive = "d2"
	h.want(r, standin.Forward, standin.None)
}

// S16, S17: one directive stands in at a time, under the terms it was opened with.
func TestOneDirectiveAtATime(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	if _, err := standin.Open(h.s, h.c, "d2", nil, h.now); holdfast.CodeOf(err) != holdfast.Conflict {
		t.Fatalf("a second one opens: %v", err)
	}
	if records, err := standin.Open(h.s, h.c, "d1", nil, h.now); records != nil || err != nil {
		t.Fatalf("opening again: %v, %v", records, err)
	}
	p := aProfile()
	p.Unplanned.Limits[0].Amount *= 2
	other, err := p.Compile(false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := standin.Open(h.s, other, "d1", nil, h.now); holdfast.CodeOf(err) != holdfast.Conflict {
		t.Fatalf("opening with other terms: %v", err)
	}
	if answer, records, _ := standin.Decide(h.s, other, pay("p1", "ann", 1), h.now); answer.Reason != standin.NotOpen || records != nil {
		t.Fatalf("decided by other terms: %+v", answer)
	}
	h.apply(standin.TakeOver(h.s, "gate-2", "b", h.now))
	if gate, boot, epoch := h.s.Decider(); gate != "gate-2" || boot != "b" || epoch != 1 {
		t.Fatalf("the decider is %s, %s, %d", gate, boot, epoch)
	}
	h.want(pay("p1", "ann", 1), standin.Approved, standin.None)
	if i := h.s.Item("p1"); i.Epoch != 1 || i.Version != h.c.Version {
		t.Fatalf("decided in epoch %d under %v", i.Epoch, i.Version)
	}
}

// Hazard 5: a payment alone is stood in for only where the profile says that the
// primary knows our identities again.
func TestOneByOne(t *testing.T) {
	t.Parallel()
	p := aProfile()
	p.OneByOne = true
	h := newShard(t, p)
	r := pay("p1", "ann", 1)
	r.Cause = standin.NothingWritten
	h.want(r, standin.Approved, standin.None)
	if got := h.s.Item("p1").Cause; got != standin.NothingWritten {
		t.Fatalf("the cause is %v", got)
	}
	// A decline is not kept, whatever the profile: the primary may do it a moment later.
	p.KeepDeclines = true
	h = newShard(t, p)
	r = pay("p2", "ann", 1_000_000)
	r.Cause = standin.CircuitOpen
	h.want(r, standin.Refused, standin.OverPayment)
}

// Hazard 10: after a month of daily outages a shard holds no more than after one,
// and nothing that is open was forgotten.
func TestStaysBounded(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	h.want(pay("kept", "ann", 1), standin.Approved, standin.None)
	h.send(standin.Refuses)
	h.apply(standin.End(h.s, "d1", h.now)...)
	sizes, ledgers := map[int]int{}, map[int]int{}
	for day := range 30 {
		directive := fmt.Sprint("day-", day)
		h.open(directive, fmt.Sprint("flight-", day))
		h.apply(standin.Answered(h.s, fmt.Sprint("flight-", day), true, h.now)...)
		for n := range 20 {
			r := pay(fmt.Sprint("p", day, "-", n), fmt.Sprint("payer-", n), 100)
			r.Directive, r.Snapshot.At = directive, h.now
			h.want(r, standin.Approved, standin.None)
		}
		h.send(standin.Did)
		h.apply(standin.End(h.s, directive, h.now)...)
		records, err := standin.CloseOut(h.s, directive, "ann", h.now)
		if err != nil {
			t.Fatal(err)
		}
		h.apply(records...)
		h.now = h.now.Add(24 * time.Hour)
		before := h.now.Add(-72 * time.Hour)
		_, over := h.s.Over(before)
		for _, key := range over {
			delete(h.ledgers, key)
		}
		if h.s.Stale(before) != (day > 2) {
			t.Fatalf("day %d: there is something to forget, or is not", day)
		}
		h.apply(standin.Forget(h.s, before, h.now)...)
		sizes[day], ledgers[day] = len(h.s.Snapshot()), len(h.ledgers)
	}
	if sizes[29] > sizes[5]+200 {
		t.Fatalf("a snapshot grew from %d to %d bytes", sizes[5], sizes[29])
	}
	if ledgers[29] > ledgers[5] {
		t.Fatalf("%d ledgers became %d", ledgers[5], ledgers[29])
	}
	h.class("kept", standin.Exceptional)
	if h.s.Item("p0-0") != nil || h.s.Item("p29-0") == nil {
		t.Fatal("the wrong decisions were forgotten")
	}
}
