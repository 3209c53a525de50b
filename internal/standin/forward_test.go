package standin_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/payment"
	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

func sent(work []standin.Work) (list []string) {
	for _, w := range work {
		list = append(list, w.Item.Identity)
	}
	return list
}

// S15: of a payer only the oldest is sent; a poison item is handed to people and
// holds up nobody.
func TestOrderAndPoison(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	for _, r := range []*standin.Request{pay("a1", "ann", 1), pay("a2", "ann", 1), pay("b1", "bob", 1), pay("a3", "ann", 1)} {
		h.want(r, standin.Approved, standin.None)
	}
	work, _ := standin.Next(h.s, h.c.Profile.Forwarding, h.now, 1, anything)
	if got := sent(work); len(got) != 1 || got[0] != "a1" {
		t.Fatalf("first %v", got)
	}
	if got := sent(h.send(standin.Refuses)); len(got) != 2 || got[0] != "a1" || got[1] != "b1" {
		t.Fatalf("then %v, want a1 and b1", got)
	}
	h.class("a1", standin.Exceptional)
	if got := sent(h.send(standin.NoAnswer)); len(got) != 1 || got[0] != "a2" {
		t.Fatalf("then %v, want a2", got)
	}
	if got := sent(h.send(standin.Did)); len(got) > 0 {
		t.Fatalf("%v is sent before a2 has an answer, or its time is over", got)
	}
	h.now = h.now.Add(h.c.Profile.Forwarding.Timeout)
	h.send(standin.Did)
	if got := sent(h.send(standin.Did)); len(got) != 1 || got[0] != "a3" {
		t.Fatalf("last %v, want a3", got)
	}
	h.resolve("a1", standin.Retry)
	if got := h.send(standin.Did); len(got) != 1 || got[0].Item.Identity != "a1" || !got[0].Repeat || string(got[0].Item.Sealed.Data) != "" {
		t.Fatalf("after people said so: %+v", got)
	}
}

// S21: what forwarding needs stays as long as it may be needed, and no longer.
func TestSealedDataGoes(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	h.want(pay("p1", "ann", 1), standin.Approved, standin.None)
	h.want(pay("p2", "bob", 1), standin.Approved, standin.None)
	h.send(standin.Refuses)
	h.resolve("p1", standin.Retry)
	for _, id := range []string{"p1", "p2"} {
		if got := string(h.s.Item(id).Sealed.Data); got != "sealed "+id {
			t.Fatalf("%s holds %q", id, got)
		}
	}
	h.send(standin.Did)
	h.resolve("p2", standin.Accept)
	for _, id := range []string{"p1", "p2"} {
		if i := h.s.Item(id); i.Sealed.Key != "" || i.Sealed.Data != nil {
			t.Fatalf("%s is %v and still holds %q", id, i.Class, i.Sealed.Data)
		}
	}
}

// S11, S14 and hazard 11: every sending after the first is a repeat, after a
// time-out as well; when attempts run out people have it.
func TestRepeatsUntilPeopleHaveIt(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	h.want(pay("p1", "ann", 1), standin.Approved, standin.None)
	for n := 1; n <= 5; n++ {
		work := h.send(standin.NoAnswer)
		if len(work) != 1 || work[0].Attempt.N != n || work[0].Repeat != (n > 1) || work[0].Attempt.Inquiry {
			t.Fatalf("attempt %d: %+v", n, work)
		}
		h.now = h.now.Add(time.Minute)
	}
	h.send(standin.Did)
	h.class("p1", standin.Exceptional)
	if why := h.s.Exceptions()[0].Exception.Why; why != standin.Exhausted {
		t.Fatalf("why: %v", why)
	}
	if got := h.s.Outstanding("CNY"); got.Amount != 1 {
		t.Fatalf("outstanding: %+v", got)
	}
}

// S12 and S13: once the primary may have forgotten the identity it is asked, a
// bounded number of times, before anything is sent again.
func TestAskedAfterRetention(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	h.want(pay("p1", "ann", 1), standin.Approved, standin.None)
	h.send(standin.NoAnswer)
	h.now = start.Add(24*time.Hour - 10*time.Second)
	for n := 1; n <= 3; n++ {
		work := h.send(standin.NoAnswer)
		if len(work) != 1 || !work[0].Attempt.Inquiry || work[0].Attempt.N != n || work[0].Before != standin.At(start) {
			t.Fatalf("after the retention, try %d: %+v", n, work)
		}
		h.now = h.now.Add(time.Minute)
	}
	h.send(standin.NoAnswer)
	h.class("p1", standin.Exceptional)
	h.resolve("p1", standin.Retry)
	if work := h.send(standin.DoesNotKnow); len(work) != 1 || !work[0].Attempt.Inquiry {
		t.Fatalf("people cannot make it send blindly: %+v", work)
	}
	h.now = h.now.Add(time.Minute)
	if work := h.send(standin.Did); len(work) != 1 || work[0].Attempt.Inquiry || !work[0].Repeat {
		t.Fatalf("once the primary does not know it: %+v", work)
	}
	h.class("p1", standin.Sent)
}

// S14: what is not delivered in time goes to people, never away.
func TestExpiry(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	h.want(pay("p1", "ann", 1), standin.Approved, standin.None)
	h.now = start.Add(48 * time.Hour)
	if work := h.send(standin.Did); len(work) > 0 {
		t.Fatalf("sent after its time: %+v", work)
	}
	h.class("p1", standin.Exceptional)
	h.resolve("p1", standin.Retry)
	h.send(standin.Did)
	h.class("p1", standin.Sent)
}

// S3 and S9: what the primary turns out to have done is matched, and has no second
// effect; what it turns out not to have done is forwarded all the same.
func TestLateAnswers(t *testing.T) {
	t.Parallel()
	p := aProfile()
	p.KeepDeclines = true
	h := newShard(t, p)
	h.want(pay("pending", "ann", 1), standin.Approved, standin.None)
	h.want(pay("not-done", "bob", 1), standin.Approved, standin.None)
	h.want(pay("declined", "cat", 10001), standin.Declined, standin.OverPayment)
	h.want(pay("reversed", "dan", 1), standin.Approved, standin.None)
	h.want(back(standin.Reversal, "r1", "reversed", "dan", 1), standin.Approved, standin.None)
	for _, id := range []string{"pending", "declined", "reversed", "other"} {
		h.apply(standin.Answered(h.s, id, true, h.now)...)
	}
	h.apply(standin.Answered(h.s, "not-done", false, h.now)...)
	h.class("pending", standin.Sent)
	h.class("not-done", standin.Pending)
	h.class("declined", standin.Rejected)
	h.class("reversed", standin.TakenBack)
	h.want(pay("other", "eve", 1), standin.Done, standin.None)
	if got := h.s.Exceptions(); len(got) != 2 || got[0].Exception.Why != standin.DoneThoughDeclined || got[1].Exception.Why != standin.DoneThoughReversed {
		t.Fatalf("exceptions: %+v", got)
	}
	if got := sent(h.send(standin.Refuses)); len(got) != 1 || got[0] != "not-done" {
		t.Fatalf("sent %v", got)
	}
	h.apply(standin.Answered(h.s, "not-done", true, h.now)...)
	h.class("not-done", standin.Sent)
	for _, id := range []string{"declined", "reversed"} {
		if _, err := standin.Resolve(h.s, p, id, standin.Retry, "ann", "bob", "why", h.now); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Fatalf("what was never to be sent is sent: %v", err)
		}
		h.resolve(id, standin.Reverse)
		h.apply(standin.Answered(h.s, id, true, h.now)...)
	}
	if got := h.s.Exceptions(); len(got) > 0 {
		t.Fatalf("the same news again: %+v", got)
	}
}

// Hazard 1: what nobody received may be taken back, as long as nothing was sent.
func TestWithdraw(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	h.want(pay("p1", "ann", 1), standin.Approved, standin.None)
	h.apply(standin.Withdraw(h.s, "p1", h.now)...)
	h.class("p1", standin.TakenBack)
	h.want(pay("p1", "ann", 1), standin.Declined, standin.Withdrawn)
	h.want(pay("p2", "ann", 1), standin.Approved, standin.None)
	h.send(standin.NoAnswer)
	if records := standin.Withdraw(h.s, "p2", h.now); records != nil {
		t.Fatal("what may be at the primary is taken back")
	}
}

// Exceptions are resolved by people with a reason; large ones and losses by two.
func TestResolveTakesPeople(t *testing.T) {
	t.Parallel()
	p := aProfile()
	p.SecondAbove = 100
	h := newShard(t, p)
	h.want(pay("small", "ann", 100), standin.Approved, standin.None)
	h.want(pay("large", "bob", 101), standin.Approved, standin.None)
	h.send(standin.Refuses)
	for _, c := range []struct {
		identity          string
		how               standin.Resolution
		who, second, note string
		want              holdfast.Code
	}{
		{"small", standin.Accept, "ann", "", "why", ""},
		{"small", standin.Accept, "", "", "why", holdfast.Invalid},
		{"small", standin.Accept, "ann", "", "", holdfast.Invalid},
		{"small", standin.Accept, "ann", "ann", "why", holdfast.Invalid},
		{"small", standin.WriteOff, "ann", "", "why", holdfast.Forbidden},
		{"small", standin.WriteOff, "ann", "bob", "why", ""},
		{"large", standin.Accept, "ann", "", "why", holdfast.Forbidden},
		{"large", standin.Reverse, "ann", "bob", "why", ""},
		{"large", standin.Retry, "ann", "", "why", ""},
		{"none", standin.Accept, "ann", "", "why", holdfast.NotFound},
		{"small", 9, "ann", "", "why", holdfast.Invalid},
	} {
		if _, err := standin.Resolve(h.s, p, c.identity, c.how, c.who, c.second, c.note, h.now); holdfast.CodeOf(err) != c.want {
			t.Errorf("%+v: %v", c, err)
		}
	}
	p.Forwarding.Inquiries = 0
	h.want(pay("old", "cat", 1), standin.Approved, standin.None)
	h.apply(&standin.Excepted{Identity: "old", Why: standin.Unresolved, At: standin.At(h.now)})
	if _, err := standin.Resolve(h.s, p, "old", standin.Retry, "ann", "", "why", h.now); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Errorf("it would be sent blindly: %v", err)
	}
}

// What may not be sent now stays, with all of its payer behind it, and costs no
// attempt. Asking about it is not sending it.
func TestHeld(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	f := h.c.Profile.Forwarding
	for _, r := range []*standin.Request{pay("a1", "ann", 1), pay("a2", "ann", 1), pay("b1", "bob", 1)} {
		h.want(r, standin.Approved, standin.None)
	}
	next := func(held ...string) []string {
		work, park := standin.Next(h.s, f, h.now, 100, func(i *standin.Item, ask bool) bool { return ask || !slices.Contains(held, i.Identity) })
		h.apply(park...)
		for _, w := range work {
			if w.Timeout != f.Timeout {
				t.Errorf("%s may take %v", w.Item.Identity, w.Timeout)
			}
			h.apply(w.Attempt)
		}
		return sent(work)
	}
	if got := next("a1", "b1"); len(got) > 0 || h.s.Item("a1").Attempts > 0 {
		t.Fatalf("%v is sent", got)
	}
	if got := next("a1"); !slices.Equal(got, []string{"b1"}) {
		t.Fatalf("%v is sent, want b1", got)
	}
	h.now = h.now.Add(f.Retention)
	if got := next("a1", "b1"); !slices.Equal(got, []string{"b1"}) || h.s.Item("b1").Inquiries != 1 {
		t.Fatalf("%v, and b1 was asked about %d times", got, h.s.Item("b1").Inquiries)
	}
}

func TestUnsendable(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	h.want(pay("p1", "ann", 1), standin.Approved, standin.None)
	h.send(standin.Unsendable)
	h.class("p1", standin.Exceptional)
	if why := h.s.Exceptions()[0].Exception.Why; why != standin.NotSendable {
		t.Errorf("an exception for %s", why)
	}
	h.resolve("p1", standin.Retry)
	h.now = h.now.Add(h.c.Profile.Forwarding.Timeout)
	h.send(standin.Did)
	h.class("p1", standin.Sent)
}

// S9: an answer that comes when people have the advice already is matched all the same.
func TestLateResult(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	h.want(pay("p1", "ann", 1), standin.Approved, standin.None)
	h.send(standin.Refuses)
	h.class("p1", standin.Exceptional)
	h.apply(standin.Settle(h.s, standin.Came{Identity: "p1", Of: standin.NoAnswer}, h.now)...)
	h.class("p1", standin.Exceptional)
	for range 2 {
		h.apply(standin.Settle(h.s, standin.Came{Identity: "p1", Of: standin.Did}, h.now)...)
		h.class("p1", standin.Sent)
	}
	if n := len(h.s.Exceptions()); n > 0 {
		t.Errorf("%d exceptions are left", n)
	}
}

// S15: a backlog that expires all at once is handed to people, as many at once as a pack has
// room for, and nothing of it is sent.
func TestABacklogExpires(t *testing.T) {
	t.Parallel()
	const advices = 2500
	s := standin.NewState()
	records := []standin.Record{&standin.TakenOver{Gate: "g", Boot: "b", At: standin.At(start)}, &standin.Opened{Directive: "d1", Profile: "cards", At: standin.At(start)}}
	for n := range advices {
		records = append(records, &standin.Decision{
			Identity: fmt.Sprintf("%0*d", payment.MaxIdentity, n), Kind: standin.Payment, Amount: 1, Currency: "CNY", Route: "pay", Payer: standin.Digest{byte(n), byte(n >> 8)},
			Verdict: standin.Approved, Cause: standin.Directed, Directive: "d1", At: standin.At(start),
		})
	}
	if err := s.Apply(records...); err != nil {
		t.Fatal(err)
	}
	f := aProfile().Forwarding
	rounds := 0
	for ; s.Backlog() > 0 && rounds < advices; rounds++ {
		work, park := standin.Next(s, f, start.Add(f.Expiry), 10, anything)
		if len(work) > 0 || len(standin.Encode(park)) > advice.MaxBody/2 {
			t.Fatalf("%d are sent, %d handed to people in %d bytes", len(work), len(park), len(standin.Encode(park)))
		}
		if err := s.Apply(park...); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.Exceptions()); n != advices || rounds > 5 {
		t.Errorf("of %d people have %d after %d rounds", advices, n, rounds)
	}
}
