package directive

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/enrolment"
)

// Each row tells a history around a stop; the rules are those of "The confirmed
// stop" 4 and 5 in docs/architecture.md, the letters those of the hazards.
func TestConfirm(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		history func(w *world) (id string)
		waited  bool
		want    string // standings
		ok      bool
	}{
		{"no gate at all", func(w *world) string { return w.stop() }, true, "", false},
		{"static, silent", func(w *world) string { w.enrol("east", "a", "", "static"); return w.stop() }, true, "east/a=missing", false},
		{"static, acknowledged", func(w *world) string {
			w.enrol("east", "a", "", "static")
			id := w.stop()
			w.ack("east", "a", 2)
			return id
		}, false, "east/a=acknowledged(2)", true},
		{"static, acknowledged what came before (a)", func(w *world) string {
			w.enrol("east", "a", "", "static")
			w.propose(limit, true)
			w.ack("east", "a", -1)
			return w.stop()
		}, true, "east/a=missing", false},
		{"acknowledged together with a later one", func(w *world) string {
			w.enrol("east", "a", "", "static")
			id := w.stop()
			w.stop()
			w.ack("east", "a", 1)
			return id
		}, false, "east/a=acknowledged(1)", true},
		{"strict, silent, too early", func(w *world) string { w.enrol("east", "a", "", "strict"); return w.stop() }, false, "east/a=missing", false},
		{"strict, silent, by time", func(w *world) string { w.enrol("east", "a", "", "strict"); return w.stop() }, true, "east/a=lease-out", true},
		{"by time, but one is static", func(w *world) string {
			w.enrol("east", "a", "", "strict")
			w.enrol("west", "b", "", "static")
			return w.stop()
		}, true, "east/a=lease-out west/b=missing", false},
		{"by time, the static one acknowledged", func(w *world) string {
			w.enrol("east", "a", "", "strict")
			w.enrol("west", "b", "", "static")
			id := w.stop()
			w.ack("west", "b", 0)
			return id
		}, true, "east/a=lease-out west/b=acknowledged(0)", true},
		{"a second process under the same name (c)", func(w *world) string {
			w.enrol("east", "a", "", "static")
			w.enrol("east", "b", "", "static")
			id := w.stop()
			w.ack("east", "b", 0)
			return id
		}, true, "east/a=missing east/b=acknowledged(0)", false},
		{"strict, came later: its lease is past the stop", func(w *world) string {
			w.enrol("east", "a", "", "static")
			id := w.stop()
			w.ack("east", "a", 0)
			w.enrol("west", "b", "", "strict")
			return id
		}, false, "east/a=acknowledged(0) west/b=joined-later", true},
		{"static, came later: it may run by an old posture on its disk", func(w *world) string {
			w.enrol("east", "a", "", "static")
			id := w.stop()
			w.ack("east", "a", 0)
			w.enrol("west", "b", "", "static")
			return id
		}, true, "east/a=acknowledged(0) west/b=missing", false},
		{"restarted before it answered: what the former run had in flight is not known", func(w *world) string {
			w.enrol("east", "a", "", "static")
			id := w.stop()
			w.enrol("east", "b", "a", "static")
			w.ack("east", "b", 0)
			return id
		}, false, "east/a=gone east/b=acknowledged(0)", true},
		{"restarted after it answered", func(w *world) string {
			w.enrol("east", "a", "", "static")
			id := w.stop()
			w.ack("east", "a", 3)
			w.enrol("east", "b", "a", "static")
			w.ack("east", "b", -1)
			return id
		}, false, "east/a=acknowledged(3) east/b=acknowledged", true},
		{"restarted, the new run is silent", func(w *world) string {
			w.enrol("east", "a", "", "static")
			id := w.stop()
			w.ack("east", "a", 3)
			w.enrol("east", "b", "a", "static")
			return id
		}, true, "east/a=acknowledged(3) east/b=missing", false},
		{"retired before the stop", func(w *world) string {
			w.enrol("east", "a", "", "static")
			w.enrol("west", "b", "", "static")
			w.retire("east")
			id := w.stop()
			w.ack("west", "b", 0)
			return id
		}, false, "west/b=acknowledged(0)", true},
		{"retired after the stop", func(w *world) string {
			w.enrol("east", "a", "", "static")
			w.enrol("west", "b", "", "static")
			id := w.stop()
			w.ack("west", "b", 0)
			w.retire("east")
			return id
		}, false, "east/a=gone west/b=acknowledged(0)", true},
		{"all retired: nothing holds a payment", func(w *world) string {
			w.enrol("east", "a", "", "static")
			id := w.stop()
			w.retire("east")
			return id
		}, true, "east/a=gone", false},
		{"observing, and gone", func(w *world) string {
			w.enrol("east", "a", "", "observe")
			id := w.stop()
			w.ack("east", "a", 2)
			w.enrol("east", "b", "a", "static")
			w.ack("east", "b", 0)
			return id
		}, false, "east/a=gone(2) east/b=acknowledged(0)", true},
		{"observing only", func(w *world) string {
			w.enrol("east", "a", "", "observe")
			id := w.stop()
			w.ack("east", "a", 0)
			return id
		}, true, "east/a=observing(0)", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := tt.history(w)
			d := w.book.Directive(id)
			rows, ok := Judge(d.Position, w.gates.Concerned(d.Position), tt.waited)
			if standings(rows) != tt.want || ok != tt.ok {
				t.Fatalf("%s, confirmed %t; want %s, %t", standings(rows), ok, tt.want, tt.ok)
			}
			if got := w.confirm(id, tt.waited) != ""; got != tt.ok {
				t.Errorf("the fact was written: %t", got)
			}
			if w.confirm(id, tt.waited) != "" {
				t.Error("it was confirmed twice")
			}
		})
	}
}

func TestConfirmOnlyInForce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("east", "a", "", "static")
	proposed := w.propose(stopAll, false)
	lifted := w.stop()
	w.ack("east", "a", 0)
	w.lift(lifted)
	for _, id := range []string{proposed, lifted} {
		if got := w.confirm(id, true); got != "" {
			t.Errorf("%s was confirmed: %s", id, got)
		}
	}
	if Confirm(nil, nil, true, now) != nil {
		t.Error("nothing was confirmed")
	}
}

// After the confirmation the rows keep their standing; what gates say later of
// their payments in flight is filled in, and what nobody said stays not known.
func TestProgress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("east", "a", "", "strict")
	w.enrol("west", "b", "", "static")
	w.enrol("north", "c", "", "strict")
	id := w.stop()
	w.ack("west", "b", 3)
	if got := standings(Progress(w.book.Directive(id), w.gates)); got != "east/a=missing north/c=missing west/b=acknowledged(3)" {
		t.Errorf("issued: %s", got)
	}
	w.confirm(id, true)
	c := w.book.Directive(id).Confirmation
	if c == nil || c.Position != w.book.Directive(id).Position || !c.Confirmed.Equal(now) {
		t.Fatalf("confirmation: %+v", c)
	}
	if sum := Sum(Progress(w.book.Directive(id), w.gates)); sum != (Totals{Gates: 3, Settled: 3, InFlight: 3, NotKnown: 2}) {
		t.Errorf("at the confirmation: %+v", sum)
	}
	w.ack("east", "a", 2) // is back
	w.drained("west", "b", w.book.Head().Position, 1, 1, 1)
	w.drained("east", "a", w.book.Head().Position, 2, 0, 0)
	w.enrol("south", "d", "", "static") // has nothing to do with it any more
	rows := Progress(w.book.Directive(id), w.gates)
	if got := standings(rows); got != "east/a=lease-out(2) north/c=lease-out west/b=acknowledged(3)" {
		t.Errorf("later: %s", got)
	}
	if sum := Sum(rows); sum != (Totals{Gates: 3, Settled: 3, InFlight: 5, Done: 3, NotDone: 1, Unknown: 1, NotKnown: 1}) {
		t.Errorf("later: %+v", sum)
	}
	w.lift(id)
	if got := Progress(w.book.Directive(id), w.gates); standings(got) != standings(rows) {
		t.Errorf("lifted: %s", standings(got))
	}
}

func (w *world) drained(name, boot string, at holdfast.Position, done, notDone, unknown int) {
	w.t.Helper()
	d := enrolment.Drained{Boot: boot, Position: at, Done: done, NotDone: notDone, At: now, Unknown: w.gates.Gate(name).Incarnation(boot).StopAt(at).InFlight[:unknown]}
	drafts, err := enrolment.Drain(w.gates.Gate(name), d)
	w.do(holdfast.Self("test"), drafts, err)
}

// A stop that was lifted before it was confirmed shows what was so then: a
// posture acknowledged after the lift did not hold it.
func TestProgressOfLifted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("east", "a", "", "static")
	w.enrol("west", "b", "", "static")
	w.enrol("north", "c", "", "static")
	w.enrol("port", "e", "", "static")
	w.enrol("star", "f", "", "static")
	id := w.stop()
	w.ack("east", "a", 1)
	w.retire("north")
	w.lift(id)
	w.ack("west", "b", -1)
	w.stop()
	w.ack("west", "b", 5)
	w.ack("port", "e", 5) // the first that it says at all
	w.retire("east")
	w.retire("star")
	w.enrol("south", "d", "", "static")
	if got := standings(Progress(w.book.Directive(id), w.gates)); got != "east/a=acknowledged(1) north/c=gone port/e=missing star/f=missing west/b=missing" {
		t.Errorf("lifted: %s", got)
	}
}

func TestSumOfNothing(t *testing.T) {
	t.Parallel()
	if sum := Sum(nil); sum.Drained {
		t.Error("no gate has drained, and nothing is said to be drained")
	}
	if sum := Sum([]Row{{Standing: Acknowledged, Known: true, Drained: true, InFlight: 1, Done: 1}, {Standing: LeaseOut}}); sum.Drained || sum.NotKnown != 1 {
		t.Errorf("a gate that has not said anything: %+v", sum)
	}
}

// Whatever happens around a stop: if it is confirmed, then every process that
// may admit payments without a lease has acknowledged a posture that holds it,
// and every one that needs a lease has acknowledged it, came later, or had its
// leases run out. And when all have acknowledged, it is confirmed.
func TestConfirmProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t)
		m := &model{mode: map[string]string{}, gate: map[string]string{}, enrolled: map[string]holdfast.Position{}, acked: map[string]bool{}}
		for range rapid.IntRange(0, 6).Draw(r, "before") {
			m.step(r, w)
		}
		id := w.stop()
		m.at = w.head
		for range rapid.IntRange(0, 12).Draw(r, "after") {
			m.step(r, w)
		}
		waited := rapid.Bool().Draw(r, "waited")
		confirmed := w.confirm(id, waited) != ""
		if want := m.confirmed(waited); confirmed != want {
			r.Fatalf("confirmed %t, want %t: %s", confirmed, want, standings(Progress(w.book.Directive(id), w.gates)))
		}
		for _, row := range Progress(w.book.Directive(id), w.gates) {
			if row.Known != (m.acked[row.Boot]) {
				r.Fatalf("%s/%s: in flight is known: %t, but it said so: %t", row.Gate, row.Boot, row.Known, m.acked[row.Boot])
			}
		}
	})
}

// model says by itself, in the plainest way, what a confirmation takes.
type model struct {
	at       holdfast.Position
	live     []string
	mode     map[string]string // by boot id
	gate     map[string]string
	enrolled map[string]holdfast.Position
	acked    map[string]bool // the stop
	boots    int
}

func (m *model) step(r *rapid.T, w *world) {
	switch act := rapid.SampledFrom([]string{"enrol", "enrol", "restart", "ack", "ack", "retire"}).Draw(r, "act"); {
	case act == "enrol":
		m.start(r, w, rapid.SampledFrom([]string{"east", "west"}).Draw(r, "gate"), "")
	case len(m.live) == 0:
	case act == "restart":
		old := rapid.SampledFrom(m.live).Draw(r, "old")
		m.start(r, w, m.gate[old], old)
		m.end(func(boot string) bool { return boot == old })
	case act == "ack":
		boot := rapid.SampledFrom(m.live).Draw(r, "boot")
		w.ack(m.gate[boot], boot, 1)
		m.acked[boot] = m.at != 0
	case act == "retire":
		name := m.gate[rapid.SampledFrom(m.live).Draw(r, "boot")]
		if w.gates.Gate(name).Present().Gone {
			return
		}
		w.retire(name)
		m.end(func(boot string) bool { return m.gate[boot] == name })
	}
}

func (m *model) start(r *rapid.T, w *world, name, replaces string) {
	m.boots++
	boot := fmt.Sprint("boot", m.boots)
	m.mode[boot], m.gate[boot] = rapid.SampledFrom([]string{"static", "strict", "observe"}).Draw(r, "mode"), name
	w.enrol(name, boot, replaces, m.mode[boot])
	m.enrolled[boot] = w.head
	m.live = append(m.live, boot)
}

func (m *model) end(gone func(string) bool) {
	var live []string
	for _, boot := range m.live {
		if !gone(boot) {
			live = append(live, boot)
		}
	}
	m.live = live
}

func (m *model) confirmed(waited bool) bool {
	for _, boot := range m.live {
		switch {
		case m.mode[boot] == "observe":
			return false
		case m.acked[boot]:
		case m.mode[boot] == "strict" && (waited || m.enrolled[boot] > m.at):
		default:
			return false
		}
	}
	return len(m.live) > 0
}
