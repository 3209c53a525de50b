package plan_test

import (
	"strings"
	"testing"
	"time"

	"holdfast/internal/plan"
)

// A task stands in by a solution that has a profile with the terms it asks for, and
// reroutes by one of that kind.
func TestTaskBySolution(t *testing.T) {
	t.Parallel()
	const stop = `kind: stop
              scope: all
              pre_authorised: true
              drain: 30s`
	for text, want := range map[string]string{
		"kind: stand-in\n              temporary: stand-in":                              "",
		"kind: stand-in\n              temporary: stand-in\n              planned: true": "",
		"kind: stand-in": "P010",
		"kind: stand-in\n              temporary: queue-refunds":                      "P012",
		"kind: stand-in\n              temporary: there-is-none":                      "P012",
		"kind: stop\n              temporary: stand-in\n              scope: all":     "P027",
		"kind: stand-in\n              temporary: stand-in\n              scope: all": "P027",
		"kind: reroute\n              temporary: reroute-acquirer":                    "",
		"kind: reroute": "P010",
		"kind: reroute\n              temporary: stand-in":          "P012",
		"kind: reroute\n              temporary: there-is-none":     "P012",
		"kind: stand-in\n              temporary: reroute-acquirer": "P012",
	} {
		src := strings.Replace(string(plan.Builtin()), stop, text, 1)
		if src == string(plan.Builtin()) {
			t.Fatal("the built-in plan has no such stop")
		}
		_, faults := plan.Decode("plan.yaml", []byte(src))
		var rules []string
		for _, f := range faults {
			rules = append(rules, f.Rule)
		}
		if got := strings.Join(rules, " "); got != want {
			t.Errorf("%s\nhas %q, want %q: %v", text, got, want, faults)
		}
	}
	unplanned := string(plan.Builtin())
	begin, end := strings.Index(unplanned, "      planned:\n        eligible"), strings.Index(unplanned, "      unplanned:\n        eligible")
	without := strings.Replace(unplanned[:begin]+unplanned[end:], stop, "kind: stand-in\n              temporary: stand-in\n              planned: true", 1)
	if _, faults := plan.Decode("plan.yaml", []byte(without)); len(faults) != 1 || faults[0].Rule != "P012" {
		t.Errorf("terms there are not: %v", faults)
	}
}

func TestCutOffIsATimeOfTheDay(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"23:00": 23 * time.Hour, "00:00": 24 * time.Hour, "24:00": 24 * time.Hour, "00:01": time.Minute, "": 0, "7:00": -1, "24:01": -1, "11 p.m.": -1} {
		src := strings.Replace(string(plan.Builtin()), `cut_off: "23:00"`, `cut_off: "`+text+`"`, 1)
		p, faults := plan.Decode("plan.yaml", []byte(src))
		if want < 0 {
			if len(faults) != 1 || faults[0].Rule != "P015" {
				t.Errorf("%q: %v", text, faults)
			}
			continue
		}
		if len(faults) > 0 {
			t.Errorf("%q: %v", text, faults)
			continue
		}
		for _, s := range p.Temporary {
			if s.Profile != nil && s.StandIn().CutOff != want {
				t.Errorf("%q is %v after midnight", text, s.StandIn().CutOff)
			}
		}
	}
}
