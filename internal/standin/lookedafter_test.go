package standin_test

import (
	"bytes"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/standin"
)

// expired is a shard in which payments of some identities expired in the queue.
func expired(t *testing.T, identities ...string) *shard {
	t.Helper()
	h := newShard(t, deferring())
	for _, id := range identities {
		h.want(large(id, "payer of "+id), standin.Queued, standin.OverPayment)
	}
	h.now = h.now.Add(6 * time.Hour)
	_, park := standin.Next(h.s, h.c.Profile.Forwarding, h.now, 9, anything)
	h.apply(park...)
	return h
}

// care carries out that a person looked after a payment.
func (h *shard) care(identity string, how standin.Care, by, note string) error {
	h.t.Helper()
	records, err := standin.Carry(h.s, h.c.Profile, standin.Order{ID: "x1", Directive: "d1", Identity: identity, Care: how, By: by, Note: note}, h.now)
	h.apply(records...)
	return err
}

// What has expired is looked after by one person, once: then it is counted so, and is told
// as open no more, also after a restart. It is still an expired one.
func TestLookedAfterOnce(t *testing.T) {
	t.Parallel()
	h := expired(t, "p1", "p2", "p3")
	for range 2 { // the answer to the first was lost
		if err := h.care("p2", standin.ToldCustomer, "wang", "by phone"); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.care("p2", standin.AskedAgain, "li", "by mail"); holdfast.CodeOf(err) != holdfast.Conflict {
		t.Errorf("twice: %v", err)
	}
	restored, err := standin.Restore(h.s.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*standin.State{h.s, restored} {
		sum := told(t, standin.Summarize(s, 0, standin.Room{Expired: 9}, h.now))
		of := sum.Of[0]
		if len(of.Expired) != 2 || of.Expired[0].Identity != "p3" || of.Expired[1].Identity != "p1" {
			t.Errorf("open: %+v", of.Expired)
		}
		if q := of.Balances[0].Queue; q.Expired.Count != 3 || q.LookedAfter != (standin.Tally{Count: 1, Amount: 10001}) || q.Open() != (standin.Tally{Count: 2, Amount: 20002}) || !q.Holds() {
			t.Errorf("%+v", q)
		}
	}
	h.class("p2", standin.Overdue)
	h.want(large("p2", "payer of p2"), standin.Declined, standin.TooLate)
}

func TestLookedAfterIsChecked(t *testing.T) {
	t.Parallel()
	h := expired(t, "p1")
	waits := large("p2", "bob")
	waits.Snapshot.At = h.now
	h.want(waits, standin.Queued, standin.OverPayment)
	for _, test := range []struct {
		name, identity string
		how            standin.Care
		by, note       string
		want           holdfast.Code
	}{
		{"not expired", "p2", standin.ToldCustomer, "wang", "by phone", holdfast.NotFound},
		{"not known", "p9", standin.ToldCustomer, "wang", "by phone", holdfast.NotFound},
		{"nothing that can be done", "p1", standin.NothingToDo + 1, "wang", "by phone", holdfast.Invalid},
		{"by nobody", "p1", standin.ToldCustomer, "", "by phone", holdfast.Invalid},
		{"without a note", "p1", standin.ToldCustomer, "wang", "", holdfast.Invalid},
	} {
		if err := h.care(test.identity, test.how, test.by, test.note); holdfast.CodeOf(err) != test.want {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// No close-out waits for it, and what is forgotten takes it along.
func TestLookedAfterIsForgotten(t *testing.T) {
	t.Parallel()
	h := expired(t, "p1", "p2")
	blank := func(s *standin.State) int {
		return len(standin.Summarize(s, 0, standin.Room{Expired: 9}, h.now).Expired)
	}
	h.apply(standin.End(h.s, "d1", h.now)...)
	records, err := standin.CloseOut(h.s, "d1", "wang, li", h.now)
	if err != nil {
		t.Fatal(err)
	}
	h.apply(records...)
	if err := h.care("p1", standin.NothingToDo, "wang", "paid by cash"); err != nil {
		t.Fatal("after the close-out:", err)
	}
	if n := blank(h.s); n != 1 {
		t.Errorf("%d are open", n)
	}
	later := standin.At(h.now.Add(time.Hour))
	h.apply(&standin.Forgot{Before: later, At: later})
	if n := blank(h.s); n != 0 || h.s.Len() != 0 {
		t.Errorf("%d are open, %d known", n, h.s.Len())
	}
	restored, err := standin.Restore(h.s.Snapshot())
	if err != nil || !bytes.Equal(restored.Snapshot(), h.s.Snapshot()) {
		t.Error("it does not come back:", err)
	}
}

// A snapshot that says that somebody looked after what has not expired is refused.
func TestLookedAfterInASnapshot(t *testing.T) {
	t.Parallel()
	none, h := expired(t, "p1"), expired(t, "p1")
	if err := h.care("p1", standin.ToldCustomer, "wang", "by phone"); err != nil {
		t.Fatal(err)
	}
	without, with := none.s.Snapshot(), h.s.Snapshot()
	if !bytes.HasPrefix(with, without) {
		t.Fatal("what was looked after does not stand at the end")
	}
	part := with[len(without):]
	other := newShard(t, deferring())
	other.want(large("p1", "payer of p1"), standin.Queued, standin.OverPayment)
	for name, body := range map[string][]byte{
		"of what waits":     append(other.s.Snapshot(), part...),
		"of what is nobody": append(standin.NewState().Snapshot(), part...),
		"of nothing":        append(without, 0, 0),
		"cut":               with[:len(with)-1],
	} {
		if _, err := standin.Restore(body); holdfast.CodeOf(err) != holdfast.Damaged {
			t.Errorf("%s: %v", name, err)
		}
	}
}
