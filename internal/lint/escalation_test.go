package lint

import (
	"strings"
	"testing"
)

// The steps of an escalation count like the notice itself: their roles have a part in
// the plan and need people, who need a channel, and be as many as must acknowledge.
func TestEscalationSteps(t *testing.T) {
	t.Parallel()
	const at = "procedures[0].stages[4].tasks[0].notice.escalate[0]"
	notice := func(step string) string {
		return "procedures:\n  - level: 1\n    stages:\n      - stage: convene\n        tasks:\n          - id: convene\n            notice: {within: 3m, escalate: [" + step + "]}\n"
	}
	const standby = "roles:\n  - {id: standby, name: {en: Standby}, department: operations, duties: {en: Stands by.}}\n"
	for name, tt := range map[string]struct{ edit, want string }{
		"well":                            {notice("{to: [analyst], within: 3m, acknowledge: 1}"), ""},
		"more must answer than there are": {notice("{to: [analyst], within: 3m, acknowledge: 9}"), "L311 " + at + ".acknowledge"},
		"nobody holds its role":           {standby + notice("{to: [standby], within: 3m}"), "L301 roles["},
		"its people have a phone only": {
			standby + notice("{to: [standby], within: 3m}") + "world:\n  people:\n  - {id: a1, roles: [analyst, standby], contacts: [{channel: phone, address: '+886 2 1', verified: 2026-11-01}]}\n",
			"L312 " + at,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, in := laid(t, part(tt.edit))
			found := false
			for _, f := range Check(in) {
				if tt.want == "" || f.Rule == "L127" {
					t.Errorf("%v", f)
				}
				found = found || tt.want != "" && strings.HasPrefix(f.Rule+" "+f.Path, tt.want)
			}
			if !found && tt.want != "" {
				t.Errorf("no %s in %v", tt.want, Check(in))
			}
		})
	}
}
