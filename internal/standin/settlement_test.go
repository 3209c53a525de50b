package standin_test

import (
	"testing"
	"time"

	"holdfast/internal/standin"
)

func filePage(complete bool, second string) *standin.FilePage {
	return &standin.FilePage{
		File: "s1", Carry: true, Pages: 1, From: start.Add(-time.Hour), Until: start.Add(23 * time.Hour), Complete: complete, By: "wang", Second: second, Note: "the day",
	}
}

// byFile carries out what a row says, and checks the finding and where the payment
// stands then. A second time the same row changes nothing.
func (h *shard) byFile(p *standin.FilePage, r standin.Row, want standin.FileFinding, class standin.Class) {
	h.t.Helper()
	above := func(string) (int64, bool) { return 5000, true }
	f, records, ok := standin.Compare(h.s, r, p, above, h.now)
	if !ok || f.Finding != want {
		h.t.Fatalf("%s: %+v, %v; want %s", r.Identity, f, ok, want)
	}
	if f.Changed != (len(records) > 0) {
		h.t.Errorf("%s: %d records, %+v", r.Identity, len(records), f)
	}
	h.apply(records...)
	h.class(r.Identity, class)
	if f, records, _ := standin.Compare(h.s, r, p, above, h.now); len(records) > 0 {
		h.t.Errorf("%s a second time: %+v, %d records", r.Identity, f, len(records))
	}
}

func row(identity string, amount int64, done bool) standin.Row {
	return standin.Row{N: 1, Line: 2, Identity: identity, Amount: amount, Currency: "CNY", Done: done}
}

func TestFileIsTheLastWord(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	for _, id := range []string{"delivered", "denied", "other"} {
		h.want(pay(id, id, 900), standin.Approved, 0)
	}
	h.send(standin.Did)
	h.want(pay("refused", "refused", 900), standin.Approved, 0)
	h.want(pay("again", "again", 900), standin.Approved, 0)
	h.send(standin.Refuses)
	for _, id := range []string{"pending", "open", "pending-other"} {
		h.want(pay(id, id, 900), standin.Approved, 0)
	}
	p := filePage(false, "")
	h.byFile(p, row("delivered", 900, true), standin.FileAgrees, standin.Sent)
	h.byFile(p, row("denied", 900, false), standin.FileContradicts, standin.Exceptional)
	h.byFile(p, row("other", 901, true), standin.FileDiffers, standin.Exceptional)
	h.byFile(p, row("refused", 900, true), standin.FileSettles, standin.Sent)
	h.byFile(p, row("again", 900, false), standin.FileOpen, standin.Exceptional)
	h.byFile(p, row("pending", 900, true), standin.FileSettles, standin.Sent)
	h.byFile(p, row("open", 900, false), standin.FileOpen, standin.Pending)
	h.byFile(p, row("pending-other", 800, true), standin.FileDiffers, standin.Exceptional)
	if got := h.s.Item("refused").Exception; got.How != standin.Confirm || got.By != "wang" || got.Note != "the day" {
		t.Errorf("%+v", got)
	}
	if _, _, ok := standin.Compare(h.s, row("nobody", 900, true), p, nil, h.now); ok {
		t.Error("a payment that was never decided on is known")
	}
	// What people decided on such an exception stands, when the same file comes again.
	for _, end := range []struct {
		identity string
		how      standin.Resolution
		row      standin.Row
		class    standin.Class
	}{
		{"denied", standin.Confirm, row("denied", 900, false), standin.Sent},
		{"other", standin.Accept, row("other", 901, true), standin.Exceptional},
		{"pending-other", standin.Reverse, row("pending-other", 800, true), standin.TakenBack},
	} {
		if _, err := standin.Resolve(h.s, aProfile(), end.identity, standin.Retry, "li", "", "asked them", h.now); err == nil {
			t.Errorf("%s is sent again", end.identity)
		}
		records, err := standin.Resolve(h.s, aProfile(), end.identity, end.how, "li", "wang", "asked them", h.now)
		if err != nil {
			t.Fatal(err)
		}
		h.apply(records...)
		h.byFile(p, end.row, standin.FileAgrees, end.class)
	}
}

func TestFileAgainstDeclinesAndReversals(t *testing.T) {
	t.Parallel()
	profile := aProfile()
	profile.KeepDeclines = true
	h := newShard(t, profile)
	h.want(pay("declined", "p", 10001), standin.Declined, standin.OverPayment)
	h.want(pay("reversed", "q", 900), standin.Approved, 0)
	h.want(back(standin.Reversal, "reversal", "reversed", "q", 900), standin.Approved, 0)
	p := filePage(false, "")
	h.byFile(p, row("declined", 10001, false), standin.FileAgrees, standin.Rejected)
	h.byFile(p, row("declined", 10001, true), standin.FileDoneAnyway, standin.Rejected)
	h.byFile(p, row("reversed", 900, true), standin.FileDoneAnyway, standin.TakenBack)
	if n := len(h.s.Exceptions()); n != 2 {
		t.Errorf("%d exceptions", n)
	}
}

func TestFileTakesTwoAboveTheLimit(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	h.want(pay("large", "p", 5001), standin.Approved, 0)
	above := func(string) (int64, bool) { return 5000, true }
	if f, records, _ := standin.Compare(h.s, row("large", 5001, true), filePage(false, ""), above, h.now); !f.Two || f.Changed || len(records) > 0 {
		t.Errorf("one person: %+v, %d records", f, len(records))
	}
	unknown := func(string) (int64, bool) { return 0, false }
	if f, _, _ := standin.Compare(h.s, row("large", 5001, true), filePage(false, ""), unknown, h.now); !f.Two {
		t.Error("a profile that is not known takes one person")
	}
	h.byFile(filePage(false, "li"), row("large", 5001, true), standin.FileSettles, standin.Sent)
}

func TestLacking(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	for _, id := range []string{"in", "out"} {
		h.want(pay(id, id, 900), standin.Approved, 0)
	}
	h.send(standin.Did)
	h.want(pay("pending", "p", 900), standin.Approved, 0)
	has := func(identity string) bool { return identity == "in" }
	if list, _ := standin.Lacking(h.s, filePage(false, ""), has, h.now); len(list) > 0 {
		t.Errorf("a file that is not complete lacks %+v", list)
	}
	late := filePage(true, "")
	late.From = start.Add(-10 * time.Minute) // too near to the delivery
	if list, _ := standin.Lacking(h.s, late, has, h.now); len(list) > 0 {
		t.Errorf("lacking at the edge of the day: %+v", list)
	}
	list, records := standin.Lacking(h.s, filePage(true, ""), has, h.now)
	if len(list) != 1 || list[0].Identity != "out" {
		t.Fatalf("lacking %+v", list)
	}
	h.apply(records...)
	h.class("out", standin.Exceptional)
	if why := h.s.Exceptions()[0].Exception.Why; why != standin.FileAbsent {
		t.Error(why)
	}
	if list, _ := standin.Lacking(h.s, filePage(true, ""), has, h.now); len(list) > 0 {
		t.Errorf("a second time: %+v", list)
	}
}

// What the file settled a day later was done on the day before: the next day's file
// does not have it, and need not.
func TestLackingOnTheDayAfter(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	for _, id := range []string{"told", "never-sent"} {
		h.want(pay(id, id, 900), standin.Approved, 0)
		if id == "told" {
			h.send(standin.NoAnswer)
		}
	}
	h.now = h.now.Add(26 * time.Hour)
	h.byFile(filePage(true, ""), row("told", 900, true), standin.FileSettles, standin.Sent)
	h.byFile(filePage(true, ""), row("never-sent", 900, true), standin.FileSettles, standin.Sent)
	next := filePage(true, "")
	next.From, next.Until = next.Until, next.Until.Add(24*time.Hour)
	if list, _ := standin.Lacking(h.s, next, func(string) bool { return false }, h.now); len(list) > 0 {
		t.Errorf("the file of the day after lacks %+v", list)
	}
}

// An answer that comes later than the file does not end what the file has people look at.
func TestLateAnswerDoesNotEndWhatTheFileSays(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	h.want(pay("other", "other", 900), standin.Approved, 0)
	h.byFile(filePage(false, ""), row("other", 901, true), standin.FileDiffers, standin.Exceptional)
	h.apply(standin.Settle(h.s, standin.Came{Identity: "other", Of: standin.Did}, h.now)...) // it was on the wire
	h.apply(standin.Answered(h.s, "other", true, h.now)...)
	if h.class("other", standin.Exceptional); len(h.s.Exceptions()) != 1 {
		t.Errorf("%d exceptions, want that people look at the other amount", len(h.s.Exceptions()))
	}
}

// A file, and people, move what a directive approved after its close-out, too: its figures
// stand as long as there is something to move.
func TestFileAfterTheCloseOut(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	h.want(pay("denied", "p", 900), standin.Approved, 0)
	h.send(standin.Did)
	h.apply(standin.End(h.s, "d1", h.now)...)
	records, err := standin.CloseOut(h.s, "d1", "ann", h.now)
	if err != nil {
		t.Fatal(err)
	}
	h.apply(records...)
	h.open("d2")
	h.now = h.now.Add(time.Hour)
	h.byFile(filePage(false, ""), row("denied", 900, false), standin.FileContradicts, standin.Exceptional)
	h.now = h.now.Add(30 * 24 * time.Hour)
	if h.s.Stale(h.now) {
		t.Error("there is something to forget: an exception that is open")
	}
	h.apply(standin.Forget(h.s, h.now, h.now)...)
	if records, err = standin.Resolve(h.s, aProfile(), "denied", standin.Confirm, "li", "wang", "asked them", h.now); err != nil {
		t.Fatal(err)
	}
	h.apply(records...)
	for _, b := range h.s.Balances() {
		if !b.Explained() || b.Approved.Count != 1 || b.Unresolved.Count != 0 {
			t.Errorf("after the exception was resolved: %+v", b)
		}
	}
	h.now = h.now.Add(time.Hour)
	if _, there := h.s.Opening("d1"); !there || !h.s.Stale(h.now) {
		t.Error("nothing is forgotten once it is resolved")
	}
	if h.apply(standin.Forget(h.s, h.now, h.now)...); len(h.s.Balances()) != 0 {
		t.Errorf("what is kept: %+v", h.s.Balances())
	}
}

// What expired in the queue was never sent, and the file may say that it was done all the
// same: by another way, or before.
func TestFileAgainstWhatExpired(t *testing.T) {
	t.Parallel()
	h := newShard(t, deferring())
	h.want(large("late", "ann"), standin.Queued, standin.OverPayment)
	h.now = h.now.Add(7 * time.Hour)
	h.send(standin.Did)
	h.class("late", standin.Overdue)
	h.byFile(filePage(false, ""), row("late", 10001, false), standin.FileAgrees, standin.Overdue)
	h.byFile(filePage(false, ""), row("late", 10001, true), standin.FileDoneAnyway, standin.Overdue)
	if n := len(h.s.Exceptions()); n != 1 {
		t.Fatalf("%d exceptions", n)
	}
	records, err := standin.Resolve(h.s, deferring(), "late", standin.Accept, "li", "wang", "asked them", h.now)
	if err != nil {
		t.Fatal(err)
	}
	h.apply(records...)
	if n := len(h.s.Overdue(10)); n != 1 || !h.s.Balances()[0].Explained() {
		t.Errorf("%d expired, %+v", n, h.s.Balances()[0])
	}
}
