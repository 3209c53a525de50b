package gate

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/payment"
)

// What a person says settles a payment once; what the primary said first stands, a later
// attempt is not settled by not done, and an attempt that is being answered is waited for.
func TestResolved(t *testing.T) {
	ask := func(r payment.Record) (payment.Outcome, error) {
		if r.Identity == "answered" {
			return payment.NotDone, nil
		}
		return payment.Unknown, nil
	}
	resolving(t, ask, func(t *testing.T, g *Gate, _ *answers) {
		lose(t, g, "done", "not", "again", "answered", "flying")
		at := map[string]time.Time{}
		for _, r := range g.Unresolved() {
			at[r.Identity] = r.At
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		lose(t, g, "again")
		flying := admit(t, g, "flying")
		said := func(identity string, o payment.Outcome) Resolution {
			return Resolution{ID: "r-" + identity, Identity: identity, At: at[identity], Outcome: o, Why: "by " + identity}
		}
		orders := []Resolution{
			said("done", payment.Done), said("not", payment.NotDone), said("again", payment.NotDone), said("answered", payment.Done),
			said("flying", payment.Done), said("nobody", payment.Done), said("done", payment.Unknown),
		}
		_, before := g.outcomes.unreported(100)
		for range 2 {
			if err := g.resolved(orders); err != nil {
				t.Fatal(err)
			}
		}
		_, after := g.outcomes.unreported(100)
		if len(after) != len(before)+2 {
			t.Fatalf("%d entries more, not 2", len(after)-len(before))
		}
		for i, want := range []struct {
			identity string
			outcome  payment.Outcome
		}{{"done", payment.Done}, {"not", payment.NotDone}} {
			if e := after[len(before)+i]; e.Record.Identity != want.identity || e.Outcome != want.outcome || e.Why != "by "+want.identity {
				t.Errorf("%+v", e)
			}
		}
		if g.Pending("done") || g.Pending("not") || !g.Pending("again") || !g.Pending("flying") {
			t.Error("what people said is not carried out, or more is")
		}
		flying.Finish(payment.NotDone, "no")
		// Done is said of the payment, whichever attempt it was.
		if err := g.resolved([]Resolution{said("again", payment.Done)}); err != nil || g.Pending("again") {
			t.Errorf("%v", err)
		}
	})
}

// A gate says which payments that people resolved it does not list, for the control plane
// would wait for ever; nothing of one that is in flight, nor of one that it has settled and
// not told yet.
func TestUnlistedIsTold(t *testing.T) {
	connected(t, nil, func(t *testing.T, g *Gate, p *plane) {
		time.Sleep(3 * time.Second)
		lose(t, g, "open")
		of, _ := g.outcomes.record("open")
		time.Sleep(time.Millisecond)
		flying := admit(t, g, "flying")
		p.do(func() {
			for _, identity := range []string{"flying", "open", "lost"} {
				p.resolve = append(p.resolve, Resolution{ID: "r-" + identity, Identity: identity, At: of.At, Outcome: payment.NotDone, Why: "by " + identity})
			}
		})
		said := func() (list []string) {
			p.do(func() {
				for _, r := range p.reports {
					list = append(list, r.Unlisted...)
				}
				p.reports = nil
			})
			return slices.Compact(list)
		}
		time.Sleep(3 * time.Second)
		if got := said(); !slices.Equal(got, []string{"r-lost"}) {
			t.Errorf("it does not list %q", got)
		}
		if g.Pending("open") {
			t.Error("what people said is not carried out")
		}
		flying.Finish(payment.Unknown, "no answer") // a later attempt: not done settles none
		time.Sleep(3 * time.Second)
		if got := said(); slices.Contains(got, "r-flying") || !g.Pending("flying") {
			t.Errorf("it does not list %q", got)
		}
		p.do(func() { p.resolve = nil })
		time.Sleep(2 * time.Second)
		said()
		time.Sleep(3 * time.Second)
		if got := said(); len(got) > 0 {
			t.Errorf("nobody asks, and it does not list %q", got)
		}
	})
}

// A gate tells of each payment how often it asked, what was said and when it asks next.
func TestAskedIsTold(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	a := newAsking(Inquiries{Most: 2})
	fresh, once, spent, none := payment.Record{Identity: "fresh", At: now}, payment.Record{Identity: "once", At: now}, payment.Record{Identity: "spent", At: now}, payment.Record{Identity: "none", At: now}
	a.answered(once, "not yet", now.Add(time.Second))
	a.answered(spent, "not yet", now.Add(time.Second))
	a.answered(spent, "still not", now.Add(3*time.Second))
	a.answered(none, "", now.Add(time.Second))
	want := []Asked{
		{Identity: "fresh", Most: 2, Due: now.Add(time.Second)},
		{Identity: "once", Most: 2, Made: 1, Said: "not yet", At: now.Add(time.Second), Due: now.Add(2 * time.Second)},
		{Identity: "spent", Most: 2, Made: 2, Said: "still not", At: now.Add(3 * time.Second), Over: true},
		{Identity: "none", Most: 2, Over: true},
		{Identity: unnamed + "1", Over: true},
	}
	got := a.tell([]payment.Record{fresh, once, spent, none, {Identity: unnamed + "1", At: now}})
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%+v\nnot %+v", got[i], want[i])
		}
	}
	later := spent
	later.At = now.Add(time.Minute)
	if got := a.tell([]payment.Record{later})[0]; got.Over || got.Made != 0 {
		t.Errorf("a later attempt: %+v", got)
	}
	if n := len(a.tell(make([]payment.Record, MaxAsked+1))); n != MaxAsked {
		t.Errorf("%d are told of", n)
	}
}
