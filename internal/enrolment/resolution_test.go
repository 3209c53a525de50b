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
	if orders := w.book.Orders("east", "acc"); len(orders) != 2 || orders[0].Identity != "before" || orders[1].Identity != "both" {
		t.Errorf("east is to do %+v", orders)
	}
	w.do(Tell(w.book.Gate("east"), "acc", []Entry{{Seq: 5, Record: payment.Record{Identity: "both"}, Outcome: payment.NotDone, Why: whySaid("r-both"), At: now}}))
	if orders := w.book.Orders("east", "acc"); len(orders) != 1 || orders[0].Identity != "before" {
		t.Errorf("east is to do %+v", orders)
	}
	if orders := w.book.Orders("west", "acc"); len(orders) != 1 || orders[0].Identity != "both" {
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

// Of a gate that came back without its records no order waits for ever, and none hides
// later ones: what it does not list is counted without it, once. Should its directory be
// found, it is told after all.
func TestResolutionAtAGateWithoutItsRecords(t *testing.T) {
	t.Parallel()
	const many = maxOrders + 20
	w := newWorld(t)
	w.enrol("east", "a", "")
	var lost []Entry
	for i := range many {
		lost = append(lost, Entry{Seq: uint64(i + 1), Record: payment.Record{Identity: fmt.Sprint("k", i), Amount: 100, Currency: "CNY", At: now}, Outcome: payment.Unknown, At: now})
	}
	w.do(Tell(w.book.Gate("east"), "acc", lost))
	for i := range many {
		f := ResolutionForm{Identity: fmt.Sprint("k", i), Outcome: payment.NotDone, Reason: "asked the bank", Evidence: "ticket 7"}
		w.do(Resolve(w.book, fmt.Sprint("r", i), f, 100, nil))
	}
	w.enrol("east", "b", "") // in an empty directory
	orders := func(account string, n int, first string) (ids []string) {
		t.Helper()
		for _, o := range w.book.Orders("east", account) {
			ids = append(ids, o.ID)
		}
		if len(ids) != n || n > 0 && ids[0] != first {
			t.Fatalf("account %s is to do %d, %v first; not %d, %s first", account, len(ids), ids, n, first)
		}
		return ids
	}
	told := orders("acc2", maxOrders, "r0")
	w.do(WithdrawResolution(w.book, "r1", "a mistake"))
	if kinds := w.do(Unlist(w.book, "east", "acc2", told)); len(kinds) != 1 || kinds[0] != KindUnlisted {
		t.Errorf("recorded %v", kinds)
	}
	if kinds := w.do(Unlist(w.book, "east", "acc2", append(told[:2:2], "nobody"))); kinds != nil {
		t.Errorf("said again, it is recorded again: %v", kinds)
	}
	r, _ := w.book.Resolution("r0")
	if r.State != ResolutionCarried || len(r.Ends) != 1 || !r.Ends[0].Gone || !r.Ends[0].Unlisted || r.Contradicted {
		t.Errorf("%+v", r)
	}
	if r, _ := w.book.Resolution("r1"); r.State != ResolutionWithdrawn || len(r.Ends) != 0 {
		t.Errorf("withdrawn, and %+v", r)
	}
	told = orders("acc2", many-maxOrders, fmt.Sprint("r", maxOrders))
	w.do(Unlist(w.book, "east", "acc2", told))
	orders("acc2", 0, "")
	if n := w.book.UnresolvedCount(); n != 1 {
		t.Errorf("%d are unknown, not what was withdrawn alone", n)
	}

	// The former directory is found: it does what was counted without it, and that counts once.
	orders("acc", maxOrders, "r0")
	w.do(Tell(w.book.Gate("east"), "acc", []Entry{{Seq: many + 1, Record: payment.Record{Identity: "k0", At: now}, Outcome: payment.NotDone, Why: whySaid("r0"), At: now}}))
	orders("acc", maxOrders, "r2")
	if settled, count := w.book.Settled(); count != many-1 || len(settled) != many-1 {
		t.Errorf("%d were settled, %d are listed", count, len(settled))
	}

	// Retired and back in an empty directory: it is asked once.
	w.do(Retire(w.book.Gate("east"), "its machine burnt"))
	w.enrol("east", "c", "")
	w.do(Unlist(w.book, "east", "acc3", orders("acc3", maxOrders, "r2")))
	w.do(Unlist(w.book, "east", "acc3", orders("acc3", many-2-maxOrders, fmt.Sprint("r", maxOrders+2))))
	orders("acc3", 0, "")
	if _, count := w.book.Settled(); count != many-1 {
		t.Errorf("%d were settled", count)
	}

	_, err := Unlist(w.book, "east", "acc3", make([]string, maxOrders+1))
	wantCode(t, err, holdfast.TooLarge)
	_, err = Unlist(w.book, "nobody", "acc3", []string{"r0"})
	wantCode(t, err, holdfast.NotFound)
}
