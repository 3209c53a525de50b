package callout

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
)

// A later revision of the plan, published while an escalation runs, changes neither
// its waits nor whom it tells nor its words; the next incident has the new ones.
func TestPolicyIsFrozen(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		w.record("ana", holdfast.En, "superior", mail("ana"))
		w.record("cy", holdfast.En, "commander", mail("cy"))
		w.record("di", holdfast.En, "recorder", mail("di"))
		first := w.confirm("payments fail", false)
		began := time.Now()
		time.Sleep(90 * time.Second)
		synctest.Wait()

		text := strings.NewReplacer(
			"within: 3m\n              again: 1m\n", "within: 20m\n",
			"- { to: [commander, technology-lead, operations-lead, risk-lead], everyone: true, within: 3m, again: 1m }", "- { to: [recorder], everyone: true, within: 20m }",
			"URGENT", "PRESSING").Replace(string(plan.Builtin()))
		if text == string(plan.Builtin()) || strings.Contains(text, "within: 3m") {
			t.Fatal("the later plan is not another one")
		}
		w.do(func(now time.Time) ([]journal.Draft, error) {
			_, drafts, err := plan.PublishApproved(w.Plans, "payment-system", []byte(text), "", plan.Approved{}, now)
			return drafts, err
		})
		second := w.confirm("payments fail again", true)
		time.Sleep(6 * time.Minute)
		synctest.Wait()

		steps := func(in *incident.Incident) (at []time.Duration, rounds int) {
			step := 0
			for _, r := range in.Escalation("tell-superiors").Rounds {
				if r.Step != step {
					step, at = r.Step, append(at, r.At.Sub(began))
				}
			}
			return at, in.Escalation("tell-superiors").Round()
		}
		w.State.View(func() {
			if at, rounds := steps(first); len(at) != 2 || at[0] != 3*time.Minute || at[1] != 6*time.Minute || rounds < 4 {
				t.Errorf("the running escalation goes on at %v with %d rounds", at, rounds)
			}
			if at, rounds := steps(second); len(at) != 0 || rounds != 0 {
				t.Errorf("the next incident escalates at %v, %d rounds", at, rounds)
			}
		})
		for _, n := range w.asked() {
			if n.Task != "tell-superiors" {
				continue
			}
			if want := map[string]string{first.ID: "URGENT", second.ID: "PRESSING"}[n.Incident]; !strings.Contains(n.Subject, want) || n.Person == "di" {
				t.Errorf("the notice of %s to %s says %q", n.Incident, n.Person, n.Subject)
			}
		}
	})
}
