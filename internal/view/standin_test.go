package view

import (
	"fmt"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/gate"
	"holdfast/internal/posture"
	"holdfast/internal/response"
)

// names has a gate say which advice source it has.
func (w *world) names(name, source string) {
	w.Helper()
	_, err := w.Node.Beat(w.Context(), gate.Heartbeat{Gate: name, Boot: name + "-1", Nonce: 1, StandIn: gate.AdviceSource{Source: source}})
	w.must(err)
}

// What is said of a stand-in at each step: of it, in the band, and why it waits.
func TestStandingIn(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.publish()
		w.enrol("east")
		choices := w.StandInChoices("")
		if len(choices) != 1 || choices[0].Temporary != "stand-in" || len(choices[0].By) != 2 || choices[0].By[0].Planned || !choices[0].By[1].Planned || len(choices[0].By[0].Terms.Limits) == 0 || !choices[0].Effect.Partly || len(nulls(t, choices)) > 0 {
			t.Fatalf("the choices are %+v", choices)
		}
		_, id := w.standIn()
		want := func(state, band string, obstacles ...string) {
			t.Helper()
			d, err := w.Source.Directive(id)
			w.must(err)
			var got []string
			for _, o := range d.StandIn.Obstacles {
				got = append(got, o.Why)
			}
			if d.StandIn.State != state || fmt.Sprint(got) != fmt.Sprint(obstacles) || len(nulls(t, d)) > 0 {
				t.Errorf("it is %s because of %v, want %s, %v", d.StandIn.State, got, state, obstacles)
			}
			if b := w.Band(); b.State != band {
				t.Errorf("%s: the band is %+v, want %s", state, b, band)
			}
		}
		want("stopping", "stand-in-stopping", "unconfirmed", "unlisted", "no-source")
		w.enforce("east", 2)
		want("waiting", "stand-in-held", "no-source")
		w.names("east", "source-1")
		want("waiting", "stand-in-held")
		w.must(w.dirs.Open(w.Context(), holdfast.Self("fleet"), id, w.Node.Sources()))
		want("open", "stand-in-open")
		if d, _ := w.Source.Directive(id); d.StandIn.Excluded != 2 || d.StandIn.Source != "source-1" || d.StandIn.EndsAt.Sub(d.StandIn.OpenedAt) != 4*time.Hour {
			t.Errorf("open: %+v", d.StandIn)
		}
		w.stop()
		want("stopped", "stopped")
		if d, _ := w.Source.Directive("d2"); d.LiftEffect == nil || fmt.Sprint(d.LiftEffect.StandIns) != "["+id+"]" {
			t.Errorf("what lifting the stop does: %+v", d.LiftEffect)
		}
		if d, _ := w.Source.Directive(id); fmt.Sprint(d.StandIn.Under) != "[d2]" {
			t.Errorf("under a stop: %+v", d.StandIn)
		}
		w.must(w.dirs.Lift(w.Context(), mei, "d2", 0, "right again"))
		w.sleep(4 * time.Hour)
		w.must(w.dirs.End(w.Context(), holdfast.Self("fleet"), id))
		want("ended", "stand-in-held")
		w.must(w.dirs.Lift(w.Context(), mei, id, 0, "the primary is back"))
		want("lifted", "normal")
	})
}

// One by one nothing is held, and the band says so only while nothing restricts payments.
func TestStandingInOneByOne(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.publish()
		w.enrol("east")
		var by *directive.StandIn
		w.State.View(func() { by = response.StandInBy(w.Response.StandIns("", time.Now())[0], false) })
		by.OneByOne, by.Profile.OneByOne = true, true
		id, err := w.dirs.Propose(w.Context(), mei, directive.Proposal{Kind: posture.StandIn, Scope: "all", Reason: "down", StandIn: by}, true)
		w.must(err)
		want := func(state, band string) {
			t.Helper()
			d, err := w.Source.Directive(id)
			w.must(err)
			if b := w.Band(); d.StandIn.State != state || !d.StandIn.OneByOne || b.State != band {
				t.Errorf("it is %s, the band %s; want %s, %s", d.StandIn.State, b.State, state, band)
			}
		}
		want("waiting", "normal")
		w.names("east", "source-1")
		w.must(w.dirs.Open(w.Context(), holdfast.Self("fleet"), id, w.Node.Sources()))
		want("open", "stand-in-each")
		w.stop()
		want("stopped", "stopped")
	})
}
