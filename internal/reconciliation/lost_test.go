package reconciliation

import (
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/journal"
	"holdfast/internal/standin"
)

// lifted is a stand-in of the source src1 that is over.
func lifted() *directive.Directive {
	d := &directive.Directive{ID: "d1", Opening: &directive.Opening{Source: "src1", At: start}, LiftedAt: start.Add(time.Hour)}
	d.StandIn = &directive.StandIn{}
	return d
}

// A source is given up only when nobody can tell of it: each row says what is in the way.
func TestWhatIsLost(t *testing.T) {
	t.Parallel()
	pending := standin.Balance{Directive: "d1", Kind: standin.Payment, Currency: "CNY", Approved: standin.Tally{Count: 3, Amount: 30}, Delivered: standin.Tally{Count: 1, Amount: 10}, Pending: standin.Tally{Count: 2, Amount: 20}}
	now := start.Add(3 * time.Hour)
	summary := func(heard time.Time, shards int, directive string, b ...standin.Balance) []Source {
		of := standin.ShardSummary{Epoch: 1, Balances: b}
		if directive != "" {
			of.Standing = []standin.Standing{{Directive: directive, Opened: start, Ended: start.Add(time.Hour)}}
		}
		return Sum([]Told{{Gate: "east", Heard: heard, Summary: standin.Summary{Source: "src1", At: start, Shards: shards, Of: []standin.ShardSummary{of}}}}, now)
	}
	long := now.Add(-time.Hour)
	for _, c := range []struct {
		name    string
		change  func(*directive.Directive)
		sources []Source
		naming  []string
		want    string // of the error; empty if it is lost
		told    time.Time
		heard   int
		figures int
	}{
		{name: "it told once", sources: summary(long, 2, "d1", pending), told: long, heard: 1, figures: 1},
		{name: "it told, of other directives", sources: summary(long, 2, "d2")},
		{name: "it never told"},
		{name: "another source tells", sources: Sum([]Told{{Gate: "west", Heard: now, Summary: standin.Summary{Source: "src2", Shards: 1}}}, now)},
		{name: "not opened", change: func(d *directive.Directive) { d.Opening = nil }, want: "was opened"},
		{name: "a reroute", change: func(d *directive.Directive) { d.StandIn = nil }, want: "was opened"},
		{name: "in force", change: func(d *directive.Directive) { d.LiftedAt = time.Time{} }, want: "lift it"},
		{name: "nobody stood in by it", sources: summary(long, 1, ""), want: "nothing to close out"},
		{name: "it can be closed out", sources: summary(now, 1, "d1"), want: "as usual"},
		{name: "a gate names it", sources: summary(long, 2, "d1", pending), naming: []string{"east"}, want: "the gate east"},
		{name: "it told just now", sources: summary(now.Add(-spoken), 1, "d1", pending), want: "within the last minute"},
	} {
		d := lifted()
		if c.change != nil {
			c.change(d)
		}
		l, err := lost(d, c.sources, c.naming, now)
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err != nil || !l.Told.Equal(c.told) || l.Heard != c.heard || len(l.Figures) != c.figures {
			t.Errorf("%s: %+v, %v", c.name, l, err)
		}
	}
	if _, err := lost(nil, nil, nil, now); code(err) != holdfast.NotFound {
		t.Errorf("no directive: %v", err)
	}
}

// Lost track of is what was not known to be delivered or taken back; of the queue, what
// waited.
func TestUntraced(t *testing.T) {
	t.Parallel()
	l := Lost{Figures: []standin.Balance{
		{Kind: standin.Payment, Currency: "CNY", Approved: standin.Tally{Count: 10, Amount: 100}, Delivered: standin.Tally{Count: 4, Amount: 40}, Pending: standin.Tally{Count: 3, Amount: 30}, Exception: standin.Tally{Count: 2, Amount: 20}, Reversed: standin.Tally{Count: 1, Amount: 10},
			Queue: standin.QueueBalance{Queued: standin.Tally{Count: 3, Amount: 7}, Waiting: standin.Tally{Count: 1, Amount: 5}, Exception: standin.Tally{Count: 1, Amount: 1}, Done: standin.Tally{Count: 1, Amount: 1}}},
		{Kind: standin.Refund, Currency: "CNY", Approved: standin.Tally{Count: 1, Amount: 1}, Delivered: standin.Tally{Count: 1, Amount: 1}},
	}}
	want := []Untraced{{Kind: standin.Payment, Currency: "CNY", Tally: standin.Tally{Count: 5, Amount: 50}, Queued: standin.Tally{Count: 2, Amount: 6}}}
	if got := l.Untraced(); !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}

// Two people give a source up: what was left is nobody's to decide any more. A gate that
// tells of it later contradicts them, once, and all is as before.
func TestASourceIsGivenUp(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.directives["d1"] = lifted()
	s := told(2, []int{0}, exception("k1", 900, standin.PrimaryRefused))
	s.Of[0].Standing[0].Ended = start
	s.Of[0].Balances[0].Approved, s.Of[0].Balances[0].Pending = standin.Tally{Count: 3, Amount: 1100}, standin.Tally{Count: 2, Amount: 200}
	s.Of[0].Balances[0].Exception.Amount = 900
	d.tell("east", s)
	resolved, err := d.service.Resolve(t.Context(), wang, Form{Identity: "k1", How: standin.Accept, Note: "ours"})
	if err != nil {
		t.Fatal(err)
	}
	form := LostForm{Directive: "d1", Reason: "the machine burnt", Evidence: "report 7, card 4111 1111 1111 1111"}
	d.enrol("east", "boot-1")
	d.now = d.now.Add(2 * time.Minute)
	if _, err := d.service.GiveUp(t.Context(), wang, form); code(err) != holdfast.Conflict {
		t.Errorf("given up beside the gate that told: %v", err)
	}
	d.retire("east")
	for name, f := range map[string]LostForm{
		"no reason": {"d1", " ", "report 7"}, "no evidence": {"d1", "it burnt", ""}, "much evidence": {"d1", "it burnt", strings.Repeat("a", longestNote+1)},
	} {
		if _, err := d.service.GiveUp(t.Context(), wang, f); code(err) != holdfast.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := d.service.GiveUp(t.Context(), wang, LostForm{"d9", "it burnt", "report 7"}); code(err) != holdfast.NotFound {
		t.Errorf("of no directive: %v", err)
	}
	id, err := d.service.GiveUp(t.Context(), wang, form)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.service.GiveUp(t.Context(), li, form); code(err) != holdfast.Conflict {
		t.Errorf("asked for twice: %v", err)
	}
	if err := d.service.Answer(t.Context(), wang, id, true, ""); code(err) != holdfast.Forbidden {
		t.Errorf("who asked agreed, too: %v", err)
	}
	if d.closedOut() {
		t.Error("closed out by one person")
	}
	if err := d.service.Answer(t.Context(), li, id, true, ""); err != nil {
		t.Fatal(err)
	}
	got := d.decision(id)
	if got.State != Done || got.Lost == nil || got.Note != form.Reason || strings.Contains(got.Lost.Evidence, "4111 1111 1111") || !got.Lost.Told.Equal(start) || got.Lost.Heard != 1 || got.Lost.Shards != 2 || !d.closedOut() {
		t.Errorf("it is %+v, %+v", got, got.Lost)
	}
	if e := got.Lost.Exceptions; len(e) != 1 || e[0].Identity != "k1" {
		t.Errorf("it named %+v", e)
	}
	if u := got.Untraced(); len(u) != 1 || u[0].Tally != (standin.Tally{Count: 3, Amount: 1100}) {
		t.Errorf("lost track of %+v", u)
	}
	if state := d.decision(resolved).State; state != Void {
		t.Errorf("what nobody can carry out is %s", state)
	}
	if _, err := d.service.Resolve(t.Context(), wang, Form{Identity: "k1", How: standin.Accept, Note: "ours"}); code(err) != holdfast.NotFound {
		t.Errorf("decided on after the loss: %v", err)
	}
	d.service.Desk.State.View(func() {
		of := d.service.Sources(d.now)[0]
		if a := of.Accounts[0]; !a.Lost || a.Explained || a.Unresolved != 0 || of.Pending.Count != 0 {
			t.Errorf("it still waits: %+v", of)
		}
	})
	d.tell("west", told(2, nil))
	if state := d.decision(id).State; state != Done {
		t.Errorf("told of without the stand-in, it is %s", state)
	}
	s.Carried = []standin.Carried{{ID: resolved}}
	for range 2 {
		if orders := d.tell("east", s); len(orders) != 0 {
			t.Errorf("ordered %+v", orders)
		}
	}
	if got := d.decision(resolved); got.State != Done || got.Gate != "east" {
		t.Errorf("what the gate had carried out before is %+v", got)
	}
	if got := d.decision(id); got.State != Contradicted || got.Gate != "east" || !got.Contradicted.Equal(d.now) || got.Lost == nil || len(got.Untraced()) != 0 {
		t.Errorf("contradicted, it is %+v", got)
	}
	if n := d.facts(kindContradicted); n != 1 {
		t.Errorf("contradicted %d times", n)
	}
	if d.closedOut() {
		t.Error("closed out though it is contradicted")
	}
	if _, err := d.service.Resolve(t.Context(), wang, Form{Identity: "k1", How: standin.Accept, Note: "ours"}); err != nil {
		t.Errorf("its exception is not open again: %v", err)
	}
}

// A gate that was made anew, with another source, takes away nothing of what it told of the
// one before, and is ordered nothing of it.
func TestAGateMadeAnew(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.directives["d1"] = lifted()
	d.tell("east", told(1, []int{0}, exception("k1", 900, standin.PrimaryRefused)))
	if _, err := d.service.Resolve(t.Context(), wang, Form{Identity: "k1", How: standin.Accept, Note: "ours"}); err != nil {
		t.Fatal(err)
	}
	d.now = d.now.Add(time.Hour)
	anew := told(1, []int{0})
	anew.Source = "src2"
	anew.Of[0].Standing, anew.Of[0].Balances = nil, nil
	if orders := d.tell("east", anew); len(orders) != 0 {
		t.Errorf("of its former source it is ordered %+v", orders)
	}
	if last, _ := d.service.Board.Told("east"); last.Summary.Source != "src2" {
		t.Errorf("it told last of %s", last.Summary.Source)
	}
	id, err := d.service.GiveUp(t.Context(), wang, LostForm{"d1", "it burnt", "report 7"})
	if err != nil {
		t.Fatal(err)
	}
	if l := d.decision(id).Lost; !l.Told.Equal(start) || len(l.Figures) != 1 || len(l.Exceptions) != 1 {
		t.Errorf("of its former source it is known %+v", l)
	}
}

// What was asked for with figures that are not the last is not agreed to.
func TestASourceTellsAgainBeforeItIsGivenUp(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.directives["d1"] = lifted()
	s := told(1, []int{0}, exception("k1", 900, standin.PrimaryRefused))
	d.tell("east", s)
	d.now = d.now.Add(time.Hour)
	id, err := d.service.GiveUp(t.Context(), wang, LostForm{"d1", "it burnt", "report 7"})
	if err != nil {
		t.Fatal(err)
	}
	d.tell("east", s)
	if got := d.decision(id); got.State != Asked {
		t.Errorf("what is not agreed is %s", got.State)
	}
	if err := d.service.Answer(t.Context(), li, id, true, ""); err == nil || !strings.Contains(err.Error(), "within the last minute") {
		t.Errorf("agreed while it tells: %v", err)
	}
	d.now = d.now.Add(time.Hour)
	if err := d.service.Answer(t.Context(), li, id, true, ""); err == nil || !strings.Contains(err.Error(), "ask anew") {
		t.Errorf("agreed with older figures: %v", err)
	}
	if err := d.service.Answer(t.Context(), li, id, false, "it told again"); err != nil {
		t.Fatal(err)
	}
	if again, err := d.service.GiveUp(t.Context(), wang, LostForm{"d1", "it burnt", "report 7"}); err != nil || again == id {
		t.Errorf("asked for anew: %q, %v", again, err)
	}
}

// What people did about expired payments of a source that is gone is done: there is no gate
// to note it. If the source is told of after all, its gate is told of it.
func TestExpiredPaymentsOfALostSource(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.directives["d1"] = lifted()
	sum := lapsed("d1", "k1", "k2")
	d.tell("east", sum)
	care := func(identity string) string {
		ids, err := d.service.LookAfter(t.Context(), wang, CareForm{Payments: []string{identity}, Care: standin.ToldCustomer, Note: "by phone"})
		if err != nil {
			t.Fatal(err)
		}
		return ids[0]
	}
	before := care("k1")
	d.now = d.now.Add(time.Hour)
	id, err := d.service.GiveUp(t.Context(), wang, LostForm{"d1", "it burnt", "report 7"})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.service.Answer(t.Context(), li, id, true, ""); err != nil {
		t.Fatal(err)
	}
	after := care("k2")
	for _, id := range []string{before, after} {
		if got := d.decision(id); got.State != Done || got.Gate != "" {
			t.Errorf("%s, of a source that is gone: %+v", id, got)
		}
	}
	d.service.Desk.State.View(func() {
		a := d.service.Sources(d.now)[0].Accounts[0]
		if l := a.Lines[0].Queue; a.Unattended != 0 || l.LookedAfter != (standin.Tally{Count: 2, Amount: 1800}) || l.Open().Count != 0 {
			t.Errorf("%d are left to look after: %+v", a.Unattended, l)
		}
	})
	if orders := d.tell("east", sum); len(orders) != 2 || orders[0].ID != before || orders[1].ID != after {
		t.Errorf("told of again, it is to note %+v", orders)
	}
}

// A gate in service counts by what it names; one that has not said, by what it told last.
func TestNaming(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.enrol("east", "boot-1")
	d.enrol("west", "boot-2")
	sources := []Source{{ID: "src1", Gates: []string{"west"}}}
	for name, c := range map[string]struct {
		named map[string]string
		want  []string
	}{
		"nobody has said":       {nil, []string{"west"}},
		"both name another":     {map[string]string{"boot-1": "src2", "boot-2": ""}, []string{}},
		"one names it":          {map[string]string{"boot-1": "src1", "boot-2": "src2"}, []string{"east"}},
		"one names it, one not": {map[string]string{"boot-1": "src1"}, []string{"east", "west"}},
		"a process that ended":  {map[string]string{"boot-0": "src1", "boot-2": "src2"}, []string{}},
	} {
		nouns := d.service.Nouns
		nouns.Named = func() map[string]string { return c.named }
		d.service.Desk.State.View(func() {
			if got := nouns.Naming(lifted(), sources); !slices.Equal(got, c.want) {
				t.Errorf("%s: %v", name, got)
			}
		})
	}
}

func (d *desk) enrol(gate, boot string) {
	d.t.Helper()
	_, err := d.service.Desk.Do(d.t.Context(), holdfast.Actor{Kind: holdfast.Gate, ID: gate}, func(time.Time) ([]journal.Draft, error) {
		return enrolment.Enrol(d.service.Nouns.Gates.Gate(gate), gate, enrolment.Enrolled{Boot: boot})
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) retire(gate string) {
	d.t.Helper()
	_, err := d.service.Desk.Do(d.t.Context(), wang, func(time.Time) ([]journal.Draft, error) {
		return enrolment.Retire(d.service.Nouns.Gates.Gate(gate), "it burnt")
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) closedOut() (signed bool) {
	d.service.Desk.State.View(func() { signed = d.book.ClosedOut("d1") })
	return signed
}

// facts counts those of a kind.
func (d *desk) facts(kind string) (n int) {
	d.t.Helper()
	facts, err := d.service.Desk.Journal.Read(d.t.Context(), 0, 1000)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, f := range facts {
		if f.Kind == kind {
			n++
		}
	}
	return n
}
