package directive

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/enrolment"
	"holdfast/internal/posture"
)

// What keeps a reroute from being opened: gates of different fences, a fence that may not
// have what clients still repeat, routes without a second primary.
func TestRerouteObstacles(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)
	route := func(name, kind string, second bool) enrolment.Route {
		return enrolment.Route{Name: name, Kind: kind, Second: second}
	}
	gate := func(name string, routes ...enrolment.Route) *enrolment.Incarnation {
		return &enrolment.Incarnation{Gate: name, Boot: name, Routes: routes}
	}
	pay, refund := route("pay", "payment", true), route("refund", "refund", false)
	old := Fence{ID: "f1", Since: now.Add(-24 * time.Hour), Keep: 24 * time.Hour}
	young, other := old, old
	young.Since = now.Add(-time.Hour)
	other.ID = "f2"
	gone := gate("gone", pay)
	gone.Gone = true
	for _, test := range []struct {
		name    string
		scope   string
		without []string
		gates   []*enrolment.Incarnation
		fences  map[string]Fence
		want    string
	}{
		{"one gate", `route == "pay"`, nil, []*enrolment.Incarnation{gate("east", pay, refund, route("ask", "inquiry", false))}, map[string]Fence{"east": old}, ""},
		{"a route of the scope without a second primary", "all", nil, []*enrolment.Incarnation{gate("east", pay, refund)}, map[string]Fence{"east": old}, "no-second(east)"},
		{"no gate", "all", nil, nil, nil, "no-fence()"},
		{"a gate names no fence", "all", nil, []*enrolment.Incarnation{gate("east", pay), gate("west", pay)}, map[string]Fence{"east": old}, "no-fence(west)"},
		{"another fence", "all", nil, []*enrolment.Incarnation{gate("east", pay), gate("west", pay)}, map[string]Fence{"east": old, "west": other}, "other-fence(east,west)"},
		{"a young fence", "all", nil, []*enrolment.Incarnation{gate("east", pay), gate("west", pay)}, map[string]Fence{"east": old, "west": young}, "young-fence(west)"},
		{"without the gates that keep it closed", "all", []string{"west"}, []*enrolment.Incarnation{gate("east", pay), gate("west", pay)}, map[string]Fence{"east": old, "west": other}, ""},
		{"without all that are young", "all", []string{"east", "west"}, []*enrolment.Incarnation{gate("east", pay), gate("west", pay)}, map[string]Fence{"east": young}, ""},
		{"without all, of different fences", "all", []string{"east", "west"}, []*enrolment.Incarnation{gate("east", pay), gate("west", pay)}, map[string]Fence{"east": old, "west": other}, ""},
		{"a gate that has none of its payments", `route == "pay"`, nil, []*enrolment.Incarnation{gate("east", pay), gate("west", refund)}, map[string]Fence{"east": old}, ""},
		{"without any that has a fence", "all", []string{"east"}, []*enrolment.Incarnation{gate("east", pay)}, nil, "no-fence()"},
		{"a gate that is out of service", "all", nil, []*enrolment.Incarnation{gate("east", pay), gone}, map[string]Fence{"east": old}, ""},
	} {
		d := &Directive{ID: "d1", State: InForce, Without: test.without, Proposal: Proposal{Kind: posture.Reroute, Scope: test.scope, Reroute: &Reroute{Temporary: "second"}}}
		s := Scene{Gates: test.gates, Fences: test.fences, Now: now}
		var texts []string
		for _, o := range Obstacles(d, s) {
			texts = append(texts, fmt.Sprintf("%s(%s)", o.Why, strings.Join(o.Gates, ",")))
		}
		if got := strings.Join(texts, " "); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
		opened := Open(d, s, now)
		if (len(opened) == 1) != (test.want == "") {
			t.Errorf("%s: %d facts open it", test.name, len(opened))
		}
		if len(opened) == 1 && !strings.Contains(string(opened[0].Body), `"fence":"f1"`) {
			t.Errorf("%s: %s", test.name, opened[0].Body)
		}
	}
}

// From the proposal to the lift, as gates get it.
func TestRerouteIsOpenedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := Proposal{Kind: posture.Reroute, Scope: "all", Reason: "the primary is down", Reroute: &Reroute{Temporary: "second", Role: "commander"}}
	id := w.propose(p, true)
	set := func() posture.Directive {
		t.Helper()
		if list := w.book.Set().Directives; len(list) == 1 {
			return list[0]
		}
		t.Fatalf("%+v", w.book.Set().Directives)
		return posture.Directive{}
	}
	if d := set(); d.Kind != posture.Reroute || d.Open || d.Fence != "" {
		t.Errorf("%+v", d)
	}
	d := w.book.Directive(id)
	if !d.Waits() || !d.Ready() || d.Restricts() || len(w.book.Restricting("")) != 0 {
		t.Errorf("%+v", d)
	}
	if _, _, err := Propose(w.book, p, true, nil); holdfast.CodeOf(err) != holdfast.Conflict {
		t.Errorf("a second one of the same payments: %v", err)
	}
	scene := Scene{Now: now, Gates: []*enrolment.Incarnation{{Gate: "east", Boot: "b", Routes: []enrolment.Route{{Name: "pay", Kind: "payment", Second: true}}}}, Fences: map[string]Fence{"b": {ID: "f", Since: now.Add(-time.Hour), Keep: time.Hour}}}
	w.do(holdfast.Self("fleet"), Open(d, scene, now), nil)
	if d := set(); !d.Open || d.Fence != "f" {
		t.Errorf("%+v", d)
	}
	if d := w.book.Directive(id); d.Waits() || !d.Open() || d.Opening.Fence != "f" {
		t.Errorf("%+v", d)
	}
	scene.Gates = append(scene.Gates, &enrolment.Incarnation{Gate: "west", Boot: "c", Routes: []enrolment.Route{{Name: "pay", Kind: "payment", Second: true}}})
	scene.Now = now.Add(-time.Minute)
	if young, holds := Rerouted(w.book.Directive(id), scene); fmt.Sprint(young, holds) != "[east] [west]" {
		t.Errorf("young %v, hold %v", young, holds)
	}
	w.lift(id)
	if list := w.book.Set().Directives; len(list) != 0 {
		t.Errorf("%+v", list)
	}
}
