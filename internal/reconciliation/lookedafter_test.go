package reconciliation

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/standin"
)

// lapsed is what a gate tells of one shard in which payments of some identities expired.
func lapsed(directive string, identities ...string) standin.Summary {
	s := told(1, []int{0})
	s.Of[0].Standing[0].Directive = directive
	n := int64(len(identities))
	s.Of[0].Balances = []standin.Balance{{Directive: directive, Kind: standin.Payment, Currency: "CNY", Queue: standin.QueueBalance{Queued: standin.Tally{Count: n}, Expired: standin.Tally{Count: n}}}}
	for i, id := range identities {
		s.Of[0].Expired = append(s.Of[0].Expired, standin.QueuedPayment{Identity: id, Directive: directive, Amount: 900, Currency: "CNY", Payer: "a1", At: start, Until: start.Add(time.Duration(i) * time.Second)})
	}
	return s
}

// One person records what was done, for several at once; the gate is told until it has
// recorded it, and then it is over.
func TestAnExpiredPaymentIsLookedAfter(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	sum := lapsed("d1", "k1", "k2", "k3")
	d.tell("east", sum)
	form := CareForm{Payments: []string{"k2", "k1", "k2"}, Care: standin.ToldCustomer, Note: "by phone"}
	ids, err := d.service.LookAfter(t.Context(), wang, form)
	if err != nil || len(ids) != 2 || ids[0] != "d1.x1" || ids[1] != "d1.x2" {
		t.Fatal(ids, err)
	}
	if _, err := d.service.LookAfter(t.Context(), wang, CareForm{Payments: []string{"k3", "k1"}, Care: standin.AskedAgain, Note: "by mail"}); code(err) != holdfast.Conflict {
		t.Errorf("twice: %v", err)
	}
	for range 2 {
		got := d.tell("east", sum)
		if len(got) != 2 || got[0] != (standin.Order{ID: "d1.x1", Directive: "d1", Identity: "k1", Care: standin.ToldCustomer, By: "wang", Note: "by phone"}) || got[1].Identity != "k2" {
			t.Fatalf("orders %+v", got)
		}
	}
	if _, a := Find(d.service.Board.Sources(d.now), "d1"); a.Unattended != 3 {
		t.Errorf("%d unattended", a.Unattended)
	}
	sum.Of[0].Expired = sum.Of[0].Expired[1:]
	sum.Of[0].Balances[0].Queue.LookedAfter.Count = 1
	sum.Carried = []standin.Carried{{ID: "d1.x1"}, {ID: "d1.x2", Refused: "it cannot be"}}
	if got := d.tell("east", sum); len(got) != 0 {
		t.Errorf("still ordered: %+v", got)
	}
	if got := d.decision("d1.x1"); got.State != Done || got.Gate != "east" || got.Closes() || got.Ends() || !got.Cares() || got.Identity() != "k1" {
		t.Errorf("it is %+v", got)
	}
	if list := d.book.Cares(); len(list) != 1 || list[0].ID != "d1.x1" {
		t.Errorf("looked after: %+v", list)
	}
	if _, a := Find(d.service.Board.Sources(d.now), "d1"); a.Unattended != 2 {
		t.Errorf("%d unattended", a.Unattended)
	}
	sum.Carried = nil
	d.tell("east", sum)
	if ids, err = d.service.LookAfter(t.Context(), wang, CareForm{Payments: []string{"k2"}, Care: standin.NothingToDo, Note: "paid by cash"}); err != nil || ids[0] != "d1.x3" {
		t.Errorf("what the gate could not do is not open again: %v %v", ids, err)
	}
}

func TestWhatIsLookedAfterIsChecked(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.tell("east", lapsed("d1", "k1"))
	d.tell("west", func() standin.Summary { s := lapsed("d2", "k2"); s.Source = "src2"; return s }())
	for name, c := range map[string]struct {
		by   holdfast.Actor
		form CareForm
		want holdfast.Code
	}{
		"another's role":   {li, CareForm{Payments: []string{"k1"}, Care: standin.ToldCustomer, Note: "a note"}, holdfast.Forbidden},
		"no such payment":  {wang, CareForm{Payments: []string{"k1", "k9"}, Care: standin.ToldCustomer, Note: "a note"}, holdfast.NotFound},
		"no payment":       {wang, CareForm{Payments: nil, Care: standin.ToldCustomer, Note: "a note"}, holdfast.Invalid},
		"too many":         {wang, CareForm{Payments: make([]string, standin.MaxQueued+1), Care: standin.ToldCustomer, Note: "a note"}, holdfast.Invalid},
		"nothing was done": {wang, CareForm{Payments: []string{"k1"}, Care: 0, Note: "a note"}, holdfast.Invalid},
		"no note":          {wang, CareForm{Payments: []string{"k1"}, Care: standin.ToldCustomer, Note: " "}, holdfast.Invalid},
		"a long note":      {wang, CareForm{Payments: []string{"k1"}, Care: standin.ToldCustomer, Note: strings.Repeat("a", longestNote+1)}, holdfast.Invalid},
	} {
		if _, err := d.service.LookAfter(t.Context(), c.by, c.form); code(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	second := lapsed("d1", "k1")
	second.Source = "src3"
	d.tell("south", second)
	twice := CareForm{Payments: []string{"k1"}, Care: standin.ToldCustomer, Note: "a note"}
	if _, err := d.service.LookAfter(t.Context(), wang, twice); code(err) != holdfast.Conflict {
		t.Errorf("at two sources: %v", err)
	}
	if len(d.book.All()) != 0 {
		t.Errorf("of what was refused something is recorded: %+v", d.book.All())
	}
	ids, err := d.service.LookAfter(t.Context(), li, CareForm{Payments: []string{"k2"}, Care: standin.ToldCustomer, Note: "card 4111 1111 1111 1111"})
	if err != nil || strings.Contains(d.decision(ids[0]).Note, "4111 1111 1111") {
		t.Errorf("of a directive that is not known: %v", err)
	}
}

// Expired payments of one identity at two advice sources are looked after by themselves.
func TestCaresOfTwoSources(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	second := lapsed("d1", "k1")
	second.Source = "src2"
	d.tell("east", lapsed("d1", "k1"))
	d.tell("west", second)
	for i, source := range []string{"src1", "src2"} {
		ids, err := d.service.LookAfter(t.Context(), wang, CareForm{Payments: []string{"k1"}, Care: standin.ToldCustomer, Note: "a note", Source: source})
		if err != nil || d.decision(ids[0]).Source != source {
			t.Errorf("%s: %v %v", source, ids, err)
		}
		if got := d.tell([]string{"east", "west"}[1-i], []standin.Summary{lapsed("d1", "k1"), second}[1-i]); len(got) != i {
			t.Errorf("%s: the other's gate is told %+v", source, got)
		}
	}
}

// Many expired payments that were looked after hold up no other order.
func TestCaresHoldUpNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var identities []string
	for n := range standin.MaxQueued {
		identities = append(identities, fmt.Sprintf("k%03d", n))
	}
	sum := lapsed("d1", identities...)
	sum.Of[0].Open = []standin.OpenException{exception("x", 1, standin.Expired)}
	d.tell("east", sum)
	if _, err := d.service.LookAfter(t.Context(), wang, CareForm{Payments: identities, Care: standin.ToldCustomer, Note: "by mail"}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.service.Resolve(t.Context(), wang, Form{Identity: "x", How: standin.Accept, Note: "a note"}); err != nil {
		t.Fatal(err)
	}
	got := d.tell("east", sum)
	if len(got) != 1+standin.MaxCares || got[0].Identity != "x" {
		t.Errorf("%d orders, the first for %q", len(got), got[0].Identity)
	}
}
