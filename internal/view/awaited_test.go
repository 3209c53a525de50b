package view

import (
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/reconciliation"
	"holdfast/internal/settlement"
	"holdfast/internal/standin"
)

// A second person sees what others have decided on payments; who decided does not, and
// nobody who may not approve.
func TestAwaitedActs(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.publish()
		now := time.Now()
		open := standin.OpenException{Identity: "k1", Directive: "d7", Kind: standin.Payment, Amount: 5, Currency: "CNY", Why: standin.PrimaryRefused, Decided: now, Since: now, Approved: true}
		_, err := w.Reconciliation.Told(w.Context(), "east", standin.Summary{Source: "s1", At: now, Shards: 1, Of: []standin.ShardSummary{{
			Epoch: 1, Standing: []standin.Standing{{Directive: "d6", Opened: now, Ended: now}, {Directive: "d7", Opened: now}}, Open: []standin.OpenException{open},
		}}})
		w.must(err)
		_, err = w.Reconciliation.Resolve(w.Context(), mei, reconciliationForm("k1"))
		w.must(err)
		_, err = w.Reconciliation.Close(w.Context(), mei, "d6", "done")
		w.must(err)
		second := access.Principal{Actor: holdfast.Actor{Kind: holdfast.Account, ID: "lin"}, Account: "lin", Actions: access.Self("test").Actions}
		got := w.AwaitedActs(second)
		want := []AwaitedAct{{Kind: "exception", ID: "d7.x1", Directive: "d7", What: "write-off"}, {Kind: "close-out", ID: "d6.x1", Directive: "d6"}}
		if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
			t.Errorf("a second person sees %+v", got)
		}
		if got := w.AwaitedActs(access.Principal{Actor: mei, Account: mei.ID, Actions: second.Actions}); len(got) > 0 {
			t.Errorf("who asked sees %+v", got)
		}
		if got := w.AwaitedActs(access.Principal{Actor: second.Actor, Account: "lin"}); len(got) > 0 {
			t.Errorf("who may not approve sees %+v", got)
		}
		// What is refused again comes back with what was decided.
		w.must(w.Reconciliation.Answer(w.Context(), second.Actor, "d7.x1", false, "not yet"))
		if list := w.Exceptions(ExceptionQuery{}, 0, 10); len(list.Items) != 1 || list.Items[0].Decision != nil || len(list.Items[0].Before) != 1 || list.Items[0].Before[0].Reason != "not yet" {
			t.Errorf("it is open again: %+v", list.Items)
		}
	})
}

// A settlement file that one person confirmed waits for another.
func TestAwaitedSettlement(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		m := settlement.Mapping{Name: "core", Identity: []string{"order"}, Amount: "amount", Unit: settlement.Minor, CurrencyIs: "CNY", Zone: "UTC"}
		w.must(w.Source.Settlement.SaveMapping(w.Context(), mei, m))
		id, err := w.Source.Settlement.Offer(w.Context(), mei, "core", "1999-12-31", "day.csv", []byte("order,amount\nk1,900\n"))
		w.must(err)
		second := access.Principal{Actor: holdfast.Actor{Kind: holdfast.Account, ID: "lin"}, Account: "lin", Actions: access.Self("test").Actions}
		var said *standin.FileWord
		for range 4 { // the file is read, its page given, and answered
			page, err := w.Source.Settlement.Told(w.Context(), "east", "b1", said)
			w.must(err)
			if page != nil {
				said = &standin.FileWord{File: id, Two: 1, Changed: 1}
			}
		}
		if got := w.AwaitedActs(second); len(got) > 0 {
			t.Errorf("before it is confirmed: %+v", got)
		}
		w.must(w.Source.Settlement.Confirm(w.Context(), mei, id, "the day"))
		if got := w.AwaitedActs(second); len(got) != 1 || got[0] != (AwaitedAct{Kind: "settlement", ID: id, What: "1999-12-31"}) {
			t.Errorf("a second person sees %+v", got)
		}
		if got := w.AwaitedActs(access.Principal{Actor: mei, Account: mei.ID, Actions: second.Actions}); len(got) > 0 {
			t.Errorf("who confirmed it sees %+v", got)
		}
	})
}

func reconciliationForm(identity string) reconciliation.Form {
	return reconciliation.Form{Identity: identity, How: standin.WriteOff, Note: "a loss"}
}
