package standin_test

import (
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/payment"
	"holdfast/internal/standin"
)

// deferring is the profile of the tests, by which payments over the app wait for six
// hours, three of a payer and ten in all.
func deferring() standin.Profile {
	p := aProfile()
	p.Unplanned.Queue = &standin.Queue{
		Deferrable: `channel == "app"`, Expires: 6 * time.Hour, Owner: "duty",
		Limits: []standin.Limit{{Over: standin.EachPayer, Count: 3}, {Over: standin.Whole, Count: 10}},
	}
	return p
}

// large is a payment that stand-in does not approve.
func large(identity, payer string) *standin.Request { return pay(identity, payer, 10001) }

// What is not approved and may wait is queued, and the same request is told so again. What
// is blocked, cannot be told apart or is not deferrable is not.
func TestQueued(t *testing.T) {
	t.Parallel()
	h := newShard(t, deferring())
	h.want(large("p1", "ann"), standin.Queued, standin.OverPayment)
	h.want(large("p1", "ann"), standin.Queued, standin.OverPayment)
	other := large("p1", "ann")
	other.Payment.Amount++
	h.want(other, standin.Mismatch, standin.None)
	for _, test := range []struct {
		name    string
		change  func(*standin.Request)
		verdict standin.Verdict
		reason  standin.Reason
	}{
		{"an old snapshot", func(r *standin.Request) { r.Snapshot.At = start.Add(-2 * time.Hour) }, standin.Queued, standin.Stale},
		{"not known", func(r *standin.Request) { r.Snapshot = standin.Payer{} }, standin.Queued, standin.UnknownPayer},
		{"blocked", func(r *standin.Request) { r.Snapshot.Blocked = true }, standin.Refused, standin.Blocked},
		{"blocked, when it was last known", func(r *standin.Request) { r.Snapshot.Blocked, r.Snapshot.At = true, start.Add(-2*time.Hour) }, standin.Refused, standin.Stale},
		{"not deferrable", func(r *standin.Request) { r.Payment.Channel = "web" }, standin.Refused, standin.OverPayment},
		{"no channel", func(r *standin.Request) { r.Payment.Read = ^payment.Set(0) &^ (1 << payment.Channel) }, standin.Refused, standin.OverPayment},
		{"a refund", func(r *standin.Request) { r.Kind, r.Original = standin.Refund, "p0" }, standin.Refused, standin.OverPayment},
	} {
		r := large("q-"+test.name, "dan "+test.name)
		test.change(r)
		h.want(r, test.verdict, test.reason)
	}
	h.want(large("p2", "ann"), standin.Queued, standin.OverPayment)
	h.want(large("p3", "ann"), standin.Queued, standin.OverPayment)
	h.want(large("p4", "ann"), standin.Refused, standin.OverPayment) // three of a payer
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		h.want(large(id, id), standin.Queued, standin.OverPayment)
	}
	h.want(large("p5", "eve"), standin.Refused, standin.OverPayment) // ten in all
	final := deferring()
	final.KeepDeclines, final.Unplanned.Queue.Limits[1].Count = true, 1
	k := newShard(t, final)
	k.want(large("p1", "ann"), standin.Queued, standin.OverPayment)
	k.want(large("p2", "bob"), standin.Declined, standin.OverPayment)
	k.send(standin.Did)
	k.want(large("p2", "bob"), standin.Declined, standin.OverPayment)
}

// What is queued is nobody's promise: it is not approved, and takes nothing of the limits
// of approvals.
func TestQueuedIsNotApproved(t *testing.T) {
	t.Parallel()
	h := newShard(t, deferring())
	h.want(large("p1", "ann"), standin.Queued, standin.OverPayment)
	h.want(pay("p2", "ann", 10000), standin.Approved, standin.None)
	h.want(pay("p3", "ann", 5000), standin.Approved, standin.None)
	h.want(pay("p4", "ann", 1), standin.Queued, standin.OverPayer)
	b := h.s.Balances()[0]
	if b.Approved != (standin.Tally{Count: 2, Amount: 15000}) || b.Queue.Queued != (standin.Tally{Count: 2, Amount: 10002}) || b.Queue.Waiting != b.Queue.Queued || b.Declined.Count != 0 {
		t.Fatalf("%+v", b)
	}
	if o := h.s.Outstanding("CNY"); o.Amount != 15000 {
		t.Fatalf("outstanding: %+v", o)
	}
}

// The primary judges what waited, in the order of its payer: what it does is done, what it
// does not do is declined, and nothing of that is for people. It has no close-out while it
// waits.
func TestQueuedIsJudged(t *testing.T) {
	t.Parallel()
	h := newShard(t, deferring())
	h.want(large("p1", "ann"), standin.Queued, standin.OverPayment)
	h.want(pay("p2", "ann", 1), standin.Approved, standin.None)
	h.want(large("p3", "ann"), standin.Queued, standin.OverPayment)
	h.apply(standin.End(h.s, "d1", h.now)...)
	h.want(large("p4", "ann"), standin.Queued, standin.OverPayment) // it does not overtake
	h.want(large("p5", "bob"), standin.Forward, standin.None)
	if w := h.send(standin.NoAnswer); len(w) != 1 || w[0].Item.Identity != "p1" || w[0].Repeat {
		t.Fatalf("first: %+v", w)
	}
	h.now = h.now.Add(7 * time.Hour) // what was sent does not expire
	for _, id := range []string{"p3", "p4"} {
		h.apply(standin.Withdraw(h.s, id, h.now)...)
	}
	h.want(large("p1", "ann"), standin.Queued, standin.OverPayment)
	if w := h.send(standin.Refuses); len(w) != 1 || w[0].Item.Identity != "p1" || !w[0].Repeat {
		t.Fatalf("again: %+v", w)
	}
	h.want(large("p1", "ann"), standin.Declined, standin.PrimaryDeclined)
	h.want(large("p3", "ann"), standin.Declined, standin.Withdrawn)
	if w := h.send(standin.Did); len(w) != 1 || w[0].Item.Identity != "p2" {
		t.Fatalf("the approved one: %+v", w)
	}
	h.open("d2")
	next := large("p6", "ann")
	next.Directive, next.Snapshot.At = "d2", h.now
	h.want(next, standin.Queued, standin.OverPayment)
	h.apply(standin.End(h.s, "d2", h.now)...)
	if _, err := standin.CloseOut(h.s, "d2", "ann", h.now); holdfast.CodeOf(err) != holdfast.Conflict {
		t.Fatalf("closed while a payment waits: %v", err)
	}
	h.send(standin.Did)
	h.want(next, standin.Done, standin.None)
	if i := h.s.Item("p6"); len(i.Sealed.Data) != 0 {
		t.Error("what was sealed stays")
	}
	if len(h.s.Exceptions()) != 0 {
		t.Fatal("people have to look")
	}
	for _, d := range []string{"d1", "d2"} {
		records, err := standin.CloseOut(h.s, d, "ann", h.now)
		if err != nil {
			t.Fatal(err)
		}
		h.apply(records...)
	}
	b := h.s.Balances()
	if q := b[0].Queue; q.Declined.Count != 1 || q.Withdrawn.Count != 2 || b[1].Queue.Done.Count != 1 {
		t.Fatalf("%+v", b)
	}
}

// What has waited too long is never sent, also while its payer has others before it, and
// stands in a list. What comes later of it is an exception.
func TestQueuedExpires(t *testing.T) {
	t.Parallel()
	h := newShard(t, deferring())
	h.want(pay("p0", "ann", 1), standin.Approved, standin.None)
	h.want(large("p1", "ann"), standin.Queued, standin.OverPayment)
	h.now = h.now.Add(6*time.Hour - time.Second)
	nothing := func(*standin.Item, bool) bool { return false }
	if _, park := standin.Next(h.s, h.c.Profile.Forwarding, h.now, 9, nothing); len(park) != 0 {
		t.Fatalf("too early: %+v", park)
	}
	h.now = h.now.Add(time.Second)
	work, park := standin.Next(h.s, h.c.Profile.Forwarding, h.now, 9, anything)
	if len(work) != 1 || work[0].Item.Identity != "p0" || len(park) != 1 {
		t.Fatalf("%+v, %+v", work, park)
	}
	alone := newShard(t, deferring())
	alone.want(large("p1", "ann"), standin.Queued, standin.OverPayment)
	if work, _ := standin.Next(alone.s, h.c.Profile.Forwarding, h.now, 9, anything); len(work) != 0 {
		t.Fatalf("it is sent: %+v", work[0].Item)
	}
	h.apply(park...)
	h.class("p1", standin.Overdue)
	h.want(large("p1", "ann"), standin.Declined, standin.TooLate)
	s, err := standin.Restore(h.s.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*standin.State{h.s, s} {
		if sum := standin.Summarize(s, 0, standin.Room{Queued: 9, Expired: 9}, h.now); len(sum.Queued) != 0 || len(sum.Expired) != 1 || sum.Expired[0].Identity != "p1" || sum.Balances[0].Queue.Expired.Count != 1 {
			t.Fatalf("%+v", sum)
		}
	}
	h.send(standin.Did)
	h.apply(standin.Answered(h.s, "p1", true, h.now)...)
	if list := h.s.Exceptions(); len(list) != 1 || list[0].Exception.Why != standin.DoneThoughDeclined {
		t.Fatalf("%+v", list)
	}
}

// A reversal ends what waits, and both are over; a refund waits until it is known whether
// there is anything to refund.
func TestQueuedIsTakenBack(t *testing.T) {
	t.Parallel()
	h := newShard(t, deferring())
	h.want(large("p1", "ann"), standin.Queued, standin.OverPayment)
	h.want(back(standin.Refund, "f1", "p1", "ann", 5), standin.Refused, standin.OriginalWaits)
	h.want(back(standin.Reversal, "r1", "p1", "ann", 10001), standin.Approved, standin.None)
	h.class("p1", standin.TakenBack)
	h.class("r1", standin.TakenBack)
	h.want(large("p1", "ann"), standin.Declined, standin.Withdrawn)
	first := large("p2", "ann")
	h.want(back(standin.Reversal, "r2", "p2", "ann", 10001), standin.Approved, standin.None)
	h.want(first, standin.Declined, standin.ReversedFirst)
	// Sent before: the reversal waits, and has nothing to take back in the end.
	h.want(large("p3", "ann"), standin.Queued, standin.OverPayment)
	h.send(standin.NoAnswer)
	h.want(back(standin.Reversal, "r3", "p3", "ann", 10001), standin.Approved, standin.None)
	h.class("r3", standin.Pending)
	h.now = h.now.Add(time.Minute)
	h.send(standin.Refuses)
	h.class("p3", standin.Rejected)
	h.class("r3", standin.TakenBack)
	h.want(back(standin.Refund, "f3", "p3", "ann", 5), standin.Refused, standin.NothingToReverse)
}

// What nobody knows of a queued payment is for people, who do not bear it.
func TestQueuedUnknown(t *testing.T) {
	t.Parallel()
	h := newShard(t, deferring())
	h.want(large("p1", "ann"), standin.Queued, standin.OverPayment)
	for range 9 {
		h.send(standin.NoAnswer)
		h.now = h.now.Add(time.Hour)
	}
	h.class("p1", standin.Exceptional)
	h.want(large("p1", "ann"), standin.Queued, standin.OverPayment)
	if _, err := standin.Resolve(h.s, h.c.Profile, "p1", standin.WriteOff, "ann", "bob", "lost", h.now); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Fatalf("written off: %v", err)
	}
	records, err := standin.Resolve(h.s, h.c.Profile, "p1", standin.Confirm, "ann", "bob", "it is there", h.now)
	if err != nil {
		t.Fatal(err)
	}
	h.apply(records...)
	h.want(large("p1", "ann"), standin.Done, standin.None)
}

// What waits is bounded over all shards.
func TestQueueOverShards(t *testing.T) {
	t.Parallel()
	p := deferring()
	p.Unplanned.Queue.Limits[1].Count = 4
	a, b := newShard(t, p), newShard(t, p)
	b.number, a.of, b.of = 1, 2, 2
	b.ledgers = a.ledgers
	for _, h := range []*shard{a, b} {
		h.s, h.ledgers = standin.NewState(), a.ledgers
	}
	for key := range a.ledgers {
		delete(a.ledgers, key)
	}
	a.open("d1")
	b.open("d1")
	a.draw(a.s.Registrations("d1"))
	queued := 0
	for i, id := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		h := []*shard{a, b}[i%2]
		if h.decide(large(id, id)).Verdict == standin.Queued {
			queued++
		}
	}
	if queued != 4 {
		t.Fatalf("%d wait, and 4 may", queued)
	}
}

func TestQueueCheck(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		path   string
		change func(*standin.Queue)
	}{
		{"unplanned.queue.deferrable", func(q *standin.Queue) { q.Deferrable = "nonsense ==" }},
		{"unplanned.queue.expires", func(q *standin.Queue) { q.Expires = 0 }},
		{"unplanned.queue.expires", func(q *standin.Queue) { q.Expires = 32 * 24 * time.Hour }},
		{"unplanned.queue.owner", func(q *standin.Queue) { q.Owner = "" }},
		{"unplanned.queue.limits", func(q *standin.Queue) { q.Limits = q.Limits[:1] }},
		{"unplanned.queue.limits[0]", func(q *standin.Queue) { q.Limits[0].Over = standin.EachPayee }},
		{"unplanned.queue.limits[0]", func(q *standin.Queue) { q.Limits[0].Window = time.Hour }},
		{"unplanned.queue.limits[1]", func(q *standin.Queue) { q.Limits[0] = q.Limits[1] }},
		{"unplanned.queue.limits", func(q *standin.Queue) { q.Limits = make([]standin.Limit, 61) }},
	} {
		p := deferring()
		test.change(p.Unplanned.Queue)
		faults := p.Faults()
		if len(faults) == 0 || faults[0].Path != test.path {
			t.Errorf("%s: %+v", test.path, faults)
		}
	}
	if err := deferring().Check(); err != nil {
		t.Error(err)
	}
}
