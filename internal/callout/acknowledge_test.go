package callout

import (
	"context"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/notify"
)

func (w *world) acks() *Acks {
	return &Acks{
		State: w.State, Incidents: w.Incidents, Book: w.Book, Notices: w.Notices, Key: []byte("key"), Now: time.Now, Tries: NewTries(),
		Page: func(id string) string { return "https://h.example/acknowledge/" + id },
	}
}

// The link of a notice acknowledges for whom it is, once, and only with its secret,
// which the journal does not hold.
func TestAcknowledgeByLink(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		w.record("ana", holdfast.En, "superior", mail("ana"))
		in := w.confirm("payments fail", false)
		a := w.acks()
		d := w.Book.ByTask(in.ID, "tell-superiors")[0].Deliveries[0]
		m := a.Fill(notify.Message{Notice: d.Notice})
		key := secret(a.Key, toAcknowledge, d.ID)
		if strings.Contains(d.Body, key) || strings.Contains(d.Body, a.Code(in.ID, d.Task, "ana")) {
			t.Error("the journal holds the secret")
		}
		if !strings.Contains(m.Body, "https://h.example/acknowledge/"+d.ID+"?key="+key) || !strings.Contains(m.Body, a.Code(in.ID, d.Task, "ana")) {
			t.Errorf("the message says\n%s", m.Body)
		}
		if _, err := a.Admit(d.ID, "wrong"); holdfast.CodeOf(err) != holdfast.NotFound {
			t.Errorf("a wrong secret: %v", err)
		}
		if p, err := a.Admit(d.ID, key); err != nil || !p.At.IsZero() {
			t.Errorf("looking: %+v, %v", p, err)
		}
		if w.Book.Told(in.ID, d.Task, 0, "ana").Acknowledged() {
			t.Error("looking at the page acknowledges")
		}
		w.must(a.Acknowledge(w.Context(), d.ID, key))
		if p, err := a.Admit(d.ID, key); err != nil || p.At.IsZero() {
			t.Errorf("afterwards: %+v, %v", p, err)
		}
		if err := a.Acknowledge(w.Context(), d.ID, key); holdfast.CodeOf(err) != holdfast.Conflict {
			t.Errorf("twice: %v", err)
		}
		time.Sleep(AckLife + time.Second)
		if _, err := a.Admit(d.ID, key); holdfast.CodeOf(err) != holdfast.NotFound {
			t.Errorf("a day later: %v", err)
		}
	})
}

// A reply code tells for whom and for which task, however it is typed; guessing is
// bounded.
func TestAcknowledgeByCode(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		w.record("ana", holdfast.En, "superior", mail("ana"))
		w.record("bo", holdfast.En, "risk-head", mail("bo"))
		in := w.confirm("payments fail", false)
		a := w.acks()
		code := a.Code(in.ID, "tell-superiors", "bo")
		if who, err := a.AcknowledgeByCode(w.Context(), mei, in.ID, " "+strings.ReplaceAll(code, " ", "-"), "by text"); err != nil || who != "bo" {
			t.Errorf("%s, %v", who, err)
		}
		w.must(nil)
		if p := w.Book.Told(in.ID, "tell-superiors", 0, "bo"); !p.Acknowledged() || p.Ack.How != notify.ByCode {
			t.Errorf("%+v", p.Ack)
		}
		var last error
		for range 6 {
			_, last = a.AcknowledgeByCode(w.Context(), mei, in.ID, "", "")
		}
		if holdfast.CodeOf(last) != holdfast.TooMany {
			t.Errorf("the sixth wrong code: %v", last)
		}
		if _, err := a.AcknowledgeByCode(w.Context(), mei, "1999-1", code, ""); holdfast.CodeOf(err) != holdfast.NotFound {
			t.Errorf("of no incident: %v", err)
		}
	})
}

// Whom no notice reaches is called by hand, in order; who was reached has
// acknowledged, and who was not has not.
func TestCallByHand(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		w.record("ana", holdfast.En, "superior", phone)
		w.record("bo", holdfast.En, "risk-head", mail("bo"))
		in := w.confirm("payments fail", false)
		list := func() CallList { return CallLists(w.Book, w.Roster, in, time.Now())[0] }
		if l := list(); !l.Needed() || l.People[0].Person.ID != "ana" || l.People[0].ByHand != NoWay || l.People[1].ByHand != "" {
			t.Errorf("%+v", l.People)
		}
		c := &Caller{Desk: w.desk, Incidents: w.Incidents, Book: w.Book, Roster: w.Roster}
		call := func(ctx context.Context, person, result string) error {
			return c.Record(ctx, mei, in.ID, incident.Called{Task: "tell-superiors", Person: person, Result: result, Number: "1"})
		}
		w.must(call(w.Context(), "ana", incident.Voicemail))
		if l := list(); !l.Needed() || len(l.People[0].Calls) != 1 {
			t.Errorf("after a voicemail: %+v", l.People[0])
		}
		if err := call(w.Context(), "ana", "perhaps"); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("no result: %v", err)
		}
		if err := call(w.Context(), "nobody", incident.Reached); holdfast.CodeOf(err) != holdfast.NotFound {
			t.Errorf("nobody: %v", err)
		}
		w.must(call(w.Context(), "ana", incident.Reached))
		_, task, _ := in.Procedure.Task("tell-superiors")
		if note, ok := Succeeded(w.Book, w.Roster, in, "notify", task, time.Now()); !ok {
			t.Errorf("reached by phone, and %q", note)
		}
		w.must(call(w.Context(), "bo", incident.Reached))
		if !w.Book.Told(in.ID, "tell-superiors", 0, "bo").Acknowledged() {
			t.Error("a call that reached somebody with a notice is no acknowledgement")
		}
	})
}

// The auditor misses what a node that stands still does not do, calls no switch then,
// and says of what came late that it did.
func TestAuditor(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		w.record("ana", holdfast.En, "superior", mail("ana"))
		w.record("cy", holdfast.En, "commander", mail("cy"))
		w.confirm("payments fail", false)
		still := w.newNode() // folds as far as it is told to, and does nothing
		ctx, stop := context.WithCancel(w.Context())
		done := make(chan error, 1)
		go func() { done <- still.State.Run(ctx) }()
		w.must(nil)
		stop()
		<-done
		later := time.Now().Add(10 * time.Minute)
		var found []Finding
		still.State.View(func() { found = still.Audit(later, Tolerance) })
		missing := map[FindingKind]int{}
		for _, f := range found {
			if f.Missing() {
				missing[f.Kind]++
			}
		}
		if missing[EscalationDue] == 0 || missing[AttemptDue] == 0 { // nobody delivers here
			t.Errorf("a node that stood still for ten minutes: %+v", found)
		}
		if (Audited{Findings: found}).Missing() == 0 {
			t.Error("nothing is missing")
		}
		if in := found[0].alert(); in.Source != Source || in.Resolved {
			t.Errorf("the alert is %+v", in)
		}
	})
}
