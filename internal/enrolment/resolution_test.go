package enrolment

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/journal"
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
		w.say(identity, payment.NotDone)
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
	w.do(Tell(w.book.Gate("east"), "acc", []Entry{{Seq: 5, Record: payment.Record{Identity: "both"}, Outcome: payment.NotDone, Why: whySaid(w.said("both")), At: now}}))
	if orders := w.book.Orders("east", "acc"); len(orders) != 1 || orders[0].Identity != "before" {
		t.Errorf("east is to do %+v", orders)
	}
	if orders := w.book.Orders("west", "acc"); len(orders) != 1 || orders[0].Identity != "both" {
		t.Errorf("west is to do %+v", orders)
	}
	w.do(AnswerResolution(w.book, holdfast.Actor{Kind: holdfast.Account, ID: "second"}, w.said("two"), true, ""))
	check("two", ResolutionCarried, "[east]")
	w.do(Tell(w.book.Gate("west"), "acc", []Entry{{Seq: 2, Record: payment.Record{Identity: "both"}, Outcome: payment.NotDone, Why: whySaid(w.said("both")), At: now}}))
	check("both", ResolutionCarried, "[east east west]")
	if n := w.book.UnresolvedCount(); n != 1 { // "untold"
		t.Errorf("%d are unknown", n)
	}
	settled, count := w.book.Settled()
	if count != 4 || settled[len(settled)-1].Gate != "east" || settled[len(settled)-1].How != whySaid(w.said("before")) {
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
	r := make([]string, many)
	for i := range many {
		r[i] = w.say(fmt.Sprint("k", i), payment.NotDone)
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
	told := orders("acc2", maxOrders, r[0])
	w.do(WithdrawResolution(w.book, r[1], "a mistake"))
	if kinds := w.do(Unlist(w.book, "east", "acc2", told)); len(kinds) != 1 || kinds[0] != KindUnlisted {
		t.Errorf("recorded %v", kinds)
	}
	if kinds := w.do(Unlist(w.book, "east", "acc2", append(told[:2:2], "nobody"))); kinds != nil {
		t.Errorf("said again, it is recorded again: %v", kinds)
	}
	if r, _ := w.book.Resolution(r[0]); r.State != ResolutionCarried || len(r.Ends) != 1 || !r.Ends[0].Gone || !r.Ends[0].Unlisted || r.Contradicted {
		t.Errorf("%+v", r)
	}
	if r, _ := w.book.Resolution(r[1]); r.State != ResolutionWithdrawn || len(r.Ends) != 0 {
		t.Errorf("withdrawn, and %+v", r)
	}
	told = orders("acc2", many-maxOrders, r[maxOrders])
	w.do(Unlist(w.book, "east", "acc2", told))
	orders("acc2", 0, "")
	if n := w.book.UnresolvedCount(); n != 1 {
		t.Errorf("%d are unknown, not what was withdrawn alone", n)
	}

	// The former directory is found: it does what was counted without it, and that counts once.
	orders("acc", maxOrders, r[0])
	w.do(Tell(w.book.Gate("east"), "acc", []Entry{{Seq: many + 1, Record: payment.Record{Identity: "k0", At: now}, Outcome: payment.NotDone, Why: whySaid(r[0]), At: now}}))
	orders("acc", maxOrders, r[2])
	if settled, count := w.book.Settled(); count != many-1 || len(settled) != many-1 {
		t.Errorf("%d were settled, %d are listed", count, len(settled))
	}

	// Retired and back in an empty directory: it is asked once.
	w.do(Retire(w.book.Gate("east"), "its machine burnt"))
	w.enrol("east", "c", "")
	w.do(Unlist(w.book, "east", "acc3", orders("acc3", maxOrders, r[2])))
	w.do(Unlist(w.book, "east", "acc3", orders("acc3", many-2-maxOrders, r[maxOrders+2])))
	orders("acc3", 0, "")
	if _, count := w.book.Settled(); count != many-1 {
		t.Errorf("%d were settled", count)
	}

	_, err := Unlist(w.book, "east", "acc3", make([]string, maxOrders+1))
	wantCode(t, err, holdfast.TooLarge)
	_, err = Unlist(w.book, "nobody", "acc3", r[:1])
	wantCode(t, err, holdfast.NotFound)
}

// Of two people who say the contrary of one payment at the same moment, having read the same
// book, the journal takes one; the other is told that it was decided on. So it is again of what
// is said after that one was taken back.
func TestContraryResolutionsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("east", "a", "")
	w.do(Tell(w.book.Gate("east"), "acc", []Entry{{Seq: 1, Record: payment.Record{Identity: "k", Amount: 100, Currency: "CNY", At: now}, Outcome: payment.Unknown, At: now}}))
	var former string
	for range 2 {
		_, done, err := Resolve(w.book, saying("k", payment.Done), 100, nil)
		if err != nil {
			t.Fatal(err)
		}
		id := w.say("k", payment.NotDone)
		var moved *journal.Mismatch
		if _, err := w.store.Append(t.Context(), journal.Append{ID: "late", Actor: holdfast.Self("test"), Time: now, Facts: done}); !errors.As(err, &moved) {
			t.Fatalf("the contrary was appended too: %v", err)
		}
		_, _, err = Resolve(w.book, saying("k", payment.Done), 100, nil)
		wantCode(t, err, holdfast.Conflict)
		if orders := w.book.Orders("east", "acc"); len(orders) != 1 || orders[0].ID != id || orders[0].Outcome != payment.NotDone || id == former {
			t.Errorf("east is to do %+v", orders)
		}
		w.do(WithdrawResolution(w.book, id, "a mistake"))
		former = id
	}
}

// What people said of an attempt is contradicted by what people say of it later and is counted
// without its gate, as by what a gate tells; what was withdrawn, or was said of another attempt,
// is not.
func TestWhatIsCountedContradicts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		late         time.Duration // when the payment was sent that comes back unknown
		then         payment.Outcome
		contradicted bool
		ends         int
	}{
		{"otherwise", 0, payment.NotDone, true, 2},
		{"the same", 0, payment.Done, false, 2},
		{"of a later attempt", time.Second, payment.NotDone, false, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.enrol("east", "a", "")
			lost := func(account string, sent time.Time) {
				w.do(Tell(w.book.Gate("east"), account, []Entry{{Seq: 1, Record: payment.Record{Identity: "k", Amount: 100, Currency: "CNY", At: sent}, Outcome: payment.Unknown, At: now}}))
			}
			lost("acc", now)
			withdrawn := w.say("k", payment.Done)
			w.do(WithdrawResolution(w.book, withdrawn, "a mistake"))
			first := w.say("k", payment.Done)
			w.do(Retire(w.book.Gate("east"), "its machine burnt"))
			w.enrol("east", "b", "") // with an older directory
			lost("acc2", now.Add(c.late))
			second := w.say("k", c.then)
			w.do(Retire(w.book.Gate("east"), "it burnt again"))
			for id, want := range map[string]bool{withdrawn: false, first: c.contradicted, second: false} {
				if r, _ := w.book.Resolution(id); r.Contradicted != want || id != withdrawn && r.State != ResolutionCarried {
					t.Errorf("%s is %+v", id, r)
				}
			}
			r, _ := w.book.Resolution(first)
			if len(r.Ends) != c.ends || c.ends == 2 && (r.Ends[1].Outcome != c.then || r.Ends[1].Gone || r.Carries(r.Ends[1])) {
				t.Errorf("the first ended by %+v", r.Ends)
			}
			// Should the gate come back, it is told what counts.
			var ids []string
			for _, o := range w.book.Orders("east", "acc2") {
				ids = append(ids, o.ID)
			}
			if c.ends == 2 && !slices.Equal(ids, []string{second}) {
				t.Errorf("east is to do %v", ids)
			}
		})
	}
}

func saying(identity string, o payment.Outcome) ResolutionForm {
	return ResolutionForm{Identity: identity, Outcome: o, Reason: "asked the bank", Evidence: "ticket 7"}
}

// say has a person say what became of a payment, two above 100; it returns the id.
func (w *world) say(identity string, o payment.Outcome) string {
	w.t.Helper()
	id, drafts, err := Resolve(w.book, saying(identity, o), 100, nil)
	w.do(drafts, err)
	return id
}

// said is the id of what was said last of a payment.
func (w *world) said(identity string) string {
	w.t.Helper()
	r, found := w.book.ResolutionOf(identity)
	if !found {
		w.t.Fatalf("nobody said anything of %s", identity)
	}
	return r.ID
}
