package enrolment

import (
	"fmt"
	"testing"

	"holdfast"
	"holdfast/internal/payment"
)

// What people say of a payment at a gate that is gone for good counts at once, and what
// they said before when it is retired: nobody is left to be told. Gates in service are
// waited for, and where two people are needed, the second.
func TestResolutionAtAGateThatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("east", "a", "")
	w.enrol("west", "b", "")
	lost := func(seq uint64, identity string, amount int64) Entry {
		return Entry{Seq: seq, Record: payment.Record{Identity: identity, Amount: amount, Currency: "CNY"}, Outcome: payment.Unknown, At: now}
	}
	w.do(Tell(w.book.Gate("east"), "acc", []Entry{lost(1, "before", 100), lost(2, "untold", 100), lost(3, "both", 100), lost(4, "two", 101)}))
	w.do(Tell(w.book.Gate("west"), "acc", []Entry{lost(1, "both", 100)}))
	for _, identity := range []string{"before", "both", "two"} {
		f := ResolutionForm{Identity: identity, Outcome: payment.NotDone, Reason: "asked the bank", Evidence: "ticket 7"}
		w.do(Resolve(w.book, "r-"+identity, f, 100, nil))
	}
	check := func(identity string, want ResolutionState, ends string) {
		t.Helper()
		r, found := w.book.ResolutionOf(identity)
		if !found {
			t.Fatalf("nobody said anything of %s", identity)
		}
		var gates []string
		for _, e := range r.Ends {
			gates = append(gates, e.Gate)
		}
		if r.State != want || fmt.Sprint(gates) != ends || r.Contradicted {
			t.Errorf("%s is %s at %v, contradicted %v; want %s at %s", identity, r.State, gates, r.Contradicted, want, ends)
		}
	}
	check("before", ResolutionOrdered, "[]")
	w.do(Retire(w.book.Gate("east"), "its machine burnt"))
	check("before", ResolutionCarried, "[east]")
	check("both", ResolutionOrdered, "[east]")
	check("two", ResolutionAsked, "[]")
	// Should it come back all the same, it does what was counted without it, once.
	if orders := w.book.Orders("east"); len(orders) != 2 || orders[0].Identity != "before" || orders[1].Identity != "both" {
		t.Errorf("east is to do %+v", orders)
	}
	w.do(Tell(w.book.Gate("east"), "acc", []Entry{{Seq: 5, Record: payment.Record{Identity: "both"}, Outcome: payment.NotDone, Why: whySaid("r-both"), At: now}}))
	if orders := w.book.Orders("east"); len(orders) != 1 || orders[0].Identity != "before" {
		t.Errorf("east is to do %+v", orders)
	}
	if orders := w.book.Orders("west"); len(orders) != 1 || orders[0].Identity != "both" {
		t.Errorf("west is to do %+v", orders)
	}
	w.do(AnswerResolution(w.book, holdfast.Actor{Kind: holdfast.Account, ID: "second"}, "r-two", true, ""))
	check("two", ResolutionCarried, "[east]")
	w.do(Tell(w.book.Gate("west"), "acc", []Entry{{Seq: 2, Record: payment.Record{Identity: "both"}, Outcome: payment.NotDone, Why: whySaid("r-both"), At: now}}))
	check("both", ResolutionCarried, "[east east west]")
	if n := w.book.UnresolvedCount(); n != 1 { // "untold"
		t.Errorf("%d are unknown", n)
	}
	settled, count := w.book.Settled()
	if count != 4 || settled[len(settled)-1].Gate != "east" || settled[len(settled)-1].How != whySaid("r-before") {
		t.Errorf("settled are %+v", settled)
	}
}
