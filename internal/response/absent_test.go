package response

import (
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/posture"
	"holdfast/internal/roster"
)

// The superior, who alone may consent to the commander's lift, does not answer: her
// deputy may once the plan's time is over, and only he; the commander's own deputy, who
// would be the same pair of eyes, and anybody else may not.
func TestAbsentApprover(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		ctx := w.Context()
		for _, p := range w.Roster.People() {
			w.must(w.people.Leave(ctx, mei, p.ID, "another story"))
		}
		for id, p := range map[string]roster.Person{
			"mei":   {Roles: []string{"commander"}},
			"chief": {Roles: []string{"superior"}},
			"bo":    {Roles: []string{"recorder"}}, "own": {Roles: []string{"recorder"}}, "cy": {Roles: []string{"recorder"}},
		} {
			p.ID, p.Name, p.Account = id, id, id
			w.must(w.people.Record(ctx, mei, p))
		}
		for id, deputy := range map[string]string{"mei": "own", "chief": "bo"} {
			p, _ := w.Roster.Person(id)
			p.Deputies = []roster.Deputy{{Person: deputy}}
			w.must(w.people.Record(ctx, mei, p))
		}
		stop, err := w.Propose(ctx, mei, "mei", directive.Proposal{Kind: posture.Stop, Scope: "all", Reason: "it fails"})
		w.must(err)
		lifted, err := w.Lift(ctx, mei, "mei", stop, w.Directives.Directive(stop).Revision, "it works again")
		w.must(err)
		if lifted {
			t.Fatal("the commander lifts it alone")
		}
		answer := func(who string) holdfast.Code {
			return holdfast.CodeOf(w.AnswerLift(ctx, holdfast.Actor{Kind: holdfast.Account, ID: who}, who, stop, true, ""))
		}
		refused := func(when string, people ...string) {
			t.Helper()
			for _, who := range people {
				if got := answer(who); got != holdfast.Forbidden {
					t.Errorf("%s, the answer of %s is %q", when, who, got)
				}
			}
		}
		refused("at once", "mei", "bo", "own", "cy")
		w.sleep(10*time.Minute - 2*time.Second)
		refused("just before its time", "mei", "bo", "own", "cy")
		w.sleep(2 * time.Second)
		refused("when deputies may", "mei", "own", "cy")
		if got := answer("bo"); got != "" || w.Directives.Directive(stop).State != directive.Lifted {
			t.Errorf("her deputy's answer is %q, the stop is %s", got, w.Directives.Directive(stop).State)
		}
	})
}
