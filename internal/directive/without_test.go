package directive

import (
	"slices"
	"testing"

	"holdfast"
)

func (w *world) without(id string, sources map[string]string, gates ...string) {
	w.t.Helper()
	d := w.book.Directive(id)
	drafts, err := GoWithout(d, w.scene(d, sources), Without{gates, "its machine burnt"})
	w.do(mei, drafts, err)
}

func TestGoWithout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("east", "a", "", "static")
	w.enrol("west", "b", "", "static")
	id := w.propose(standIn(), true)
	w.ack("east", "a", 0)
	d := w.book.Directive(id)
	for name, tt := range map[string]struct {
		w    Without
		code holdfast.Code
	}{
		"one that may still forward": {Without{[]string{"west"}, "why"}, ""}, // it has listed nothing, and stays unconfirmed
		"one that is not in the way": {Without{[]string{"south"}, "why"}, holdfast.Conflict},
		"none":                       {Without{nil, "why"}, holdfast.Invalid},
		"without a reason":           {Without{[]string{"west"}, " "}, holdfast.Invalid},
	} {
		_, err := GoWithout(d, w.scene(d, map[string]string{"a": "s"}), tt.w)
		if got := holdfast.CodeOf(err); got != tt.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.without(id, map[string]string{"a": "s"}, "west")
	if got := w.obstacles(id, map[string]string{"a": "s"}); got != "unconfirmed(west)" {
		t.Errorf("a gate that may still forward is left out: %q", got)
	}
	w.ack("west", "b", 0)
	w.confirm(id, false)
	if got := w.open(id, map[string]string{"a": "s", "b": "t"}, now); got != "directive.opened" || w.book.Directive(id).Opening.Source != "s" {
		t.Errorf("%q, by %+v", got, w.book.Directive(id).Opening)
	}
	_, err := GoWithout(w.book.Directive(id), Scene{}, Without{[]string{"west"}, "why"})
	wantCode(t, err, holdfast.Conflict)
	_, err = GoWithout(nil, Scene{}, Without{})
	wantCode(t, err, holdfast.NotFound)
}

// What people said of a gate holds for a stand-in that takes the place of the one they said
// it of, but for payments that the gate may have forwarded since.
func TestGoesWithoutAgain(t *testing.T) {
	t.Parallel()
	sources := map[string]string{"a": "s", "b": "t", "c": "s"}
	for _, tt := range []struct {
		name  string
		since func(w *world) // between the two
		then  func(w *world) // under the second
		want  string
	}{
		{"it stays away", nil, nil, ""},
		{"it is heard, and lists", func(w *world) { w.ack("west", "b", -1) }, func(w *world) { w.ack("west", "b", 1) }, ""},
		{"it is heard, and gone before it lists", func(w *world) { w.ack("west", "b", -1) }, func(w *world) { w.retire("west") }, "unlisted(west)"},
		{"another run of it comes, and is gone", func(w *world) { w.enrol("west", "c", "b", "strict") }, func(w *world) { w.retire("west") }, "unlisted(west)"},
		{"people say so again", func(w *world) { w.ack("west", "b", -1) }, func(w *world) { w.retire("west"); w.without("d2", sources, "west") }, ""},
		{"another gate is in the way", nil, func(w *world) { w.enrol("south", "d", "", "strict") }, "no-source(south)"},
	} {
		w := newWorld(t)
		w.enrol("east", "a", "", "static")
		w.enrol("west", "b", "", "strict")
		first := w.propose(standIn(), true)
		w.ack("east", "a", 0)
		w.confirm(first, true)
		w.without(first, sources, "west")
		if got := w.open(first, sources, now); got != "directive.opened" {
			t.Fatalf("%s: the first: %q, %s", tt.name, got, w.obstacles(first, sources))
		}
		again := with(standIn(), func(p *Proposal) { p.LeftOut = w.book.Directive(first).WentWithout() })
		w.lift(first)
		if tt.since != nil {
			tt.since(w)
		}
		second := w.propose(again, true)
		w.ack("east", "a", 0)
		if tt.then != nil {
			tt.then(w)
		}
		w.confirm(second, true)
		if got := w.obstacles(second, sources); got != tt.want || !slices.Equal(w.book.Directive(second).Without, []string{"west"}) {
			t.Errorf("%s: kept closed by %q, want %q; without %q", tt.name, got, tt.want, w.book.Directive(second).Without)
		}
		if third := w.book.Directive(second).WentWithout(); len(third) != 1 || tt.since == nil && third["west"] != w.book.Directive(first).Position {
			t.Errorf("%s: a third goes without %v", tt.name, third)
		}
	}
	w := newWorld(t)
	if w.book.Directive(w.propose(standIn(), true)).WentWithout() != nil {
		t.Error("one without nobody goes without somebody")
	}
}
