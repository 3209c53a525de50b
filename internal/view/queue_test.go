package view

import (
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/reconciliation"
	"holdfast/internal/roster"
	"holdfast/internal/standin"
)

// What has expired waits for whoever fills the role that the queue names, until it is looked
// after; then it stands in the other list, with who did what.
func TestExpiredWaitsForItsRole(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.publish()
		w.enrol("east")
		by, id := w.standIn()
		role := by.Profile.QueueOwner(by.Planned)
		w.record(roster.Person{ID: "lin", Name: "林", Account: "lin", Roles: []string{role}, Contacts: []roster.Contact{{Channel: roster.SMTP, Address: "lin@example.com"}}})
		w.Reconciliation.Nouns.Owner = func(string) string { return role }

		at := time.Now()
		of := standin.ShardSummary{Epoch: 1, Standing: []standin.Standing{{Directive: id, Opened: at}}, Balances: []standin.Balance{{Directive: id, Kind: standin.Payment, Currency: "CNY", Queue: standin.QueueBalance{Queued: standin.Tally{Count: 2}, Expired: standin.Tally{Count: 2}}}}}
		for _, identity := range []string{"k1", "k2"} {
			of.Expired = append(of.Expired, standin.QueuedPayment{Identity: identity, Directive: id, Amount: 900, Currency: "CNY", At: at, Until: at.Add(time.Hour)})
		}
		tell := func(carried ...standin.Carried) {
			_, err := w.Reconciliation.Told(w.Context(), "east", standin.Summary{Source: "s1", At: at, Shards: 1, Of: []standin.ShardSummary{of}, Carried: carried})
			w.must(err)
		}
		tell()
		duty := access.Principal{Actor: lin, Account: "lin", Actions: access.Grants(access.Duty)}
		if got := w.AwaitedActs(duty); len(got) != 1 || got[0] != (AwaitedAct{Kind: "expired", ID: id, Directive: id, What: "2"}) {
			t.Errorf("who fills the role sees %+v", got)
		}
		for name, other := range map[string]access.Principal{
			"another": {Actor: mei, Account: "mei", Actions: duty.Actions}, "who may only look": {Actor: lin, Account: "lin", Actions: access.Grants(access.Viewer)},
		} {
			if got := w.AwaitedActs(other); len(got) > 0 {
				t.Errorf("%s sees %+v", name, got)
			}
		}
		if fills := w.Fills("lin", role, "x"); !fills[role] || fills["x"] || w.Fills("mei", role)[role] {
			t.Errorf("%+v", fills)
		}
		ids, err := w.Reconciliation.LookAfter(w.Context(), lin, reconciliation.CareForm{Payments: []string{"k1"}, Care: standin.ToldCustomer, Note: "by phone"})
		w.must(err)
		if got := w.AwaitedActs(duty); len(got) != 1 || got[0].What != "1" {
			t.Errorf("one is ordered, and he sees %+v", got)
		}
		q := w.Queue(QueueQuery{})
		if len(q.Expired) != 2 || q.Expired[0].Decision == nil || q.Expired[0].Open() || !q.Expired[1].Open() || q.Expired[1].Owner.ID != role || q.AllOpen != 2 {
			t.Errorf("the queue is %+v", q)
		}
		if e, err := w.ExpiredCalled(q.Expired[1].Key); err != nil || e.Identity != "k2" {
			t.Error(e, err)
		}
		if _, err := w.ExpiredCalled("none"); holdfast.CodeOf(err) != holdfast.NotFound {
			t.Error(err)
		}
		tell(standin.Carried{ID: ids[0]}) // the gate has done it, and its figures are those of before
		q = w.Queue(QueueQuery{})
		if len(q.Expired) != 1 || q.Expired[0].Identity != "k2" {
			t.Errorf("expired: %+v", q.Expired)
		}
		list := w.LookedAfter(QueueQuery{Directive: id}, 0, 10)
		if len(list.Items) != 1 || list.Items[0].Identity != "k1" || list.Items[0].Decision.By != lin || list.Items[0].Decision.Note != "by phone" {
			t.Errorf("looked after: %+v", list.Items)
		}
		if n := len(w.LookedAfter(QueueQuery{Text: "k2"}, 0, 10).Items); n != 0 {
			t.Errorf("%d of another text", n)
		}
		if found := append(nulls(t, q), nulls(t, list)...); len(found) > 0 {
			t.Errorf("null: %v", found)
		}
	})
}
